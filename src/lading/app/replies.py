"""The bytes of a response: its head, and a body that is in memory."""

from lading.bodies import Held
from lading.wire.message import Response
from lading.wire.statuses import PHRASES

KEPT = "\r\n"
"""How a head ends when the connection is kept, as HTTP/1.1 takes for granted."""

KEPT_ALIVE = "connection: keep-alive\r\n\r\n"
"""The same, said aloud to a client of HTTP/1.0."""

_CLOSED = "connection: close\r\n\r\n"
_STATUS_LINES = {status: f"HTTP/1.1 {status} {phrase}\r\n" for status, phrase in PHRASES.items()}


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


def held(response: Response, body: Held) -> bytes:
    """The whole body of *response*, which is *body*, in one piece."""
    if not response.frames and body.parts == ((0, body.total),):
        return body.data
    return b"".join(
        piece if isinstance(piece, bytes) else body.data[piece[0] : piece[0] + piece[1]]
        for piece in response.pieces()
    )
