"""Files that become artifacts, and artifacts that become files."""

import json
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from lading.bodies import BlobContent, Bytes, Span, Stream
from lading.content.artifacts import (
    Annotated,
    FileToPush,
    attach,
    pull,
    push,
    read_annotations,
    tree,
)
from lading.content.digest_tags import fallback_tag
from lading.content.steps import Event, Step
from lading.content.verify import Verified
from lading.errors import (
    BlobUnknown,
    DigestInvalid,
    FileRefused,
    ManifestInvalid,
    ManifestUnknown,
    SizeInvalid,
    Unsupported,
)
from lading.interfaces.repository import Repository
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Tag
from lading.oci.platform import Platform
from lading.registry.forwarding import ForwardingRepository
from lading.testing import samples
from tests.unit.content.graphs import names

V1 = Tag("v1")
TITLE = "org.opencontainers.image.title"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A directory with a few files."""
    here = tmp_path / "here"
    (here / "folder/deep").mkdir(parents=True)
    (here / "hello.txt").write_bytes(b"hello")
    (here / "run.sh").write_bytes(b"#!/bin/sh\n")
    (here / "run.sh").chmod(0o755)
    (here / "folder/deep/file").write_bytes(b"deep")
    (here / "folder/tool").write_bytes(b"tool")
    (here / "folder/tool").chmod(0o750)
    (here / "folder/link").symlink_to("deep/file")
    return here


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """Where files are pulled to."""
    return tmp_path / "there"


def _file(here: Path, title: str, media_type: str | None = None) -> FileToPush:
    return FileToPush(path=here / title, title=title, media_type=media_type)


def _found(folder: Path) -> dict[str, object]:
    """Everything in *folder*: contents and permissions of files, goals of links."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = path.readlink()
        elif path.is_file():
            found[name] = (path.read_bytes(), stat.S_IMODE(path.stat().st_mode) & 0o100)
        else:
            found[name] = None
    return found


async def _layers(repository: Repository, *layers: tuple[Mapping[str, str], bytes]) -> Manifest:
    """An artifact whose layers have these annotations and contents."""
    await samples.put_blob(repository, samples.EMPTY)
    named = []
    for notes, content in layers:
        await samples.put_blob(repository, content)
        described = samples.described(content, "text/plain")
        named.append(Descriptor("text/plain", described.digest, described.size, annotations=notes))
    manifest = samples.image_manifest(layers=named, artifact_type="application/vnd.example")
    await repository.put_manifest(manifest, tags=[V1])
    return manifest


async def test_what_was_pushed_is_pulled(target: Repository, here: Path, there: Path) -> None:
    """Contents, permissions, directories and links."""
    files = [_file(here, "hello.txt", "text/plain"), _file(here, "run.sh"), _file(here, "folder")]
    steps: list[Step] = []

    pushed = await push(target, files, tags=[V1], listener=steps.append)
    pulled = await pull(target, V1, there, listener=steps.append)

    assert _found(there) == _found(here)
    assert pulled.descriptor == pushed.descriptor
    assert pulled.files == (there / "hello.txt", there / "run.sh", there / "folder")
    assert pulled.skipped == ()
    assert [each.media_type for each in pushed.files] == [
        "text/plain",
        media_types.OCI_LAYER,
        media_types.OCI_LAYER_GZIP,
    ]
    assert {step.name for step in steps if step.event is Event.DONE} >= {"v1", "hello.txt"}


async def test_artifact_is_what_oras_would_make_of_it(target: Repository, here: Path) -> None:
    """Except for the time, which would make each one different."""
    report = await push(target, [_file(here, "hello.txt", "text/plain")], tags=[V1])

    assert (await target.get_manifest(V1)).document == {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "artifactType": "application/vnd.unknown.artifact.v1",
        "config": {
            "mediaType": media_types.OCI_EMPTY,
            "digest": str(Digest.of(b"{}")),
            "size": 2,
            "data": "e30=",
        },
        "layers": [
            {
                "mediaType": "text/plain",
                "digest": str(Digest.of(b"hello")),
                "size": 5,
                "annotations": {TITLE: "hello.txt"},
            }
        ],
    }
    assert (report.blobs_copied, report.blobs_there, report.bytes_moved) == (2, 0, 7)


async def test_same_files_make_the_same_artifact(target: Repository, here: Path) -> None:
    """Whenever they were written; so nothing is sent twice."""
    files = [_file(here, "folder"), _file(here, "run.sh")]
    first = await push(target, files)
    for path in (here / "run.sh", here / "folder/tool"):
        os.utime(path, (1, 1))

    second = await push(target, files)

    assert second.descriptor == first.descriptor
    assert (second.blobs_copied, second.blobs_there) == (0, 3)


async def test_artifact_has_types_configs_and_annotations(target: Repository, here: Path) -> None:
    """All that can be said about it."""
    notes = Annotated(manifest={"m": "1"}, config={"c": "2"}, files={"hello.txt": {"f": "3"}})
    config = FileToPush(path=here / "run.sh", title="run.sh", media_type="application/vnd.c")

    await push(target, [_file(here, "hello.txt")], tags=[V1], config=config, annotations=notes)
    made = await target.get_manifest(V1)
    typed = await push(target, [], artifact_type="application/vnd.a", annotations=notes)
    empty = await target.get_manifest(typed.descriptor.digest)

    assert made.config is not None
    assert (made.config.media_type, made.config.annotations) == ("application/vnd.c", {"c": "2"})
    assert made.document.get("artifactType") is None
    assert made.annotations == {"m": "1"}
    assert made.layers[0].annotations == {TITLE: "hello.txt", "f": "3"}
    assert empty.artifact_type == "application/vnd.a"
    assert empty.config is not None
    assert empty.config.annotations == {"c": "2"}
    assert [each.media_type for each in empty.layers] == [media_types.OCI_EMPTY]


async def test_files_of_the_same_content_are_sent_once(target: Repository, tmp_path: Path) -> None:
    """Each has a title of its own."""
    for name in "abcdef":
        (tmp_path / name).write_bytes(b"same")

    report = await push(target, [_file(tmp_path, name) for name in "abcdef"], tags=[V1])

    assert report.blobs_copied == 2
    assert [(each.annotations or {})[TITLE] for each in report.files] == list("abcdef")


async def test_attached_files_refer_to_their_subject(target: Repository, here: Path) -> None:
    """And are found from it, as a tree."""
    image = samples.image()
    await samples.put_image(target, image, tags=["v1"])

    sbom = await attach(target, V1, [_file(here, "hello.txt")], artifact_type="a/sbom")
    signed = await attach(target, sbom.descriptor.digest, [], artifact_type="a/sig")
    of_platform = await attach(
        target, V1, [], artifact_type="a/p", platform=Platform("linux", "amd64")
    )

    found = await tree(target, V1)
    only = await tree(target, V1, artifact_type="a/p")
    assert found.descriptor.digest == image.manifest.digest
    assert {each.descriptor.artifact_type: len(each.referrers) for each in found.referrers} == {
        "a/sbom": 1,
        "a/p": 0,
    }
    assert [each.descriptor.digest for each in only.referrers] == [of_platform.descriptor.digest]
    assert {one.descriptor.digest for each in found.referrers for one in each.referrers} == {
        signed.descriptor.digest
    }


async def test_tree_has_what_cosign_tagged(target: Repository) -> None:
    """Under its tag."""
    image, signature = samples.image(), samples.artifact()
    await samples.put_image(target, image, tags=["v1"])
    await samples.put_artifact(target, signature)
    tag = Tag(f"sha256-{image.manifest.digest.value}.sig")
    await target.put_manifest(signature, tags=[tag])

    found = await tree(target, V1)

    assert [(each.tag, each.descriptor.digest) for each in found.referrers] == [
        (tag, signature.digest)
    ]


async def test_tree_has_what_a_list_under_a_tag_says(target: Repository) -> None:
    """As clients keep it where there are no referrers; what it lists of itself is passed over."""
    image, odd = samples.image(), samples.artifact(seed="not found by its subject")
    await samples.put_image(target, image, tags=["v1"])
    await samples.put_artifact(target, odd)
    index = samples.index(odd, image.manifest)
    await target.put_manifest(index, tags=[fallback_tag(image.manifest.digest)])

    found = await tree(target, V1)
    only = await tree(target, V1, artifact_type="application/vnd.example.another")

    assert [each.descriptor.digest for each in found.referrers] == [odd.digest]
    assert only.referrers == ()


async def test_signature_of_itself_does_not_grow_for_ever(target: Repository) -> None:
    """A tag may name anything, also what it is about."""
    image = samples.image()
    await samples.put_image(target, image, tags=["v1", f"sha256-{image.manifest.digest.value}.sig"])

    found = await tree(target, V1)

    assert found.referrers == ()


async def test_tree_has_a_limit(target: Repository) -> None:
    """Nobody signs signatures for ever."""
    manifest = samples.image_manifest()
    await samples.put_blob(target, samples.EMPTY)
    await target.put_manifest(manifest, tags=[V1])
    for _ in range(16):
        manifest = samples.artifact(manifest)
        await samples.put_artifact(target, manifest)

    with pytest.raises(ManifestInvalid):
        await tree(target, V1)


@pytest.mark.parametrize("text", ["not a type", "text", "text/plain; charset=utf-8", "a/b/c"])
async def test_type_that_is_no_media_type_is_refused_before_anything_is_sent(
    target: Repository, here: Path, text: str
) -> None:
    """As oras does: nobody else could ask for what is of that type."""
    image = samples.image()
    await samples.put_image(target, image, tags=[V1])
    file = _file(here, "hello.txt")

    with pytest.raises(ManifestInvalid, match="is not a media type"):
        await push(target, [file], artifact_type=text)
    with pytest.raises(ManifestInvalid, match="is not a media type"):
        await attach(target, V1, [file], artifact_type=text)

    with pytest.raises(BlobUnknown):
        await target.stat_blob(Digest.of(b"hello"))


async def test_subject_has_to_be_there(target: Repository) -> None:
    """A typing mistake is not signed."""
    with pytest.raises(ManifestUnknown):
        await attach(target, V1, [], artifact_type="a/b")


async def test_only_files_that_match_are_pulled(
    target: Repository, here: Path, there: Path
) -> None:
    """By globs over their titles."""
    await push(target, [_file(here, "hello.txt"), _file(here, "run.sh")], tags=[V1])

    report = await pull(target, V1, there, include=["*.sh", "x"])

    assert report.files == (there / "run.sh",)
    assert list(_found(there)) == ["run.sh"]


async def test_content_without_a_title_is_skipped_and_told(target: Repository, there: Path) -> None:
    """It has no place."""
    await _layers(target, ({"a": "b"}, b"nameless"), ({TITLE: "x"}, b"named"))

    report = await pull(target, V1, there)

    assert [each.digest for each in report.skipped] == [Digest.of(b"nameless")]
    assert _found(there) == {"x": (b"named", 0)}


async def test_config_with_a_title_is_a_file(target: Repository, there: Path) -> None:
    """Some keep their settings so."""
    await samples.put_blob(target, b"settings")
    described = samples.described(b"settings", "application/vnd.c")
    config = Descriptor(
        described.media_type, described.digest, described.size, annotations={TITLE: "c.json"}
    )
    await target.put_manifest(samples.image_manifest(config=config), tags=[V1])

    await pull(target, V1, there)

    assert (there / "c.json").read_bytes() == b"settings"


async def test_images_and_indexes_are_not_pulled_as_files(target: Repository, there: Path) -> None:
    """The advice says what to do."""
    await samples.put_image(target, tags=["image"])
    await target.put_manifest(samples.index(), tags=[V1])

    with pytest.raises(Unsupported) as image:
        await pull(target, Tag("image"), there)
    with pytest.raises(Unsupported) as index:
        await pull(target, V1, there)

    assert "save" in image.value.advice
    assert "--platform" in index.value.advice
    assert not there.exists()


async def test_artifact_for_a_platform_is_chosen_from_an_index(
    target: Repository, there: Path
) -> None:
    """As an image would be."""
    artifact = await _layers(target, ({TITLE: "x"}, b"content"))
    linux = Platform("linux", "amd64")
    entry = Descriptor(artifact.media_type, artifact.digest, len(artifact.body), platform=linux)
    await target.put_manifest(samples.index(entry), tags=[V1])

    await pull(target, V1, there, platform=linux)

    assert (there / "x").read_bytes() == b"content"


async def test_files_that_are_there_are_replaced_unless_that_is_refused(
    target: Repository, here: Path, there: Path
) -> None:
    """Directories are merged."""
    await push(target, [_file(here, "hello.txt"), _file(here, "folder")], tags=[V1])
    there.mkdir()
    (there / "hello.txt").write_bytes(b"old")
    (there / "folder").mkdir()
    (there / "folder/own").write_bytes(b"own")

    with pytest.raises(FileRefused, match="there already"):
        await pull(target, V1, there, overwrite=False)
    assert (there / "hello.txt").read_bytes() == b"old"
    await pull(target, V1, there)
    await pull(target, V1, there / "new", overwrite=False)

    assert (there / "hello.txt").read_bytes() == b"hello"
    assert names(there / "folder") == ["deep", "link", "own", "tool"]


@pytest.mark.parametrize(
    "title",
    ["../x", "a/../../x", "/x", "//x", "a\0b", ".", "a/..", "x" * 256, "x/" * 4096, "./"],
)
async def test_title_that_leads_elsewhere_is_refused(
    target: Repository, there: Path, title: str
) -> None:
    """Before anything is written, anywhere."""
    await _layers(target, ({TITLE: "good"}, b"good"), ({TITLE: title}, b"bad"))

    with pytest.raises(FileRefused):
        await pull(target, V1, there)

    assert not there.exists()
    assert names(there.parent) == []


async def test_two_files_of_one_title_are_refused(target: Repository, there: Path) -> None:
    """However it is written; unless they are the same."""
    await _layers(target, ({TITLE: "x"}, b"one"), ({TITLE: "./x"}, b"two"))
    with pytest.raises(FileRefused, match="two different files"):
        await pull(target, V1, there)
    await _layers(target, ({TITLE: "x"}, b"one"), ({TITLE: "./x"}, b"one"))

    await pull(target, V1, there)

    assert _found(there) == {"x": (b"one", 0)}


async def test_nothing_is_written_through_links(target: Repository, there: Path) -> None:
    """A link that is there already may lead anywhere."""
    outside = there.parent / "outside"
    outside.mkdir()
    there.mkdir()
    (there / "link").symlink_to(outside)
    (outside / "victim").write_bytes(b"untouched")
    (there / "file").symlink_to(outside / "victim")
    await _layers(target, ({TITLE: "link/x"}, b"bad"))
    with pytest.raises(FileRefused, match="no directory"):
        await pull(target, V1, there)
    await _layers(target, ({TITLE: "file"}, b"new"))

    await pull(target, V1, there)

    assert _found(outside) == {"victim": (b"untouched", 0)}
    assert (there / "file").read_bytes() == b"new"
    assert not (there / "file").is_symlink()


@pytest.mark.parametrize("titles", [("a", "a/b"), ("a/b", "a")])
async def test_file_that_would_have_to_be_a_directory_is_refused(
    target: Repository, there: Path, titles: tuple[str, str]
) -> None:
    """Nothing that is not whole stays behind."""
    await _layers(target, ({TITLE: titles[0]}, b"one"), ({TITLE: titles[1]}, b"two"))

    with pytest.raises(FileRefused):
        await pull(target, V1, there)

    assert not [name for name in names(there) if name.startswith(".")]


async def test_permissions_come_along_and_no_more(target: Repository, there: Path) -> None:
    """Nobody becomes another user by a title."""
    mode = "io.lading.content.mode"
    await _layers(
        target,
        ({TITLE: "tool", mode: "7755"}, b"1"),
        ({TITLE: "odd", mode: "what"}, b"2"),
        ({TITLE: "own", mode: "0000"}, b"3"),
    )

    await pull(target, V1, there)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in there.iterdir()}
    assert modes["tool"] & ~0o022 == 0o755 & ~0o022
    assert modes["odd"] & 0o7111 == 0
    assert modes["own"] == 0o400


class _Wrong(ForwardingRepository):
    """A source that gives other bytes, or says another length."""

    def __init__(self, inner: Repository, *, shorter: bool = False, verified: bool = False) -> None:
        super().__init__(inner)
        self._shorter = shorter
        self._verified = verified

    async def open_blob(
        self, digest: Digest, *, spans: Sequence[Span] = (), url_ok: bool = False
    ) -> BlobContent:
        data = await samples.content_of(await super().open_blob(digest))
        data = data[:-1] if self._shorter else bytes(len(data))
        body = Verified(Bytes(data), digest, len(data)) if self._verified else Bytes(data)
        return Stream(body, ((0, len(data)),), len(data))


async def test_content_that_is_wrong_leaves_no_file(
    target: Repository, here: Path, there: Path
) -> None:
    """Neither under its name nor aside."""
    await push(target, [_file(here, "hello.txt")], tags=[V1])
    steps: list[Step] = []

    for wrong in (_Wrong(target), _Wrong(target, verified=True)):
        with pytest.raises(DigestInvalid) as caught:
            await pull(wrong, V1, there, listener=steps.append)
    with pytest.raises(SizeInvalid):
        await pull(_Wrong(target, shorter=True), V1, there)

    assert caught.value.where == "source"
    assert steps[-1].event is Event.FAILED
    assert names(there) == []


async def test_content_that_is_missing_is_told(target: Repository, there: Path) -> None:
    """With the side."""
    missing = Descriptor("a/b", Digest.of(b"gone"), 4, annotations={TITLE: "x"})
    await target.put_manifest(samples.image_manifest(layers=[missing]), tags=[V1], sparse=True)

    with pytest.raises(BlobUnknown) as caught:
        await pull(target, V1, there)

    assert caught.value.where == "source"


async def test_place_that_cannot_be_used_is_told(target: Repository, there: Path) -> None:
    """The error names it."""
    await _layers(target, ({TITLE: "x"}, b"content"))
    there.write_bytes(b"a file")

    with pytest.raises(FileRefused, match="there"):
        await pull(target, V1, there)


async def test_file_that_cannot_be_read_is_told(target: Repository, here: Path) -> None:
    """Missing ones, and what is no file."""
    os.mkfifo(here / "pipe")

    for title in ("missing", "pipe"):
        with pytest.raises(FileRefused, match=title):
            await push(target, [_file(here, title)])


async def test_file_that_changes_while_it_is_pushed_is_not_pushed(
    target: Repository, here: Path
) -> None:
    """What was measured is not what would be sent."""

    class Slow(ForwardingRepository):
        async def stat_blob(self, digest: Digest) -> Descriptor:
            (here / "hello.txt").write_bytes(b"other")
            return await super().stat_blob(digest)

    with pytest.raises(DigestInvalid):
        await push(Slow(target), [_file(here, "hello.txt")], tags=[V1])

    with pytest.raises(ManifestUnknown):
        await target.resolve(V1)


@pytest.mark.parametrize(
    "titles", [("a", "./a"), ("../a",), ("/a",), ("a\nb",), ("a\udcffb",)], ids=repr
)
async def test_titles_that_nobody_could_pull_are_not_pushed(
    target: Repository, here: Path, titles: Sequence[str]
) -> None:
    """The mistake is found by whoever made it."""
    with pytest.raises(FileRefused):
        await push(target, [FileToPush(path=here / "run.sh", title=title) for title in titles])


@pytest.mark.parametrize(
    ("text", "path", "title", "media_type"),
    [
        ("hi.txt", "hi.txt", "hi.txt", None),
        ("hi.txt:text/plain", "hi.txt", "hi.txt", "text/plain"),
        ("./a/../hi:txt:", "./a/../hi:txt", "hi:txt", None),
        ("hi:txt", "hi:txt", "hi:txt", None),
        (".", ".", ".", None),
    ],
)
def test_files_are_named_as_for_oras(
    text: str, path: str, title: str, media_type: str | None
) -> None:
    """The type stands behind the path."""
    found = FileToPush.parse(text)

    assert (str(found.path), found.title, found.media_type) == (
        os.path.normpath(path) if path != "./a/../hi:txt" else "a/../hi:txt",
        title,
        media_type,
    )


@pytest.mark.parametrize("text", ["/abs", "../x", "a/../../x", "x:not a/type"])
def test_files_that_cannot_have_a_title_are_refused(text: str) -> None:
    """Or whose type is none."""
    with pytest.raises(FileRefused):
        FileToPush.parse(text)


def test_annotations_are_read_from_a_file(tmp_path: Path) -> None:
    """In the form that oras has."""
    path = tmp_path / "notes.json"
    path.write_text(json.dumps({"$manifest": {"m": "1"}, "$config": {"c": "2"}, "x": {"f": "3"}}))

    assert read_annotations(path) == Annotated(
        manifest={"m": "1"}, config={"c": "2"}, files={"x": {"f": "3"}}
    )


@pytest.mark.parametrize(
    "text", ["no JSON", "[]", '{"a": []}', '{"a": {"b": 1}}', " " * (5 << 20), None]
)
def test_file_that_holds_no_annotations_is_refused(tmp_path: Path, text: str | None) -> None:
    """It is named."""
    path = tmp_path / "notes.json"
    if text is not None:
        path.write_text(text)

    with pytest.raises(FileRefused, match=r"notes\.json"):
        read_annotations(path)
