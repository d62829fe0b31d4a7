"""Publishing: what is durable when, and what is left when it cannot be made so."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lading.bodies import Bytes
from lading.errors import BlobUnknown, StorageFailed, StorageFull, UploadUnknown
from lading.interfaces.blobs import UploadId
from lading.oci.digest import Digest
from lading.storage.filesystem import open_filesystem
from lading.storage.layout import blob_path
from lading.testing.samples import content_of

CONTENT = b"content that must last"
DIGEST = Digest.of(CONTENT)


def _name(file: int) -> Path:
    return Path(f"/proc/self/fd/{file}").readlink()


class Syncs:
    """Syncs that are remembered, and fail for files that ``refuse`` picks."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.seen: list[tuple[str, bool]] = []
        self.refuse: Callable[[Path], int] = lambda _: 0

    def __call__(self, file: int) -> None:
        """Remember, then sync or fail."""
        name = _name(file)
        published = (self.root / blob_path(DIGEST)).exists()
        self.seen.append((str(name.relative_to(self.root.parent)), published))
        if number := self.refuse(name):
            raise OSError(number, os.strerror(number))
        os.fsync(file)


async def test_bytes_are_durable_before_their_name_and_the_name_before_the_answer(
    tmp_path: Path,
) -> None:
    """The file is synced first, then renamed, then every directory that leads to it."""
    syncs = Syncs(tmp_path / "root")
    async with open_filesystem(syncs.root, sync=syncs) as store:
        syncs.seen.clear()
        writer = await store.create(UploadId("u"))
        await writer.write(Bytes(CONTENT))

        await writer.commit(DIGEST)

    final = Path("root") / blob_path(DIGEST)
    assert syncs.seen == [
        ("root/uploads/u", False),
        (str(final.parent), True),
        (str(final.parent.parent), True),
        (str(final.parent.parent.parent), True),
    ]


async def test_directories_made_by_others_are_synced_all_the_same(tmp_path: Path) -> None:
    """A directory that is there may not be durable: who made it may have died before its sync."""
    syncs = Syncs(tmp_path / "root")
    directory = (syncs.root / blob_path(DIGEST)).parent
    async with open_filesystem(syncs.root, sync=syncs) as store:
        directory.mkdir(parents=True)
        syncs.seen.clear()
        writer = await store.create(UploadId("u"))
        await writer.write(Bytes(CONTENT))

        await writer.commit(DIGEST)

    synced = [name for name, _ in syncs.seen]
    assert [str(each.relative_to(tmp_path)) for each in (directory, *directory.parents[:2])] == (
        synced[1:]
    )


async def test_new_root_is_durable(tmp_path: Path) -> None:
    """Every directory of a new store is synced into the one above it."""
    syncs = Syncs(tmp_path / "root")

    async with open_filesystem(syncs.root, sync=syncs):
        pass

    synced = {name for name, _ in syncs.seen}
    made = {path.parent for path in syncs.root.rglob("*")} | {tmp_path}
    assert synced == {str(path.relative_to(tmp_path)) for path in made}


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.EIO, StorageFailed), (errno.ENOSPC, StorageFull)]
)
async def test_bytes_that_cannot_be_synced_are_not_published(
    tmp_path: Path, number: int, kind: type[StorageFailed]
) -> None:
    """After a failed sync the bytes are not believed again: the upload is gone, a new one heals."""
    syncs = Syncs(tmp_path / "root")
    async with open_filesystem(syncs.root, sync=syncs) as store:
        writer = await store.create(UploadId("u"))
        await writer.write(Bytes(CONTENT))
        syncs.refuse = lambda name: number if name.name == "u" else 0

        with pytest.raises(kind):
            await writer.commit(DIGEST)

        with pytest.raises(BlobUnknown):
            await store.stat(DIGEST)
        with pytest.raises(UploadUnknown):
            await writer.commit(DIGEST)
        assert list((syncs.root / "uploads").iterdir()) == []
        again = await store.create(UploadId("again"))
        await again.write(Bytes(CONTENT))
        await again.commit(DIGEST)
        assert await content_of(await store.open(DIGEST)) == CONTENT


async def test_name_that_cannot_be_synced_is_not_acknowledged(tmp_path: Path) -> None:
    """A commit whose directory cannot be synced fails, and the next push of the blob heals it."""
    syncs = Syncs(tmp_path / "root")
    async with open_filesystem(syncs.root, sync=syncs) as store:
        writer = await store.create(UploadId("u"))
        await writer.write(Bytes(CONTENT))
        syncs.refuse = lambda name: errno.EIO if name.is_dir() else 0

        with pytest.raises(StorageFailed):
            await writer.commit(DIGEST)

        syncs.refuse = lambda _: 0
        again = await store.create(UploadId("again"))
        await again.write(Bytes(CONTENT))
        assert await again.commit(DIGEST) == len(CONTENT)


async def test_directory_that_goes_while_publishing_is_made_again(tmp_path: Path) -> None:
    """A delete that removes the empty directory in the last moment does not fail the push."""
    directory = (tmp_path / blob_path(DIGEST)).parent

    def remove_directory(file: int) -> None:
        if _name(file).name == "u":
            directory.rmdir()

    async with open_filesystem(tmp_path, sync=remove_directory) as store:
        writer = await store.create(UploadId("u"))
        await writer.write(Bytes(CONTENT))

        await writer.commit(DIGEST)

        assert await content_of(await store.open(DIGEST)) == CONTENT


async def test_upload_that_is_aborted_while_publishing_is_unknown(tmp_path: Path) -> None:
    """An abort that comes before the rename wins, and nothing is published."""

    def abort(file: int) -> None:
        if _name(file).name == "u":
            (tmp_path / "uploads" / "u").unlink()

    async with open_filesystem(tmp_path, sync=abort) as store:
        writer = await store.create(UploadId("u"))
        await writer.write(Bytes(CONTENT))

        with pytest.raises(UploadUnknown):
            await writer.commit(DIGEST)

        with pytest.raises(BlobUnknown):
            await store.stat(DIGEST)
