"""Layouts in directories: shared with others, foreign, damaged, and hostile."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lading.bodies import Bytes, FileSpan
from lading.errors import (
    BlobUnknown,
    LayoutInvalid,
    ManifestUnknown,
    Unsupported,
    UploadUnknown,
)
from lading.interfaces.repository import Registry, Repository, Strict
from lading.layout.directory import open_layout
from lading.layout.files import Folder
from lading.layout.registry import LAYOUT
from lading.layout.uploads import INGEST, KEPT
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName, Tag
from lading.testing import samples
from tests.unit.layout.tars import MARK, layout_files, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the layout is."""
    return tmp_path / "layout"


@pytest.fixture
async def registry(path: Path) -> AsyncIterator[Registry]:
    """A layout that was made."""
    async with open_layout(path, create=True) as registry:
        yield registry


@pytest.fixture
def repository(registry: Registry) -> Repository:
    """Its repository."""
    return registry.repository(LAYOUT)


def index_of(path: Path) -> list[dict[str, Any]]:
    """What ``index.json`` lists."""
    found: list[dict[str, Any]] = json.loads((path / "index.json").read_bytes())["manifests"]
    return found


def entry(body: bytes, tag: str | None = None, **fields: Any) -> dict[str, Any]:
    """How a manifest is listed."""
    found = {
        "mediaType": media_types.OCI_MANIFEST,
        "digest": str(Digest.of(body)),
        "size": len(body),
        **fields,
    }
    notes = {"annotations": {"org.opencontainers.image.ref.name": tag}} if tag else {}
    return found | notes


async def test_made_layout_is_as_the_spec_says(path: Path, repository: Repository) -> None:
    """A marker, an index, blobs by digest, and nothing else."""
    image = samples.image()
    await samples.put_image(repository, image, tags=["v1"])

    names = {str(each.relative_to(path)) for each in path.rglob("*") if each.is_file()}
    blobs = {
        f"blobs/sha256/{Digest.of(each).value}" for each in (*image.blobs, image.manifest.body)
    }
    assert names == {"oci-layout", "index.json", *blobs}
    assert json.loads((path / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    assert index_of(path) == [entry(image.manifest.body, "v1")]


async def test_tagged_image_carries_its_full_name(path: Path) -> None:
    """Docker and containerd look for it there."""
    async with open_layout(path, create=True, image="app") as registry:
        await samples.put_image(registry.repository(LAYOUT), tags=["v1"])

    (found,) = index_of(path)
    assert found["annotations"] == {
        "org.opencontainers.image.ref.name": "v1",
        "io.containerd.image.name": "docker.io/library/app:v1",
    }


async def test_children_are_listed_by_their_index_only(path: Path, repository: Repository) -> None:
    """Tools that expect one image in a layout find one."""
    image = samples.image()
    await samples.put_image(repository, image)
    listing = samples.index(image.manifest)

    await repository.put_manifest(listing, tags=[Tag("v1")])

    assert [each["digest"] for each in index_of(path)] == [str(listing.digest)]
    assert await repository.get_manifest(image.manifest.digest) == image.manifest


async def test_children_outlive_the_index_that_listed_them(
    path: Path, repository: Repository
) -> None:
    """They are listed without a name then."""
    image = samples.image()
    await samples.put_image(repository, image)
    listing = samples.index(image.manifest)
    await repository.put_manifest(listing, tags=[Tag("v1")])

    await repository.delete_manifest(listing.digest)

    assert index_of(path) == [entry(image.manifest.body)]
    assert await repository.get_manifest(image.manifest.digest) == image.manifest


async def test_referrers_are_listed_as_oras_does(path: Path, repository: Repository) -> None:
    """As entries without a name, with their artifact type."""
    about = samples.artifact(samples.image().manifest)

    await samples.put_artifact(repository, about)

    assert index_of(path) == [entry(about.body, artifactType="application/vnd.example.sbom")]


async def test_referrers_that_only_an_index_lists_are_found(path: Path) -> None:
    """Whoever walks the layout comes to them."""
    image = samples.image()
    about = samples.artifact(image.manifest)
    listing = samples.index(image.manifest, about)
    files = layout_files(
        entry(listing.body, mediaType=media_types.OCI_INDEX),
        blobs=[*image.blobs, samples.EMPTY, image.manifest.body, about.body, listing.body],
    )

    async with open_layout(write(path, files)) as registry:
        page = await registry.repository(LAYOUT).referrers(image.manifest.digest)

    assert [each.digest for each in page.items] == [about.digest]


async def test_bodies_are_files_that_can_be_sent(repository: Repository) -> None:
    """The kernel moves the bytes."""
    pushed = await samples.put_blob(repository, b"bytes")

    body = await repository.open_blob(pushed.digest)

    assert isinstance(body, FileSpan)
    await body.aclose()


async def test_roots_are_what_may_be_meant(registry: Registry, path: Path) -> None:
    """Neither children nor what is about something else."""
    image = samples.image()
    repository = registry.repository(LAYOUT)
    await samples.put_image(repository, image)
    await samples.put_artifact(repository, samples.artifact(image.manifest))
    listing = samples.index(image.manifest)
    await repository.put_manifest(listing, tags=[Tag("a"), Tag("b")])

    async with open_layout(path) as again:
        assert await again.roots() == [listing.descriptor]


async def test_whole_layout_says_so_and_a_sparse_one_does_not(repository: Repository) -> None:
    """It is looked up: others may leave out what they like."""
    assert isinstance(repository, Strict)
    await samples.put_image(repository, samples.image(1))
    whole = await repository.refuses_sparse()

    await repository.put_manifest(samples.image(2).manifest, sparse=True)

    assert whole
    assert not await repository.refuses_sparse()


async def test_one_more_is_put_without_looking_at_all_that_are_there(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand tags are copied in a hundred times the time of ten, and no more."""
    looked: list[str] = []
    look = Folder.open

    def watched(folder: Folder, name: str) -> int | None:
        looked.append(name)
        return look(folder, name)

    async def put(number: int) -> int:
        looked.clear()
        manifest = samples.image_manifest(annotations={"number": str(number)})
        await repository.put_manifest(manifest, tags=[Tag(f"v{number}")])
        return len(looked)

    monkeypatch.setattr(Folder, "open", watched)
    await samples.put_blob(repository, samples.EMPTY)
    counts = [await put(number) for number in range(20)]

    assert counts[-1] == counts[1]


async def test_many_tasks_and_layouts_write_at_once(path: Path, repository: Repository) -> None:
    """Nobody's entries are lost."""
    async with open_layout(path, create=True) as second, open_layout(path, create=True) as third:
        places = [repository, second.repository(LAYOUT), third.repository(LAYOUT)]

        await asyncio.gather(
            *(
                samples.put_image(places[number % 3], samples.image(number), tags=[f"t{number}"])
                for number in range(30)
            )
        )

    assert sorted((await repository.tags()).items) == sorted(f"t{n}" for n in range(30))
    assert len(index_of(path)) == 30


_WRITER = """
import asyncio, sys
from pathlib import Path
from lading.layout.directory import open_layout
from lading.testing import samples

async def main(path, first):
    async with open_layout(Path(path), create=True) as registry:
        for seed in range(first, first + 10):
            await samples.put_image(registry.repository("layout"), samples.image(seed), tags=[f"t{seed}"])

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def test_many_processes_write_at_once(path: Path) -> None:
    """Into a layout that none of them found there."""
    running = [
        subprocess.Popen([sys.executable, "-c", _WRITER, path, str(first)]) for first in (0, 10, 20)
    ]

    assert [each.wait(60) for each in running] == [0, 0, 0]
    async with open_layout(path) as registry:
        repository = registry.repository(LAYOUT)
        assert len((await repository.tags()).items) == 30
        assert isinstance(repository, Strict)
        assert await repository.refuses_sparse()


async def test_child_that_another_writer_brings_is_found(
    path: Path, repository: Repository
) -> None:
    """Though the list that leads to it does not change by that."""
    image = samples.image()
    listing = samples.index(image.manifest)
    await repository.put_manifest(listing, tags=[Tag("v1")], sparse=True)
    with pytest.raises(ManifestUnknown):
        await repository.resolve(image.manifest.digest)

    async with open_layout(path) as another:
        await samples.put_image(another.repository(LAYOUT), image)

    assert await repository.resolve(image.manifest.digest) == image.manifest.descriptor


async def test_what_others_wrote_is_kept(path: Path) -> None:
    """Entries, fields, annotations, files and blobs that nobody here knows."""
    image = samples.image()
    theirs = {
        "mediaType": "application/x-unknown",
        "digest": "blake3:" + "0" * 64,
        "size": 9,
        "annotations": {"a": "b"},
        "x": {"y": [1]},
    }
    files = layout_files(theirs, blobs=[b"unreferenced"])
    document = {**json.loads(files["index.json"]), "annotations": {"c": "d"}, "other": 7}
    write(path, files | {"index.json": json.dumps(document).encode(), "manifest.json": b"[]"})

    async with open_layout(path, create=True) as registry:
        await samples.put_image(registry.repository(LAYOUT), image, tags=["v1"])

    after = json.loads((path / "index.json").read_bytes())
    assert after == {**document, "manifests": [theirs, entry(image.manifest.body, "v1")]}
    assert (path / "manifest.json").read_bytes() == b"[]"
    assert (path / "blobs/sha256" / Digest.of(b"unreferenced").value).exists()


async def test_upload_is_gone_on_with_by_whoever_knows_its_id(
    path: Path, repository: Repository
) -> None:
    """What was interrupted is invisible, and not lost."""
    upload = await repository.start_upload()
    await upload.write(Bytes(b"half "))
    await upload.aclose()

    async with open_layout(path, create=True) as again:
        more = await again.repository(LAYOUT).resume_upload(upload.id)
        assert more.offset == 5
        await more.write(Bytes(b"whole"), at=5)
        pushed = await more.commit(Digest.of(b"half whole"))

    assert pushed.size == 10
    assert list((path / "blobs").rglob("*.*")) == []


async def test_upload_that_nobody_went_on_with_is_removed_after_a_day(path: Path) -> None:
    """And so is the folder that it was in."""
    async with open_layout(path, create=True) as registry:
        upload = await registry.repository(LAYOUT).start_upload()
        await upload.aclose()
    staged = path / INGEST / upload.id
    os.utime(staged, (0, time.time() - KEPT - 60))

    async with open_layout(path, create=True) as registry:
        with pytest.raises(UploadUnknown):
            await registry.repository(LAYOUT).resume_upload(upload.id)

    assert not (path / INGEST).exists()


async def test_cancelled_writer_stops_and_its_upload_can_go_on(repository: Repository) -> None:
    """What was written before counts."""
    upload = await repository.start_upload()
    first = await upload.write(Bytes(b"start"))
    task = asyncio.create_task(upload.write(samples.inbound(b"x" * 10_000, chunk=1)))
    while upload.offset == first:
        await asyncio.sleep(0)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    offset = upload.offset
    await upload.write(Bytes(b"end"), at=offset)

    pushed = await upload.commit(Digest.of(b"start" + b"x" * (offset - 5) + b"end"))
    assert pushed.size == offset + 3


async def _read_and_write(path: Path) -> None:
    async with open_layout(path, create=True) as registry:
        repository = registry.repository(LAYOUT)
        await repository.get_manifest(Tag("v1"))
        await samples.put_blob(repository, b"new")


@pytest.mark.parametrize("part", ["blob", "folder", "blobs", "index.json", "oci-layout"])
async def test_link_out_of_the_layout_is_refused(path: Path, part: str) -> None:
    """Whatever it is that leads out, the file there is neither read nor written."""
    image = samples.image()
    write(
        path,
        layout_files(entry(image.manifest.body, "v1"), blobs=[*image.blobs, image.manifest.body]),
    )
    digest = image.manifest.digest
    inside = {"blob": f"blobs/sha256/{digest.value}", "folder": "blobs/sha256"}.get(part, part)
    outside = path.parent / "outside"
    (path / inside).rename(outside)
    (path / inside).symlink_to(outside)

    with pytest.raises(LayoutInvalid):
        async with open_layout(path, create=True) as registry:
            await registry.repository(LAYOUT).open_blob(digest)
    with pytest.raises(LayoutInvalid):
        await _read_and_write(path)


async def test_nothing_is_written_through_a_link_out_of_the_layout(
    path: Path, repository: Repository
) -> None:
    """Neither a blob nor a manifest."""
    outside = path.parent / "outside"
    outside.mkdir()
    (path / "blobs/sha256").symlink_to(outside)

    with pytest.raises(LayoutInvalid):
        await samples.put_blob(repository, b"new")
    with pytest.raises(LayoutInvalid):
        await repository.put_manifest(samples.image().manifest, sparse=True)

    assert list(outside.iterdir()) == []


async def test_link_within_the_layout_is_followed(path: Path) -> None:
    """Some tools keep one file for what is the same."""
    write(path, layout_files())
    (path / "shared").write_bytes(b"content")
    digest = Digest.of(b"content")
    (path / "blobs/sha256").mkdir(parents=True)
    (path / "blobs/sha256" / digest.value).symlink_to("../../shared")

    async with open_layout(path) as registry:
        body = await registry.repository(LAYOUT).open_blob(digest)

    assert await samples.content_of(body) == b"content"


async def test_pipe_in_place_of_a_blob_does_not_hold_anybody_up(path: Path) -> None:
    """It is refused at once."""
    write(path, layout_files())
    digest = Digest.of(b"x")
    (path / "blobs/sha256").mkdir(parents=True)
    os.mkfifo(path / "blobs/sha256" / digest.value)

    async with open_layout(path) as registry:
        with pytest.raises(LayoutInvalid):
            await registry.repository(LAYOUT).stat_blob(digest)


@pytest.mark.parametrize("text", ["a.b:-", "a:" + "x" * 500, "sha512+b64:_=-"])
async def test_strange_digest_names_nothing(repository: Repository, text: str) -> None:
    """Whatever the grammar lets through is a name in the folder of blobs, or too long for one."""
    with pytest.raises(BlobUnknown):
        await repository.stat_blob(Digest.parse(text))


async def test_changed_manifest_is_an_error_and_not_an_image(path: Path) -> None:
    """Bytes that have another digest are never handed out as what they are called."""
    image = samples.image()
    write(path, layout_files(entry(image.manifest.body, "v1"), blobs=[image.manifest.body]))
    (path / "blobs/sha256" / image.manifest.digest.value).write_bytes(
        samples.image(1).manifest.body
    )

    async with open_layout(path) as registry:
        with pytest.raises(LayoutInvalid):
            await registry.repository(LAYOUT).get_manifest(Tag("v1"))


async def test_size_that_is_told_wrongly_is_not_believed(path: Path) -> None:
    """Some tools write none at all."""
    image = samples.image()
    files = layout_files(entry(image.manifest.body, "v1", size=0), blobs=[image.manifest.body])

    async with open_layout(write(path, files)) as registry:
        found = await registry.repository(LAYOUT).resolve(Tag("v1"))

    assert found == image.manifest.descriptor


async def test_manifest_without_any_type_is_read_as_what_it_is(path: Path) -> None:
    """An index of images whose documents do not say what they are."""
    child = json.dumps(
        {"schemaVersion": 2, "config": samples.described(b"{}", "a/b").as_json(), "layers": []}
    ).encode()
    listing = samples.index(samples.described(child, media_types.OCI_MANIFEST))
    files = layout_files({"digest": str(listing.digest)}, blobs=[child, listing.body])

    async with open_layout(write(path, files)) as registry:
        found = await registry.repository(LAYOUT).get_manifest(Digest.of(child))

    assert found.media_type == media_types.OCI_MANIFEST


@pytest.mark.parametrize(
    "files",
    [
        {"index.json": b"{}"},
        {"oci-layout": b"{}", "index.json": b"{}"},
        {"oci-layout": b'{"imageLayoutVersion": "2.0.0"}', "index.json": b"{}"},
        {"oci-layout": MARK, "index.json": b"no"},
        {"other": b"x"},
    ],
)
async def test_what_is_no_layout_is_refused(path: Path, files: dict[str, bytes]) -> None:
    """Without a marker, of another version, with an index that is none."""
    write(path, files)

    with pytest.raises(LayoutInvalid):
        async with open_layout(path):
            pass


async def test_layout_is_not_made_where_something_else_is(path: Path) -> None:
    """A directory that has other files in it is not what was meant."""
    write(path, {"notes.txt": b"mine"})

    with pytest.raises(LayoutInvalid, match=r"notes\.txt"):
        async with open_layout(path, create=True):
            pass

    assert [each.name for each in path.iterdir()] == ["notes.txt"]


async def test_layout_that_is_not_there_is_not_made_by_reading(path: Path) -> None:
    """Reading leaves nothing behind."""
    with pytest.raises(LayoutInvalid):
        async with open_layout(path):
            pass

    assert not path.exists()


async def test_other_names_are_of_nothing(registry: Registry) -> None:
    """They are read as empty, and cannot be written."""
    other = registry.repository(RepositoryName("other"))

    with pytest.raises(ManifestUnknown):
        await other.resolve(Tag("v1"))
    with pytest.raises(Unsupported) as caught:
        await other.start_upload()

    assert "another directory" in caught.value.advice


async def test_manifest_that_names_a_size_too_large_is_not_read(path: Path) -> None:
    """A file that is no manifest does not fill the memory."""
    digest = Digest.of(b"not checked")
    write(path, layout_files({"digest": str(digest), "mediaType": media_types.OCI_MANIFEST}))
    (path / "blobs/sha256").mkdir(parents=True)
    with (path / "blobs/sha256" / digest.value).open("wb") as file:
        file.truncate(1 << 40)

    async with open_layout(path) as registry:
        with pytest.raises(LayoutInvalid, match="more than"):
            await registry.repository(LAYOUT).get_manifest(digest)


async def test_descriptors_are_bare(repository: Repository) -> None:
    """What an entry says beside type, digest and size is not a fact about the manifest."""
    image = samples.image()
    await samples.put_image(repository, image, tags=["v1"])

    assert await repository.resolve(Tag("v1")) == Descriptor(
        media_types.OCI_MANIFEST, image.manifest.digest, len(image.manifest.body)
    )
