"""Registries that misbehave on cue: what clients meet on bad days, in front of any handler.

::

    trouble = Trouble()
    handler = trouble(handler)
    trouble.slow_down(retry_after=1)                             # the next request gets a 429
    trouble.fail(503, times=2, method="PUT")                     # the next two PUTs fail
    trouble.truncate(1000, path="*/blobs/sha256:*")              # a blob ends after 1,000 bytes

A connection that is lost is a `BodyIncomplete` that the handler raises, or the body of its answer:
whoever has the connection closes it then.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TypedDict, Unpack

from lading.bodies import Elsewhere, Held, Inbound, Source, Stream, source_of
from lading.errors import BodyIncomplete
from lading.wire.message import Handler, Request, Response

_CODES = {401: "UNAUTHORIZED", 403: "DENIED", 404: "NAME_UNKNOWN", 429: "TOOMANYREQUESTS"}
_PAGE = b"<!DOCTYPE html><title>Welcome</title><p>This is not the registry that you look for.\n"

_Act = Callable[[Request, Handler], Awaitable[Response]]


class When(TypedDict, total=False):
    """Which requests something happens to; without any of it, to the next one.

    *method* and *path* are patterns with ``*``. The first *skip* requests that match go well, and
    it happens to the next *times* (1) of them.
    """

    method: str
    path: str
    skip: int
    times: int


@dataclass(slots=True)
class _Plan:
    act: _Act
    method: str = "*"
    path: str = "*"
    skip: int = 0
    times: int = 1

    def matches(self, request: Request) -> bool:
        return fnmatchcase(request.method, self.method) and fnmatchcase(request.path, self.path)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that came: what a test may want to know of it afterwards."""

    method: str
    path: str
    query: str
    headers: dict[str, str] = field(repr=False)
    """Names in lower case; of a repeated field, the last value."""


class Trouble:
    """What is to go wrong, in order; put before a handler by calling it with one.

    ``asked`` are all requests that came, those included that nothing happened to. What is planned
    first happens first, and only one thing happens to one request.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._plans: list[_Plan] = []

    def __call__(self, handler: Handler) -> Handler:
        """*handler*, with the trouble in front of it."""

        async def troubled(request: Request) -> Response:
            self.asked.append(_asked(request))
            act = self._due(request)
            return await (handler(request) if act is None else act(request, handler))

        return troubled

    def count(self, method: str = "*", path: str = "*") -> int:
        """How many requests came that match."""
        return sum(
            fnmatchcase(each.method, method) and fnmatchcase(each.path, path) for each in self.asked
        )

    @property
    def pending(self) -> int:
        """How many plans have not happened, or not as often as they are to."""
        return len(self._plans)

    def end(self) -> None:
        """Forget everything that was planned and has not happened."""
        self._plans.clear()

    def delay(self, seconds: float, **when: Unpack[When]) -> None:
        """Answer *seconds* later."""

        async def act(request: Request, handler: Handler) -> Response:
            await asyncio.sleep(seconds)
            return await handler(request)

        self._plan(act, when)

    def fail(self, status: int = 500, **when: Unpack[When]) -> None:
        """Answer with *status*, and do nothing."""
        self.answer(lambda: refusal(status), **when)

    def fail_afterwards(self, status: int = 500, **when: Unpack[When]) -> None:
        """Do what is asked, and answer with *status* as if it had failed."""

        async def act(request: Request, handler: Handler) -> Response:
            await _dropped(await handler(request))
            return refusal(status)

        self._plan(act, when)

    def slow_down(self, retry_after: float | str | None = 1, **when: Unpack[When]) -> None:
        """Answer 429, with ``Retry-After``: seconds, a date as it is written in HTTP, or none."""
        fields = [] if retry_after is None else [("Retry-After", str(retry_after))]
        self.answer(lambda: refusal(429, fields), **when)

    def hang_up(self, **when: Unpack[When]) -> None:
        """Do nothing, and close the connection in place of an answer."""

        async def act(request: Request, handler: Handler) -> Response:  # noqa: ARG001 - one shape
            raise BodyIncomplete("the registry hung up, as a test had planned")

        self._plan(act, when)

    def hang_up_afterwards(self, **when: Unpack[When]) -> None:
        """Do what is asked, and close the connection in place of an answer."""

        async def act(request: Request, handler: Handler) -> Response:
            await _dropped(await handler(request))
            raise BodyIncomplete("the registry hung up, as a test had planned")

        self._plan(act, when)

    def interrupt(self, after: int, **when: Unpack[When]) -> None:
        """Take *after* bytes of the request's body, and close the connection."""

        async def act(request: Request, handler: Handler) -> Response:
            cut = replace(request, body=_CutInbound(request.body, after))
            await _dropped(await handler(cut))
            raise BodyIncomplete("the registry hung up, as a test had planned")

        self._plan(act, when)

    def truncate(self, after: int, **when: Unpack[When]) -> None:
        """Close the connection when *after* bytes of the body that a GET asked for were sent."""
        when.setdefault("method", "GET")
        self.change(lambda response: _with_body(response, lambda body: _Cut(body, after)), **when)

    def flip(self, at: int = 0, **when: Unpack[When]) -> None:
        """Change one bit of the byte *at* in the body that a GET asked for."""
        when.setdefault("method", "GET")
        self.change(lambda response: _with_body(response, lambda body: _Flipped(body, at)), **when)

    def page(self, status: int = 200, **when: Unpack[When]) -> None:
        """Answer with a page of HTML, as proxies and login portals do."""
        fields = [("Content-Type", "text/html"), ("Content-Length", str(len(_PAGE)))]
        self.answer(lambda: Response(status, list(fields), _PAGE), **when)

    def send_to(self, url: str, status: int = 307, **when: Unpack[When]) -> None:
        """Answer with a redirect to *url*."""
        fields = [("Location", url), ("Content-Length", "0")]
        self.answer(lambda: Response(status, list(fields)), **when)

    def answer(self, response: Callable[[], Response], **when: Unpack[When]) -> None:
        """Answer with what *response* makes, and do nothing."""

        async def act(request: Request, handler: Handler) -> Response:  # noqa: ARG001 - one shape
            return _measured(response())

        self._plan(act, when)

    def change(self, response: Callable[[Response], Response], **when: Unpack[When]) -> None:
        """Do what is asked, and answer with what *response* makes of the answer."""

        async def act(request: Request, handler: Handler) -> Response:
            return response(await handler(request))

        self._plan(act, when)

    def _plan(self, act: _Act, when: When) -> None:
        self._plans.append(_Plan(act, **when))

    def _due(self, request: Request) -> _Act | None:
        for plan in self._plans:
            if not plan.matches(request):
                continue
            if plan.skip:
                plan.skip -= 1
                continue
            plan.times -= 1
            if plan.times <= 0:
                self._plans.remove(plan)
            return plan.act
        return None


class Clock:
    """A clock that stands in for `time.monotonic` and can be moved on."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        """Seconds, since some moment in the past."""
        return time.monotonic() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self._ahead += seconds


def refusal(status: int, fields: Sequence[tuple[str, str]] = ()) -> Response:
    """The error that registries answer with *status*, and *fields* beside it."""
    error = {"code": _CODES.get(status, "UNKNOWN"), "message": "planned by a test"}
    body = json.dumps({"errors": [error]}).encode()
    own = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return Response(status, [*own, *fields], body)


def _asked(request: Request) -> Asked:
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in request.headers.raw
    }
    return Asked(request.method, request.path, request.query, headers)


def _with_body(response: Response, changed: Callable[[Source], Source]) -> Response:
    """*response* with a body that is made of its own."""
    body = response.body
    assert not isinstance(body, Elsewhere)
    if isinstance(body, Held) and response.frames:
        body = b"".join(
            each if isinstance(each, bytes) else body.data[each[0] : sum(each)]
            for each in response.pieces()
        )
    if isinstance(body, bytes):
        body = Held(body, ((0, len(body)),))
    stream = Stream(changed(source_of(body)), body.parts, body.total)
    return Response(response.status, response.headers, stream)


def _measured(response: Response) -> Response:
    """*response*, which says how long it is, since nobody could tell its end otherwise."""
    said = any(name.lower() == "content-length" for name, _ in response.headers)
    if isinstance(response.body, bytes) and not said:
        response.headers.append(("Content-Length", str(len(response.body))))
    return response


async def _dropped(response: Response) -> None:
    if not isinstance(response.body, bytes):
        await response.body.aclose()


class _Changed:
    """A body whose blocks are not what they were."""

    def __init__(self, inner: Source) -> None:
        self._inner = inner
        self.length = inner.length

    async def ready(self) -> bool:
        return await self._inner.ready()

    def blocks(self) -> Iterator[memoryview]:
        return self._inner.blocks()

    async def again(self, at: int = 0) -> Source:
        return await self._inner.again(at)

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Cut(_Changed):
    """A body that breaks off."""

    def __init__(self, inner: Source, after: int) -> None:
        super().__init__(inner)
        self._left = after

    def blocks(self) -> Iterator[memoryview]:
        for block in self._inner.blocks():
            if len(block) > self._left:
                if self._left:
                    yield block[: self._left]
                raise BodyIncomplete("the connection broke off, as a test had planned")
            self._left -= len(block)
            yield block


class _CutInbound:
    """A body of a request, from which no more than some bytes are taken."""

    def __init__(self, inner: Inbound, after: int) -> None:
        self._inner = inner
        self._left = after
        self.length = inner.length

    async def ready(self) -> bool:
        if not self._left:
            raise BodyIncomplete("the connection broke off, as a test had planned")
        return await self._inner.ready()

    def blocks(self) -> Iterator[memoryview]:
        for block in self._inner.blocks():
            taken = block[: self._left]
            self._left -= len(taken)
            if taken:
                yield taken
            if not self._left:
                return


class _Flipped(_Changed):
    """A body with one bit that is wrong."""

    def __init__(self, inner: Source, at: int) -> None:
        super().__init__(inner)
        self._at = at

    def blocks(self) -> Iterator[memoryview]:
        for block in self._inner.blocks():
            if 0 <= self._at < len(block):
                wrong = bytearray(block)
                wrong[self._at] ^= 1
                yield memoryview(wrong)
            else:
                yield block
            self._at -= len(block)
