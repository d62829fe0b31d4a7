"""Requests, counted as Distribution counts them."""

import time
from bisect import bisect_left
from collections.abc import Callable

from lading.app.watching.meters import Meter
from lading.app.watching.metrics import (
    DURATION,
    HANDLERS,
    IN_FLIGHT,
    METHODS,
    OTHER_METHOD,
    REQUEST_SIZE,
    REQUESTS,
    RESPONSE_SIZE,
)
from lading.bodies import FileSpan, Held
from lading.wire.message import Handler, Request, Response
from lading.wire.routes import Place, match

_HTTP = len("HTTP/1.1")
_SECONDS = DURATION.buckets
_BYTES = REQUEST_SIZE.buckets
_SECONDS_SUM = len(_SECONDS) + 1
_BYTES_SUM = len(_BYTES) + 1


class CountedRequests:
    """Counts what leads to a route of the API, when its answer is ready to be sent.

    So whoever has read an answer finds it counted. Paths that lead nowhere and those of load
    balancers are not counted, nor are they by Distribution. *match* finds out where a path leads.
    """

    def __init__(
        self, inner: Handler, meter: Meter, match: Callable[[str], Place | None] = match
    ) -> None:
        self._inner = inner
        self._match = match
        self._meter = meter
        self._cells = meter.cells
        # Handler, method and status of an answer are always of the same few.
        self._known: dict[tuple[str, str], tuple[int, int, int, int]] = {}
        self._codes: dict[tuple[str, str, int], int] = {}

    async def __call__(self, request: Request) -> Response:
        """Pass *request* on and count it."""
        if request.place is None:
            request.place = self._match(request.path)
        handler = HANDLERS.get(request.place.route) if request.place is not None else None
        if handler is None:
            return await self._inner(request)
        cells = self._cells
        in_flight, duration, asked, answered = self._places(handler, request.method)
        cells[in_flight] += 1.0
        began = time.perf_counter()
        try:
            response = await self._inner(request)
        finally:
            cells[in_flight] -= 1.0
        took = time.perf_counter() - began
        cells[self._code(handler, request.method, response.status)] += 1.0
        cells[duration + bisect_left(_SECONDS, took)] += 1.0
        cells[duration + _SECONDS_SUM] += took
        size = request_size(request)
        cells[asked + bisect_left(_BYTES, size)] += 1.0
        cells[asked + _BYTES_SUM] += size
        size = response_size(response)
        cells[answered + bisect_left(_BYTES, size)] += 1.0
        cells[answered + _BYTES_SUM] += size
        return response

    def _places(self, handler: str, method: str) -> tuple[int, int, int, int]:
        found = self._known.get((handler, method))
        if found is None:
            place = self._meter.place
            found = (
                place(IN_FLIGHT, handler),
                place(DURATION, handler, _label(method)),
                place(REQUEST_SIZE, handler),
                place(RESPONSE_SIZE, handler),
            )
            if _label(method) != OTHER_METHOD:
                self._known[handler, method] = found
        return found

    def _code(self, handler: str, method: str, status: int) -> int:
        found = self._codes.get((handler, method, status))
        if found is None:
            found = self._meter.place(REQUESTS, str(status), handler, _label(method))
            if _label(method) != OTHER_METHOD:
                self._codes[handler, method, status] = found
        return found


def _label(method: str) -> str:
    small = method.lower()
    return small if small in METHODS else OTHER_METHOD


def request_size(request: Request) -> int:
    """About the bytes of *request*, as Go programs count them: without separators."""
    size = len(request.path) + len(request.method) + _HTTP
    if request.query:
        size += len(request.query) + 1
    for name, value in request.headers.raw:
        size += len(value)
        if name != b"host":
            size += len(name)
        if name == b"content-length" and value.isdigit():
            size += int(value)
    return size


def response_size(response: Response) -> int:
    """The bytes of the body of *response*, as far as its kind tells them."""
    body = response.body
    if isinstance(body, bytes):
        return len(body)
    if isinstance(body, Held | FileSpan):
        return sum(length for _, length in body.parts) + sum(map(len, response.frames))
    return 0
