"""A blob store in memory: for tests, for embedders, for content that may be lost."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lading.bodies import BlobContent, Held, Inbound, Span, extents
from lading.errors import (
    BlobUnknown,
    DigestInvalid,
    StorageFailed,
    UploadOutOfOrder,
    UploadUnknown,
)
from lading.interfaces.blobs import BlobWriter, Finished, StaleUpload, StoredBlob, UploadId
from lading.oci.digest import CANONICAL, Digest, Hasher
from lading.storage.threads import Threads

_THREADS = 4


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Staged:
    touched: datetime
    data: bytearray = field(default_factory=bytearray)
    busy: bool = False


@dataclass(slots=True)
class _Shared:
    threads: Threads
    now: Callable[[], datetime]
    blobs: dict[Digest, tuple[bytes, datetime]] = field(default_factory=dict)
    staged: dict[UploadId, _Staged] = field(default_factory=dict)

    def upload(self, upload_id: UploadId) -> _Staged:
        try:
            return self.staged[upload_id]
        except KeyError:
            raise UploadUnknown(upload_id) from None


@asynccontextmanager
async def open_memory(*, now: Callable[[], datetime] = _now) -> AsyncIterator["MemoryBlobs"]:
    """A store of blobs that is empty at first and forgets everything at its end."""
    threads = Threads("lading-memory", _THREADS)
    try:
        yield MemoryBlobs(_Shared(threads, now))
    finally:
        threads.close()


class MemoryBlobs:
    """Blobs and uploads in dictionaries; made by `open_memory`, used on one event loop."""

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared
        self._quarantined: dict[str, bytes] = {}

    async def stat(self, digest: Digest) -> int:
        """See `BlobSource.stat`."""
        return len(self._data(digest))

    async def open(self, digest: Digest, *, spans: Sequence[Span] = ()) -> BlobContent:
        """See `BlobSource.open`."""
        data = self._data(digest)
        return Held(data, extents(spans, len(data)))

    async def create(self, upload_id: UploadId, *, algorithm: str = CANONICAL) -> BlobWriter:
        """See `BlobIntake.create`.

        Raises:
            DigestInvalid: nothing can be kept under *algorithm*.
        """
        Hasher(algorithm)
        if upload_id in self._shared.staged:
            raise StorageFailed(f"upload {upload_id}: exists")
        self._shared.staged[upload_id] = _Staged(self._shared.now())
        return MemoryWriter(self._shared, upload_id, 0)

    async def resume(self, upload_id: UploadId) -> BlobWriter:
        """See `BlobIntake.resume`."""
        return MemoryWriter(self._shared, upload_id, len(self._shared.upload(upload_id).data))

    async def count_uploads(self) -> int:
        """See `BlobIntake.uploads`."""
        return len(self._shared.staged)

    async def delete(self, digest: Digest) -> None:
        """See `BlobUpkeep.delete`."""
        self._shared.blobs.pop(digest, None)

    async def walk(self) -> AsyncIterator[StoredBlob]:
        """See `BlobUpkeep.walk`."""
        for digest, (data, published_at) in list(self._shared.blobs.items()):
            yield StoredBlob(digest, len(data), published_at)

    async def measure(self, digest: Digest) -> Digest:
        """See `BlobUpkeep.measure`."""
        return await self._shared.threads.run(Digest.of, self._data(digest), digest.algorithm)

    async def quarantine(self, digest: Digest) -> str:
        """See `BlobUpkeep.quarantine`.

        Raises:
            BlobUnknown: there is no such blob.
        """
        where = f"memory:quarantine/{digest}.{len(self._quarantined) + 1}"
        self._quarantined[where] = self._data(digest)
        del self._shared.blobs[digest]
        return where

    async def abandon(self, *, before: datetime, dry_run: bool = False) -> Sequence[StaleUpload]:
        """See `UploadUpkeep.abandon`."""
        stale = [
            StaleUpload(upload_id, len(staged.data), staged.touched)
            for upload_id, staged in self._shared.staged.items()
            if staged.touched < before and not staged.busy
        ]
        for upload in () if dry_run else stale:
            del self._shared.staged[upload.id]
        return stale

    def _data(self, digest: Digest) -> bytes:
        try:
            return self._shared.blobs[digest][0]
        except KeyError:
            raise BlobUnknown(digest) from None


class MemoryWriter:
    """A `BlobWriter` into memory; made by `MemoryBlobs`."""

    def __init__(self, shared: _Shared, upload_id: UploadId, offset: int) -> None:
        self._shared = shared
        self._id = upload_id
        self._offset = offset

    @property
    def offset(self) -> int:
        """See `BlobWriter.offset`."""
        return self._offset

    async def write(self, body: Inbound) -> None:
        """See `BlobWriter.write`."""
        while await body.ready():
            await self._take(body)

    async def _take(self, body: Inbound) -> None:
        staged = self._claim()
        staged.busy = True
        try:
            await self._shared.threads.run(_absorb, staged.data, body)
        finally:
            staged.busy = False
            staged.touched = self._shared.now()
            self._offset = len(staged.data)

    async def finish(
        self, body: Inbound, expected: Digest, then: Callable[[int], None]
    ) -> Finished | None:
        """See `BlobWriter.finish`."""
        begun = self._offset
        await self._take(body)
        if body.length is None or self._offset != begun + body.length:
            return None
        size = await self.commit(expected)
        await self._shared.threads.run(then, size)
        return Finished(size, followed=True)

    async def commit(self, expected: Digest) -> int:
        """See `BlobWriter.commit`."""
        staged = self._claim()
        data = bytes(staged.data)
        staged.busy = True
        try:
            proven = expected.storable and (
                await self._shared.threads.run(Digest.of, data, expected.algorithm) == expected
            )
        finally:
            staged.busy = False
        if self._shared.staged.pop(self._id, None) is None:
            raise UploadUnknown(self._id)
        if not proven:
            raise DigestInvalid(expected)
        self._shared.blobs[expected] = (data, self._shared.now())
        return len(data)

    async def abort(self) -> None:
        """See `BlobWriter.abort`."""
        self._shared.staged.pop(self._id, None)

    async def aclose(self) -> None:
        """See `BlobWriter.aclose`."""

    def _claim(self) -> _Staged:
        staged = self._shared.upload(self._id)
        if staged.busy or len(staged.data) != self._offset:
            raise UploadOutOfOrder(self._id, offset=len(staged.data))
        return staged


def _absorb(data: bytearray, body: Inbound) -> None:
    for block in body.blocks():
        data += block
