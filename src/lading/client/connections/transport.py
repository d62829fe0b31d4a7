"""Requests on their way to registries: over connections, or to a face in this process.

A transport gives a `Handler` for each origin. Bodies stream both ways: what is sent is read in a
thread of the transport, what comes is read in the thread of whoever wants it, and neither passes
through the event loop. The libraries that make connections are imported with the first of them.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Protocol

from lading.bodies import Bytes, Elsewhere, FileSource, Held, Inbound, Source, Stream
from lading.client.connections.origin import Origin
from lading.client.connections.pool import Lines, Threads, ask
from lading.client.connections.settings import Connection, Proxies, Timeouts
from lading.errors import BodyIncomplete, UpstreamFailed, UpstreamUnreachable
from lading.wire.message import Handler, Headers, Request, Response
from lading.wire.ranges import number

__all__ = [
    "Connection",
    "FaceTransport",
    "Proxies",
    "Timeouts",
    "Transport",
    "open_transport",
]


class Transport(Protocol):
    """A way to registries."""

    def to(self, origin: Origin) -> Handler:
        """What answers for *origin*.

        A request's ``path`` and ``query`` are sent as they are. With a body of known ``length``
        it has a ``Content-Length``, else it is chunked. The body of an answer is always a
        `Stream`, whose source has ``length`` ``None`` (and ``total`` 0) if the sender did not say
        it; whoever gets the answer closes it. An answer that comes while the body is still being
        sent ends the sending. Neither redirects nor statuses mean anything here.

        Raises (the handler):
            UpstreamUnreachable: no connection could be made, and nothing was sent.
            UpstreamFailed: the connection was lost, or the other end was silent for too long,
                after something was sent; or the answer is not HTTP. The same is raised by the
                ``blocks()`` of an answer's body that ends early.
        """
        ...


_NO_PROXIES = Proxies()
_USUAL = Timeouts()


@asynccontextmanager
async def open_transport(
    *,
    settings: Callable[[Origin], Connection] = lambda _origin: Connection(),
    proxies: Proxies = _NO_PROXIES,
    timeouts: Timeouts = _USUAL,
    threads: int = 16,
) -> AsyncIterator[Transport]:
    """A transport over TCP, with at most *threads* requests on their way out at a time."""
    lines = Lines(settings, proxies, timeouts)
    pool = Threads(threads)
    try:
        yield _SocketTransport(lines, pool, timeouts)
    finally:
        pool.close()
        lines.close()


class _SocketTransport:
    def __init__(self, lines: Lines, threads: Threads, timeouts: Timeouts) -> None:
        self._lines = lines
        self._threads = threads
        self._answer = timeouts.answer

    def to(self, origin: Origin) -> Handler:
        async def handle(request: Request) -> Response:
            return await ask(self._lines, self._threads, origin, request, self._answer)

        return handle


class FaceTransport:
    """The way to faces in this process, without sockets; keys are like ``http://host:port``."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = {Origin.parse(url): handler for url, handler in handlers.items()}

    def to(self, origin: Origin) -> Handler:
        """What answers for *origin*; see `Transport.to`."""
        handler = self._handlers.get(origin)

        async def handle(request: Request) -> Response:
            if handler is None:
                raise UpstreamUnreachable(f"{origin}: nobody is there")
            named = [(b"host", origin.netloc.encode()), *request.headers.raw]
            with _lost(origin):
                response = await handler(replace(request, headers=Headers(named)))
            response.body = _streamed(origin, request, response)
            return response

        return handle


def _streamed(origin: Origin, request: Request, response: Response) -> Stream:
    fields = Headers.of(response.headers)
    said = number(fields.get(b"content-length") or "")
    if request.method == "HEAD" or response.status in {204, 304}:
        return Stream(Bytes(b""), ((0, 0),), 0)
    source = _Spoken(origin, response, said)
    return Stream(source, ((0, said or 0),), said or 0)


class _Spoken:
    """The body of an answer as it would come over a connection (a `Source`)."""

    def __init__(self, origin: Origin, response: Response, length: int | None) -> None:
        self.length = length
        self._origin = origin
        self._content = response.body
        self._left = length
        self._inner: list[Inbound] = _bodies(response)

    async def ready(self) -> bool:
        while self._inner:
            with _lost(self._origin):
                if await self._inner[-1].ready():
                    return True
            self._inner.pop()
        if self._left:
            raise UpstreamFailed(f"{self._origin} ended its answer {self._left} bytes too early")
        return False

    def blocks(self) -> Iterator[memoryview]:
        with _lost(self._origin):
            for block in self._inner[-1].blocks() if self._inner else ():
                said = block if self._left is None else block[: self._left]
                if self._left is not None:
                    self._left -= len(said)
                if said:
                    yield said

    async def again(self, at: int = 0) -> Source:
        raise UpstreamFailed(f"{self._origin}: an answer comes once, at {at} as anywhere")

    async def aclose(self) -> None:
        if not isinstance(self._content, bytes):
            await self._content.aclose()


@contextmanager
def _lost(origin: Origin) -> Iterator[None]:
    try:
        yield
    except BodyIncomplete as error:
        raise UpstreamFailed(f"{origin}: {error.subject}") from None


def _bodies(response: Response) -> list[Inbound]:
    """What *response* says, last piece first."""
    content = response.body
    if isinstance(content, bytes):
        return [Bytes(content)]
    if isinstance(content, Elsewhere):
        return []
    if isinstance(content, Stream):
        return [content.source]
    found: list[Inbound] = []
    for piece in response.pieces():
        if isinstance(piece, bytes):
            found.append(Bytes(piece))
        elif isinstance(content, Held):
            found.append(Bytes(memoryview(content.data)[piece[0] : piece[0] + piece[1]]))
        else:
            found.append(FileSource(content.file, [piece]))
    return found[::-1]
