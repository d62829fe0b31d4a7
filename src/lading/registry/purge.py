"""Purging of uploads at an interval of its own, told of in the words of Distribution.

People search their logs for these lines.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from lading.errors import LadingError
from lading.interfaces.blobs import UploadUpkeep
from lading.interfaces.metadata import Exclusion
from lading.registry.collected import Tally

log = logging.getLogger(__name__)

_MINUTES = 60
"""The first purge is in less than so many, so that not all servers begin at once."""


class Purge:
    """Drops uploads that took nothing for *age*, once in *every*, until it is cancelled.

    With *dry_run*, it only tells how many it would drop. *heard* is told what went. Nothing is done
    while *may_write* says no. *jitter* gives numbers from 0 to 1; *pause* waits for seconds.
    """

    def __init__(
        self,
        metadata: Exclusion,
        blobs: UploadUpkeep,
        *,
        every: timedelta,
        age: timedelta,
        dry_run: bool,
        now: Callable[[], datetime],
        heard: Callable[[Tally], object],
        may_write: Callable[[], bool],
        jitter: Callable[[], float] = random.random,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._metadata = metadata
        self._blobs = blobs
        self._every = every
        self._age = age
        self._dry_run = dry_run
        self._now = now
        self._heard = heard
        self._may_write = may_write
        self._jitter = jitter
        self._pause = pause

    async def run(self) -> NoReturn:
        """Purge for ever. What goes wrong is logged, and tried again the next time."""
        wait = min(self._every, timedelta(minutes=int(_MINUTES * self._jitter())))
        while True:
            log.info("Starting upload purge in %s", _spelled(wait))
            await self._pause(wait.total_seconds())
            try:
                await self.once()
            except LadingError as error:
                log.warning("uploads not purged", extra={"error": str(error)})
            except Exception:
                log.exception("uploads not purged")
            wait = self._every

    async def once(self) -> None:
        """Purge now, when no other background work is going on.

        Raises:
            StorageFailed: the stores let us down.
        """
        async with self._metadata.background(wait=True):
            # Asked while it is held: who turns writing off waits for those who hold it.
            if not self._may_write():
                return
            before = self._now() - self._age
            log.info(
                "PurgeUploads starting: olderThan=%s, actuallyDelete=%s",
                before.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S +0000 UTC"),
                "false" if self._dry_run else "true",
            )
            idle = await self._blobs.abandon(before=before, dry_run=self._dry_run)
            # What cannot be deleted is an error of its own here, and not a number.
            log.info("Purge uploads finished.  Num deleted=%d, num errors=0", len(idle))
            if idle and not self._dry_run:
                freed = sum(upload.size for upload in idle)
                self._heard(Tally(uploads=len(idle), freed=freed))


def _spelled(wait: timedelta) -> str:
    """As Go writes a duration of whole seconds."""
    minutes, seconds = divmod(int(wait.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
