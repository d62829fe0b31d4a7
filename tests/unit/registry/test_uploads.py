"""Uploads to a local registry: ids, limits, and what is left when one breaks in the middle."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from lading.bodies import Bytes
from lading.errors import (
    BlobUnknown,
    DigestInvalid,
    StorageFailed,
    StorageFull,
    TooManyRequests,
    UploadTooLarge,
    UploadUnknown,
)
from lading.interfaces.blobs import BlobStore, UploadId
from lading.interfaces.metadata import MetadataStore
from lading.interfaces.repository import Repository
from lading.metadata.sqlite import open_sqlite
from lading.oci.digest import Digest
from lading.registry.registry import LocalRegistry
from lading.storage.filesystem import open_filesystem
from lading.storage.memory import open_memory
from lading.testing import samples
from lading.testing.faults import Faults, Flowing, Stalling, faulty
from lading.testing.places import NAME


@pytest.fixture
async def blobs() -> AsyncIterator[BlobStore]:
    """An empty blob store."""
    async with open_memory() as store:
        yield store


@pytest.fixture
async def metadata() -> AsyncIterator[MetadataStore]:
    """An empty metadata store."""
    async with open_sqlite(None, grace=timedelta(hours=24)) as store:
        yield store


@pytest.fixture
def faults() -> Faults:
    """What is to go wrong."""
    return Faults()


@pytest.fixture
def repository(blobs: BlobStore, metadata: MetadataStore, faults: Faults) -> Repository:
    """A repository on stores that fail on cue."""
    return LocalRegistry(faulty(blobs, faults), faulty(metadata, faults)).repository(NAME)


def _limited(
    blobs: BlobStore,
    metadata: MetadataStore,
    *,
    blob_limit: int | None = None,
    open_uploads: int | None = None,
) -> Repository:
    registry = LocalRegistry(blobs, metadata, blob_limit=blob_limit, open_uploads=open_uploads)
    return registry.repository(NAME)


async def _stored(blobs: BlobStore) -> set[Digest]:
    return {each.digest async for each in blobs.walk()}


def _counting() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"id{next(numbers)}"


@pytest.mark.parametrize(
    ("algorithm", "ending"), [("sha256", ""), ("sha384", "-sha384"), ("sha512", "-sha512")]
)
async def test_id_says_which_repository_and_algorithm_it_is_for(
    blobs: BlobStore, metadata: MetadataStore, algorithm: str, ending: str
) -> None:
    """A random part, a hash of the repository's name, and the algorithm unless it is sha256."""
    registry = LocalRegistry(blobs, metadata, new_id=_counting())
    mark = Digest.of(NAME.encode()).value[:16]

    upload = await registry.repository(NAME).start_upload(algorithm=algorithm)

    assert upload.id == f"id1-{mark}{ending}"


async def test_ids_cannot_be_guessed(repository: Repository) -> None:
    """Each has 128 random bits."""
    ids = {(await repository.start_upload()).id for _ in range(20)}

    assert len(ids) == 20
    assert all(len(each.partition("-")[0]) == 32 for each in ids)


async def test_store_is_not_asked_for_an_id_of_another_repository(
    repository: Repository, faults: Faults
) -> None:
    """An id that is not of this repository's form never reaches the file system."""
    for text in (
        "../x-0000000000000000",
        f"id1-{'0' * 16}",
        f"ID1-{_mark()}",
        f"a-{_mark()}-../..",
    ):
        with pytest.raises(UploadUnknown):
            await repository.resume_upload(UploadId(text))

    assert "resume" not in faults.calls


def _mark() -> str:
    return Digest.of(NAME.encode()).value[:16]


@pytest.mark.parametrize("said", [True, False])
async def test_blob_up_to_the_limit_is_taken(
    blobs: BlobStore, metadata: MetadataStore, said: bool
) -> None:
    """The limit itself is allowed, in one body or in several."""
    content = samples.blob(100)
    upload = await _limited(blobs, metadata, blob_limit=100).start_upload()

    await upload.write(samples.inbound(content[:60], said=said))
    await upload.write(samples.inbound(content[60:], said=said))

    assert (await upload.commit(Digest.of(content))).size == 100


async def test_body_that_says_it_is_too_long_is_refused_unread(
    blobs: BlobStore, metadata: MetadataStore
) -> None:
    """Nothing of it is stored, and the upload lives."""
    upload = await _limited(blobs, metadata, blob_limit=100).start_upload()
    await upload.write(Bytes(b"x" * 60))

    with pytest.raises(UploadTooLarge):
        await upload.write(Bytes(b"x" * 41))

    assert upload.offset == 60
    assert await upload.write(Bytes(b"x" * 40)) == 100


async def test_body_that_turns_out_too_long_is_cut_off(
    blobs: BlobStore, metadata: MetadataStore
) -> None:
    """A sender that does not say how much it sends gets no further than the limit."""
    upload = await _limited(blobs, metadata, blob_limit=100).start_upload()

    with pytest.raises(UploadTooLarge):
        await upload.write(samples.inbound(samples.blob(1000), chunk=30, said=False))

    assert upload.offset <= 100


async def test_body_that_is_longer_than_it_said_is_cut_off(
    blobs: BlobStore, metadata: MetadataStore
) -> None:
    """The limit does not take the word of a caller for it."""
    upload = await _limited(blobs, metadata, blob_limit=100).start_upload()
    body = Flowing(b"x" * 60, b"x" * 60)
    body.length = 10
    body.end()

    with pytest.raises(UploadTooLarge):
        await upload.write(body)

    assert upload.offset <= 100


async def test_limit_keeps_no_body_from_being_poured(
    tmp_path: Path, metadata: MetadataStore
) -> None:
    """What never gives more than it said needs nobody to count."""

    class OnlyPoured(Bytes):
        async def pour(self, take: Callable[[memoryview], None]) -> None:
            for block in super().blocks():
                take(block)

        def blocks(self) -> Iterator[memoryview]:
            raise AssertionError("it was not poured")

    content = samples.blob(100)
    async with open_filesystem(tmp_path, diskless=True) as blobs:
        upload = await _limited(blobs, metadata, blob_limit=100).start_upload()
        stored = await upload.commit(Digest.of(content), OnlyPoured(content))

    assert stored.size == 100


async def test_uploads_above_the_limit_are_turned_away_for_a_while(
    blobs: BlobStore, metadata: MetadataStore
) -> None:
    """The error says when to try again; an upload that ends makes room."""
    repository = _limited(blobs, metadata, open_uploads=2)
    first = await repository.start_upload()
    await repository.start_upload()

    with pytest.raises(TooManyRequests) as caught:
        await repository.start_upload()
    await first.cancel()
    await repository.start_upload()

    assert caught.value.retry_after > 0


async def test_blob_is_linked_under_the_exclusion_that_published_it(
    repository: Repository, faults: Faults
) -> None:
    """Deleters are kept away before the bytes get their name, and until they are linked."""
    await samples.put_blob(repository, b"content")

    # One commit is the writer's, the other that of the metadata store.
    assert faults.calls == ["create", "write", "publishing", "commit", "commit"]


async def test_last_bytes_are_published_and_linked_under_one_exclusion(
    repository: Repository, faults: Faults
) -> None:
    """Where they come without a pause, it is one step of the blob store and one of metadata."""
    upload = await repository.start_upload()

    await upload.commit(Digest.of(b"content"), Bytes(b"content"))

    assert faults.calls == ["create", "publishing", "finish", "commit_blocking"]


async def test_sender_that_pauses_keeps_no_deleter_waiting(
    repository: Repository, metadata: MetadataStore
) -> None:
    """The exclusion is let go of, and taken again when all bytes are there."""
    upload = await repository.start_upload()
    body = Stalling(b"first ", b"second")
    digest = Digest.of(b"first second")
    committing = asyncio.ensure_future(upload.commit(digest, body))
    await body.silent.wait()

    async with asyncio.timeout(10), metadata.exclusively(digest):
        body.go_on()
    pushed = await committing

    assert pushed.size == len(b"first second")
    assert await repository.stat_blob(digest) == pushed


async def test_last_bytes_that_could_not_be_linked_are_waste_and_not_readable(
    repository: Repository, faults: Faults, blobs: BlobStore, metadata: MetadataStore
) -> None:
    """The bytes are left for the sweep; the upload is over, and can be made again."""
    upload = await repository.start_upload()
    digest = Digest.of(b"content")
    faults.fail("commit_blocking", StorageFailed("the database is gone"))

    with pytest.raises(StorageFailed):
        await upload.commit(digest, Bytes(b"content"))

    assert await _stored(blobs) == {digest}
    assert list(await metadata.unknown([digest])) == [digest]
    with pytest.raises(UploadUnknown):
        await upload.write(Bytes(b"more"))


async def test_last_bytes_beyond_the_limit_are_refused_and_the_upload_lives(
    blobs: BlobStore, metadata: MetadataStore
) -> None:
    """Nothing of them is taken."""
    upload = await _limited(blobs, metadata, blob_limit=100).start_upload()
    await upload.write(Bytes(b"x" * 60))

    with pytest.raises(UploadTooLarge):
        await upload.commit(Digest.of(b"x" * 101), Bytes(b"x" * 41))

    assert (await upload.commit(Digest.of(b"x" * 100), Bytes(b"x" * 40))).size == 100


async def test_exclusion_outlives_a_caller_who_is_cancelled_while_bytes_come(
    repository: Repository, metadata: MetadataStore
) -> None:
    """The thread at work is waited for; then deleters may go on."""
    upload = await repository.start_upload()
    body = Flowing(b"first ", b"second")
    digest = Digest.of(b"first second")
    committing = asyncio.ensure_future(upload.commit(digest, body))
    await body.taken.wait()

    committing.cancel()
    waiting = asyncio.ensure_future(_excluded(metadata, digest))
    await asyncio.wait({committing, waiting}, timeout=0.05)
    kept = not committing.done() and not waiting.done()
    body.end()
    with pytest.raises(asyncio.CancelledError):
        await committing
    await waiting

    assert kept


async def _excluded(metadata: MetadataStore, digest: Digest) -> None:
    async with asyncio.timeout(10), metadata.exclusively(digest):
        pass


async def test_digest_that_cannot_be_checked_leaves_the_upload_alone(
    repository: Repository,
) -> None:
    """The caller may close the upload again, with a digest that can be."""
    upload = await repository.start_upload()
    await upload.write(Bytes(b"content"))

    with pytest.raises(DigestInvalid):
        await upload.commit(Digest("blake3", "0" * 64))

    assert (await upload.commit(Digest.of(b"content"))).size == 7


async def test_upload_survives_storage_that_fails_to_publish(
    repository: Repository, faults: Faults, blobs: BlobStore
) -> None:
    """Nothing was published, and the same upload can be closed when there is room again."""
    upload = await repository.start_upload()
    await upload.write(Bytes(b"content"))
    faults.fail("commit", StorageFull("no space left"))

    with pytest.raises(StorageFull):
        await upload.commit(Digest.of(b"content"))
    published = await _stored(blobs)
    await upload.commit(Digest.of(b"content"))

    assert published == set()
    assert (await repository.stat_blob(Digest.of(b"content"))).size == 7


async def test_blob_that_could_not_be_linked_is_waste_and_not_readable(
    repository: Repository, faults: Faults, blobs: BlobStore, metadata: MetadataStore
) -> None:
    """The bytes are left for the sweep; the upload is over, and can be made again."""
    upload = await repository.start_upload()
    await upload.write(Bytes(b"content"))
    digest = Digest.of(b"content")
    faults.fail("commit", StorageFailed("the database is gone"), skip=1)

    with pytest.raises(StorageFailed):
        await upload.commit(digest)

    assert await _stored(blobs) == {digest}
    assert list(await metadata.unknown([digest])) == [digest]
    with pytest.raises(BlobUnknown):
        await repository.stat_blob(digest)
    with pytest.raises(UploadUnknown):
        await upload.write(Bytes(b"more"))
    assert await samples.put_blob(repository, b"content")


async def test_cancelled_commit_leaves_nothing_half_done(
    repository: Repository, faults: Faults, metadata: MetadataStore
) -> None:
    """Whoever is cancelled between publishing and linking lets go of the exclusion."""
    upload = await repository.start_upload()
    await upload.write(Bytes(b"content"))
    digest = Digest.of(b"content")
    between = faults.hold("commit")
    between.release()
    hold = faults.hold("commit")

    task = asyncio.create_task(upload.commit(digest))
    await hold.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with asyncio.timeout(10), metadata.exclusively(digest):
        pass
    with pytest.raises(BlobUnknown):
        await repository.stat_blob(digest)
    assert await samples.put_blob(repository, b"content")


async def test_upload_that_was_let_go_of_cannot_be_used(repository: Repository) -> None:
    """It has to be found again; letting go twice is no error."""
    upload = await repository.start_upload()
    await upload.aclose()
    await upload.aclose()

    for step in (upload.write(Bytes(b"x")), upload.commit(Digest.of(b"")), upload.cancel()):
        with pytest.raises(UploadUnknown):
            await step
