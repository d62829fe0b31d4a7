"""Connections that are kept, the threads that use them, and what is asked over them."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from lading.bodies import BLOCK, Place, Stream, places_of
from lading.client.connections.origin import Origin
from lading.client.connections.settings import Connection, Proxies, Timeouts
from lading.content.threads import Waiter, ended_by
from lading.errors import BodyIncomplete, SizeInvalid, UpstreamFailed
from lading.wire.message import Fields, Request, Response

if TYPE_CHECKING:
    from lading.client.connections.line import Heard, Line
    from lading.client.connections.sockets import Route

Result = TypeVar("Result")

_MOST_IDLE = 8
_RECEIVED = 4 * BLOCK
"""What is asked of a connection at once: long calls are few, and take less time in all."""

_REPEATABLE = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}
_OURS = {"host", "content-length", "transfer-encoding", "connection"}


class Threads:
    """At most *count* threads, which do what blocks."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="lading-client")
        # Work never waits inside the pool, where nobody could take it back.
        self._places = asyncio.Semaphore(count)
        self._closed = False

    async def run(self, stop: Callable[[], None], work: Callable[[], Result]) -> Result:
        """Do *work* in a thread; when the caller is cancelled, *stop* it and wait until it ends.

        Raises:
            RuntimeError: the client that has the threads is closed.
        """
        async with self._places:
            if self._closed:
                raise RuntimeError("this client is closed")
            waiter = Waiter()
            doing = asyncio.get_running_loop().run_in_executor(self._pool, waiter.run, work)
            try:
                return await asyncio.shield(doing)
            except asyncio.CancelledError:
                waiter.leave()
                stop()
                while not doing.done():
                    try:
                        await asyncio.wait([doing])
                    except asyncio.CancelledError:
                        continue
                if not doing.cancelled():
                    doing.exception()
                raise

    def close(self) -> None:
        """Let the threads end."""
        self._closed = True
        self._pool.shutdown(wait=True)


class Lines:
    """Connections by origin; those that nobody uses wait to be used again."""

    def __init__(
        self, settings: Callable[[Origin], Connection], proxies: Proxies, timeouts: Timeouts
    ) -> None:
        self._settings = settings
        self._proxies = proxies
        self._timeouts = timeouts
        self._routes: dict[Origin, Route] = {}
        self._idle: dict[Origin, list[Line]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def take(self, origin: Origin) -> "Line | None":
        """A connection that waits, if there is one that still holds."""
        while True:
            with self._lock:
                idle = self._idle.get(origin)
                line = idle.pop() if idle else None
            if line is None or not line.is_stale():
                return line
            line.close()

    def fresh(self, origin: Origin) -> "Line":
        """A connection that is yet to be made."""
        # The libraries below cost more time than many a command; only now are they needed.
        from lading.client.connections.line import Line  # noqa: PLC0415 - loaded with the first connection
        from lading.client.connections.sockets import Route  # noqa: PLC0415 - as above

        with self._lock:
            route = self._routes.get(origin)
            if route is None:
                route = Route(
                    self._settings(origin), self._proxies.to(origin), self._timeouts.connect
                )
                self._routes[origin] = route
        return Line(origin, route, silence=self._timeouts.silence)

    def put(self, line: "Line") -> None:
        """Keep a connection whose last answer was read whole."""
        with self._lock:
            idle = self._idle.setdefault(line.origin, [])
            if not self._closed and len(idle) < _MOST_IDLE:
                idle.append(line)
                return
        line.close()

    def close(self) -> None:
        """Close those that wait, and keep none from now on."""
        with self._lock:
            self._closed = True
            waiting = [line for lines in self._idle.values() for line in lines]
            self._idle.clear()
        for line in waiting:
            line.close()


async def ask(
    lines: Lines, threads: Threads, origin: Origin, request: Request, patience: float
) -> Response:
    """The answer of *origin* to *request*, whose head comes within *patience* seconds.

    Raises:
        UpstreamUnreachable: no connection could be made.
        UpstreamFailed: it was lost; a request that changes nothing was then sent once more, if
            the connection was an old one.
    """
    empty = request.body.length == 0
    while True:
        asking = _Asking(lines, origin, request, patience)
        try:
            return await asking.answered(threads, empty=empty)
        except UpstreamFailed:
            # An old connection may be closed at the moment it is used.
            again = asking.was_used and asking.is_unanswered
            if not (again and empty and request.method in _REPEATABLE):
                raise


class _Asking:
    """One request over one connection."""

    def __init__(self, lines: Lines, origin: Origin, request: Request, patience: float) -> None:
        self.was_used = False
        self._lines = lines
        self._origin = origin
        self._request = request
        self._patience = patience
        self._line: Line | None = None
        self._stopped = False
        self._head: bytes = b""
        self._sent = 0
        self._refused = False

    @property
    def is_unanswered(self) -> bool:
        """Whether not a byte came back."""
        return self._line is not None and not self._line.spoke

    async def answered(self, threads: Threads, *, empty: bool) -> Response:
        """The answer; the connection goes on with its body, or is closed."""
        try:
            if empty:
                heard = await threads.run(self._stop, self._asked)
            else:
                heard = await self._told(threads)
        except BaseException:
            if self._line is not None:
                self._line.close()
            raise
        assert self._line is not None
        body = _Answered(self._lines, self._line, heard)
        total = heard.length or 0
        return Response(heard.status, heard.fields, Stream(body, ((0, total),), total))

    async def _told(self, threads: Threads) -> "Heard":
        """Send a body; what has come of it is sent while the rest is waited for."""
        while not self._refused and await self._request.body.ready():
            heard = await threads.run(self._stop, self._passed_on)
            if heard is not None:
                return heard
        return await threads.run(self._stop, self._ended)

    def _stop(self) -> None:
        self._stopped = True
        if self._line is not None:
            self._line.abort()

    def _open(self) -> "Line":
        if self._line is None:
            line = self._lines.take(self._origin)
            self.was_used = line is not None
            self._line = line or self._lines.fresh(self._origin)
            if self._stopped:
                self._line.abort()
            if not self._line.is_open:
                self._line.open()
            self._head = _head(self._line.target(self._request), self._origin, self._request)
        return self._line

    def _asked(self) -> "Heard":
        line = self._open()
        line.send(self._head)
        return line.hear(self._request.method, within=self._patience)

    def _passed_on(self) -> "Heard | None":
        """Send what the body gives now; the answer, if that was all of it."""
        line = self._open()
        body = self._request.body
        places = places_of(body) if line.is_plain and body.length is not None else None
        if places is not None:
            return self._sent_from_files(line, places, body.length or 0)
        for block in body.blocks():
            self._sent += len(block)
            if body.length is None:
                sent = line.send(self._taken_head(), b"%x\r\n" % len(block), block, b"\r\n")
            elif self._sent > body.length:
                raise SizeInvalid(f"more than the {body.length} bytes of the body came")
            else:
                sent = line.send(self._taken_head(), block)
            if not sent:
                self._refused = True
                return self._refusal(line)
        if self._sent == body.length:
            return line.hear(self._request.method, within=self._patience)
        return None

    def _sent_from_files(
        self, line: "Line", places: Iterator[Place], length: int
    ) -> "Heard | None":
        """The same, by the kernel alone."""
        for file, offset, size in places:
            self._sent += size
            if self._sent > length:
                raise SizeInvalid(f"more than the {length} bytes of the body came")
            if not (line.send(self._taken_head()) and line.send_file(file, offset, size)):
                self._refused = True
                return self._refusal(line)
        if self._sent == length:
            return line.hear(self._request.method, within=self._patience)
        return None

    def _ended(self) -> "Heard":
        line = self._open()
        body = self._request.body
        if body.length is None:
            if not line.send(self._taken_head(), b"0\r\n\r\n"):
                return self._refusal(line)
        elif self._sent < body.length:
            raise BodyIncomplete(f"{self._sent} of the {body.length} bytes of the body came")
        return line.hear(self._request.method, within=self._patience)

    def _refusal(self, line: "Line") -> "Heard":
        try:
            return line.hear(self._request.method, within=self._patience)
        except UpstreamFailed:
            if not self.is_unanswered:
                raise
            raise UpstreamFailed(
                f"{self._origin} closed the connection after some {self._sent} bytes of a body"
            ) from None

    def _taken_head(self) -> bytes:
        head, self._head = self._head, b""
        return head


def _head(target: tuple[str, Fields], origin: Origin, request: Request) -> bytes:
    """The head of *request* as it is sent (RFC 9112, 3)."""
    path, more = target
    lines = [f"{request.method} {path} HTTP/1.1", f"Host: {origin.netloc}"]
    fields = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw
    ]
    lines += [f"{name}: {value}" for name, value in [*fields, *more] if name.lower() not in _OURS]
    if request.body.length is None:
        lines.append("Transfer-Encoding: chunked")
    elif request.body.length or request.method in {"POST", "PUT", "PATCH"}:
        lines.append(f"Content-Length: {request.body.length}")
    if any("\r" in line or "\n" in line for line in lines):
        raise UpstreamFailed(f"{origin}: a field with a line break in it cannot be sent")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class _Answered:
    """The body of an answer, read from its connection (a `Source`)."""

    def __init__(self, lines: Lines, line: "Line", heard: "Heard") -> None:
        self.length = heard.length
        self._lines = lines
        self._line = line
        self._heard = heard
        self._left = heard.length
        self._lock = threading.Lock()
        self._reading = False
        self._closed = False
        self._over = False
        if not heard.has_body:
            self._end()

    def _end(self) -> None:
        self._over = True
        if self._heard.keeps:
            self._lines.put(self._line)
        else:
            self._line.close()

    async def ready(self) -> bool:
        """Whether there may be bytes to take."""
        return not self._over

    def blocks(self) -> Iterator[memoryview]:
        """All the rest, as it comes.

        Raises:
            UpstreamFailed: the connection was lost before the end.
        """
        with self._lock:
            if self._over or self._closed:
                return
            self._reading = True
        with ended_by(self._line.abort):
            yield from self._rest()

    def _rest(self) -> Iterator[memoryview]:
        size = _RECEIVED if self._left is None else min(_RECEIVED, self._left)
        buffer = memoryview(bytearray(size))
        try:
            while taken := self._heard.read_into(buffer, self._left):
                if self._left is not None:
                    self._left -= taken
                    if self._left == 0:
                        self._end()
                        yield buffer[:taken]
                        return
                yield buffer[:taken]
            self._end()
        finally:
            with self._lock:
                self._reading = False
                if self._closed and not self._over:
                    self._line.close()

    async def again(self, at: int = 0) -> "_Answered":
        """What came once does not come again.

        Raises:
            UpstreamFailed: always.
        """
        raise UpstreamFailed(f"{self._line.origin}: an answer comes once, at {at} as anywhere")

    async def aclose(self) -> None:
        """Close the connection, unless all was read; whoever still reads from it gets an error."""
        with self._lock:
            self._closed = True
            if self._over:
                return
            self._line.abort()
            if not self._reading:
                self._over = True
                self._line.close()
