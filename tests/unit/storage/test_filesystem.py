"""The store on a file system, where it can be hurt."""

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lading.bodies import BLOCK, Bytes, FileSpan, Held, Span
from lading.errors import (
    BlobUnknown,
    StorageDamaged,
    StorageFailed,
    StorageFull,
    StorageReadOnly,
    UploadUnknown,
)
from lading.interfaces.blobs import StaleUpload, UploadId
from lading.oci.digest import Digest
from lading.storage import tree
from lading.storage.filesystem import open_filesystem
from lading.storage.layout import blob_path
from lading.testing import samples
from lading.testing.blob_contents import publish
from tests.unit.storage.conftest import SmallDisk, without_write_access


async def test_upload_goes_on_when_a_full_disk_has_room_again(small_disk: SmallDisk) -> None:
    """What fitted on the disk stays in the upload, and the client goes on from there."""
    content = samples.blob(2 * BLOCK)
    async with open_filesystem(small_disk.path) as store:
        writer = await store.create(UploadId("u"))

        with pytest.raises(StorageFull):
            await writer.write(Bytes(content))

        kept = writer.offset
        assert 0 < kept < len(content)
        assert (small_disk.path / "uploads" / "u").stat().st_size == kept
        await writer.aclose()
        small_disk.grow()
        again = await store.resume(UploadId("u"))
        assert again.offset == kept
        await again.write(Bytes(content[kept:]))
        await again.commit(Digest.of(content))
        found = await store.open(Digest.of(content))
        assert await samples.content_of(found) == content


async def test_what_is_stored_is_served_when_nothing_can_be_written(public_path: Path) -> None:
    """On a read-only disk pushes fail with a clear error, and pulls go on."""
    content = samples.blob(100_000)
    async with open_filesystem(public_path) as store:
        digest = await publish(store, content)
        begun = await store.create(UploadId("begun"))

        with without_write_access(public_path):
            found = await samples.content_of(await store.open(digest))
            with pytest.raises(StorageReadOnly):
                await store.create(UploadId("v"))
            with pytest.raises(StorageReadOnly):
                await begun.write(Bytes(b"bytes"))
            with pytest.raises(StorageReadOnly):
                await begun.commit(Digest.of(b""))
            with pytest.raises(StorageReadOnly):
                await store.delete(digest)
            with pytest.raises(StorageReadOnly):
                await store.quarantine(digest)

        assert found == content
        await begun.write(Bytes(b"bytes"))
        await begun.commit(Digest.of(b"bytes"))


async def test_staging_directory_that_went_is_a_failure(tmp_path: Path) -> None:
    """A store whose directories are removed under it says so, and is not confused."""
    async with open_filesystem(tmp_path) as store:
        (tmp_path / "uploads").rmdir()

        with pytest.raises(StorageFailed):
            await store.create(UploadId("u"))
        with pytest.raises(StorageFailed):
            await store.count_uploads()


async def test_an_id_is_taken_once(tmp_path: Path) -> None:
    """A second upload of one id is refused, and the first is not touched."""
    async with open_filesystem(tmp_path) as store:
        writer = await store.create(UploadId("u"))
        await writer.write(Bytes(b"first"))

        with pytest.raises(StorageFailed):
            await store.create(UploadId("u"))

        assert await writer.commit(Digest.of(b"first")) == 5


@pytest.mark.parametrize("name", ["../u", "a/../../u", "/tmp/u", ".hidden", "a\0b", ""])
async def test_hostile_ids_make_no_file(tmp_path: Path, name: str) -> None:
    """An id that is no file name creates nothing, inside the root or outside."""
    root = tmp_path / "root"
    async with open_filesystem(root) as store:
        before = sorted(tmp_path.rglob("*"))

        with pytest.raises(UploadUnknown):
            await store.create(UploadId(name))

        assert sorted(tmp_path.rglob("*")) == before


async def test_staged_link_is_not_followed(tmp_path: Path) -> None:
    """A symbolic link among the uploads leads no write out of the root."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    async with open_filesystem(tmp_path / "root") as store:
        (tmp_path / "root" / "uploads" / "u").symlink_to(outside)
        writer = await store.resume(UploadId("u"))

        with pytest.raises(StorageFailed):
            await writer.write(Bytes(b"overwritten"))

    assert outside.read_bytes() == b"precious"


async def test_big_file_that_was_cut_is_given_as_it_is(tmp_path: Path) -> None:
    """A store does not know how long a blob was; it says how long the file is."""
    content = samples.blob(size := 200_000)
    async with open_filesystem(tmp_path) as store:
        digest = await publish(store, content)
        os.truncate(tmp_path / blob_path(digest), size - 10)

        body = await store.open(digest)

        assert body.total == size - 10
        assert await samples.content_of(body) == content[:-10]
        assert await store.measure(digest) == Digest.of(content[:-10])


@pytest.mark.parametrize("damaged", [b"x" * 1000, b"x" * 10, b""])
async def test_small_blob_that_was_damaged_is_not_given_and_not_remembered(
    tmp_path: Path, damaged: bytes
) -> None:
    """It is read in full anyway, so its bytes are known to be wrong; and right once they are."""
    content = samples.blob(1000)
    async with open_filesystem(tmp_path) as store, open_filesystem(tmp_path) as other:
        digest = await publish(store, content)
        (tmp_path / blob_path(digest)).write_bytes(damaged)
        with pytest.raises(StorageDamaged):
            await store.open(digest, spans=[Span(0, 1)])

        await publish(other, content, name="again")

        assert await samples.content_of(await store.open(digest)) == content


async def test_pushing_again_heals_a_damaged_file(tmp_path: Path) -> None:
    """What stands at the path of a blob is replaced by bytes that were just verified."""
    content = samples.blob(300_000)
    async with open_filesystem(tmp_path) as store:
        digest = await publish(store, content)
        (tmp_path / blob_path(digest)).write_bytes(b"damage")

        await publish(store, content, name="again")

        assert await store.measure(digest) == digest
        assert await samples.content_of(await store.open(digest)) == content


async def test_small_blobs_are_held_in_memory_and_large_ones_are_not(tmp_path: Path) -> None:
    """Blobs of up to 64 KiB come back as bytes, even when the disk has lost them; others as files."""
    async with open_filesystem(tmp_path) as store:
        small = await publish(store, samples.blob(65536), name="small")
        large = await publish(store, samples.blob(65537), name="large")
        await store.open(small)
        (tmp_path / blob_path(small)).unlink()

        held, opened = await store.open(small, spans=[Span(5, 6)]), await store.open(large)

        assert isinstance(held, Held)
        assert held.parts == ((5, 2),)
        assert await store.stat(small) == 65536
        assert isinstance(opened, FileSpan)
        assert not os.get_inheritable(opened.file)
        await opened.aclose()


async def test_memory_can_be_switched_off(tmp_path: Path) -> None:
    """With a bound of 0 every blob is read from disk."""
    async with open_filesystem(tmp_path, cache=0) as store:
        small = await publish(store, b"small")
        await store.open(small)
        (tmp_path / blob_path(small)).unlink()

        with pytest.raises(BlobUnknown):
            await store.open(small)


async def test_walk_passes_foreign_files_over(tmp_path: Path) -> None:
    """Whatever else lies in the tree, a walk gives blobs only."""
    async with open_filesystem(tmp_path) as store:
        digest = await publish(store, b"content")
        shard = (tmp_path / blob_path(digest)).parents[1]
        (shard / "notes.txt").write_text("mine")
        (shard / (digest.value[:2] + "0" * 62)).mkdir()
        (shard / (digest.value[:2] + "1" * 62)).write_text("a file, not a directory")
        (shard / (digest.value[:2] + "2" * 62) / "data").mkdir(parents=True)
        (shard.parent / "README").write_text("mine")
        (shard.parent.parent / "md5").mkdir()
        (shard / digest.value / "data.tmp").write_text("mine")

        found = [blob.digest async for blob in store.walk()]

        assert found == [digest]


async def test_delete_leaves_no_empty_directory(tmp_path: Path) -> None:
    """The directory of a blob goes with it, unless somebody else has a file there."""
    async with open_filesystem(tmp_path) as store:
        lonely, shared = [await publish(store, each, name=each.decode()) for each in (b"a", b"b")]
        notes = (tmp_path / blob_path(shared)).with_name("notes")
        notes.write_text("mine")

        await store.delete(lonely)
        await store.delete(shared)

        assert not (tmp_path / blob_path(lonely)).parent.exists()
        assert notes.exists()


async def test_published_time_is_that_of_the_commit(tmp_path: Path) -> None:
    """A blob whose last byte came long before its commit counts as young."""
    async with open_filesystem(tmp_path) as store:
        writer = await store.create(UploadId("u"))
        await writer.write(Bytes(b"old"))
        os.utime(tmp_path / "uploads" / "u", (0, 0))

        await writer.commit(Digest.of(b"old"))

        found = [blob async for blob in store.walk()]
        assert found[0].published_at.timestamp() > 1_000_000_000


async def test_published_time_is_that_of_a_finish_without_bytes(tmp_path: Path) -> None:
    """Its last byte may have come an hour before."""
    async with open_filesystem(tmp_path) as store:
        writer = await store.create(UploadId("u"))
        await writer.write(Bytes(b"content"))
        os.utime(tmp_path / "uploads" / "u", (0, 0))

        await writer.finish(Bytes(b""), Digest.of(b"content"), lambda _: None)

        (found,) = [blob async for blob in store.walk()]
        assert found.published_at.timestamp() > 1_000_000_000


async def test_only_old_uploads_are_abandoned(tmp_path: Path) -> None:
    """The last byte counts, and files that are no uploads are left alone."""
    async with open_filesystem(tmp_path) as store:
        for name in ("old", "young"):
            await store.create(UploadId(name))
        os.utime(tmp_path / "uploads" / "old", (1000, 1000))
        foreign = tmp_path / "uploads" / "NOT-OURS"
        foreign.write_text("mine")
        os.utime(foreign, (1000, 1000))

        dropped = await store.abandon(before=datetime.fromtimestamp(2000, UTC))

        assert dropped == [StaleUpload(UploadId("old"), 0, datetime.fromtimestamp(1000, UTC))]
        assert {each.name for each in (tmp_path / "uploads").iterdir()} == {"NOT-OURS", "young"}
        assert await store.count_uploads() == 1


def _open_files() -> Iterator[Path]:
    for descriptor in Path("/proc/self/fd").iterdir():
        # The one of the listing itself is gone by now, and others of other tests may be.
        with contextlib.suppress(FileNotFoundError):
            yield descriptor.readlink()


async def test_uploads_keep_no_file_open(tmp_path: Path) -> None:
    """Thousands of open sessions cost no descriptors."""
    async with open_filesystem(tmp_path) as store:
        writers = [await store.create(UploadId(f"u{number}")) for number in range(20)]
        for writer in writers:
            await writer.write(samples.inbound(b"some bytes", chunk=3))

        assert [file for file in _open_files() if file.is_relative_to(tmp_path)] == []


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077])
async def test_who_may_read_what_is_stored_is_decided_by_the_umask(
    tmp_path: Path, mask: int
) -> None:
    """As with every other program: nothing is taken from what the operator lets others do."""
    root = tmp_path / "root"
    before = os.umask(mask)
    try:
        async with open_filesystem(root) as store:
            await publish(store, b"content")
    finally:
        os.umask(before)

    for path in (root, *root.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o777 if path.is_dir() else 0o666) & ~mask


async def test_body_that_is_written_back_early_arrives_whole(tmp_path: Path) -> None:
    """A body so long that the kernel begins to write it before its end reads back, resumed or not."""
    content = samples.blob(1000) * 20_000
    async with open_filesystem(tmp_path) as store:
        writer = await store.create(UploadId("u"))
        await writer.write(Bytes(content[:9_000_001]))
        await writer.aclose()
        writer = await store.resume(UploadId("u"))
        await writer.write(Bytes(content[9_000_001:]))

        await writer.commit(Digest.of(content))

        assert await store.measure(Digest.of(content)) == Digest.of(content)


async def test_content_that_nobody_takes_is_closed(tmp_path: Path) -> None:
    """A file that was opened for a request that has gone does not stay open."""
    async with open_filesystem(tmp_path) as store:
        digest = await publish(store, samples.blob(100_000))
        found = tree.content(str(tmp_path), digest, ())

        tree.let_go(found)

        assert isinstance(found, FileSpan)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(found.file)
