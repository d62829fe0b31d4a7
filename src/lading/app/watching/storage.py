"""How long the stores take."""

import os
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from lading.app.watching.meters import Meter
from lading.app.watching.metrics import COMMITS, STORAGE, SYNCS
from lading.bodies import BlobContent, Span
from lading.interfaces.blobs import BlobStore, BlobWriter, StaleUpload, StoredBlob, UploadId
from lading.oci.digest import CANONICAL, Digest


class Timings:
    """Counts in *meter* what the stores take; *driver* is what their kind is called."""

    def __init__(self, meter: Meter, driver: str) -> None:
        self._meter = meter
        self._driver = driver

    def sync(self, descriptor: int) -> None:
        """Make what was written to *descriptor* durable."""
        began = time.perf_counter()
        os.fsync(descriptor)
        self._meter.observe(SYNCS, time.perf_counter() - began)

    def committed(self, seconds: float) -> None:
        """A transaction of the database took *seconds*."""
        self._meter.observe(COMMITS, seconds)

    def blobs(self, inner: BlobStore) -> BlobStore:
        """*inner*, with a clock."""
        return TimedBlobs(inner, self._meter, self._driver)


class TimedBlobs:
    """A store of blobs that counts how long *inner* takes to answer, by Distribution's names.

    Bodies on their way in and out are not timed: that is the time of their senders and receivers.
    """

    def __init__(self, inner: BlobStore, meter: Meter, driver: str) -> None:
        self._inner = inner
        self._meter = meter
        self._driver = driver

    async def stat(self, digest: Digest) -> int:
        """See `BlobSource.stat`."""
        began = time.perf_counter()
        try:
            return await self._inner.stat(digest)
        finally:
            self._took("Stat", began)

    async def open(self, digest: Digest, *, spans: Sequence[Span] = ()) -> BlobContent:
        """See `BlobSource.open`."""
        began = time.perf_counter()
        try:
            return await self._inner.open(digest, spans=spans)
        finally:
            self._took("GetContent", began)

    async def create(self, upload_id: UploadId, *, algorithm: str = CANONICAL) -> BlobWriter:
        """See `BlobIntake.create`."""
        began = time.perf_counter()
        try:
            return await self._inner.create(upload_id, algorithm=algorithm)
        finally:
            self._took("PutContent", began)

    async def resume(self, upload_id: UploadId) -> BlobWriter:
        """See `BlobIntake.resume`."""
        return await self._inner.resume(upload_id)

    async def count_uploads(self) -> int:
        """See `BlobIntake.count_uploads`."""
        return await self._inner.count_uploads()

    async def delete(self, digest: Digest) -> None:
        """See `BlobUpkeep.delete`."""
        began = time.perf_counter()
        try:
            await self._inner.delete(digest)
        finally:
            self._took("Delete", began)

    def walk(self) -> AsyncIterator[StoredBlob]:
        """See `BlobUpkeep.walk`."""
        return self._inner.walk()

    async def measure(self, digest: Digest) -> Digest:
        """See `BlobUpkeep.measure`."""
        return await self._inner.measure(digest)

    async def quarantine(self, digest: Digest) -> str:
        """See `BlobUpkeep.quarantine`."""
        return await self._inner.quarantine(digest)

    async def abandon(self, *, before: datetime, dry_run: bool = False) -> Sequence[StaleUpload]:
        """See `UploadUpkeep.abandon`."""
        return await self._inner.abandon(before=before, dry_run=dry_run)

    def _took(self, action: str, began: float) -> None:
        self._meter.observe(STORAGE, time.perf_counter() - began, self._driver, action)
