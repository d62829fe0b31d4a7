"""How each connection is encrypted, chosen by what it says first."""

import contextlib
import logging
import socket
import ssl
from collections.abc import Callable
from email.utils import formatdate

from lading.app import hello, replies
from lading.app.hello import Hello
from lading.wire import problems

log = logging.getLogger(__name__)

PLAIN = "this is plain HTTP, and the server speaks HTTPS here"
"""What a client is told that does not encrypt."""

_DRAINED = 1 << 16

Choose = Callable[[Hello], ssl.SSLContext | None]
"""Chooses by the greeting of a client; ``None``: there is no certificate for it."""


class OneForAll:
    """Every connection gets the same context (a `Seal`): the one that *current* gives just then."""

    def __init__(self, current: Callable[[], ssl.SSLContext | None]) -> None:
        self._current = current

    async def __call__(self, connection: socket.socket) -> ssl.SSLContext | None:
        """The context for *connection*; ``None`` if it speaks no TLS, which it has been told."""
        seen = await hello.peek(connection, whole=False)
        return self._current() if _speaks_tls(connection, seen) else None


class ByGreeting:
    """Every connection gets the context that *choose* finds for its greeting (a `Seal`)."""

    def __init__(self, choose: Choose) -> None:
        self._choose = choose

    async def __call__(self, connection: socket.socket) -> ssl.SSLContext | None:
        """The context for *connection*; ``None`` if there is none, which it has been told."""
        seen = await hello.peek(connection, whole=True)
        if not _speaks_tls(connection, seen):
            return None
        greeting = hello.read(seen) or Hello("", ())
        context = self._choose(greeting)
        if context is None:
            _say(connection, _UNRECOGNIZED_NAME)
        return context


_UNRECOGNIZED_NAME = bytes((21, 3, 1, 0, 2, 2, 112))
"""The fatal alert of TLS that says so."""


def _speaks_tls(connection: socket.socket, seen: bytes) -> bool:
    if hello.is_tls(seen):
        return True
    if seen:
        log.info("no TLS", extra={"status": 400, "reason": PLAIN})
        answer = problems.refused(400, PLAIN)
        assert isinstance(answer.body, bytes)
        date = f"date: {formatdate(usegmt=True)}\r\n"
        _say(connection, replies.head(answer, date, None) + answer.body)
    return False


def _say(connection: socket.socket, last: bytes) -> None:
    """Say a last thing; what came is taken first, or the kernel would cut the connection."""
    with contextlib.suppress(OSError):
        connection.recv(_DRAINED)
        connection.send(last)
        connection.shutdown(socket.SHUT_WR)
