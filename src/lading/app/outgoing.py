"""Responses on their way out of one connection, in the fastest way their body has."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

from lading.app import replies
from lading.app.lane import FileSender
from lading.app.pieces import pieces
from lading.bodies import FileSpan, Held, Source, Stream
from lading.errors import BodyIncomplete
from lading.wire.message import Response

_PIECE = 256 * 1024


class Backlog:
    """Answers in memory that their receivers have not taken yet, up to *most* bytes.

    Each may be as long as a page of referrers, and a thousand receivers that take nothing must not
    cost a thousand of them. When there are too many bytes, the receiver that took nothing for
    longest is given up.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._waiting: OrderedDict[Outgoing, int] = OrderedDict()

    def enter(self, waiter: "Outgoing", size: int) -> None:
        """*waiter* holds *size* bytes from now on."""
        self._waiting[waiter] = size
        self._size += size
        while self._size > self._most and len(self._waiting) > 1:
            slowest = next(iter(self._waiting))
            self.leave(slowest)
            slowest.give_up()

    def moved(self, waiter: "Outgoing") -> None:
        """The receiver of *waiter* took something."""
        if waiter in self._waiting:
            self._waiting.move_to_end(waiter)

    def leave(self, waiter: "Outgoing") -> None:
        """*waiter* holds nothing any more; leaving twice is fine."""
        self._size -= self._waiting.pop(waiter, 0)


class Outgoing:
    """Sends responses, one after the other, no faster than the peer takes them.

    With *lane*, the kernel sends files from a thread of *threads*; without, their bytes pass
    through the event loop. A peer that takes nothing for *pause* seconds is given up, or earlier
    when too much of *backlog* is held up by others like it.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        threads: ThreadPoolExecutor,
        backlog: Backlog,
        *,
        lane: bool,
        pause: float,
    ) -> None:
        self.blocked = False
        self._transport = transport
        self._threads = threads
        self._backlog = backlog
        self._lane = lane
        self._pause = pause
        self._loop = asyncio.get_running_loop()
        self._sender: FileSender | None = None
        self._writable: asyncio.Future[None] | None = None

    async def send(self, head: bytes, response: Response, *, bodiless: bool) -> None:
        """Send *head* and, unless *bodiless*, the body of *response*.

        Raises:
            BodyIncomplete: the peer went away or takes nothing, or a file is shorter than said.
        """
        body = response.body
        if isinstance(body, bytes):
            if len(body) <= _PIECE:
                self._transport.write(head + body)
            else:
                await self._send_long(head, body)
        elif bodiless:
            self._transport.write(head)
        elif isinstance(body, Held):
            self._transport.write(head + replies.held(response, body))
        elif isinstance(body, FileSpan):
            await self._send_file(head, body.file, response)
        elif isinstance(body, Stream):
            self._transport.write(head)
            await self._pass_on(body.source)
        if self.blocked:
            await self._drained()

    def give_up(self) -> None:
        """Send nothing more, and let go of what was to be sent."""
        self._transport.abort()

    def block(self) -> None:
        """The peer takes less than is written."""
        self.blocked = True

    def unblock(self) -> None:
        """The peer takes again, or is gone."""
        self.blocked = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def cut(self) -> None:
        """Wake the thread that has the socket."""
        if self._sender is not None:
            self._sender.cut()

    async def _send_long(self, head: bytes, body: bytes) -> None:
        self._transport.write(head)
        rest = memoryview(body)
        self._backlog.enter(self, len(body))
        try:
            while rest:
                if self._transport.is_closing():
                    raise BodyIncomplete("the receiver went away, or was the slowest of too many")
                # Slices of one body, which may be that of many answers: none is copied.
                self._transport.write(rest[:_PIECE])
                rest = rest[_PIECE:]
                await self._drained()
                self._backlog.moved(self)
        finally:
            self._backlog.leave(self)

    async def _send_file(self, head: bytes, file: int, response: Response) -> None:
        if self._lane:
            await self._emptied()
            self._sender = FileSender(self._transport, self._threads, pause=self._pause)
            try:
                await self._sender.send(head, file, response.pieces())
            finally:
                self._sender = None
            return
        self._transport.write(head)
        for piece in response.pieces():
            if isinstance(piece, bytes):
                self._transport.write(piece)
            else:
                await self._copy(file, *piece)

    async def _copy(self, file: int, offset: int, length: int) -> None:
        async with aclosing(pieces(file, offset, length, self._threads)) as found:
            async for piece in found:
                if self._transport.is_closing():
                    raise BodyIncomplete("the receiver went away")
                self._transport.write(piece)
                await self._drained()

    async def _pass_on(self, source: Source) -> None:
        """Send what *source* gives, no faster than the peer takes it."""
        while await source.ready():
            blocks = source.blocks()
            while piece := await self._loop.run_in_executor(self._threads, _copied, blocks):
                if self._transport.is_closing():
                    raise BodyIncomplete("the receiver went away")
                self._transport.write(piece)
                await self._drained()

    async def _drained(self) -> None:
        """Wait until the peer has taken enough of what was written."""
        while self.blocked and not self._transport.is_closing():
            self._writable = self._loop.create_future()
            await self._writable

    async def _emptied(self) -> None:
        """Wait until all that was written is with the kernel."""
        await self._drained()
        while self._transport.get_write_buffer_size():  # noqa: ASYNC110 - no event tells
            # Only after pipelined requests, and no event tells of a buffer that became empty.
            await asyncio.sleep(0.001)


def _copied(blocks: Iterator[memoryview]) -> bytes:
    """The next block, which is valid only until the one after it; empty at the end."""
    return bytes(next(blocks, b""))
