"""Handlers around the face: request ids and the access log. Each is `Handler` → `Handler`."""

import asyncio
import itertools
import logging
import re
import secrets
import time
from collections.abc import Callable

from lading.wire import problems
from lading.wire.message import Handler, Request, Response

log = logging.getLogger("lading.http")

_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_FLUSH_BYTES = 1 << 16
_FLUSH_SECONDS = 1.0


class RequestIds:
    """Gives every request an id and says it in every answer, as ``X-Request-Id``.

    A client's own id is kept if it is short and plain.
    """

    def __init__(self, inner: Handler) -> None:
        self._inner = inner
        self._prefix = secrets.token_hex(6)
        self._count = itertools.count(1)

    async def __call__(self, request: Request) -> Response:
        """Pass *request* on under an id."""
        sent = request.headers.get(b"x-request-id")
        if sent is not None and _SANE.fullmatch(sent):
            request.id = sent
        elif not request.id:
            request.id = f"{self._prefix}-{next(self._count):x}"
        response = await self._inner(request)
        response.headers.append(("X-Request-Id", request.id))
        return response


class Wall:
    """Answers a mistake in the program, once for everything inside.

    Errors of ours are answered by the face; what comes here is logged with the request's id, and
    the client is told that id and nothing else.
    """

    def __init__(self, inner: Handler) -> None:
        self._inner = inner

    async def __call__(self, request: Request) -> Response:
        """Pass *request* on; never raises."""
        try:
            return await self._inner(request)
        except Exception:
            log.exception("request failed", extra={"request": request.id})
            return problems.broken(request.id)


class AccessLog:
    """One line for every answer, in the combined form, with milliseconds and the request's id.

    The version of HTTP is left out, since a `Request` has none. The milliseconds go to where the
    answer is ready to be sent: with the body of the request, without that of the answer.

    Lines wait in memory for up to a second or 64 KiB, so that one write carries many.

    Args:
        inner: whose answers are told of.
        write: takes lines, whole; called on the event loop.
        now: the time in seconds since 1970.
    """

    def __init__(
        self,
        inner: Handler,
        write: Callable[[bytes], object],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._inner = inner
        self._write = write
        self._now = now
        self._lines: list[str] = []
        self._size = 0
        self._second = -1
        self._stamp = ""
        self._timer: asyncio.TimerHandle | None = None

    async def __call__(self, request: Request) -> Response:
        """Pass *request* on and note what was answered."""
        began = time.perf_counter()
        response = await self._inner(request)
        took = (time.perf_counter() - began) * 1000
        target = f"{request.path}?{request.query}" if request.query else request.path
        agent = request.headers.get(b"user-agent") or "-"
        asked = _plain(f"{request.method} {target}")
        line = (
            f'{request.peer or "-"} - - [{self._time()}] "{asked}" '
            f'{response.status} {_length(response)} "-" "{_plain(agent)}" '
            f"{took:.1f} {request.id or '-'}\n"
        )
        self._lines.append(line)
        self._size += len(line)
        if self._size >= _FLUSH_BYTES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)
        return response

    def flush(self) -> None:
        """Write out the lines that wait; to be called once more at the end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines:
            lines, self._lines, self._size = self._lines, [], 0
            self._write("".join(lines).encode("utf-8", "backslashreplace"))

    def _time(self) -> str:
        second = int(self._now())
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second))
        return self._stamp


def _plain(text: str) -> str:
    """*text* as it may stand between quotes on one line."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return text.encode("unicode_escape").decode("ascii").replace('"', '\\"')


def _length(response: Response) -> str:
    for name, value in response.headers:
        if name == "Content-Length":
            return value
    return "-"
