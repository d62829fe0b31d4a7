"""One HTTP/1.1 connection: heads in, requests to the handler, responses out.

httptools parses heads, and nothing else: where a head ends is found first, which bounds its size,
and where a body ends is told by ``wire/framing.py``. While a request is answered, what comes after
it waits unparsed. Time is bounded by one sweep over all connections (``connections.py``), so that a
request costs no timer.

A body is taken in one of three ways: what came whole with the head is in memory already; small
ones, and all under TLS, come through the event loop, where somebody may take them as they come; big
or chunked ones on plain TCP are lent to a thread (``lane.py``).
"""

import asyncio
import logging
import string
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

from lading.app import eager, replies
from lading.app.buffered import BufferedBody
from lading.app.heads import Head, HeadInvalid, HeadReader
from lading.app.lane import LentBody
from lading.app.outgoing import Backlog, Outgoing
from lading.bodies import Bytes, Inbound
from lading.errors import BodyIncomplete, LadingError
from lading.wire import problems
from lading.wire.framing import Framing
from lading.wire.message import Handler, Headers, Request, Response

log = logging.getLogger(__name__)

_END_OF_HEAD = b"\r\n\r\n"
_LANDING = 256 * 1024
"""What one read takes of a body that is poured, at most: to hash and write it takes some 300 µs,
in which nobody else is served."""
_SHORT_LANDING = 64 * 1024
"""What any other takes. Bytes of a big body that come with its head are copied once more than those
that a thread takes itself, so that these are better few."""
_METHOD = frozenset(string.ascii_letters.encode())
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_NO_BODY = Bytes(b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a connection may cost. Sizes in bytes, times in seconds."""

    head_size: int
    head_time: float
    idle_time: float
    body_pause: float
    write_pause: float
    lane_from: int | None
    """From which length on bodies are lent to threads; ``None``: none are."""
    drain_size: int
    """How much of a body that nobody wants is read and dropped."""
    backlog: int = 64 * 1024 * 1024
    """How much of all long answers in memory may wait for receivers to take it."""


class Common:
    """What all connections of one worker share, and which are open."""

    def __init__(self, handler: Handler, threads: ThreadPoolExecutor, bounds: Bounds) -> None:
        self.handler = handler
        self.threads = threads
        self.bounds = bounds
        self.backlog = Backlog(bounds.backlog)
        self.open: set[Connection] = set()
        self.closing = False
        self.date = ""
        self.landing = memoryview(bytearray(_LANDING))
        self.short_landing = self.landing[:_SHORT_LANDING]
        self.loop = asyncio.get_running_loop()


class Connection(asyncio.BufferedProtocol):
    """One connection, from its first byte to its last."""

    def __init__(self, shared: Common) -> None:
        self.shared = shared
        self._reader = HeadReader()
        self._transport: asyncio.Transport
        self._outgoing: Outgoing
        self._peer = ""
        self._lane_from: int | None = None
        self._ahead = bytearray()
        self._busy = False
        self._body: BufferedBody | LentBody | None = None
        self._keep_alive = True
        self._ending = replies.KEPT
        self._skipping: Framing | None = None
        self._skipped = 0
        self._paused = False
        self._deadline: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._asks_first = False

    # The transport speaks.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer connected."""
        # uvloop's transports have the methods of the class, not its name.
        self._transport = transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._peer = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "local"
        bounds = self.shared.bounds
        plain = transport.get_extra_info("sslcontext") is None
        self._lane_from = bounds.lane_from if plain else None
        self._outgoing = Outgoing(
            transport,
            self.shared.threads,
            self.shared.backlog,
            lane=self._lane_from is not None,
            pause=bounds.write_pause,
        )
        self._deadline = self.shared.loop.time() + self.shared.bounds.idle_time
        self.shared.open.add(self)
        if self.shared.closing:
            self._close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The peer went away, or we closed."""
        self.shared.open.discard(self)
        if isinstance(self._body, BufferedBody):
            self._body.lose()
        self.resume_writing()

    def pause_writing(self) -> None:
        """The peer takes less than we write."""
        self._outgoing.block()
        self._deadline = self.shared.loop.time() + self.shared.bounds.write_pause

    def resume_writing(self) -> None:
        """The peer takes again."""
        self._outgoing.unblock()
        if not self._transport.is_closing():
            self._deadline = None

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Where the next bytes go: a place that all connections share, since none keeps it."""
        body = self._body
        pours = isinstance(body, BufferedBody) and body.pouring
        return self.shared.landing if pours else self.shared.short_landing

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes came: of a head, of a body, or too early."""
        data = self.shared.landing[:nbytes]
        if self._skipping is not None:
            self._skip(data)
        elif not self._busy:
            self._ahead += data
            self._read_next()
        elif isinstance(self._body, BufferedBody) and not self._body.framing.done:
            self._feed(self._body, data)
        else:
            # A pipelined request waits unparsed, and the next read for longer.
            self._ahead += data
            self._pause()

    def eof_received(self) -> bool:
        """The peer says no more, but may listen: what it has asked is answered first.

        Nothing is read meanwhile, so that the end is found again by who looks for a request. TLS
        has no such half here: the transport closes, whatever it is told.
        """
        if not self._busy or self._skipping is not None or not self._transport.can_write_eof():
            return False
        if isinstance(self._body, BufferedBody):
            self._body.lose()
        self._pause()
        return True

    # Heads.

    def _read_next(self) -> None:
        """Begin the next request, if its head is there and no other has to be answered first."""
        if self._busy or self._transport.is_closing():
            return
        if self._ahead.startswith((b"\r", b"\n")):
            # Some clients end a body with a line of its own (RFC 9112, 2.2).
            self._ahead = self._ahead.lstrip(b"\r\n")
        if not self._ahead:
            return
        end = self._ahead.find(_END_OF_HEAD)
        size = len(self._ahead) if end < 0 else end + len(_END_OF_HEAD)
        if size > self.shared.bounds.head_size:
            self._refuse(431, "the head of the request is too long")
        elif end < 0:
            self._wait_for_head()
        else:
            head = bytes(self._ahead[:size])
            del self._ahead[:size]
            self._read_head(head)

    def _wait_for_head(self) -> None:
        if self._ahead[0] not in _METHOD:
            # A TLS greeting, above all: clients try HTTPS first, and wait for an answer.
            self._refuse(400, "this is no HTTP request; the server speaks plain HTTP here")
            return
        limit = self.shared.loop.time() + self.shared.bounds.head_time
        if self._deadline is None or self._deadline > limit:
            self._deadline = limit

    def _read_head(self, data: bytes) -> None:
        try:
            head = self._reader.read(data)
        except HeadInvalid as error:
            self._refuse(400, str(error))
            return
        self._keep_alive = head.keep_alive and not self.shared.closing
        self._ending = replies.KEPT_ALIVE if head.old else replies.KEPT
        body = self._take_body(head)
        request = Request(
            head.method, head.path, head.query, Headers(head.fields), body, self._peer
        )
        if head.old:
            request.version = "1.0"
        self._begin(request)

    def _take_body(self, head: Head) -> Inbound:
        """Choose the way for the body, and give it what came with the head."""
        framing = head.framing
        self._body = None
        if framing.done:
            return _NO_BODY
        if framing.length is not None and framing.length <= len(self._ahead):
            with memoryview(self._ahead) as ahead:
                data = bytes(ahead[: framing.length])
            del self._ahead[: framing.length]
            return Bytes(data)
        came, self._ahead = self._ahead, bytearray()
        self._pause()
        self._asks_first = not came and head.expects_continue
        lane_from, pause = self._lane_from, self.shared.bounds.body_pause
        if lane_from is not None and (framing.length is None or framing.length >= lane_from):
            self._body = LentBody(
                self._transport, framing, came, pause=pause, on_begin=self._say_continue
            )
        else:
            self._body = BufferedBody(framing, came, pause=pause, on_wait=self._read_body)
            self._ahead += framing.rest
        return self._body

    def _feed(self, body: BufferedBody, data: memoryview) -> None:
        body.feed(data)
        if not body.pouring:
            # Nor is the end of the connection looked for, or its answer would be cut off.
            self._pause()
        self._ahead += body.framing.rest

    def _read_body(self) -> None:
        """Somebody waits for the body: read on."""
        self._say_continue()
        self._resume()

    def _say_continue(self) -> None:
        if self._asks_first and not self._transport.is_closing():
            self._asks_first = False
            self._transport.write(_CONTINUE)

    # Requests and responses.

    def _begin(self, request: Request) -> None:
        self._busy = True
        self._deadline = None
        self._task = eager.begin(self._answer(request), self.shared.loop)

    async def _answer(self, request: Request) -> None:
        try:
            await self._send(request, await self.shared.handler(request))
        except BodyIncomplete as error:
            # The head of the response may be out already: closing is all that can be said.
            log.info("response not taken", extra={"request": request.id, "reason": str(error)})
            self.abort()
        except Exception:
            # The handler answers its own mistakes: this one is ours.
            log.exception("response failed", extra={"request": request.id})
            self.abort()
        finally:
            self._end()

    async def _send(self, request: Request, response: Response) -> None:
        try:
            if self._transport.is_closing():
                return
            if self._cannot_go_on():
                self._keep_alive = False
            bodiless = request.method == "HEAD"
            await self._outgoing.send(self._head(response), response, bodiless=bodiless)
        finally:
            if not isinstance(response.body, bytes):
                await response.body.aclose()

    def _head(self, response: Response) -> bytes:
        return replies.head(response, self.shared.date, self._ending if self._keep_alive else None)

    def _cannot_go_on(self) -> bool:
        """Whether no request can follow: the end of the body is unknown, or too far away."""
        if self._body is None or self._body.framing.done:
            return False
        if self._asks_first:
            # It was never told to go on, so what it sends next may be the body or a new request.
            return True
        return self._body.framing.broken or (
            (self._body.length or 0) > self.shared.bounds.drain_size
        )

    def _end(self) -> None:
        """The response is out: what is next on this connection?"""
        body, self._body, self._task = self._body, None, None
        if isinstance(body, LentBody):
            body.close()
        if self._transport.is_closing():
            return
        if body is not None and not body.framing.done and not body.framing.broken:
            # An answer came before the body was read. The peer may still be sending, and would
            # not see the answer if the connection were cut now.
            self._skipping = body.framing
            self._deadline = self.shared.loop.time() + self.shared.bounds.head_time
            unread = body.unread if isinstance(body, LentBody) else b""
            self._resume()
            self._skip(memoryview(bytearray(unread)))
            return
        if isinstance(body, LentBody):
            self._ahead += body.framing.rest
        self._next()

    def _next(self) -> None:
        if not self._keep_alive:
            self._busy = False
            self._close()
            return
        self._deadline = self.shared.loop.time() + self.shared.bounds.idle_time
        if self._ahead:
            # Not at once: a peer that pipelines must not keep others waiting. Nor is this one
            # idle until then, or the end of what it says would cut off what it has asked.
            self.shared.loop.call_soon(self._read_on)
        else:
            self._busy = False
            self._resume()

    def _read_on(self) -> None:
        self._busy = False
        if not self._keep_alive:
            # The server began to end.
            self._close()
            return
        self._read_next()
        if not self._busy:
            self._resume()

    def _skip(self, data: memoryview) -> None:
        """Drop what is left of a body nobody wants."""
        assert self._skipping is not None
        self._skipped += len(data)
        try:
            self._skipping.feed(data)
        except LadingError:
            self._close()
            return
        if self._skipping.done:
            self._ahead += self._skipping.rest
            self._skipping, self._skipped = None, 0
            self._next()
        elif self._skipped > self.shared.bounds.drain_size:
            self.abort()

    def _refuse(self, status: int, reason: str) -> None:
        """Answer what is no request, and hang up."""
        log.info("no request", extra={"peer": self._peer, "status": status, "reason": reason})
        self._keep_alive = False
        response = problems.refused(status, reason)
        assert isinstance(response.body, bytes)
        self._transport.write(self._head(response) + response.body)
        self._close()

    # Time and reading.

    def check(self, now: float) -> None:
        """Give up on a peer that let its time pass."""
        if self._deadline is None or now < self._deadline:
            return
        if self._outgoing.blocked or self._busy or self._transport.is_closing():
            self.abort()
        elif self._ahead:
            self._refuse(408, "the head of the request took too long")
        else:
            self._close()

    def close_when_idle(self) -> None:
        """The server ends: finish the request at hand, begin no other."""
        self._keep_alive = False
        if not self._busy:
            self._close()

    def _close(self) -> None:
        """Hang up when all that was written is taken, which must not take for ever."""
        self._deadline = self.shared.loop.time() + self.shared.bounds.write_pause
        self._transport.close()

    def abort(self) -> None:
        """Cut the connection, and wake the thread that has its socket."""
        if isinstance(self._body, LentBody):
            self._body.cut()
        self._outgoing.cut()
        self._transport.abort()

    def _pause(self) -> None:
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()
