"""Archives of layouts: what was written is read, always the same, from files and streams."""

import asyncio
import fcntl
import gzip
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from lading.bodies import Span
from lading.errors import BlobUnknown, LayoutInvalid, ManifestUnknown, StorageFailed, Unsupported
from lading.interfaces.repository import Repository, Strict
from lading.layout.archive import open_archive
from lading.layout.registry import LAYOUT
from lading.layout.streams import MOST_TIMES
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.names import Tag
from lading.testing import samples
from tests.unit.layout.tars import archive, layout_files, member, plain


async def fill(repository: Repository) -> None:
    """Put an index, its two images, and something about one of them."""
    for seed in (1, 2):
        await samples.put_image(repository, samples.image(seed))
    await repository.put_manifest(listing(), tags=[Tag("v1")])
    await samples.put_artifact(repository, samples.artifact(samples.image(1).manifest))


def listing() -> Any:
    """The index that `fill` puts."""
    return samples.index(samples.image(1).manifest, samples.image(2).manifest)


async def written(path: Path) -> Path:
    """An archive that `fill` filled."""
    async with open_archive(path, write=True) as registry:
        await fill(registry.repository(LAYOUT))
    return path


def listed(path: Path) -> list[dict[str, Any]]:
    """What docker finds in an archive."""
    with tarfile.open(path) as opened:
        file = opened.extractfile("manifest.json")
        assert file is not None
        found: list[dict[str, Any]] = json.load(file)
    return found


async def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Index, images, blobs and referrers, whole and in parts."""
    path = await written(tmp_path / "image.tar")

    async with open_archive(path) as registry:
        repository = registry.repository(LAYOUT)
        assert await repository.get_manifest(Tag("v1")) == listing()
        for seed in (1, 2):
            image = samples.image(seed)
            assert await repository.get_manifest(image.manifest.digest) == image.manifest
            for content in image.blobs:
                digest = Digest.of(content)
                assert (await repository.stat_blob(digest)).size == len(content)
                assert await samples.content_of(await repository.open_blob(digest)) == content
                parts = await repository.open_blob(digest, spans=[Span(3, 5), Span(None, 2)])
                assert parts.total == len(content)
                assert await samples.content_of(parts) == content[3:6] + content[-2:]
        about = await repository.referrers(samples.image(1).manifest.digest)
        assert len(about.items) == 1
        assert await registry.roots() == [listing().descriptor]
        with pytest.raises(BlobUnknown):
            await repository.open_blob(Digest.of(b"nothing"))
        with pytest.raises(ManifestUnknown):
            await repository.resolve(Tag("v2"))


async def test_archive_that_is_read_is_not_written(tmp_path: Path) -> None:
    """All that would change it is refused."""
    path = await written(tmp_path / "image.tar")

    async with open_archive(path) as registry:
        repository = registry.repository(LAYOUT)
        digest = listing().digest
        for change in (
            repository.put_manifest(listing()),
            repository.start_upload(),
            repository.delete_tag(Tag("v1")),
            repository.delete_manifest(digest),
            repository.delete_blob(digest),
            registry.delete(LAYOUT),
        ):
            with pytest.raises(Unsupported):
                await change
        assert await repository.mount_blob(digest, None)


async def test_members_are_at_the_root_and_always_the_same(tmp_path: Path) -> None:
    """No ``./``, no times, no owners; a second archive of the same has the same bytes."""
    one = await written(tmp_path / "one.tar")
    async with open_archive(tmp_path / "two.tar", write=True) as registry:
        repository = registry.repository(LAYOUT)
        await samples.put_artifact(repository, samples.artifact(samples.image(1).manifest))
        for seed in (2, 1):
            await samples.put_image(repository, samples.image(seed))
        await repository.put_manifest(listing(), tags=[Tag("v1")])

    with tarfile.open(one) as opened:
        members = opened.getmembers()

    names = [each.name for each in members]
    assert names[:2] == ["oci-layout", "index.json"]
    assert names[2:] == sorted(name for name in names if name.startswith("blobs/sha256/"))
    assert {(each.mtime, each.uid, each.uname) for each in members} == {(0, 0, "")}
    assert one.read_bytes() == (tmp_path / "two.tar").read_bytes()


async def test_error_leaves_the_old_archive_and_nothing_else(tmp_path: Path) -> None:
    """What was not finished was never there."""
    path = await written(tmp_path / "image.tar")
    before = path.read_bytes()

    async def broken_off() -> None:
        async with open_archive(path, write=True) as registry:
            await samples.put_image(registry.repository(LAYOUT), tags=["v2"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await broken_off()

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


async def test_archive_that_cannot_take_its_place_leaves_nothing(tmp_path: Path) -> None:
    """Here a directory stands where it should be."""
    (tmp_path / "image.tar").mkdir()

    with pytest.raises(StorageFailed):
        await written(tmp_path / "image.tar")

    assert [each.name for each in tmp_path.iterdir()] == ["image.tar"]


@pytest.mark.parametrize("keep", [False, True])
async def test_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path, keep: bool) -> None:
    """As a device does: a new file in its place would be the end of /dev/null."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    with os.fdopen(os.open(pipe, os.O_RDWR | os.O_NONBLOCK), "rb", buffering=0) as reader:
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 1 << 20)
        async with open_archive(link, write=True, keep=keep) as registry:
            await fill(registry.repository(LAYOUT))
        found = reader.read(1 << 20)

    assert found == (await written(tmp_path / "other.tar")).read_bytes()
    assert pipe.is_fifo()
    assert link.is_symlink()


async def test_link_to_an_archive_goes_on_leading_to_it(tmp_path: Path) -> None:
    """What it leads to is what is replaced."""
    path, link = await written(tmp_path / "image.tar"), tmp_path / "link.tar"
    link.symlink_to(path)

    async with open_archive(link, write=True) as registry:
        await samples.put_image(registry.repository(LAYOUT), tags=["v2"])

    async with open_archive(path) as registry:
        assert list((await registry.repository(LAYOUT).tags()).items) == ["v2"]
    assert link.is_symlink()


async def test_new_archive_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    """It has what was put, and nothing of what was there."""
    path = await written(tmp_path / "image.tar")

    async with open_archive(path, write=True) as registry:
        await samples.put_image(registry.repository(LAYOUT), tags=["v2"])

    async with open_archive(path) as registry:
        assert list((await registry.repository(LAYOUT).tags()).items) == ["v2"]
    assert list(tmp_path.iterdir()) == [path]


async def test_what_was_in_an_archive_can_be_kept(tmp_path: Path) -> None:
    """Then a tag, a referrer or another image is added to it."""
    path = await written(tmp_path / "image.tar")

    async with open_archive(path, write=True, keep=True) as registry:
        repository = registry.repository(LAYOUT)
        await repository.put_manifest(listing(), tags=[Tag("v2")])
        await samples.put_image(repository, samples.image(3), tags=["v3"])
    async with open_archive(path, write=True, keep=True) as registry:
        await registry.repository(LAYOUT).delete_tag(Tag("v1"))

    async with open_archive(path) as registry:
        repository = registry.repository(LAYOUT)
        assert list((await repository.tags()).items) == ["v2", "v3"]
        assert await repository.get_manifest(Tag("v2")) == listing()
        assert isinstance(repository, Strict)
        assert await repository.refuses_sparse()
        about = await repository.referrers(samples.image(1).manifest.digest)
        assert len(about.items) == 1


async def test_there_need_be_no_archive_to_be_kept(tmp_path: Path) -> None:
    """But what is there has to be one."""
    (tmp_path / "notes.txt").write_text("mine")

    async with open_archive(tmp_path / "new.tar", write=True, keep=True) as registry:
        await fill(registry.repository(LAYOUT))
    with pytest.raises(LayoutInvalid):
        async with open_archive(tmp_path / "notes.txt", write=True, keep=True):
            pass

    assert (tmp_path / "notes.txt").read_text() == "mine"


async def test_image_of_one_platform_can_be_loaded_by_docker(tmp_path: Path) -> None:
    """Under its full name, if there is one, and also from an index of one platform."""
    image = samples.image()
    path = tmp_path / "image.tar"
    async with open_archive(path, write=True, image="app") as registry:
        repository = registry.repository(LAYOUT)
        await samples.put_image(repository, image)
        attested = samples.image(1)
        await samples.put_image(repository, attested)
        unknown = attested.manifest.descriptor.as_json() | {
            "platform": {"os": "unknown", "architecture": "unknown"}
        }
        index = samples.index(image.manifest, Descriptor.from_json(unknown))
        await repository.put_manifest(index, tags=[Tag("v1")])

    config, *layers = [f"blobs/sha256/{Digest.of(each).value}" for each in image.blobs]
    assert listed(path) == [
        {"Config": config, "RepoTags": ["docker.io/library/app:v1"], "Layers": layers}
    ]


async def test_image_of_several_platforms_is_not_listed_for_docker(tmp_path: Path) -> None:
    """Docker would have to be told which one is meant."""
    with tarfile.open(await written(tmp_path / "image.tar")) as opened:
        assert "manifest.json" not in opened.getnames()


async def test_archive_comes_and_goes_as_a_stream(tmp_path: Path) -> None:
    """A pipe is read to its end, and written at the end."""
    out = io.BytesIO()
    async with open_archive(out, write=True) as registry:
        await fill(registry.repository(LAYOUT))
    path = await written(tmp_path / "image.tar")
    pipe = subprocess.Popen(["cat", path], stdout=subprocess.PIPE)
    assert pipe.stdout is not None

    async with open_archive(pipe.stdout) as registry:  # type: ignore[arg-type]  # it is a pipe
        assert await registry.repository(LAYOUT).get_manifest(Tag("v1")) == listing()

    pipe.stdout.close()
    assert pipe.wait(10) == 0
    assert out.getvalue() == path.read_bytes()


async def test_waiting_for_a_stream_ends_when_nobody_waits_any_more() -> None:
    """A reader at a terminal to which nothing is typed can be interrupted."""
    silent, writer = os.pipe()

    async def reading() -> None:
        with os.fdopen(silent, "rb") as stream:
            async with open_archive(stream):
                pass

    task = asyncio.create_task(reading())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    os.close(writer)


async def test_archive_that_gzip_compressed_is_read(tmp_path: Path) -> None:
    """It is unpacked aside, and the directory stays as it was."""
    path = await written(tmp_path / "image.tar")
    packed = tmp_path / "image.tar.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))

    async with open_archive(packed) as registry:
        assert await registry.repository(LAYOUT).get_manifest(Tag("v1")) == listing()

    assert sorted(tmp_path.iterdir()) == [path, packed]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x28\xb5\x2f\xfd" + bytes(600), "zstd"),
        (b"BZh9" + bytes(600), "bzip2"),
        (b"\xfd7zXZ\0" + bytes(600), "xz"),
        (gzip.compress(bytes(4 << 20), mtime=0), f"{MOST_TIMES} times"),
        (gzip.compress(plain({"a": bytes(9000)}), mtime=0)[:-20], "damaged"),
        (b"\x1f\x8b" + b"x" * 600, "damaged"),
        (b"", "no tar archive"),
        (plain({"a": b"x"}), "oci-layout"),
        (plain({"oci-layout": b"x"}), r"index\.json"),
        (plain({"oci-layout": b"x", "index.json": b"{}"}), "JSON"),
        (plain(layout_files() | {"../evil": b"x"}), "leads out"),
    ],
)
async def test_what_is_no_archive_of_a_layout_is_refused(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    """The error says why, and nothing is left behind."""
    path = tmp_path / "image.tar"
    path.write_bytes(data)

    with pytest.raises(LayoutInvalid, match=reason):
        async with open_archive(path):
            pass

    assert list(tmp_path.iterdir()) == [path]


async def test_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A directory is no archive either."""
    for path in (tmp_path / "nothing.tar", tmp_path):
        with pytest.raises(LayoutInvalid):
            async with open_archive(path):
                pass


async def test_content_that_was_changed_in_an_archive_is_not_an_image(tmp_path: Path) -> None:
    """A blob whose name lies is found out as soon as it is a manifest."""
    image = samples.image()
    entry = {
        "mediaType": media_types.OCI_MANIFEST,
        "digest": str(image.manifest.digest),
        "size": len(image.manifest.body),
    }
    files = layout_files(entry) | {
        f"blobs/sha256/{image.manifest.digest.value}": samples.image(1).manifest.body
    }
    path = tmp_path / "image.tar"
    path.write_bytes(archive([member(name, content) for name, content in files.items()]))

    async with open_archive(path) as registry:
        with pytest.raises(LayoutInvalid, match="changed"):
            await registry.repository(LAYOUT).get_manifest(image.manifest.digest)
