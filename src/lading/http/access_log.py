"""A line for every answer, in one of three forms, and never with a secret in it."""

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from lading.bodies import FileSpan, Held
from lading.wire.message import Handler, Request, Response

_FLUSH_BYTES = 1 << 16
_FLUSH_SECONDS = 1.0
_STATE = re.compile(r"(^|&)(_state=)[^&]*")
_json: Callable[[str], str] = json.JSONEncoder().encode


@dataclass(frozen=True, slots=True)
class Answered:
    """What a line tells: a request, its answer, the milliseconds in between, and when that was.

    ``second`` is in whole seconds since 1970. The milliseconds go to where the answer is ready to
    be sent: with the body of the request, without that of the answer.
    """

    request: Request
    response: Response
    took: float
    second: int


Form = Callable[[Answered], str]
"""Makes a line of it, with its end."""


class AccessLog:
    """One line for every answer.

    Lines wait in memory for up to a second or 64 KiB, so that one write carries many.

    Args:
        inner: whose answers are told of.
        write: takes lines, whole; called on the event loop.
        form: how lines look, one of `FORMS`.
        now: the time in seconds since 1970.
    """

    def __init__(
        self,
        inner: Handler,
        write: Callable[[bytes], object],
        *,
        form: str = "extended",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._inner = inner
        self._write = write
        self._form = FORMS[form]()
        self._now = now
        self._lines: list[str] = []
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None

    async def __call__(self, request: Request) -> Response:
        """Pass *request* on and note what was answered."""
        began = time.perf_counter()
        response = await self._inner(request)
        took = (time.perf_counter() - began) * 1000
        line = self._form(Answered(request, response, took, int(self._now())))
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


class Combined:
    """Apache's combined form, as Distribution writes it: without the user, and in local time.

    Programs lock out whom it names, so nobody is named by whoever happens to connect.
    """

    def __init__(self) -> None:
        self._stamps = _Stamps(_apache_time)

    def __call__(self, told: Answered) -> str:
        """The line."""
        request, response = told.request, told.response
        asked = plain(f"{request.method} {target(request)} HTTP/{request.version}")
        referer = plain(request.headers.get(b"referer") or "")
        agent = plain(request.headers.get(b"user-agent") or "")
        return (
            f'{_caller(request) or "-"} - - [{self._stamps(told.second)}] "{asked}" '
            f'{response.status} {body_size(response)} "{referer}" "{agent}"\n'
        )


class Extended:
    """The combined form with what it lacks: who asked, milliseconds, and the request's id."""

    def __init__(self) -> None:
        self._stamps = _Stamps(_apache_time)

    def __call__(self, told: Answered) -> str:
        """The line."""
        request, response = told.request, told.response
        user = plain(request.user).replace(" ", "\\x20") if request.user else "-"
        asked = plain(f"{request.method} {target(request)} HTTP/{request.version}")
        referer = plain(request.headers.get(b"referer") or "-")
        agent = plain(request.headers.get(b"user-agent") or "-")
        return (
            f'{_host(request) or "-"} - {user} [{self._stamps(told.second)}] "{asked}" '
            f'{response.status} {body_size(response)} "{referer}" "{agent}" '
            f"{told.took:.1f} {request.id or '-'}\n"
        )


class Json:
    """An object for each answer, with all of it."""

    def __init__(self) -> None:
        self._stamps = _Stamps(lambda second: datetime.fromtimestamp(second, UTC).isoformat())

    def __call__(self, told: Answered) -> str:
        """The line."""
        request, response = told.request, told.response
        referer = request.headers.get(b"referer") or ""
        agent = request.headers.get(b"user-agent") or ""
        return (
            f'{{"time":"{self._stamps(told.second)}","client":{_json(_host(request))},'
            f'"user":{_json(request.user)},"method":{_json(request.method)},'
            f'"uri":{_json(target(request))},"protocol":"HTTP/{request.version}",'
            f'"status":{response.status},"size":{body_size(response)},'
            f'"referer":{_json(referer)},"agent":{_json(agent)},'
            f'"milliseconds":{told.took:.3f},"request":{_json(request.id)}}}\n'
        )


FORMS: Mapping[str, Callable[[], Form]] = {
    "combined": Combined,
    "extended": Extended,
    "json": Json,
}
"""Every form by its name."""


def target(request: Request) -> str:
    """What *request* asked for, as far as it may be written down: not what proves a right."""
    query = request.query
    if "_state=" in query:
        query = _STATE.sub(r"\1\2***", query)
    return f"{request.path}?{query}" if query else request.path


def plain(text: str) -> str:
    """*text* as it may stand between quotes on one line."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return text.encode("unicode_escape").decode("ascii").replace('"', '\\"')


def body_size(response: Response) -> int:
    """The bytes of the body of *response*."""
    body = response.body
    if isinstance(body, bytes):
        return len(body)
    if isinstance(body, Held | FileSpan):
        return sum(length for _, length in body.parts) + sum(map(len, response.frames))
    length = next((value for name, value in response.headers if name == "Content-Length"), "0")
    return int(length)


def _host(request: Request) -> str:
    """The address where *request* began, without a port."""
    return request.client or _peer(request)


def _caller(request: Request) -> str:
    """As `_host`, unless anybody could have made that up."""
    return request.client if request.vouched else _peer(request)


def _peer(request: Request) -> str:
    return request.peer.rpartition(":")[0] or request.peer


class _Stamps:
    """Times in one form; the same second is written out once."""

    def __init__(self, write: Callable[[int], str]) -> None:
        self._write = write
        self._second = -1
        self._stamp = ""

    def __call__(self, second: int) -> str:
        if second != self._second:
            self._second = second
            self._stamp = self._write(second)
        return self._stamp


def _apache_time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).astimezone().strftime("%d/%b/%Y:%H:%M:%S %z")
