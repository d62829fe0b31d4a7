"""A store that has no disk to wait for: what is short is done on the event loop, and nothing else."""

import asyncio
import fcntl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from lading.bodies import Bytes, Inbound
from lading.errors import DigestInvalid, UploadOutOfOrder, UploadUnknown
from lading.interfaces.blobs import Finished, UploadId
from lading.oci.digest import Digest
from lading.storage import root, staging
from lading.storage import writer as writer_module
from lading.storage.filesystem import FilesystemBlobs, open_filesystem
from lading.storage.root import is_diskless
from lading.storage.writer import MOST_POURED
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


class _Coming(Bytes):
    """A body that comes in two pieces; its sender pauses between them, if *pauses*."""

    def __init__(self, data: bytes, *, first: int = 1, pauses: bool = False) -> None:
        super().__init__(data)
        self._first = first
        self._pauses = pauses

    async def pour(self, take: Callable[[memoryview], None]) -> None:
        """See `Pourable.pour`."""
        block, self._rest = self._rest[: self._first], self._rest[self._first :]
        take(block)
        if self._pauses:
            self._pauses = False
            return
        await asyncio.sleep(0)
        await super().pour(take)


class _Waiting:
    """A body whose blocks may have to be waited for: it cannot be poured."""

    def __init__(self, data: bytes) -> None:
        self._inner = Bytes(data)
        self.threads: list[int] = []

    @property
    def length(self) -> int | None:
        return self._inner.length

    async def ready(self) -> bool:
        return await self._inner.ready()

    def blocks(self) -> Iterator[memoryview]:
        self.threads.append(threading.get_ident())
        return self._inner.blocks()


async def test_body_that_comes_in_pieces_is_taken_on_the_event_loop(
    store: FilesystemBlobs, synced: Synced
) -> None:
    """Others are served between them."""
    content = samples.blob(MOST_POURED)
    writer = await store.create(UploadId("u"))

    done = await writer.finish(_Coming(content), Digest.of(content), lambda _: None)

    assert done == Finished(len(content), followed=False)
    assert synced.threads == [threading.get_ident()]
    assert await content_in(store, Digest.of(content)) == content


async def test_long_body_is_left_to_a_thread(store: FilesystemBlobs, synced: Synced) -> None:
    """While it is hashed and written, others are served."""
    content = samples.blob(MOST_POURED + 1)
    writer = await store.create(UploadId("u"))

    done = await writer.finish(Bytes(content), Digest.of(content), lambda _: None)

    assert done == Finished(len(content), followed=False)
    assert threading.get_ident() not in synced.threads


async def test_body_that_may_have_to_be_waited_for_is_left_to_a_thread(
    store: FilesystemBlobs,
) -> None:
    """However short it is, and whether it is all of the upload or a part."""
    writer = await store.create(UploadId("u"))
    part, rest = _Waiting(b"a part"), _Waiting(b" and the rest")

    await writer.write(part)
    await writer.finish(rest, Digest.of(b"a part and the rest"), lambda _: None)

    assert part.threads
    assert rest.threads
    assert threading.get_ident() not in part.threads + rest.threads


async def test_nothing_is_poured_onto_a_disk(tmp_path: Path) -> None:
    """The event loop never waits for one."""

    class Refusing(Bytes):
        async def pour(self, take: Callable[[memoryview], None]) -> None:
            raise AssertionError(take)

    async with open_filesystem(tmp_path, diskless=False) as store:
        writer = await store.create(UploadId("u"))
        await writer.write(Refusing(b"first "))
        done = await writer.finish(Refusing(b"second"), Digest.of(b"first second"), lambda _: None)

    assert done is not None


async def test_chunks_are_taken_on_the_event_loop_however_long_the_upload_is(
    store: FilesystemBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No thread sees a byte of them."""
    monkeypatch.setattr(staging, "absorb", None)
    content = samples.blob(3 * MOST_POURED)
    writer = await store.create(UploadId("u"))

    for begin in range(0, len(content), MOST_POURED):
        await writer.write(_Coming(content[begin : begin + MOST_POURED], pauses=begin == 0))

    assert await writer.commit(Digest.of(content)) == len(content)
    assert await content_in(store, Digest.of(content)) == content


async def test_no_more_bodies_are_poured_at_once_than_the_loop_can_bear(
    store: FilesystemBlobs, synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one takes a thread, and the one after them is poured again."""
    monkeypatch.setattr(writer_module, "_POURING", 1)
    contents = [samples.blob(1000, seed=number) for number in range(3)]
    writers = [await store.create(UploadId(f"u{number}")) for number in range(3)]

    async def push(number: int) -> None:
        content = contents[number]
        await writers[number].finish(_Coming(content), Digest.of(content), lambda _: None)

    await asyncio.gather(push(0), push(1))
    at_home = [thread == threading.get_ident() for thread in synced.threads]
    await push(2)

    assert sorted(at_home) == [False, True]
    assert synced.threads[-1] == threading.get_ident()


@pytest.mark.parametrize("first", [0, 1, 99_999])
async def test_sender_that_pauses_lets_go_of_the_upload(
    store: FilesystemBlobs, tmp_path: Path, first: int
) -> None:
    """What came is kept, and whoever writes next goes on from there."""
    content = samples.blob(100_000)
    writer = await store.create(UploadId("u"))
    body = _Coming(content, first=first, pauses=True)

    done = await writer.finish(body, Digest.of(content), lambda _: None)

    assert done is None
    assert writer.offset == first
    with (tmp_path / "uploads" / "u").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    await writer.write(body)
    assert await writer.commit(Digest.of(content)) == len(content)


async def test_writer_that_was_overtaken_pours_nothing(store: FilesystemBlobs) -> None:
    """Neither a part nor the last one: the upload stands elsewhere than it believes."""
    first, second = await store.create(UploadId("u")), await store.resume(UploadId("u"))
    await first.write(Bytes(b"from the first"))

    with pytest.raises(UploadOutOfOrder):
        await second.write(Bytes(b"from the second"))
    with pytest.raises(UploadOutOfOrder):
        await second.finish(Bytes(b"second"), Digest.of(b"second"), lambda _: None)

    assert await first.commit(Digest.of(b"from the first")) == len(b"from the first")


async def test_poured_body_with_another_digest_ends_its_upload(store: FilesystemBlobs) -> None:
    """As everywhere: nothing is published, and nobody can go on with it."""
    writer = await store.create(UploadId("u"))

    with pytest.raises(DigestInvalid):
        await writer.finish(_Coming(SMALL), Digest.of(b"other"), lambda _: None)

    with pytest.raises(UploadUnknown):
        await store.resume(UploadId("u"))
    assert await store.count_uploads() == 0


@pytest.mark.parametrize("whole", [True, False])
async def test_upload_that_somebody_holds_is_not_waited_for_on_the_event_loop(
    store: FilesystemBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    """A thread waits, and the loop goes on."""
    monkeypatch.setattr(staging, "_TRIES", 100_000)
    writer = await store.create(UploadId("u"))
    body: Inbound = _Coming(SMALL)
    with (tmp_path / "uploads" / "u").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        work = (
            writer.finish(body, Digest.of(SMALL), lambda _: None) if whole else writer.write(body)
        )
        working: asyncio.Task[object] = asyncio.create_task(work)
        for _ in range(3):
            await asyncio.sleep(0)
        waiting = not working.done()
    await working

    assert waiting
    assert writer.offset == len(SMALL)


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
