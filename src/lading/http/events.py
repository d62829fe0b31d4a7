"""An event for every answered request of the API, with Distribution's names and facts."""

import logging
import time
from collections.abc import Callable, Mapping

from lading.http.access_log import body_size, target
from lading.wire import problems
from lading.wire.message import Handler, Request, Response
from lading.wire.routes import Place, Route

_UNTOLD = frozenset({Route.ROOT, Route.HEALTH, Route.READY})
_LONGEST = 1024


class RequestEvents:
    """Tells of every request that led somewhere, when its answer is ready to be sent.

    Args:
        inner: whose answers are told of.
        tell: takes the level, the event and its facts.
    """

    def __init__(
        self, inner: Handler, tell: Callable[[int, str, Mapping[str, object]], object]
    ) -> None:
        self._inner = inner
        self._tell = tell

    async def __call__(self, request: Request) -> Response:
        """Pass *request* on and tell of it."""
        began = time.perf_counter_ns()
        response = await self._inner(request)
        place = request.place
        if place is None or place.route in _UNTOLD:
            return response
        facts = _request(request, place)
        if request.user:
            facts["auth.user.name"] = request.user
            self._tell(logging.INFO, "authorized request", {**facts})
        elif response.status == 401:
            # Every pull of Docker's begins so: nothing went wrong.
            self._tell(logging.WARNING, f"error authorizing context: {_refused(response)}", facts)
            return response
        facts.update(_response(response, time.perf_counter_ns() - began))
        if response.status < 400:
            self._tell(logging.INFO, "response completed", facts)
        else:
            facts.update(_error(response))
            self._tell(logging.ERROR, "response completed with error", facts)
        return response


def _request(request: Request, place: Place) -> dict[str, object]:
    header = request.headers.get
    facts: dict[str, object] = {
        "http.request.host": header(b"host") or "",
        "http.request.id": request.id,
        "http.request.method": request.method,
        "http.request.remoteaddr": request.client or request.peer,
        "http.request.uri": target(request),
        "http.request.useragent": header(b"user-agent") or "",
    }
    if kind := header(b"content-type"):
        facts["http.request.contenttype"] = kind
    if referer := header(b"referer"):
        facts["http.request.referer"] = referer
    if place.name:
        facts["vars.name"] = place.name
    if place.last:
        facts[_VARIABLE.get(place.route, "vars.reference")] = place.last
    return facts


def _response(response: Response, took: int) -> dict[str, object]:
    facts: dict[str, object] = {
        "http.response.duration": duration(took),
        "http.response.status": response.status,
        "http.response.written": body_size(response),
    }
    for name, value in response.headers:
        if name == "Content-Type":
            facts["http.response.contenttype"] = value
    return facts


_VARIABLE = {Route.BLOB: "vars.digest", Route.REFERRERS: "vars.digest", Route.UPLOAD: "vars.uuid"}


def _error(response: Response) -> dict[str, object]:
    facts: dict[str, object] = {}
    if (error := response.error) is not None:
        facts["err.code"] = problems.code(error).lower().replace("_", " ")
        facts["err.message"] = error.summary
        facts["err.detail"] = str(error.subject)[:_LONGEST]
    return facts


def _refused(response: Response) -> str:
    if (error := response.error) is None:
        return "authentication required"
    return ": ".join(filter(None, (error.summary, str(error.subject)[:_LONGEST])))


def duration(nanoseconds: int) -> str:
    """A time as Go writes it, in the unit that suits it: ``893.23µs``, ``1.5s``."""
    for unit, size in (("s", 10**9), ("ms", 10**6), ("µs", 10**3)):
        if nanoseconds >= size:
            whole, rest = divmod(nanoseconds, size)
            digits = f"{rest:0{len(str(size)) - 1}}".rstrip("0")
            return f"{whole}.{digits}{unit}" if digits else f"{whole}{unit}"
    return f"{nanoseconds}ns" if nanoseconds else "0s"
