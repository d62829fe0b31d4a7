"""The part of `BlobStoreContract` about what those see who clear up."""

from datetime import UTC, datetime, timedelta

import pytest

from lading.bodies import BLOCK
from lading.errors import BlobUnknown
from lading.interfaces.blobs import BlobStore, UploadId
from lading.oci.digest import ALGORITHMS
from lading.testing import samples
from lading.testing.blob_contents import NOBODYS, content_in, publish


class BlobUpkeepContract:
    """Every promise about deleting, walking, measuring and putting aside."""

    async def test_deleted_blob_is_gone(self, store: BlobStore, other: BlobStore) -> None:
        """After a delete the blob is unknown, deleting again is fine, and a push brings it back."""
        content = samples.blob(2 * BLOCK)
        digest = await publish(store, content, name="first")

        await store.delete(digest)
        await other.delete(digest)

        for each in (store, other):
            with pytest.raises(BlobUnknown):
                await each.open(digest)
        assert [blob async for blob in store.walk()] == []
        await publish(other, content, name="second")
        assert await content_in(store, digest) == content

    async def test_small_blob_that_was_read_can_be_deleted(self, store: BlobStore) -> None:
        """A store that remembers small blobs forgets those that it deletes."""
        digest = await publish(store, b"small")
        await content_in(store, digest)

        await store.delete(digest)

        with pytest.raises(BlobUnknown):
            await store.open(digest)
        with pytest.raises(BlobUnknown):
            await store.stat(digest)

    async def test_walk_finds_every_blob(self, store: BlobStore) -> None:
        """A walk gives digest, size and time of all that is published, and of nothing else."""
        begun = datetime.now(UTC) - timedelta(seconds=5)
        expected = {}
        for number, algorithm in enumerate(ALGORITHMS * 3):
            content = samples.blob(number * 10, number)
            digest = await publish(store, content, name=f"u{number}", algorithm=algorithm)
            expected[digest] = len(content)
        await store.create(UploadId("unfinished"))

        found = [blob async for blob in store.walk()]

        assert {blob.digest: blob.size for blob in found} == expected
        assert len(found) == len(expected)
        assert all(begun < blob.published_at <= datetime.now(UTC) for blob in found)

    async def test_walk_can_be_left(self, store: BlobStore) -> None:
        """Whoever has seen enough of a walk can stop."""
        for number in range(3):
            await publish(store, samples.blob(10, number), name=f"u{number}")

        walk = store.walk()
        first = await anext(walk)

        assert first.size == 10

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    async def test_measuring_reads_the_bytes(self, store: BlobStore, algorithm: str) -> None:
        """Bytes in good health measure as the digest they are kept under."""
        digest = await publish(store, samples.blob(BLOCK + 5), algorithm=algorithm)

        assert await store.measure(digest) == digest
        with pytest.raises(BlobUnknown):
            await store.measure(NOBODYS)

    async def test_quarantined_blob_is_out_of_the_way(self, store: BlobStore) -> None:
        """Quarantined bytes are kept, under another name, and a push replaces them."""
        content = samples.blob(300)
        digest = await publish(store, content, name="first")
        await content_in(store, digest)

        places = {await store.quarantine(digest)}
        with pytest.raises(BlobUnknown):
            await store.open(digest)
        with pytest.raises(BlobUnknown):
            await store.quarantine(digest)
        await publish(store, content, name="second")
        places.add(await store.quarantine(digest))

        assert len(places) == 2
        assert [blob async for blob in store.walk()] == []
