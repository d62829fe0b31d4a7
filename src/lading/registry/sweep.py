"""Sweeping up waste: what crashes and vanished clients left behind.

Waste is bytes without a row (a crash came between publishing and linking them) and uploads that
nobody goes on with. It costs space and nothing else, so there is no hurry: a walk over all bytes,
a batch at a time.
"""

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime, timedelta

from lading.interfaces.blobs import BlobStore, StaleUpload, StoredBlob
from lading.interfaces.metadata import MetadataStore
from lading.oci.digest import Digest
from lading.registry.collected import Collected, Listener, Tally, What, unheard

log = logging.getLogger(__name__)

_BATCH = 256


class Sweep:
    """Takes bytes without a row after *grace*, and uploads idle for longer than *expiry*.

    Without an *expiry* uploads stay; with *purge_dry_run* they stay as well, and the log tells how
    many would go.
    """

    def __init__(
        self,
        blobs: BlobStore,
        metadata: MetadataStore,
        *,
        grace: timedelta,
        expiry: timedelta | None,
        purge_dry_run: bool = False,
        now: Callable[[], datetime],
    ) -> None:
        self._blobs = blobs
        self._metadata = metadata
        self._grace = grace
        self._expiry = expiry
        self._purge_dry_run = purge_dry_run
        self._now = now

    async def batches(self) -> AsyncGenerator[Sequence[StoredBlob], None]:
        """All bytes that are old enough to be waste, in batches for `take`."""
        before = self._now() - self._grace
        batch: list[StoredBlob] = []
        async for stored in self._blobs.walk():
            if stored.published_at < before:
                batch.append(stored)
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    async def take(
        self, batch: Sequence[StoredBlob], *, dry_run: bool = False, listener: Listener = unheard
    ) -> Tally:
        """Delete those of *batch* that no row speaks of; with *dry_run*, only say which.

        Raises:
            StorageFailed: they could not be deleted.
        """
        tally = Tally()
        unknown = set(await self._metadata.unknown([stored.digest for stored in batch]))
        for stored in batch:
            if stored.digest in unknown and (dry_run or await self._delete(stored.digest)):
                reason = "no record of it: a push was interrupted"
                collected = Collected(What.WASTE, stored.digest, stored.size, None, reason)
                tally.count(collected)
                listener(collected)
        return tally

    async def waste(self, *, dry_run: bool = False, listener: Listener = unheard) -> Tally:
        """Walk over all bytes once and `take` what is waste.

        Raises:
            StorageFailed: the walk could not go on.
        """
        tally = Tally()
        async for batch in self.batches():
            tally.add(await self.take(batch, dry_run=dry_run, listener=listener))
        return tally

    async def uploads(self, *, dry_run: bool = False, listener: Listener = unheard) -> Tally:
        """Drop uploads that nobody goes on with; with *dry_run*, only say which.

        The metadata store has no part in it: this works on a disk that is full.

        Raises:
            StorageFailed: they could not be dropped.
        """
        tally = Tally()
        if self._expiry is None:
            return tally
        before = self._now() - self._expiry
        stay = dry_run or self._purge_dry_run
        idle = await self._blobs.abandon(before=before, dry_run=stay)
        if idle and not dry_run:
            told = {
                "older_than": before.isoformat(),
                "actually_delete": not stay,
                "uploads": len(idle),
            }
            log.info("purge uploads finished", extra=told)
        for upload in idle if dry_run or not stay else ():
            collected = Collected(What.UPLOAD, None, upload.size, None, idleness(upload), upload.id)
            tally.count(collected)
            listener(collected)
        return tally

    async def _delete(self, digest: Digest) -> bool:
        async with self._metadata.exclusively(digest):
            # Published and linked again since the batch was looked up? Then it is content.
            if not await self._metadata.unknown([digest]):
                return False
            await self._blobs.delete(digest)
            return True


def idleness(upload: StaleUpload) -> str:
    """Since when nobody went on with *upload*, in words."""
    return f"took nothing since {upload.touched_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
