"""Online collection: forget what is unreferenced, then delete its bytes.

Nothing here decides what is unreferenced; the metadata store does, in the transactions that make
it so. What may be relied on: bytes go only under `Exclusion.exclusively` and only while they are
still doomed, so a push that comes in between keeps them; a crash after any step leaks nothing,
since doomed bytes stay doomed until they are buried; and serving goes on all the while, because
work is done in small batches.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from lading.errors import ManifestUnknown, StorageFailed
from lading.interfaces.access import Occasion, Principal
from lading.interfaces.changes import ManifestDeleted
from lading.interfaces.metadata import Doomed, MetadataStore
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName
from lading.registry.collected import Collected, Listener, Marker, Tally, What, unheard
from lading.registry.marking import mark

log = logging.getLogger(__name__)

COLLECTOR = Occasion(Principal("collector"))
"""On whose behalf untagged manifests end."""

_BATCH = 100


class Deletes(Protocol):
    """The one thing that the collector asks of a blob store."""

    async def delete(self, digest: Digest) -> None:
        """Remove the bytes. Deleting what is not there is fine."""
        ...


class Collector:
    """Takes what has been unreferenced for longer than *grace*.

    What lost its last name, and was not pushed or asked for since, needs to have done so only
    *ended_grace* ago, which is as long unless given.

    Rounds may run while the server serves, and several at once; `Exclusion.background` keeps them
    apart only to save work.
    """

    def __init__(
        self,
        blobs: Deletes,
        metadata: MetadataStore,
        *,
        grace: timedelta,
        ended_grace: timedelta | None = None,
        now: Callable[[], datetime],
    ) -> None:
        self._blobs = blobs
        self._metadata = metadata
        self._grace = grace
        self._ended_grace = grace if ended_grace is None else min(grace, ended_grace)
        self._now = now

    async def collect(self, *, untagged: bool = False, listener: Listener = unheard) -> Tally:
        """Do one round and say how much was taken; *listener* hears of each thing.

        With *untagged*, manifests that nothing names end first: no tag, no index, no subject that
        lives. Bytes that could not be deleted are logged and counted, and tried again next round.

        Raises:
            StorageFailed: the metadata store let us down.
        """
        tally = Tally()
        if untagged:
            await self._end_untagged(tally, listener)
        failed: set[Digest] = set()
        now = self._now()
        before, ended = now - self._grace, now - self._ended_grace
        finished = False
        while not finished:
            # Bytes that could not be deleted come back at once: they wait for the next round, and
            # must not take up the room of others in this one.
            step = await self._metadata.condemn(
                before=before, ended_before=ended, limit=_BATCH + len(failed)
            )
            finished = step.finished
            for doomed in step.taken:
                if doomed.digest in failed and doomed.repository is None:
                    continue
                collected = await self._take(doomed, failed)
                if collected is not None:
                    tally.count(collected)
                    listener(collected)
            await asyncio.sleep(0)
        tally.failed = len(failed)
        return tally

    async def rehearse(
        self, *, untagged: bool = False, listener: Listener = unheard, marker: Marker | None = None
    ) -> Tally:
        """Say what `collect` would do now, by doing it to a copy. Nothing changes.

        *marker* hears of all that would be left.
        """
        async with self._metadata.rehearsal() as copy:
            collector = Collector(
                _Untouched(),
                copy,
                grace=self._grace,
                ended_grace=self._ended_grace,
                now=self._now,
            )
            tally = await collector.collect(untagged=untagged, listener=listener)
            tally.kept = await copy.kept()
            if marker is not None:
                await mark(copy, marker)
            return tally

    async def _take(self, doomed: Doomed, failed: set[Digest]) -> Collected | None:
        if doomed.repository is not None:
            return Collected(
                What.LINK, doomed.digest, doomed.size, doomed.repository, doomed.reason
            )
        try:
            async with self._metadata.exclusively(doomed.digest):
                # A push may have published the same content since it was condemned.
                if not await self._metadata.still_doomed(doomed.digest):
                    return None
                await self._blobs.delete(doomed.digest)
                await self._metadata.bury(doomed.digest)
        except StorageFailed as error:
            failed.add(doomed.digest)
            log.warning(
                "blob not deleted", extra={"digest": str(doomed.digest), "error": str(error)}
            )
            return None
        return Collected(What.BLOB, doomed.digest, doomed.size, None, doomed.reason)

    async def _end_untagged(self, tally: Tally, listener: Listener) -> None:
        """End what nothing names, again and again: an index that ends frees its children."""
        ended = -1
        while ended != tally.manifests:
            ended = tally.manifests
            # What was named by something that ended just now has a grace of its own; only when
            # that is 0 does it end in the next pass.
            now = self._now()
            before, gone = now - self._grace, now - self._ended_grace
            after: tuple[RepositoryName, Digest] | None = None
            while page := await self._metadata.untagged(
                before=before, ended_before=gone, limit=_BATCH, after=after
            ):
                for repository, digest, size in page:
                    after = (repository, digest)
                    change = ManifestDeleted(repository, digest, before, gone)
                    try:
                        await self._metadata.commit(change, occasion=COLLECTOR)
                    except ManifestUnknown:
                        # Somebody named it, or deleted it, since it was listed.
                        continue
                    reason = "no tag, index or subject names it"
                    collected = Collected(What.MANIFEST, digest, size, repository, reason)
                    tally.count(collected)
                    listener(collected)
                await asyncio.sleep(0)


class _Untouched:
    """Stands in for the bytes during a rehearsal."""

    async def delete(self, digest: Digest) -> None:
        """Leave the bytes alone."""
