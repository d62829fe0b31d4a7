"""The face of the second address: health, metrics, and what else operators look at."""

import json

from lading.app.config.watching import DebugConfig
from lading.app.watching.station import Station
from lading.wire import headers, problems
from lading.wire.message import Request, Response

_HEALTH = "/debug/health"
_VARIABLES = "/debug/vars"
_READING = frozenset({"GET", "HEAD"})


class Debug:
    """Answers about the server at *station*, as *config* says, whatever its health."""

    def __init__(self, config: DebugConfig, station: Station) -> None:
        self._station = station
        self._metrics_path = config.metrics_path if config.metrics else None

    async def __call__(self, request: Request) -> Response:
        """Answer *request*."""
        response = await self._answer(request)
        if request.method == "HEAD":
            response.body = b""
        return response

    async def _answer(self, request: Request) -> Response:
        if request.method not in _READING:
            return problems.unrouted(request.path)
        if request.path == _HEALTH:
            failures = dict(self._station.watched.health.failures())
            return _document(503 if failures else 200, failures)
        if request.path == _VARIABLES:
            return _document(200, await self._station.variables())
        if request.path == self._metrics_path:
            told, media_type = await self._station.metrics()
            return Response(200, headers.of_document(told, media_type), told)
        return problems.unrouted(request.path)


def _document(status: int, value: object) -> Response:
    body = json.dumps(value, separators=(",", ":")).encode()
    return Response(status, headers.of_document(body), body)
