"""The face as an ASGI application, for programs that have a server of their own.

`lading serve` speaks HTTP itself and does without. Here every byte of a body passes through the
event loop of a foreign server, in pieces of its choosing.
"""

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from lading.bodies import FileSpan, Held, Source, Stream
from lading.errors import BodyIncomplete
from lading.wire.message import Handler, Headers, Request, Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PIECE = 256 * 1024


def application(handler: Handler) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """*handler* as an ASGI 3 application for HTTP; the ``lifespan`` scope is accepted and idle."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _idle(receive, send)
            return
        response = await handler(_request(scope, receive))
        await _answer(scope["method"], response, send)

    return serve


class _Received:
    """A body that an ASGI server hands out (an `Inbound`)."""

    def __init__(self, receive: Receive, length: int | None) -> None:
        self.length = length
        self._receive = receive
        self._came: deque[bytes] = deque()
        self._more = True

    async def ready(self) -> bool:
        while not self._came and self._more:
            message = await self._receive()
            if message["type"] != "http.request":
                raise BodyIncomplete("the sender went away")
            self._more = message.get("more_body", False)
            if message.get("body"):
                self._came.append(message["body"])
        return bool(self._came)

    def blocks(self) -> Iterator[memoryview]:
        while self._came:
            yield memoryview(self._came.popleft())


def _request(scope: Scope, receive: Receive) -> Request:
    headers = Headers(list(scope["headers"]))
    length = headers.get(b"content-length")
    promised = int(length) if length is not None and length.isascii() and length.isdigit() else None
    peer = scope.get("client")
    return Request(
        scope["method"],
        scope.get("raw_path", scope["path"].encode()).decode("latin-1"),
        scope["query_string"].decode("latin-1"),
        headers,
        _Received(receive, promised),
        f"{peer[0]}:{peer[1]}" if peer else "",
    )


async def _answer(method: str, response: Response, send: Send) -> None:
    body = response.body
    try:
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in response.headers
        ]
        start = {"type": "http.response.start", "status": response.status, "headers": headers}
        await send(start)
        if isinstance(body, bytes):
            await _piece(send, body, more=False)
            return
        if method != "HEAD" and isinstance(body, Held | FileSpan):
            await _parts(body, response, send)
        elif method != "HEAD" and isinstance(body, Stream):
            await _pass_on(body.source, send)
        await _piece(send, b"", more=False)
    finally:
        if not isinstance(body, bytes):
            await body.aclose()


async def _parts(body: Held | FileSpan, response: Response, send: Send) -> None:
    for piece in response.pieces():
        if isinstance(piece, bytes):
            await _piece(send, piece)
        elif isinstance(body, Held):
            await _piece(send, body.data[piece[0] : piece[0] + piece[1]])
        else:
            await _copy(body.file, *piece, send)


async def _pass_on(source: Source, send: Send) -> None:
    while await source.ready():
        blocks = source.blocks()
        while piece := await asyncio.to_thread(_copied, blocks):
            await _piece(send, piece)


def _copied(blocks: Iterator[memoryview]) -> bytes:
    """The next block, which is valid only until the one after it; empty at the end."""
    return bytes(next(blocks, b""))


async def _copy(file: int, offset: int, length: int, send: Send) -> None:
    end = offset + length
    while offset < end:
        data = await asyncio.to_thread(os.pread, file, min(_PIECE, end - offset), offset)
        if not data:
            raise BodyIncomplete("the file is shorter than it was")
        await _piece(send, data)
        offset += len(data)


async def _piece(send: Send, data: bytes, *, more: bool = True) -> None:
    if data or not more:
        await send({"type": "http.response.body", "body": data, "more_body": more})


async def _idle(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
