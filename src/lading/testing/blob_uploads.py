"""The part of `BlobStoreContract` about uploads that go on, meet each other, or are given up."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from lading.bodies import Bytes, Inbound
from lading.errors import (
    BlobUnknown,
    BodyIncomplete,
    DigestInvalid,
    UploadOutOfOrder,
    UploadUnknown,
)
from lading.interfaces.blobs import BlobStore, BlobWriter, UploadId
from lading.oci.digest import Digest
from lading.testing import samples
from lading.testing.blob_contents import content_in
from lading.testing.faults import Flowing, Stalling

_HOSTILE_IDS = ("", ".", "..", "../u", "a/b", "a\\b", "/etc/passwd", ".u", "U", "a\0b", "a" * 129)


async def _under_way(
    store: BlobStore, body: Inbound, come: asyncio.Event
) -> tuple[BlobWriter, asyncio.Future[None]]:
    """Begin the upload ``u`` with *body*, of which all has *come* that comes by itself."""
    writer = await store.create(UploadId("u"))
    writing = asyncio.ensure_future(writer.write(body))
    await come.wait()
    return writer, writing


class BlobUploadsContract:
    """Every promise about uploads that are not published at once."""

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
        assert await content_in(store, Digest.of(content)) == content

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
        assert await content_in(store, Digest.of(content, "sha512")) == content

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
        assert await content_in(store, Digest.of(content)) == content

    async def test_cancelled_writer_keeps_what_arrived(self, store: BlobStore) -> None:
        """A request that is cancelled leaves an upload that can go on."""
        body = Stalling(b"first ", b"second")
        writer, writing = await _under_way(store, body, body.silent)

        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing

        assert writer.offset == 6
        await writer.write(Bytes(b"third"))
        await writer.commit(Digest.of(b"first third"))

    async def test_cancelling_waits_for_the_thread(self, store: BlobStore) -> None:
        """When a cancelled write has returned, nothing is at work on its upload any more."""
        body = Flowing(b"first ", b"second")
        writer, writing = await _under_way(store, body, body.taken)

        writing.cancel()
        body.end()
        with pytest.raises(asyncio.CancelledError):
            await writing

        again = await store.resume(UploadId("u"))
        assert again.offset == writer.offset
        await again.write(Bytes(b"!"))
        assert again.offset == writer.offset + 1

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
        body = Flowing(b"from the first", b", all of it")
        first, writing = await _under_way(store, body, body.taken)
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
        body = Stalling(b"first ", b"too late")
        _, writing = await _under_way(store, body, body.silent)

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
        body = Stalling(b"all of it", b"and more")
        _, writing = await _under_way(store, body, body.silent)

        newer = await other.resume(UploadId("u"))
        await newer.commit(Digest.of(b"all of it"))
        body.go_on()
        with pytest.raises(UploadUnknown):
            await writing

        assert await content_in(store, Digest.of(b"all of it")) == b"all of it"

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
        assert await content_in(store, Digest.of(b"content")) == b"content"

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

        assert early == []
        assert sorted(rehearsed) == sorted(late)
        assert [(each.id, each.size) for each in sorted(late)] == [("a", 9), ("b", 9), ("c", 9)]
        assert all(each.touched_at <= now for each in late)
        for name in ("a", "b", "c"):
            with pytest.raises(UploadUnknown):
                await store.resume(UploadId(name))

    async def test_upload_that_is_being_written_is_not_abandoned(
        self, store: BlobStore, other: BlobStore
    ) -> None:
        """However old it looks, an upload into which bytes flow now is kept."""
        body = Flowing(b"slow", b" and steady")
        writer, writing = await _under_way(store, body, body.taken)

        dropped = await other.abandon(before=datetime.now(UTC) + timedelta(hours=1))
        body.end()
        await writing

        assert dropped == []
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
