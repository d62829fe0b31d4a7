"""The contract of `BlobStore`, as tests: an implementation that passes it is supported.

::

    class TestTapeBlobs(BlobStoreContract):
        @pytest.fixture
        async def store(self, tmp_path):
            async with open_tape(device=tmp_path) as store:
                yield store

Stores that several processes share also provide ``other``: a second store over the same place.
The tests are coroutines; pytest-asyncio runs them in its automatic mode.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from lading.bodies import BLOCK, Bytes, Span
from lading.errors import (
    BlobUnknown,
    BodyIncomplete,
    DigestInvalid,
    RangeUnsatisfiable,
    UploadOutOfOrder,
    UploadUnknown,
)
from lading.interfaces.blobs import BlobIntake, BlobSource, BlobStore, UploadId
from lading.oci.digest import ALGORITHMS, CANONICAL, Digest
from lading.testing import samples
from lading.testing.faults import Flowing, Stalling

_SIZES = (0, 1, 100, 64 * 1024, 64 * 1024 + 1, 2 * BLOCK + 17)
_HOSTILE_IDS = ("", ".", "..", "../u", "a/b", "a\\b", "/etc/passwd", ".u", "U", "a\0b", "a" * 129)
_TALES_OF_NOBODY = Digest.of(b"never written")


async def _publish(
    store: BlobIntake, content: bytes, *, name: str = "u", algorithm: str = CANONICAL
) -> Digest:
    writer = await store.create(UploadId(name), algorithm=algorithm)
    await writer.write(Bytes(content))
    digest = Digest.of(content, algorithm)
    await writer.commit(digest)
    await writer.aclose()
    return digest


async def _content(store: BlobSource, digest: Digest, *spans: Span) -> bytes:
    return await samples.content_of(await store.open(digest, spans=spans))


class BlobStoreContract:
    """Every promise of `BlobStore`. Subclass it and provide a fixture ``store``."""

    @pytest.fixture
    def other(self, store: BlobStore) -> BlobStore:
        """A second store over the same place, or the same when the place is not shared."""
        return store

    # Reading

    @pytest.mark.parametrize("size", _SIZES)
    async def test_what_was_committed_reads_back(self, store: BlobStore, size: int) -> None:
        """Content of any length, none included, comes back byte by byte, more than once."""
        content = samples.blob(size)

        digest = await _publish(store, content)

        assert await store.stat(digest) == size
        assert await _content(store, digest) == content
        assert await _content(store, digest) == content
        assert (await store.open(digest)).total == size

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    async def test_every_algorithm_names_content(self, store: BlobStore, algorithm: str) -> None:
        """Content is kept under the digest it was pushed with, whatever its algorithm."""
        content = samples.blob(1000)

        digest = await _publish(store, content, algorithm=algorithm)

        assert await _content(store, digest) == content
        assert [blob.digest async for blob in store.walk()] == [digest]

    async def test_what_is_not_there_is_unknown(self, store: BlobStore) -> None:
        """A digest that nobody pushed has no size and no content."""
        with pytest.raises(BlobUnknown):
            await store.stat(_TALES_OF_NOBODY)
        with pytest.raises(BlobUnknown):
            await store.open(_TALES_OF_NOBODY)

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
        digest = await _publish(store, content)

        found = await _content(store, digest, Span(5, 9), Span(None, 3), Span(size - 2, size + 50))
        tail = await store.open(digest, spans=[Span(size), Span(10)])

        assert found == content[5:10] + content[-3:] + content[-2:]
        assert tail.total == size
        assert await samples.content_of(tail) == content[10:]

    @pytest.mark.parametrize("size", [0, 10, 2 * BLOCK])
    async def test_spans_beyond_the_end_are_refused(self, store: BlobStore, size: int) -> None:
        """When no span lies within the content, the error tells how long it is."""
        digest = await _publish(store, samples.blob(size))

        for _ in range(2):
            with pytest.raises(RangeUnsatisfiable) as caught:
                await store.open(digest, spans=[Span(size), Span(size + 7, size + 9)])
            assert caught.value.total == size

    async def test_open_content_outlives_its_deletion(self, store: BlobStore) -> None:
        """A download that has begun is not cut by a delete."""
        content = samples.blob(2 * BLOCK)
        digest = await _publish(store, content)
        body = await store.open(digest)

        await store.delete(digest)

        assert await samples.content_of(body) == content

    # Writing

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

        assert await _content(other, Digest.of(content)) == content

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
        assert await _content(store, Digest.of(content)) == content

    async def test_last_bytes_are_appended_and_published_in_one_go(
        self, store: BlobStore, other: BlobStore
    ) -> None:
        """What is to follow is told the size, once the blob is published."""
        content = samples.blob(2 * BLOCK + 5)
        writer = await store.create(UploadId("u"))
        await writer.write(Bytes(content[:1000]))
        sizes: list[int] = []

        size = await writer.finish(Bytes(content[1000:]), Digest.of(content), sizes.append)

        assert [size] == sizes == [len(content)]
        assert await _content(other, Digest.of(content)) == content
        with pytest.raises(UploadUnknown):
            await store.resume(UploadId("u"))

    async def test_finishing_does_not_wait_for_a_sender_that_pauses(self, store: BlobStore) -> None:
        """What came is kept, nothing is published, and the upload goes on from there."""
        writer = await store.create(UploadId("u"))
        body = Stalling(b"first ", b"second")
        sizes: list[int] = []

        size = await writer.finish(body, Digest.of(b"first second"), sizes.append)
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

        size = await writer.finish(body, Digest.of(b"content"), lambda _: None)

        assert (size, writer.offset) == (None, len(b"content"))
        assert not await body.ready()
        assert await writer.commit(Digest.of(b"content")) == len(b"content")

    async def test_what_follows_may_fail_and_the_blob_stays(self, store: BlobStore) -> None:
        """It is published by then, and the upload is over."""

        def fail(_: int) -> None:
            raise BlobUnknown("planned")

        writer = await store.create(UploadId("u"))

        with pytest.raises(BlobUnknown, match="planned"):
            await writer.finish(Bytes(b"content"), Digest.of(b"content"), fail)

        assert await _content(store, Digest.of(b"content")) == b"content"
        with pytest.raises(UploadUnknown):
            await store.resume(UploadId("u"))

    async def test_finishing_with_a_wrong_digest_ends_the_upload(self, store: BlobStore) -> None:
        """As committing with one does; nothing follows."""
        writer = await store.create(UploadId("u"))
        sizes: list[int] = []

        with pytest.raises(DigestInvalid):
            await writer.finish(Bytes(b"content"), Digest.of(b"other"), sizes.append)

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
            await second.finish(Bytes(b"second"), Digest.of(b"second"), lambda _: None)

        assert caught.value.offset == len(b"first")
        assert await first.commit(Digest.of(b"first")) == len(b"first")

    async def test_publishing_twice_succeeds(self, store: BlobStore, other: BlobStore) -> None:
        """Content that is already there can be pushed again, and is there once."""
        content = samples.blob(500)
        await _publish(store, content, name="first")

        digest = await _publish(other, content, name="second")

        assert await _content(store, digest) == content
        assert [blob.digest async for blob in store.walk()] == [digest]

    async def test_same_content_can_be_published_at_the_same_time(
        self, store: BlobStore, other: BlobStore
    ) -> None:
        """Many clients that push one layer at once all succeed."""
        content = samples.blob(5000)

        await asyncio.gather(
            *(
                _publish(each, content, name=f"u{number}")
                for number, each in enumerate((store, other) * 8)
            )
        )

        assert await _content(store, Digest.of(content)) == content

    async def test_different_content_can_be_published_at_the_same_time(
        self, store: BlobStore
    ) -> None:
        """Uploads do not disturb each other."""
        contents = [samples.blob(3000, seed) for seed in range(40)]

        digests = await asyncio.gather(
            *(_publish(store, each, name=f"u{number}") for number, each in enumerate(contents))
        )

        assert [await _content(store, digest) for digest in digests] == contents

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

        assert await _content(store, Digest.of(content, algorithm)) == content

    # Going on

    async def test_upload_goes_on_after_it_was_let_go_of(
        self, store: BlobStore, other: BlobStore
    ) -> None:
        """An upload of several requests may be taken up anywhere, with all its bytes."""
        content = samples.blob(1000)
        writer = await store.create(UploadId("u"))
        await writer.aclose()

        for number in range(10):
            writer = await (store, other)[number % 3 == 0].resume(UploadId("u"))
            assert writer.offset == number * 100
            await writer.write(Bytes(content[number * 100 : number * 100 + 100]))
            await writer.aclose()
        writer = await other.resume(UploadId("u"))

        assert await writer.commit(Digest.of(content)) == 1000
        assert await _content(store, Digest.of(content)) == content

    async def test_asking_for_the_state_changes_nothing(self, store: BlobStore) -> None:
        """Taking up an upload only to look at its offset leaves it as it was."""
        content = samples.blob(300)
        writer = await store.create(UploadId("u"), algorithm="sha512")
        await writer.write(Bytes(content))
        await writer.aclose()

        for _ in range(2):
            looking = await store.resume(UploadId("u"))
            assert looking.offset == 300
            await looking.aclose()
        writer = await store.resume(UploadId("u"))

        await writer.commit(Digest.of(content, "sha512"))
        assert await _content(store, Digest.of(content, "sha512")) == content

    async def test_letting_go_twice_is_fine(self, store: BlobStore) -> None:
        """A writer can be closed again, and after its upload ended."""
        writer = await store.create(UploadId("u"))
        await writer.aclose()
        await writer.aclose()
        writer = await store.resume(UploadId("u"))
        await writer.commit(Digest.of(b""))
        await writer.aclose()

        with pytest.raises(UploadUnknown):
            await store.resume(UploadId("u"))

    async def test_upload_that_nobody_began_is_unknown(self, store: BlobStore) -> None:
        """Only an upload that exists can be gone on with."""
        with pytest.raises(UploadUnknown):
            await store.resume(UploadId("nobody"))

    @pytest.mark.parametrize("name", _HOSTILE_IDS)
    async def test_hostile_upload_ids_are_unknown(self, store: BlobStore, name: str) -> None:
        """An id that the registry would never give names no upload, and no file."""
        with pytest.raises(UploadUnknown):
            await store.resume(UploadId(name))

    async def test_what_arrived_before_a_failure_stays(
        self, store: BlobStore, other: BlobStore
    ) -> None:
        """When a sender goes away in the middle, the upload goes on from there."""
        content = samples.blob(1000)
        writer = await store.create(UploadId("u"))

        with pytest.raises(BodyIncomplete):
            await writer.write(samples.inbound(content, chunk=64, breaks_after=500))

        assert writer.offset == 500
        await writer.aclose()
        again = await other.resume(UploadId("u"))
        assert again.offset == 500
        await again.write(Bytes(content[500:]))
        await again.commit(Digest.of(content))
        assert await _content(store, Digest.of(content)) == content

    async def test_cancelled_writer_keeps_what_arrived(self, store: BlobStore) -> None:
        """A request that is cancelled leaves an upload that can go on."""
        writer = await store.create(UploadId("u"))
        body = Stalling(b"first ", b"second")
        writing = asyncio.ensure_future(writer.write(body))
        await body.silent.wait()

        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing

        assert writer.offset == 6
        await writer.write(Bytes(b"third"))
        await writer.commit(Digest.of(b"first third"))

    async def test_cancelling_waits_for_the_thread(self, store: BlobStore) -> None:
        """When a cancelled write has returned, nothing is at work on its upload any more."""
        writer = await store.create(UploadId("u"))
        body = Flowing(b"first ", b"second")
        writing = asyncio.ensure_future(writer.write(body))
        await body.taken.wait()

        writing.cancel()
        body.end()
        with pytest.raises(asyncio.CancelledError):
            await writing

        again = await store.resume(UploadId("u"))
        assert again.offset == writer.offset
        await again.write(Bytes(b"!"))
        assert again.offset == writer.offset + 1

    # Two at once

    async def test_writer_that_was_overtaken_finds_out(
        self, store: BlobStore, other: BlobStore
    ) -> None:
        """The second of two writers is told how far the first has come, and writes nothing."""
        first = await store.create(UploadId("u"))
        second = await other.resume(UploadId("u"))
        await first.write(Bytes(b"from the first"))

        with pytest.raises(UploadOutOfOrder) as caught:
            await second.write(Bytes(b"from the second"))
        with pytest.raises(UploadOutOfOrder):
            await second.commit(Digest.of(b""))

        assert caught.value.offset == len(b"from the first")
        await first.commit(Digest.of(b"from the first"))

    async def test_writer_at_work_excludes_others(self, store: BlobStore, other: BlobStore) -> None:
        """While bytes flow into an upload, nobody else can write or commit it."""
        first = await store.create(UploadId("u"))
        body = Flowing(b"from the first", b", all of it")
        writing = asyncio.ensure_future(first.write(body))
        await body.taken.wait()
        second = await other.resume(UploadId("u"))

        with pytest.raises(UploadOutOfOrder) as caught:
            await second.write(Bytes(b"from the second"))
        with pytest.raises(UploadOutOfOrder):
            await second.commit(Digest.of(b"from the first"))
        body.end()
        await writing

        assert caught.value.offset == len(b"from the first")
        await first.commit(Digest.of(b"from the first, all of it"))

    async def test_silent_writer_yields_to_a_newer_one(
        self, store: BlobStore, other: BlobStore
    ) -> None:
        """A client whose connection died unnoticed can go on at once with a new one."""
        stalled = await store.create(UploadId("u"))
        body = Stalling(b"first ", b"too late")
        writing = asyncio.ensure_future(stalled.write(body))
        await body.silent.wait()

        newer = await other.resume(UploadId("u"))
        await newer.write(Bytes(b"second"))
        body.go_on()
        with pytest.raises(UploadOutOfOrder) as caught:
            await writing

        assert caught.value.offset == len(b"first second")
        await newer.commit(Digest.of(b"first second"))

    async def test_silent_writer_cannot_touch_what_was_published(
        self, store: BlobStore, other: BlobStore
    ) -> None:
        """Bytes that come after another request published the upload go nowhere."""
        stalled = await store.create(UploadId("u"))
        body = Stalling(b"all of it", b"and more")
        writing = asyncio.ensure_future(stalled.write(body))
        await body.silent.wait()

        newer = await other.resume(UploadId("u"))
        await newer.commit(Digest.of(b"all of it"))
        body.go_on()
        with pytest.raises(UploadUnknown):
            await writing

        assert await _content(store, Digest.of(b"all of it")) == b"all of it"

    # Giving up

    async def test_aborted_upload_is_forgotten(self, store: BlobStore, other: BlobStore) -> None:
        """After an abort nothing of the upload is left, and aborting again is fine."""
        writer = await store.create(UploadId("u"))
        await writer.write(Bytes(b"unwanted"))
        late = await other.resume(UploadId("u"))

        await writer.abort()
        await writer.abort()

        with pytest.raises(UploadUnknown):
            await store.resume(UploadId("u"))
        with pytest.raises(UploadUnknown):
            await late.write(Bytes(b"more"))
        with pytest.raises(UploadUnknown):
            await late.commit(Digest.of(b"unwanted"))
        await late.abort()
        with pytest.raises(BlobUnknown):
            await store.stat(Digest.of(b"unwanted"))

    async def test_committed_upload_is_over(self, store: BlobStore) -> None:
        """An upload is published once; its id then names nothing."""
        writer = await store.create(UploadId("u"))
        await writer.write(Bytes(b"content"))
        await writer.commit(Digest.of(b"content"))

        with pytest.raises(UploadUnknown):
            await writer.commit(Digest.of(b"content"))
        with pytest.raises(UploadUnknown):
            await writer.write(Bytes(b"more"))
        await writer.abort()
        assert await _content(store, Digest.of(b"content")) == b"content"

    async def test_stale_uploads_are_abandoned(self, store: BlobStore, other: BlobStore) -> None:
        """Uploads that took no byte since a time are dropped; younger ones stay."""
        for name in ("a", "b", "c"):
            writer = await store.create(UploadId(name))
            await writer.write(Bytes(b"something"))
            await writer.aclose()
        now = datetime.now(UTC)

        early = await other.abandon(before=now - timedelta(hours=1))
        rehearsed = await other.abandon(before=now + timedelta(hours=1), dry_run=True)
        late = await other.abandon(before=now + timedelta(hours=1))

        assert (early, rehearsed, late) == (0, 3, 3)
        for name in ("a", "b", "c"):
            with pytest.raises(UploadUnknown):
                await store.resume(UploadId(name))

    async def test_upload_that_is_being_written_is_not_abandoned(
        self, store: BlobStore, other: BlobStore
    ) -> None:
        """However old it looks, an upload into which bytes flow now is kept."""
        writer = await store.create(UploadId("u"))
        body = Flowing(b"slow", b" and steady")
        writing = asyncio.ensure_future(writer.write(body))
        await body.taken.wait()

        dropped = await other.abandon(before=datetime.now(UTC) + timedelta(hours=1))
        body.end()
        await writing

        assert dropped == 0
        await writer.commit(Digest.of(b"slow and steady"))

    async def test_open_uploads_are_counted(self, store: BlobStore) -> None:
        """Uploads count from their beginning to their end, however they end."""
        counts = [await store.count_uploads()]
        writers = [await store.create(UploadId(f"u{number}")) for number in range(4)]
        counts.append(await store.count_uploads())
        await writers[0].commit(Digest.of(b""))
        await writers[1].abort()
        with pytest.raises(DigestInvalid):
            await writers[2].commit(Digest.of(b"not this"))
        counts.append(await store.count_uploads())
        await store.abandon(before=datetime.now(UTC) + timedelta(hours=1))
        counts.append(await store.count_uploads())

        assert counts == [0, 4, 1, 0]

    # Upkeep

    async def test_deleted_blob_is_gone(self, store: BlobStore, other: BlobStore) -> None:
        """After a delete the blob is unknown, deleting again is fine, and a push brings it back."""
        content = samples.blob(2 * BLOCK)
        digest = await _publish(store, content, name="first")

        await store.delete(digest)
        await other.delete(digest)

        for each in (store, other):
            with pytest.raises(BlobUnknown):
                await each.open(digest)
        assert [blob async for blob in store.walk()] == []
        await _publish(other, content, name="second")
        assert await _content(store, digest) == content

    async def test_small_blob_that_was_read_can_be_deleted(self, store: BlobStore) -> None:
        """A store that remembers small blobs forgets those that it deletes."""
        digest = await _publish(store, b"small")
        await _content(store, digest)

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
            digest = await _publish(store, content, name=f"u{number}", algorithm=algorithm)
            expected[digest] = len(content)
        await store.create(UploadId("unfinished"))

        found = [blob async for blob in store.walk()]

        assert {blob.digest: blob.size for blob in found} == expected
        assert len(found) == len(expected)
        assert all(begun < blob.published_at <= datetime.now(UTC) for blob in found)

    async def test_walk_can_be_left(self, store: BlobStore) -> None:
        """Whoever has seen enough of a walk can stop."""
        for number in range(3):
            await _publish(store, samples.blob(10, number), name=f"u{number}")

        walk = store.walk()
        first = await anext(walk)

        assert first.size == 10

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    async def test_measuring_reads_the_bytes(self, store: BlobStore, algorithm: str) -> None:
        """Bytes in good health measure as the digest they are kept under."""
        digest = await _publish(store, samples.blob(BLOCK + 5), algorithm=algorithm)

        assert await store.measure(digest) == digest
        with pytest.raises(BlobUnknown):
            await store.measure(_TALES_OF_NOBODY)

    async def test_quarantined_blob_is_out_of_the_way(self, store: BlobStore) -> None:
        """Quarantined bytes are kept, under another name, and a push replaces them."""
        content = samples.blob(300)
        digest = await _publish(store, content, name="first")
        await _content(store, digest)

        places = {await store.quarantine(digest)}
        with pytest.raises(BlobUnknown):
            await store.open(digest)
        with pytest.raises(BlobUnknown):
            await store.quarantine(digest)
        await _publish(store, content, name="second")
        places.add(await store.quarantine(digest))

        assert len(places) == 2
        assert [blob async for blob in store.walk()] == []
