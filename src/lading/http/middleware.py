"""Handlers around the face: request ids and the wall. Each is `Handler` → `Handler`."""

import itertools
import logging
import re
import secrets

from lading.wire import problems
from lading.wire.message import Handler, Request, Response

log = logging.getLogger("lading.http")

_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


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
