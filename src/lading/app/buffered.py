"""Bodies that come through the event loop: small ones, and all of them under TLS."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from lading.errors import BodyIncomplete, SizeInvalid
from lading.wire.framing import Framing


class BufferedBody:
    """A body that the connection feeds (an `Inbound`).

    The connection stops reading with every piece and reads on when somebody waits for the next,
    so no more than one read is held in memory.
    """

    def __init__(self, framing: Framing, *, pause: float, on_wait: Callable[[], None]) -> None:
        self.length = framing.length
        self.framing = framing
        self._pause = pause
        self._on_wait = on_wait
        self._came: deque[bytes] = deque()
        self._lost = False
        self._broken: SizeInvalid | None = None
        self._waiter: asyncio.Future[None] | None = None

    def feed(self, data: memoryview) -> None:
        """Bytes came, framing and all; they are moved about in *data*, which is not kept."""
        try:
            taken = self.framing.feed(data)
        except SizeInvalid as error:
            self._broken = error
        else:
            if taken:
                self._came.append(bytes(data[:taken]))
        self._wake()

    def lose(self) -> None:
        """The sender went away."""
        self._lost = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

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

    def blocks(self) -> Iterator[memoryview]:
        """What came so far."""
        while self._came:
            yield memoryview(self._came.popleft())
