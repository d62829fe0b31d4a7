"""Stores that fail on cue."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from lading.bodies import Bytes
from lading.errors import StorageFailed, StorageFull
from lading.interfaces.blobs import BlobStore, UploadId
from lading.oci.digest import Digest
from lading.storage.memory import open_memory
from lading.testing.faults import Faults, faulty

DIGEST = Digest.of(b"content")


@pytest.fixture
def faults() -> Faults:
    """What is to go wrong."""
    return Faults()


@pytest.fixture
async def store(faults: Faults) -> AsyncIterator[BlobStore]:
    """A store in memory in which it goes wrong."""
    async with open_memory() as store:
        yield faulty(store, faults)


async def test_planned_calls_fail_and_others_do_not(store: BlobStore, faults: Faults) -> None:
    """A failure hits the calls it was planned for: some are skipped, some fail, then all is well."""
    faults.fail("count_uploads", StorageFailed("planned"), skip=1, times=2)

    outcomes = []
    for _ in range(4):
        try:
            outcomes.append(await store.count_uploads() == 0)
        except StorageFailed:
            outcomes.append(False)

    assert outcomes == [True, False, False, True]
    assert faults.calls == ["count_uploads"] * 4


async def test_writers_fail_too(store: BlobStore, faults: Faults) -> None:
    """What a store gives out to write with is under the same plan; other calls go through."""
    writer = await store.create(UploadId("u"))
    faults.fail("write", StorageFull("planned"))

    with pytest.raises(StorageFull):
        await writer.write(Bytes(b"content"))
    await writer.write(Bytes(b"content"))

    assert writer.offset == 7
    assert await writer.commit(DIGEST) == 7


async def test_work_can_be_done_and_denied(store: BlobStore, faults: Faults) -> None:
    """A lost acknowledgement: the blob is there, and the caller was told that it failed."""
    writer = await store.create(UploadId("u"))
    await writer.write(Bytes(b"content"))
    faults.fail("commit", StorageFailed("planned"), afterwards=True)

    with pytest.raises(StorageFailed):
        await writer.commit(DIGEST)

    assert await store.stat(DIGEST) == 7


async def test_listing_can_fail(store: BlobStore, faults: Faults) -> None:
    """Iterators fail as well."""
    faults.fail("walk", StorageFailed("planned"))

    with pytest.raises(StorageFailed):
        [blob async for blob in store.walk()]


async def test_healed_store_does_not_fail(store: BlobStore, faults: Faults) -> None:
    """Plans can be dropped."""
    faults.fail("count_uploads", StorageFailed("planned"), times=100)

    faults.heal()

    assert await store.count_uploads() == 0


async def test_held_call_waits(store: BlobStore, faults: Faults) -> None:
    """A test can stop a call before it does anything, and let it go on later."""
    hold = faults.hold("create")
    creating = asyncio.ensure_future(store.create(UploadId("u")))
    await hold.reached.wait()

    before = await store.count_uploads()
    hold.release()
    await creating

    assert (before, await store.count_uploads()) == (0, 1)
