"""Descriptors, alone and in long lists."""

import json

from hypothesis import given
from hypothesis import strategies as st

from lading.oci.descriptor import Descriptor, Descriptors
from lading.oci.digest import ALGORITHMS, Digest
from lading.oci.platform import Platform

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_DESCRIPTORS = st.builds(
    Descriptor,
    st.sampled_from(["application/vnd.oci.image.manifest.v1+json", "text/plain"]),
    st.builds(Digest.of, st.binary(), st.sampled_from(ALGORITHMS)),
    st.integers(0, 2**63 - 1),
    st.none() | st.just("application/vnd.example"),
    st.none() | st.dictionaries(_TEXT, _TEXT, min_size=1),
)


@given(_DESCRIPTORS)
def test_descriptor_survives_being_written_and_read(descriptor: Descriptor) -> None:
    """What `as_json` writes, `from_json` reads, through JSON itself."""
    assert Descriptor.from_json(json.loads(json.dumps(descriptor.as_json()))) == descriptor


def test_descriptor_writes_only_what_it_has() -> None:
    """Absent fields are left out rather than null."""
    digest = Digest.of(b"x")

    assert Descriptor("a/b", digest, 1).as_json() == {
        "mediaType": "a/b",
        "digest": str(digest),
        "size": 1,
    }
    assert Descriptor("a/b", digest, 1, annotations={}).as_json().keys() == {
        "mediaType",
        "digest",
        "size",
    }


@given(st.lists(_DESCRIPTORS, max_size=5))
def test_list_of_descriptors_is_a_sequence_of_them(descriptors: list[Descriptor]) -> None:
    """It compares, counts, iterates and is sliced as a list does."""
    listed = Descriptors.of(descriptors)

    assert listed == descriptors
    assert list(listed) == descriptors
    assert len(listed) == len(descriptors)
    assert listed[1:3] == descriptors[1:3]
    assert [listed[number] for number in range(len(listed))] == descriptors
    assert listed != [*descriptors, None]
    assert listed != 1


@given(st.lists(_DESCRIPTORS, max_size=5))
def test_list_of_descriptors_is_sent_as_a_json_array(descriptors: list[Descriptor]) -> None:
    """The stored pieces are put together without being read."""
    assert json.loads(Descriptors.of(descriptors).as_json()) == [
        each.as_json() for each in descriptors
    ]


def test_descriptor_of_an_index_entry_keeps_all_that_it_says() -> None:
    """Platform, URLs, embedded content and what nobody knows, through JSON."""
    found = {
        "mediaType": "a/b",
        "digest": str(Digest.of(b"x")),
        "size": 1,
        "platform": {"architecture": "arm64", "os": "linux", "variant": "v8"},
        "urls": ["https://example.com/x"],
        "data": "eA==",
        "anything": [1],
    }

    descriptor = Descriptor.from_json(found)

    assert descriptor.platform == Platform("linux", "arm64", "v8")
    assert descriptor.urls == ("https://example.com/x",)
    assert descriptor.data == "eA=="
    assert descriptor.rest == {"anything": [1]}
    assert descriptor.as_json() == found
