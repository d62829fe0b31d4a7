"""When was this last pulled? Recorded without a write on the path of a pull.

Pulls are noted in memory and written in batches. At most `CAPACITY` names wait to be written and
at most as many again are remembered as recent, which bounds the memory of a worker to some 10 MiB;
pulls above that are not recorded until the next flush. A worker that is killed loses the pulls of
at most one and a half flush intervals (45 seconds by default); one that is stopped loses none.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import islice

from lading.interfaces.metadata import Changes, Pull
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName, Tag

log = logging.getLogger(__name__)

CAPACITY = 1 << 14
"""How many names may wait to be written, and how many are remembered as recent, at least."""

FRESH = 3600.0
"""A pull is not recorded again within this many seconds."""

FLUSH = timedelta(seconds=30)
"""How often pulls are written, give or take half of it."""

_BATCH = 500

_Key = tuple[RepositoryName, str, Tag | None]


class Pulls:
    """Pulls on their way to the metadata store.

    `failures` counts batches that could not be written; they are tried again. `dropped` counts
    pulls that found no room. While *may_write* says no, pulls are neither noted nor written. Used on
    one event loop.
    """

    def __init__(
        self,
        metadata: Changes,
        *,
        now: Callable[[], datetime],
        may_write: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.failures = 0
        self.dropped = 0
        self._metadata = metadata
        self._now = now
        self._may_write = may_write
        self._clock = clock
        self._waiting: dict[_Key, Pull] = {}
        # Two generations: when the younger is full the older is forgotten whole, which bounds
        # both without any work per pull.
        self._young: dict[_Key, float] = {}
        self._old: dict[_Key, float] = {}

    def record(self, repository: RepositoryName, digest: Digest, tag: Tag | None) -> None:
        """Note that a manifest was pulled, by *tag* or by *digest*. Never waits, never fails."""
        # The value alone tells digests apart, and unlike a Digest it is hashed once and in C.
        key = (repository, digest.value, tag)
        seen = self._young.get(key)
        if seen is None:
            seen = self._old.get(key)
        moment = self._clock()
        if seen is not None and moment - seen < FRESH:
            return
        if not self._may_write():
            return
        if len(self._waiting) >= CAPACITY:
            self.dropped += 1
            return
        self._waiting[key] = Pull(repository, digest, tag, self._now())
        if len(self._young) >= CAPACITY // 2:
            self._old, self._young = self._young, {}
        self._young[key] = moment

    async def flush(self) -> None:
        """Write what waits, in batches. A batch that fails is logged, counted and kept."""
        while self._waiting and self._may_write():
            batch = dict(islice(self._waiting.items(), _BATCH))
            try:
                await self._metadata.record_pulls(list(batch.values()))
            except Exception as error:  # noqa: BLE001 - a statistic never harms serving
                self.failures += 1
                log.warning("pulls not recorded", extra={"pulls": len(batch), "error": str(error)})
                return
            for key, pull in batch.items():
                if self._waiting.get(key) is pull:
                    del self._waiting[key]

    @asynccontextmanager
    async def flushing(
        self, *, every: timedelta = FLUSH, jitter: Callable[[], float] = random.random
    ) -> AsyncIterator[None]:
        """Write about as often as *every* says, and once more at the end.

        *jitter* gives numbers from 0 to 1, so that workers do not all write at the same time.
        """
        task = asyncio.create_task(self._flush_forever(every.total_seconds(), jitter))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            await self.flush()

    async def _flush_forever(self, every: float, jitter: Callable[[], float]) -> None:
        while True:
            await asyncio.sleep(every * (0.5 + jitter()))
            await self.flush()
