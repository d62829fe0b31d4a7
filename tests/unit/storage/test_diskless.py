"""A store that has no disk to wait for: what is short is done on the event loop, and nothing else."""

import asyncio
import fcntl
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from lading.bodies import Bytes, Inbound
from lading.interfaces.blobs import Finished, UploadId
from lading.oci.digest import Digest
from lading.storage import root, staging
from lading.storage.filesystem import FilesystemBlobs, open_filesystem
from lading.storage.root import is_diskless
from lading.storage.writer import POURED, SHORT
from lading.testing import samples
from lading.testing.blob_contents import content_in

SMALL = b"small"


class Synced:
    """Which files were synced, and by which threads."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.threads: list[int] = []

    def __call__(self, file: int) -> None:
        """Note it."""
        self.names.append(Path(f"/proc/self/fd/{file}").readlink().name)
        self.threads.append(threading.get_ident())


@pytest.fixture
def synced() -> Synced:
    """What the store under test syncs."""
    return Synced()


@pytest.fixture
async def store(tmp_path: Path, synced: Synced) -> AsyncIterator[FilesystemBlobs]:
    """A store that was told that it has no disk."""
    async with open_filesystem(tmp_path, diskless=True, sync=synced) as store:
        synced.names.clear()
        synced.threads.clear()
        yield store


async def test_small_blob_is_published_on_the_event_loop(
    store: FilesystemBlobs, synced: Synced
) -> None:
    """The way to a thread and back would take longer; what follows is the caller's."""
    writer = await store.create(UploadId("u"))
    followed: list[int] = []

    done = await writer.finish(Bytes(SMALL), Digest.of(SMALL), followed.append)

    assert done == Finished(len(SMALL), followed=False)
    assert followed == []
    assert synced.threads == [threading.get_ident()]
    assert await content_in(store, Digest.of(SMALL)) == SMALL


async def test_long_body_is_left_to_a_thread(store: FilesystemBlobs, synced: Synced) -> None:
    """While it is hashed and written, others are answered."""
    content = samples.blob(SHORT)
    writer = await store.create(UploadId("u"))

    done = await writer.finish(Bytes(content), Digest.of(content), lambda _: None)

    assert done == Finished(len(content), followed=False)
    assert threading.get_ident() not in synced.threads


class _Poured(Bytes):
    """A body that is taken as it comes, as far as *until*; then its sender pauses."""

    def __init__(self, data: bytes, *, until: int | None = None) -> None:
        super().__init__(data)
        self._until = until

    async def pour(self, take: Callable[[memoryview], None]) -> None:
        """See `Pourable.pour`; at the second time all is there."""
        await asyncio.sleep(0)
        left = len(self._rest) if self._until is None else self._until
        block, self._rest, self._until = self._rest[:left], self._rest[left:], None
        take(block)


async def test_body_that_comes_on_the_event_loop_is_taken_there(
    store: FilesystemBlobs, synced: Synced
) -> None:
    """It is longer than what is taken at once, and others have their turn between its blocks."""
    content = samples.blob(POURED)
    writer = await store.create(UploadId("u"))

    done = await writer.finish(_Poured(content), Digest.of(content), lambda _: None)

    assert done == Finished(len(content), followed=False)
    assert synced.threads == [threading.get_ident()]
    assert await content_in(store, Digest.of(content)) == content


@pytest.mark.parametrize("before", [0, 1])
async def test_body_that_would_take_long_on_the_event_loop_is_left_to_a_thread(
    store: FilesystemBlobs, synced: Synced, before: int
) -> None:
    """However it comes: the whole upload counts."""
    content = samples.blob(POURED + 1)
    writer = await store.create(UploadId("u"))
    await writer.write(Bytes(content[:before]))

    await writer.finish(_Poured(content[before:]), Digest.of(content), lambda _: None)

    assert threading.get_ident() not in synced.threads


async def test_chunk_that_comes_on_the_event_loop_is_taken_there(
    store: FilesystemBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No thread sees a byte of it."""
    monkeypatch.setattr(staging, "absorb", None)
    content = samples.blob(100_000)
    writer = await store.create(UploadId("u"))

    await writer.write(_Poured(content[:50_000]))
    await writer.write(_Poured(content[50_000:]))

    assert await writer.commit(Digest.of(content)) == len(content)
    assert await content_in(store, Digest.of(content)) == content


@pytest.mark.parametrize("until", [0, 1, 99_999])
async def test_sender_that_pauses_on_the_event_loop_lets_go_of_the_upload(
    store: FilesystemBlobs, tmp_path: Path, until: int
) -> None:
    """What came is kept, and the next one who writes goes on from there."""
    content = samples.blob(100_000)
    writer = await store.create(UploadId("u"))
    body = _Poured(content, until=until)

    done = await writer.finish(body, Digest.of(content), lambda _: None)

    assert done is None
    assert writer.offset == until
    with (tmp_path / "uploads" / "u").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    await writer.write(body)
    assert await writer.commit(Digest.of(content)) == len(content)


async def test_body_for_an_upload_that_somebody_holds_waits_in_a_thread(
    store: FilesystemBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a byte of it is taken on the event loop, or lost."""
    monkeypatch.setattr(staging, "_TRIES", 100_000)
    content = samples.blob(100_000)
    writer = await store.create(UploadId("u"))
    body: Inbound = _Poured(content)
    with (tmp_path / "uploads" / "u").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        writing = asyncio.create_task(writer.write(body))
        for _ in range(3):
            await asyncio.sleep(0)
        waiting = not writing.done()
    await writing

    assert waiting
    assert await writer.commit(Digest.of(content)) == len(content)


async def test_upload_that_would_be_hashed_anew_is_left_to_a_thread(
    store: FilesystemBlobs, synced: Synced, tmp_path: Path
) -> None:
    """Another process took its bytes, and they may be many."""
    async with open_filesystem(tmp_path, diskless=True) as other:
        begun = await other.create(UploadId("u"))
        await begun.write(Bytes(b"first "))
    writer = await store.resume(UploadId("u"))

    await writer.finish(Bytes(b"second"), Digest.of(b"first second"), lambda _: None)

    assert threading.get_ident() not in synced.threads


async def test_upload_whose_bytes_came_before_is_committed_on_the_event_loop(
    store: FilesystemBlobs, synced: Synced
) -> None:
    """Its hash is known, so there is nothing left to do that takes long."""
    writer = await store.create(UploadId("u"))
    await writer.write(Bytes(SMALL))

    size = await writer.commit(Digest.of(SMALL))

    assert size == len(SMALL)
    assert synced.threads == [threading.get_ident()]


async def test_long_upload_is_committed_by_a_thread(store: FilesystemBlobs, synced: Synced) -> None:
    """Its pages, or those that it replaces, may have to be given back, which takes long."""
    content = samples.blob((4 << 20) + 1)
    writer = await store.create(UploadId("u"))
    await writer.write(Bytes(content))

    await writer.commit(Digest.of(content))

    assert threading.get_ident() not in synced.threads


async def test_upload_that_somebody_holds_is_not_waited_for_on_the_event_loop(
    store: FilesystemBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread waits, and the loop goes on."""
    monkeypatch.setattr(staging, "_TRIES", 100_000)
    writer = await store.create(UploadId("u"))
    with (tmp_path / "uploads" / "u").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        finishing = asyncio.create_task(
            writer.finish(Bytes(SMALL), Digest.of(SMALL), lambda _: None)
        )
        for _ in range(3):
            await asyncio.sleep(0)
        waiting = not finishing.done()

    assert waiting
    assert await finishing == Finished(len(SMALL), followed=False)


async def test_directories_are_not_synced(store: FilesystemBlobs, synced: Synced) -> None:
    """No name outlives the machine there, whatever is done."""
    writer = await store.create(UploadId("u"))

    await writer.finish(Bytes(SMALL), Digest.of(SMALL), lambda _: None)

    assert synced.names == ["u"]


def test_memory_is_told_from_a_disk() -> None:
    """Linux keeps shared memory on tmpfs; what is on no such file system may have to wait."""
    assert is_diskless(Path("/dev/shm"))
    assert not is_diskless(Path("/proc"))


def test_volume_below_a_root_in_memory_is_a_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part of a root may be mounted from elsewhere."""
    (tmp_path / "metadata").mkdir()
    asked: list[int] = []

    def first_is_memory(device: int) -> bool:
        asked.append(device)
        return len(asked) == 1

    monkeypatch.setattr(root, "in_memory", first_is_memory)

    assert not is_diskless(tmp_path)
