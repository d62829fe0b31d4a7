"""The bytes of a response's head, and of the few responses that the connection gives itself."""

import http
import json
from collections.abc import Sequence

from lading.bodies import Held
from lading.wire.message import Response

KEPT = "\r\n"
"""How a head ends when the connection is kept, as HTTP/1.1 takes for granted."""

KEPT_ALIVE = "connection: keep-alive\r\n\r\n"
"""The same, said aloud to a client of HTTP/1.0."""

_CLOSED = "connection: close\r\n\r\n"
_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in http.HTTPStatus
}


def head(response: Response, date: str, ending: str | None) -> bytes:
    """The head of *response*; *ending* is `KEPT` or `KEPT_ALIVE`, or ``None`` to hang up after it.

    Raises:
        ValueError: a field holds a line end; sending it would be sending somebody else's head.
    """
    fields = [f"{name}: {value}\r\n" for name, value in response.headers]
    text = "".join([_STATUS_LINES[response.status], date, *fields, ending or _CLOSED])
    if text.count("\n") != len(fields) + 2 + (ending or _CLOSED).count("\n"):
        raise ValueError("a header field holds a line end")
    return text.encode("latin-1")


def joined(body: Held, frames: Sequence[bytes]) -> bytes:
    """The parts of *body*, each after its frame."""
    if not frames:
        ((offset, length),) = body.parts
        return body.data if length == body.total else body.data[offset : offset + length]
    pieces: list[bytes] = []
    for frame, (offset, length) in zip(frames, body.parts, strict=False):
        pieces += [frame, body.data[offset : offset + length]]
    return b"".join([*pieces, *frames[len(body.parts) :]])


def plain(status: int, reason: str) -> Response:
    """An answer to what is no request."""
    body = json.dumps({"errors": [{"code": "UNSUPPORTED", "message": reason}]}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return Response(status, headers, body)
