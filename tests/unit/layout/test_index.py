"""Names in ``index.json``, as the tools that people use write them."""

import json
from typing import Any

import pytest

from lading.errors import LayoutInvalid, ManifestUnknown
from lading.layout.index import FULL_NAME, TAG, Index
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.names import Tag

ONE, TWO = Digest.of(b"one"), Digest.of(b"two")


def entry(digest: Digest, **annotations: str) -> dict[str, Any]:
    """A line of the index; *annotations* by the short names below."""
    keys = {"tag": TAG, "full": FULL_NAME}
    notes = {keys.get(key, key): value for key, value in annotations.items()}
    found = {"mediaType": media_types.OCI_MANIFEST, "digest": str(digest), "size": 3}
    return found | ({"annotations": notes} if notes else {})


def index(*entries: dict[str, Any], image: str | None = None, **fields: Any) -> Index:
    """An index as it is read from a file."""
    return Index.parse(json.dumps({**fields, "manifests": entries}).encode(), "it", image)


def listed(index: Index) -> list[dict[str, Any]]:
    """What is written back."""
    found: list[dict[str, Any]] = json.loads(index.as_bytes())["manifests"]
    return found


def described(digest: Digest) -> Descriptor:
    """What is put."""
    return Descriptor(media_types.OCI_MANIFEST, digest, 3)


@pytest.mark.parametrize(
    "annotations",
    [
        {"tag": "v1"},
        {"tag": "docker.io/library/app:v1"},
        {"tag": "localhost/app:v1"},
        {"tag": "app:v1"},
        {"tag": "v1", "full": "docker.io/library/app:v1"},
        {"full": "docker.io/library/app:v1"},
    ],
)
def test_tag_is_found_as_every_tool_writes_it(annotations: dict[str, str]) -> None:
    """The tag alone as oras and skopeo do, full names as podman does, both as BuildKit does."""
    found = index(entry(TWO), entry(ONE, **annotations))

    assert found.find(Tag("v1")).digest == ONE
    assert found.tags() == ["v1"]


@pytest.mark.parametrize(
    "text", ["", "not a tag", "no/tag/here", "host.example/UPPER:v1", "a:b:c/d"]
)
def test_name_that_is_none_is_no_tag(text: str) -> None:
    """The entry is there, without a name."""
    found = index(entry(ONE, tag=text))

    assert found.tags() == []
    assert [each.digest for each in found.entries] == [ONE]


def test_same_tag_of_several_images_is_ambiguous_until_one_is_meant() -> None:
    """The error names them; with the name of the image it is clear."""
    both = [
        entry(ONE, tag="v1", full="docker.io/library/one:v1"),
        entry(TWO, tag="v1", full="docker.io/library/two:v1"),
    ]

    with pytest.raises(ManifestUnknown, match=r"library/one, docker\.io/library/two"):
        index(*both).find(Tag("v1"))

    assert index(*both, image="docker.io/library/one").find(Tag("v1")).digest == ONE
    assert index(*both, image="docker.io/library/two").find(Tag("v1")).digest == TWO
    assert index(*both, image="docker.io/library/three").tags() == []


def test_tag_alone_comes_before_full_names() -> None:
    """It is what the spec says a tag is."""
    found = index(entry(ONE, tag="v1"), entry(TWO, tag="localhost/app:v1"))

    assert found.find(Tag("v1")).digest == ONE


def test_of_the_same_tag_twice_the_last_counts() -> None:
    """As for others who read the list from its beginning."""
    assert index(entry(ONE, tag="v1"), entry(TWO, tag="v1")).find(Tag("v1")).digest == TWO


def test_new_name_takes_the_place_without_a_name_and_keeps_what_it_says() -> None:
    """Fields and annotations that nobody here knows stay."""
    nameless = {**entry(ONE, note="kept"), "x-unknown": [1]}

    named = index(nameless, extra={"a": 1}, annotations={"b": "c"}).naming(
        described(ONE), [Tag("v1")]
    )

    (found,) = listed(named)
    assert found == {**nameless, "annotations": {"note": "kept", TAG: "v1"}}
    assert json.loads(named.as_bytes())["extra"] == {"a": 1}
    assert json.loads(named.as_bytes())["annotations"] == {"b": "c"}


def test_name_that_is_there_is_left_alone() -> None:
    """Naming the same again changes nothing."""
    before = index(entry(ONE, tag="v1", note="x"))

    assert listed(before.naming(described(ONE), [Tag("v1")])) == listed(before)


def test_name_moves_from_one_entry_to_another() -> None:
    """What else the old entry says is kept."""
    moved = index(entry(ONE, tag="v1", note="kept"), entry(TWO)).naming(described(TWO), [Tag("v1")])

    assert listed(moved) == [entry(ONE, note="kept"), entry(TWO, tag="v1")]


def test_names_of_other_images_stay_theirs() -> None:
    """A tag without an image does not end podman's full names, nor one image's those of another."""
    podman = entry(ONE, tag="localhost/app:v1")
    built = entry(ONE, tag="v1", full="docker.io/library/one:v1")

    beside = index(podman).naming(described(TWO), [Tag("v1")])
    other = index(built, image="docker.io/library/two").naming(described(TWO), [Tag("v1")])

    assert listed(beside) == [podman, entry(TWO, tag="v1")]
    assert listed(other) == [built, entry(TWO, tag="v1", full="docker.io/library/two:v1")]


def test_repeated_entries_are_one_manifest_with_several_names() -> None:
    """BuildKit repeats the descriptor for each name."""
    found = index(
        entry(ONE, tag="a", full="docker.io/library/app:a"),
        entry(ONE, tag="b", full="docker.io/library/app:b"),
    )

    left = found.without_tag(Tag("a"))

    assert found.tags() == ["a", "b"]
    assert left.tags() == ["b"]
    assert left.find(Tag("b")).digest == ONE


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{",
        b'{"manifests": {}}',
        b'{"manifests": [1]}',
        b'{"manifests": [{"mediaType": "a/b"}]}',
        b'{"manifests": [{"digest": "sha256:../../etc/passwd"}]}',
        b'{"manifests": [{"digest": "sha256:%s", "annotations": []}]}' % (b"0" * 64),
        b"[" * 100_000,
    ],
)
def test_index_that_is_none_is_refused(document: bytes) -> None:
    """The error says which file it is, and where in it."""
    with pytest.raises(LayoutInvalid, match="it"):
        Index.parse(document, "it")


def test_order_of_an_archive_does_not_depend_on_who_came_first() -> None:
    """Names first, in their order."""
    entries = [entry(ONE, tag="b"), entry(TWO, tag="a"), entry(ONE)]

    assert index(*entries).in_order().as_bytes() == index(*entries[::-1]).in_order().as_bytes()
