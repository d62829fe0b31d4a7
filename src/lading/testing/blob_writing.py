"""The part of `BlobStoreContract` about how content comes to be there."""

import asyncio
from collections.abc import Callable

import pytest

from lading.bodies import BLOCK, Bytes, Inbound
from lading.errors import BlobUnknown, DigestInvalid, UploadOutOfOrder, UploadUnknown
from lading.interfaces.blobs import BlobStore, BlobWriter, UploadId
from lading.oci.digest import ALGORITHMS, Digest
from lading.testing import samples
from lading.testing.blob_contents import content_in, publish
from lading.testing.faults import Stalling


async def _finished(
    writer: BlobWriter, body: Inbound, digest: Digest, then: Callable[[int], None]
) -> int | None:
    """Finish *body* as its caller does: what is to follow does, whoever has to see to it."""
    done = await writer.finish(body, digest, then)
    if done is None:
        return None
    if not done.followed:
        then(done.size)
    return done.size


class BlobWritingContract:
    """Every promise about what is written and published."""

    async def test_content_is_invisible_until_commit(
        self, store: BlobStore, other: BlobStore
    ) -> None:
        """A reader cannot see a blob whose writer is still open."""
        content = b"half a layer"
        writer = await store.create(UploadId("u"))
        await writer.write(Bytes(content))

        for reader in (store, other):
            with pytest.raises(BlobUnknown):
                await reader.open(Digest.of(content))
        assert [blob async for blob in store.walk()] == []

        await writer.commit(Digest.of(content))

        assert await content_in(other, Digest.of(content)) == content

    async def test_commit_returns_the_size(self, store: BlobStore) -> None:
        """Whoever commits learns how many bytes were published."""
        content = samples.blob(777)
        writer = await store.create(UploadId("u"))
        await writer.write(samples.inbound(content, chunk=50))

        assert await writer.commit(Digest.of(content)) == 777

    async def test_offset_counts_what_arrived(self, store: BlobStore) -> None:
        """The offset is the number of bytes the upload has, over all of its bodies."""
        writer = await store.create(UploadId("u"))
        offsets = [writer.offset]

        for piece in (b"", b"abc", b"defgh"):
            await writer.write(samples.inbound(piece, chunk=2, said=False))
            offsets.append(writer.offset)

        assert offsets == [0, 0, 3, 8]

    async def test_large_body_arrives_whole(self, store: BlobStore) -> None:
        """A body of many blocks, in pieces that match no block, is put together right."""
        content = samples.blob(5 * BLOCK + 321)
        writer = await store.create(UploadId("u"))

        await writer.write(samples.inbound(content, chunk=BLOCK - 99))

        assert await writer.commit(Digest.of(content)) == len(content)
        assert await content_in(store, Digest.of(content)) == content

    async def test_last_bytes_are_appended_and_published_in_one_go(
        self, store: BlobStore, other: BlobStore
    ) -> None:
        """What is to follow is told the size, once the blob is published."""
        content = samples.blob(2 * BLOCK + 5)
        writer = await store.create(UploadId("u"))
        await writer.write(Bytes(content[:1000]))
        sizes: list[int] = []

        size = await _finished(writer, Bytes(content[1000:]), Digest.of(content), sizes.append)

        assert [size] == sizes == [len(content)]
        assert await content_in(other, Digest.of(content)) == content
        with pytest.raises(UploadUnknown):
            await store.resume(UploadId("u"))

    async def test_finishing_does_not_wait_for_a_sender_that_pauses(self, store: BlobStore) -> None:
        """What came is kept, nothing is published, and the upload goes on from there."""
        writer = await store.create(UploadId("u"))
        body = Stalling(b"first ", b"second")
        sizes: list[int] = []

        size = await _finished(writer, body, Digest.of(b"first second"), sizes.append)
        came = writer.offset
        body.go_on()
        await writer.write(body)

        assert (size, sizes, came) == (None, [], len(b"first "))
        assert await writer.commit(Digest.of(b"first second")) == len(b"first second")

    async def test_finishing_keeps_a_body_of_which_the_end_is_not_known(
        self, store: BlobStore
    ) -> None:
        """A sender that did not say how much it has may have more."""
        writer = await store.create(UploadId("u"))
        body = samples.inbound(b"content", said=False)
        assert await body.ready()

        size = await _finished(writer, body, Digest.of(b"content"), lambda _: None)

        assert (size, writer.offset) == (None, len(b"content"))
        assert not await body.ready()
        assert await writer.commit(Digest.of(b"content")) == len(b"content")

    async def test_what_follows_may_fail_and_the_blob_stays(self, store: BlobStore) -> None:
        """It is published by then, and the upload is over."""

        def fail(_: int) -> None:
            raise BlobUnknown("planned")

        writer = await store.create(UploadId("u"))

        with pytest.raises(BlobUnknown, match="planned"):
            await _finished(writer, Bytes(b"content"), Digest.of(b"content"), fail)

        assert await content_in(store, Digest.of(b"content")) == b"content"
        with pytest.raises(UploadUnknown):
            await store.resume(UploadId("u"))

    async def test_finishing_with_a_wrong_digest_ends_the_upload(self, store: BlobStore) -> None:
        """As committing with one does; nothing follows."""
        writer = await store.create(UploadId("u"))
        sizes: list[int] = []

        with pytest.raises(DigestInvalid):
            await _finished(writer, Bytes(b"content"), Digest.of(b"other"), sizes.append)

        assert sizes == []
        assert [blob async for blob in store.walk()] == []
        with pytest.raises(UploadUnknown):
            await store.resume(UploadId("u"))

    async def test_writer_that_was_overtaken_finishes_nothing(
        self, store: BlobStore, other: BlobStore
    ) -> None:
        """It is told how far the upload has come."""
        first = await store.create(UploadId("u"))
        second = await other.resume(UploadId("u"))
        await first.write(Bytes(b"first"))

        with pytest.raises(UploadOutOfOrder) as caught:
            await _finished(second, Bytes(b"second"), Digest.of(b"second"), lambda _: None)

        assert caught.value.offset == len(b"first")
        assert await first.commit(Digest.of(b"first")) == len(b"first")

    async def test_publishing_twice_succeeds(self, store: BlobStore, other: BlobStore) -> None:
        """Content that is already there can be pushed again, and is there once."""
        content = samples.blob(500)
        await publish(store, content, name="first")

        digest = await publish(other, content, name="second")

        assert await content_in(store, digest) == content
        assert [blob.digest async for blob in store.walk()] == [digest]

    async def test_same_content_can_be_published_at_the_same_time(
        self, store: BlobStore, other: BlobStore
    ) -> None:
        """Many clients that push one layer at once all succeed."""
        content = samples.blob(5000)

        await asyncio.gather(
            *(
                publish(each, content, name=f"u{number}")
                for number, each in enumerate((store, other) * 8)
            )
        )

        assert await content_in(store, Digest.of(content)) == content

    async def test_different_content_can_be_published_at_the_same_time(
        self, store: BlobStore
    ) -> None:
        """Uploads do not disturb each other."""
        contents = [samples.blob(3000, seed) for seed in range(40)]

        digests = await asyncio.gather(
            *(publish(store, each, name=f"u{number}") for number, each in enumerate(contents))
        )

        assert [await content_in(store, digest) for digest in digests] == contents

    async def test_wrong_digest_is_refused_and_ends_the_upload(self, store: BlobStore) -> None:
        """Content is never published under a digest that is not its own."""
        writer = await store.create(UploadId("u"))
        await writer.write(Bytes(b"some bytes"))

        with pytest.raises(DigestInvalid):
            await writer.commit(Digest.of(b"other bytes"))

        with pytest.raises(UploadUnknown):
            await store.resume(UploadId("u"))
        for content in (b"some bytes", b"other bytes"):
            with pytest.raises(BlobUnknown):
                await store.stat(Digest.of(content))

    async def test_algorithm_that_is_not_kept_is_refused(self, store: BlobStore) -> None:
        """A digest that cannot be checked is invalid, at the beginning as at the end."""
        writer = await store.create(UploadId("u"))

        with pytest.raises(DigestInvalid):
            await writer.commit(Digest("blake3", "0" * 64))
        with pytest.raises(DigestInvalid):
            await store.create(UploadId("v"), algorithm="md5")

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    async def test_algorithm_may_be_guessed_wrong(self, store: BlobStore, algorithm: str) -> None:
        """The algorithm of the final digest rules, not the one that was expected at first."""
        content = samples.blob(4000)
        writer = await store.create(UploadId("u"), algorithm="sha384")
        await writer.write(Bytes(content))

        await writer.commit(Digest.of(content, algorithm))

        assert await content_in(store, Digest.of(content, algorithm)) == content
