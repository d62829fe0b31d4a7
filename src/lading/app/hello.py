"""What a connection says first, looked at before anything is read: the greeting of TLS (RFC 8446).

Python's ``ssl`` tells a server neither the names nor the protocols that a client asks for before
it has chosen a certificate, so the greeting is read here, and left where it is for OpenSSL.
"""

import asyncio
import socket
from dataclasses import dataclass

_HANDSHAKE = 22
_CLIENT_HELLO = 1
_RECORD = 5
_MOST = _RECORD + (1 << 14)
_SERVER_NAME, _PROTOCOLS = 0, 16
_HOST_NAME = 0
_PAUSE, _LONGEST_PAUSE = 0.005, 0.32


@dataclass(frozen=True, slots=True)
class Hello:
    """Whom a client of TLS wants (lower case, or empty), and what it wants to speak."""

    name: str
    protocols: tuple[bytes, ...]


async def peek(connection: socket.socket, *, whole: bool) -> bytes:
    """The first bytes on *connection*, which stay there; none at all if it was closed.

    With *whole*, as many as its first record of TLS has. Whoever calls bounds the time.
    """
    seen = await _look(connection)
    pause = _PAUSE
    while whole and seen and seen[0] == _HANDSHAKE and len(seen) < _length(seen):
        # What is there stays readable, so that no event tells of more.
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
        seen = await _look(connection)
    return seen


def is_tls(seen: bytes) -> bool:
    """Whether bytes begin a handshake of TLS."""
    return seen[:1] == bytes((_HANDSHAKE,))


def read(record: bytes) -> Hello | None:
    """The greeting in *record*, a whole record of TLS; ``None`` if it is none that can be read."""
    try:
        return _read(record)
    except (IndexError, ValueError):
        return None


def _length(seen: bytes) -> int:
    return (
        _RECORD if len(seen) < _RECORD else min(_MOST, _RECORD + int.from_bytes(seen[3:5], "big"))
    )


async def _look(connection: socket.socket) -> bytes:
    try:
        return connection.recv(_MOST, socket.MSG_PEEK)
    except BlockingIOError:
        pass
    loop = asyncio.get_running_loop()
    came = loop.create_future()
    loop.add_reader(connection, came.set_result, None)
    try:
        await came
    finally:
        loop.remove_reader(connection)
    return connection.recv(_MOST, socket.MSG_PEEK)


class _Bytes:
    """Bytes that are taken from the front, in vectors that say how long they are."""

    def __init__(self, data: bytes) -> None:
        self.left = data

    def take(self, count: int) -> bytes:
        if count > len(self.left):
            raise IndexError(count)
        taken, self.left = self.left[:count], self.left[count:]
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> "_Bytes":
        return _Bytes(self.take(self.number(size)))


def _read(record: bytes) -> Hello | None:
    message = _Bytes(record[_RECORD:])
    if message.number(1) != _CLIENT_HELLO:
        return None
    body = message.vector(3)
    body.take(2 + 32)
    for size in (1, 2, 1):  # session, cipher suites, compression
        body.vector(size)
    name, protocols = "", []
    extensions = body.vector(2) if body.left else _Bytes(b"")
    while extensions.left:
        kind, data = extensions.number(2), extensions.vector(2)
        if kind == _SERVER_NAME:
            names = data.vector(2)
            if names.number(1) == _HOST_NAME:
                name = names.vector(2).left.decode("ascii").lower()
        elif kind == _PROTOCOLS:
            offered = data.vector(2)
            while offered.left:
                protocols.append(offered.vector(1).left)
    return Hello(name, tuple(protocols))
