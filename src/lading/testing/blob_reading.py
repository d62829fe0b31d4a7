"""The part of `BlobStoreContract` about what can be read."""

import pytest

from lading.bodies import BLOCK, Span
from lading.errors import BlobUnknown, RangeUnsatisfiable
from lading.interfaces.blobs import BlobStore
from lading.oci.digest import ALGORITHMS, Digest
from lading.testing import samples
from lading.testing.blob_contents import NOBODYS, content_in, publish

_SIZES = (0, 1, 100, 64 * 1024, 64 * 1024 + 1, 2 * BLOCK + 17)


class BlobReadingContract:
    """Every promise about content that was committed."""

    @pytest.mark.parametrize("size", _SIZES)
    async def test_what_was_committed_reads_back(self, store: BlobStore, size: int) -> None:
        """Content of any length, none included, comes back byte by byte, more than once."""
        content = samples.blob(size)

        digest = await publish(store, content)

        assert await store.stat(digest) == size
        assert await content_in(store, digest) == content
        assert await content_in(store, digest) == content
        assert (await store.open(digest)).total == size

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    async def test_every_algorithm_names_content(self, store: BlobStore, algorithm: str) -> None:
        """Content is kept under the digest it was pushed with, whatever its algorithm."""
        content = samples.blob(1000)

        digest = await publish(store, content, algorithm=algorithm)

        assert await content_in(store, digest) == content
        assert [blob.digest async for blob in store.walk()] == [digest]

    async def test_what_is_not_there_is_unknown(self, store: BlobStore) -> None:
        """A digest that nobody pushed has no size and no content."""
        with pytest.raises(BlobUnknown):
            await store.stat(NOBODYS)
        with pytest.raises(BlobUnknown):
            await store.open(NOBODYS)

    @pytest.mark.parametrize(
        "digest",
        [
            Digest("blake3", "0" * 64),
            Digest("sha256", "../" * 21 + "x"),
            Digest("sha256", "0" * 63),
            Digest("..", "0" * 64),
        ],
    )
    async def test_digests_that_cannot_be_kept_are_unknown(
        self, store: BlobStore, digest: Digest
    ) -> None:
        """A digest that no content can have here, however it is spelled, is not found."""
        with pytest.raises(BlobUnknown):
            await store.open(digest)
        with pytest.raises(BlobUnknown):
            await store.stat(digest)

    @pytest.mark.parametrize("size", [1000, 3 * BLOCK])
    async def test_spans_give_the_parts_asked_for(self, store: BlobStore, size: int) -> None:
        """Parts come in the order they were asked in, cut to what there is."""
        content = samples.blob(size)
        digest = await publish(store, content)

        found = await content_in(
            store, digest, Span(5, 9), Span(None, 3), Span(size - 2, size + 50)
        )
        tail = await store.open(digest, spans=[Span(size), Span(10)])

        assert found == content[5:10] + content[-3:] + content[-2:]
        assert tail.total == size
        assert await samples.content_of(tail) == content[10:]

    @pytest.mark.parametrize("size", [0, 10, 2 * BLOCK])
    async def test_spans_beyond_the_end_are_refused(self, store: BlobStore, size: int) -> None:
        """When no span lies within the content, the error tells how long it is."""
        digest = await publish(store, samples.blob(size))

        for _ in range(2):
            with pytest.raises(RangeUnsatisfiable) as caught:
                await store.open(digest, spans=[Span(size), Span(size + 7, size + 9)])
            assert caught.value.total == size

    async def test_open_content_outlives_its_deletion(self, store: BlobStore) -> None:
        """A download that has begun is not cut by a delete."""
        content = samples.blob(2 * BLOCK)
        digest = await publish(store, content)
        body = await store.open(digest)

        await store.delete(digest)

        assert await samples.content_of(body) == content
