"""Background work of a server: collection, expiry of uploads, and now and then a sweep.

Every worker runs one `Upkeep`. Whichever finds the right to background work free does the round
and gives the right back, so that a worker that dies is no loss and a command that waits for its
turn gets it.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import timedelta
from typing import NoReturn

from lading.errors import LadingError
from lading.interfaces.metadata import Exclusion
from lading.registry.collected import Tally
from lading.registry.collector import Collector
from lading.registry.sweep import Sweep

log = logging.getLogger(__name__)

_BREATH = 0.2


def unheard(_tally: Tally) -> None:
    """Be told what a round took away, and do nothing about it."""


class Upkeep:
    """Does background work from time to time, until it is cancelled.

    Content is collected about as often as *every* says, give or take a quarter, and all bytes are
    walked over to look for waste as often as *sweep_every* says. *heard* is told what each
    round took away. Nothing is done while *may_write* says no. *jitter* gives numbers from 0 to 1; *pause* waits for seconds.
    """

    def __init__(
        self,
        metadata: Exclusion,
        collector: Collector,
        sweep: Sweep,
        *,
        every: timedelta,
        sweep_every: timedelta,
        heard: Callable[[Tally], object] = unheard,
        may_write: Callable[[], bool] = lambda: True,
        jitter: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._metadata = metadata
        self._collector = collector
        self._sweep = sweep
        self._every = every.total_seconds()
        self._sweep_every = sweep_every.total_seconds()
        self._heard = heard
        self._may_write = may_write
        self._jitter = jitter
        self._clock = clock
        self._pause = pause

    async def run(self) -> NoReturn:
        """Do rounds for ever. What goes wrong is logged, and tried again in the next round."""
        # A server that is restarted every hour has to sweep once in a while, too.
        due = self._clock() + self._sweep_every * self._jitter()
        while True:
            await self._pause(self._about(self._every))
            await self._guarded("collection", self.collect)
            if self._clock() >= due:
                await self._guarded("sweep", self.sweep)
                due = self._clock() + self._about(self._sweep_every)

    async def collect(self) -> bool:
        """Expire and collect once, unless another process is at it; say whether it was done here.

        Raises:
            StorageFailed: the stores let us down.
        """
        async with self._metadata.background(wait=False) as mine:
            # Asked while it is held: who turns writing off waits for those who hold it.
            if not mine or not self._may_write():
                return False
            # Uploads first: they go without the database, which a full disk refuses to write.
            tally = await self._sweep.uploads()
            try:
                tally.add(await self._collector.collect())
            finally:
                self._report("content collected", tally)
            return True

    async def sweep(self) -> bool:
        """Sweep up waste once, slowly; say whether it was done here.

        Raises:
            StorageFailed: the stores let us down.
        """
        tally = Tally()
        async with aclosing(self._sweep.batches()) as batches:
            async for batch in batches:
                # The right is held for one batch only: nobody waits for the end of a long walk.
                async with self._metadata.background(wait=False) as mine:
                    if not mine or not self._may_write():
                        return False
                    tally.add(await self._sweep.take(batch))
                await self._pause(_BREATH)
        self._report("waste swept", tally)
        return True

    def _about(self, seconds: float) -> float:
        return seconds * (0.75 + self._jitter() / 2)

    async def _guarded(self, work: str, do: Callable[[], Awaitable[bool]]) -> None:
        try:
            await do()
        except LadingError as error:
            log.warning("background work failed", extra={"work": work, "error": str(error)})
        except Exception:
            log.exception("background work failed", extra={"work": work})

    def _report(self, event: str, tally: Tally) -> None:
        if not tally:
            return
        self._heard(tally)
        log.info(
            event,
            extra={
                "manifests": tally.manifests,
                "links": tally.links,
                "blobs": tally.blobs,
                "waste": tally.waste,
                "uploads": tally.uploads,
                "failed": tally.failed,
                "bytes": tally.freed,
            },
        )
