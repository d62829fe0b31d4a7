"""Telling endpoints what leaves no trace: pulls.

Best effort. It is noted in memory, without a write, and told about a second later by the worker in
which it happened. What an endpoint does not take is tried again as long as there is room for more;
what finds no room is lost, and counted.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from lading.interfaces.notices import Meter, NoMeter, Notice
from lading.registry.feed import Pause, Subscription, attempt

log = logging.getLogger(__name__)

ROOM = 10_000
"""How many notices may wait, for each endpoint and in each worker."""

FLUSH = 1.0
"""How often they are handed on, in seconds."""

_LAST_WAIT = 2.0

Maker = Callable[[], Awaitable[Sequence[Notice]]]
"""Makes notices when there is time for it."""


class Hearsay:
    """What was noted, on its way to all *subscriptions*. `lost` counts what found no room."""

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        *,
        room: int = ROOM,
        pause: Pause = asyncio.sleep,
        meter: Meter | None = None,
    ) -> None:
        self.lost = 0
        self._noted: deque[Maker] = deque()
        self._room = room
        self._pause = pause
        self._meter = meter or NoMeter()
        self._queues = [_Queue(each, room, pause, self._meter) for each in subscriptions]

    def note(self, make: Maker) -> None:
        """Take note; never waits, never fails, and may be called in any thread."""
        if len(self._noted) < self._room:
            self._noted.append(make)
        else:
            self.lost += 1

    async def flush(self) -> None:
        """Hand on what was noted."""
        lost, self.lost = self.lost, 0
        for queue in self._queues:
            if lost:
                self._meter.lost(queue.name, lost)
        for _ in range(len(self._noted)):
            try:
                notices = await self._noted.popleft()()
            except Exception:
                log.exception("something that happened could not be told")
                continue
            for queue in self._queues:
                queue.take(notices)

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        """Tell as long as this lasts, and for a moment at its end."""
        tasks = [asyncio.create_task(queue.run()) for queue in self._queues]
        tasks.append(asyncio.create_task(self._flush_forever()))
        try:
            yield
        finally:
            await self.flush()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WAIT):
                    await asyncio.gather(*(queue.emptied() for queue in self._queues))
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _flush_forever(self) -> None:
        while True:
            await self._pause(FLUSH)
            await self.flush()


class _Queue:
    """What one endpoint is to be told."""

    def __init__(self, subscription: Subscription, room: int, pause: Pause, meter: Meter) -> None:
        self.name = subscription.name
        self._subscription = subscription
        self._room = room
        self._pause = pause
        self._meter = meter
        self._waiting: deque[Notice] = deque()
        self._filled = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def take(self, notices: Sequence[Notice]) -> None:
        """Add those of *notices* that are wanted; the oldest make room for them."""
        wanted = [each for each in notices if self._subscription.wants(each)]
        if not wanted:
            return
        self._meter.queued(self.name, len(wanted))
        self._waiting.extend(wanted)
        over = len(self._waiting) - self._room
        if over > 0:
            self._meter.lost(self.name, over)
            for _ in range(over):
                self._waiting.popleft()
        self._idle.clear()
        self._filled.set()

    async def emptied(self) -> None:
        """Wait until all was told."""
        await self._idle.wait()

    async def run(self) -> None:
        """Tell what waits, one after the other."""
        failures = 0
        while True:
            while self._waiting:
                notice = self._waiting[0]
                if not await attempt(self._subscription, notice, self._meter):
                    failures = 0
                    # It may have made room for another meanwhile.
                    if self._waiting and self._waiting[0] is notice:
                        self._waiting.popleft()
                    continue
                failures += 1
                await self._pause(max(FLUSH, self._subscription.rest(failures)))
            self._idle.set()
            self._filled.clear()
            await self._filled.wait()
