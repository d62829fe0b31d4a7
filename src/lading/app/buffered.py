"""Bodies that come through the event loop: small ones, and all of them under TLS."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from lading.errors import BodyIncomplete, SizeInvalid
from lading.wire.framing import Framing

_LOOK = 0.005
"""Seconds between two looks at how a body that is poured comes along."""
_FLOW = 16 * 1024
"""Bytes that have to have come between two looks. Whoever takes them holds something that others
want, and a byte now and then must not keep it from them."""
_TURN = 0.25
"""Seconds for which a body is poured at most."""


class BufferedBody:
    """A body that the connection feeds (a `Pourable`).

    *first* came with the head, and is the body's from now on. The connection stops reading with
    every piece and reads on when somebody waits for the next, so no more than one read is held in
    memory. While it is poured, the connection reads on, and nothing is held.
    """

    def __init__(
        self,
        framing: Framing,
        first: bytearray,
        *,
        pause: float,
        on_wait: Callable[[], None],
    ) -> None:
        self.length = framing.length
        self.framing = framing
        self._pause = pause
        self._on_wait = on_wait
        self._came: deque[memoryview] = deque()
        self._pouring: _Pouring | None = None
        self._lost = False
        self._broken: SizeInvalid | None = None
        self._waiter: asyncio.Future[None] | None = None
        payload = self._payload(memoryview(first))
        if payload:
            self._came.append(payload)

    def feed(self, data: memoryview) -> None:
        """Bytes came, framing and all; they are moved about in *data*, which is not kept."""
        payload = self._payload(data)
        if self._pouring is not None and self._pouring.goes_on:
            self._pouring.give(payload)
            if not self.framing.done and self._broken is None:
                return
        elif payload:
            self._came.append(memoryview(bytes(payload)))
        self._wake()

    def _payload(self, data: memoryview) -> memoryview:
        try:
            return data[: self.framing.feed(data)]
        except SizeInvalid as error:
            self._broken = error
            return data[:0]

    def lose(self) -> None:
        """The sender went away."""
        self._lost = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if self._pouring is not None:
            self._pouring.end()

    async def ready(self) -> bool:
        """Wait for bytes."""
        while not self._came:
            if self.framing.done:
                return False
            if self._broken is not None:
                raise self._broken
            if self._lost:
                raise BodyIncomplete("the sender went away")
            await self._wait()
        return True

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._on_wait()
        self._waiter = loop.create_future()
        timer = loop.call_later(self._pause, self._wake)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None
        if not self._came and not self.framing.done and not self._lost and not self._broken:
            raise BodyIncomplete(f"the sender was silent for {self._pause:g} s")

    @property
    def pouring(self) -> bool:
        """Whether bytes are taken when they come, so that reading need not stop."""
        return self._pouring is not None and self._pouring.goes_on

    async def pour(self, take: Callable[[memoryview], None]) -> None:
        """See `Pourable.pour`."""
        for block in self.blocks():
            take(block)
        if self.framing.done or self._broken is not None or self._lost:
            return
        self._pouring = pouring = _Pouring(take)
        try:
            self._on_wait()
            await pouring.ended
        finally:
            self._pouring = None
            pouring.end()

    def blocks(self) -> Iterator[memoryview]:
        """What came so far."""
        while self._came:
            yield self._came.popleft()


class _Pouring:
    """From the first byte that is taken as it comes to the last."""

    def __init__(self, take: Callable[[memoryview], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._take = take
        self._until = self._loop.time() + _TURN
        self._came = 0
        self._paused = False
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._timer = self._loop.call_later(_LOOK, self._look)

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended; whoever waits for that may not know yet."""
        return not self.ended.done()

    def give(self, block: memoryview) -> None:
        """Let *block* be taken; what that raises ends it."""
        self._came += len(block)
        try:
            self._take(block)
        except Exception as error:  # noqa: BLE001 - belongs to whoever takes
            self.ended.set_exception(error)

    def end(self) -> None:
        """Nothing more is taken."""
        self._timer.cancel()
        if not self.ended.done():
            self.ended.set_result(None)

    def _look(self) -> None:
        # Timers come before what was received: a loop that was busy may not have got to it yet, and
        # will have before the second look.
        pauses, self._came = self._came < _FLOW, 0
        if (pauses and self._paused) or self._loop.time() > self._until:
            self.end()
            return
        self._paused = pauses
        self._timer = self._loop.call_later(_LOOK, self._look)
