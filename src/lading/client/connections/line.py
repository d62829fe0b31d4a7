"""One connection to one origin: dialled, spoken over, and taken down.

Everything here blocks and runs in worker threads, one at a time; only `Line.abort` may be called
from another one. Imported with the first connection, because the libraries below it take time.

A plain connection is blocking with timeouts of the kernel's, so that a mebibyte moves with one
call. While a body is sent, the other direction is watched: a registry that refuses says so at
once, stops reading, and would otherwise be heard only after everything was sent, or never.
"""

import io
import os
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable
from typing import Any

from lading.client.connections.dialling import dial
from lading.client.connections.heads import Head, NotHTTP, read_head
from lading.client.connections.origin import Origin
from lading.client.connections.sockets import Route
from lading.errors import (
    BodyIncomplete,
    LadingError,
    SizeInvalid,
    UpstreamFailed,
    UpstreamUnreachable,
)
from lading.wire.framing import Chunked
from lading.wire.message import Fields, Request

_BUFFER = 1 << 16
_RECORD = 1 << 18
_SENT = 1 << 20
_HEARD = select.POLLIN | select.POLLHUP | select.POLLERR


class Line:
    """A connection to *origin* that is made with the first use.

    Args:
        origin: who is at the other end.
        route: how to get there.
        silence: the longest pause between two bytes, in seconds.
    """

    def __init__(self, origin: Origin, route: Route, *, silence: float) -> None:
        self.origin = origin
        self.spoke = False
        """Whether a byte of the last answer has come."""
        self.interrupted = False
        """An answer came before all was sent, so the connection is good for nothing else."""
        self._route = route
        self._silence = silence
        self._sock: Any = None
        self._dialling: socket.socket | None = None
        self._aborted = False
        self._early = b""
        self._deadline: float | None = None
        self._poll = select.poll()

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._sock is not None

    @property
    def is_plain(self) -> bool:
        """Whether the socket carries the bytes as they are."""
        return type(self._sock) is socket.socket

    def open(self) -> None:
        """Connect.

        Raises:
            UpstreamUnreachable: that cannot be done; the subject says why.
        """
        sock = dial(self.origin, self._route, self._watch)
        self._sock = sock
        if self.is_plain:
            sock.settimeout(None)
            seconds = struct.pack("ll", int(self._silence), int(self._silence % 1 * 1e6))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, seconds)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
        else:
            sock.settimeout(self._silence)
        self._poll.register(sock.fileno(), select.POLLIN)
        if self._aborted:
            self.abort()

    def _watch(self, sock: socket.socket) -> None:
        self._dialling = sock
        if self._aborted:
            raise UpstreamUnreachable(self.origin)

    def abort(self) -> None:
        """Let every call that waits on the connection fail; from any thread."""
        self._aborted = True
        for sock in (self._dialling, self._sock):
            if isinstance(sock, socket.socket):
                try:
                    # The method of an encrypted socket would pull it away from its user.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
                except OSError:
                    continue

    def close(self) -> None:
        """Take it down; by whoever uses it."""
        self._dialling = None
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()

    def is_stale(self) -> bool:
        """Whether the other end has closed it, or said something nobody asked for."""
        return self._sock is None or self._aborted or bool(self._poll.poll(0))

    def target(self, request: Request) -> tuple[str, Fields]:
        """What is asked for in the first line of *request*, and the fields that go with it."""
        path = f"{request.path}?{request.query}" if request.query else request.path
        if not (self._route.forwards and self.origin.scheme == "http"):
            return path, []
        shown = self._route.proxy_credentials
        return f"{self.origin}{path}", [("Proxy-Authorization", shown)] if shown else []

    def send(self, *pieces: bytes | memoryview) -> bool:
        """Send all of *pieces*; ``False`` if an answer came, or the connection went, before that.

        Raises:
            UpstreamFailed: the other end did not take anything for too long.
        """
        if not self.is_plain:
            return all(self._sent_sealed(memoryview(piece)) for piece in pieces)
        for piece in _joined(pieces):
            rest = memoryview(piece)
            while rest:
                self._poll.modify(self._sock.fileno(), select.POLLIN | select.POLLOUT)
                if not (events := self._poll.poll(self._silence * 1000)):
                    raise self._silent("took nothing")
                if events[0][1] & _HEARD:
                    return self._interrupt()
                try:
                    sent = self._sock.send(rest, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
                except BlockingIOError:
                    continue
                except OSError:
                    return self._interrupt()
                rest = rest[sent:]
        return True

    def send_file(self, file: int, offset: int, size: int) -> bool:
        """Send *size* bytes of *file* over a plain connection; see `send`.

        Raises:
            BodyIncomplete: the file ends before that.
            UpstreamFailed: the other end did not take anything for too long.
        """
        end = offset + size
        while offset < end:
            self._poll.modify(self._sock.fileno(), select.POLLIN | select.POLLOUT)
            if not (events := self._poll.poll(self._silence * 1000)):
                raise self._silent("took nothing")
            if events[0][1] & _HEARD:
                return self._interrupt()
            try:
                # The socket may block, but only as long as the other end is silent, and what it
                # has taken until it says something is little.
                sent = os.sendfile(self._sock.fileno(), file, offset, min(end - offset, _SENT))
            except BlockingIOError:
                raise self._silent("took nothing") from None
            except OSError:
                return self._interrupt()
            if sent == 0:
                raise BodyIncomplete(f"the file ends at {offset} bytes")
            offset += sent
        return True

    def _sent_sealed(self, rest: memoryview) -> bool:
        if not isinstance(self._sock, ssl.SSLSocket):
            # Encryption within encryption (a proxy that is spoken to by https) cannot be watched.
            self._sock.sendall(rest)
            return True
        self._sock.settimeout(0)
        try:
            while rest:
                if self._answered():
                    return self._interrupt()
                wanted = select.POLLIN
                try:
                    rest = rest[self._sock.send(rest[:_RECORD]) :]
                    continue
                except ssl.SSLWantWriteError:
                    wanted |= select.POLLOUT
                except ssl.SSLWantReadError:
                    pass
                except OSError:
                    return self._interrupt()
                self._poll.modify(self._sock.fileno(), wanted)
                if not self._poll.poll(self._silence * 1000):
                    raise self._silent("took nothing")
            return True
        finally:
            self._sock.settimeout(self._silence)

    def _answered(self) -> bool:
        """Whether content has come; what encryption says to itself is taken in on the way."""
        self._poll.modify(self._sock.fileno(), select.POLLIN)
        if not self._poll.poll(0):
            return False
        try:
            self._early += self._sock.recv(1 << 16)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError:
            return True
        return True

    def _interrupt(self) -> bool:
        self.interrupted = True
        return False

    def hear(self, method: str, *, within: float) -> "Heard":
        """The head of the answer to a request by *method*, all of it *within* so many seconds.

        Raises:
            UpstreamFailed: there is none, or it is not HTTP.
        """
        self.spoke = bool(self._early)
        self._deadline = time.monotonic() + within
        incoming = io.BufferedReader(_Incoming(self.receive), _BUFFER)
        try:
            head = read_head(incoming, method)
        except TimeoutError:
            raise self._silent("did not answer") from None
        except NotHTTP as error:
            raise self._not_http(error) from None
        except OSError as error:
            raise UpstreamFailed(f"{self.origin}: {_said(error)}") from None
        finally:
            self._deadline = None
        if head is None:
            raise UpstreamFailed(f"{self.origin} closed the connection without an answer")
        return Heard(self, head, incoming)

    def _silent(self, what: str) -> LadingError:
        return UpstreamFailed(f"{self.origin} {what} for too long")

    def _not_http(self, error: NotHTTP) -> LadingError:
        failed = UpstreamFailed(f"{self.origin} does not answer in HTTP: {error}")
        if self.origin.scheme == "http" and "\\x15\\x03" in str(error):
            failed.advice = self.origin.how_to_encrypt
        return failed

    def receive(self, into: memoryview) -> int:
        """Take up to as many bytes as there is room for; 0 at the end.

        Raises:
            TimeoutError: nothing came for too long.
            OSError: the connection was lost.
        """
        if self._early:
            taken = min(len(into), len(self._early))
            into[:taken], self._early = self._early[:taken], self._early[taken:]
            return taken
        if self._deadline is not None:
            self._await(self._deadline - time.monotonic())
        try:
            taken = int(self._sock.recv_into(into))
        except BlockingIOError:
            raise TimeoutError from None
        self.spoke = self.spoke or taken > 0
        return taken

    def receive_full(self, into: memoryview) -> int:
        """Take as many bytes as there is room for, with one call into the kernel where it can.

        Fewer come at the end, and when the other end pauses for too long; raises as `receive`.
        """
        if not self.is_plain or self._early:
            return self.receive(into)
        try:
            return int(self._sock.recv_into(into, 0, socket.MSG_WAITALL))
        except BlockingIOError:
            raise TimeoutError from None

    def _await(self, seconds: float) -> None:
        if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            return
        if not isinstance(self._sock, socket.socket):
            return
        self._poll.modify(self._sock.fileno(), select.POLLIN)
        if seconds <= 0 or not self._poll.poll(seconds * 1000):
            raise TimeoutError


class Heard:
    """An answer of which the head was read."""

    def __init__(self, line: Line, head: Head, incoming: io.BufferedIOBase) -> None:
        """What came with the *head* is in *incoming*."""
        self.status = head.status
        self.fields = head.fields
        self.length = head.length
        self.keeps = head.keeps and not line.interrupted
        self._line = line
        self._incoming = incoming
        self._chunks = Chunked() if head.chunked else None
        self._drained = False

    @property
    def has_body(self) -> bool:
        """Whether bytes follow the head."""
        return self.length != 0

    def read_into(self, block: memoryview, left: int | None) -> int:
        """Take bytes of the body, of which *left* are still to come if that is known.

        Raises:
            UpstreamFailed: the connection was lost, or was silent for too long, before the end.
        """
        try:
            if left is None:
                return self._come(block[:_RECORD])
            taken = self._taken(block[: min(left, len(block))], self._line.receive_full)
        except TimeoutError:
            raise UpstreamFailed(f"{self._line.origin} sent nothing for too long") from None
        except SizeInvalid as error:
            raise UpstreamFailed(f"{self._line.origin}: {error.subject}") from None
        except OSError as error:
            raise UpstreamFailed(f"{self._line.origin}: {_said(error)}") from None
        if taken == 0:
            raise UpstreamFailed(f"{self._line.origin} ended its answer {left} bytes too early")
        return taken

    def _taken(self, block: memoryview, more: Callable[[memoryview], int]) -> int:
        if self._drained:
            return more(block)
        # What came with the head is in the reader's buffer, and is had by this method whole; into
        # a larger block it would read on, and wait.
        self._drained = True
        return self._incoming.readinto1(block[:_BUFFER])

    def _come(self, block: memoryview) -> int:
        """Take bytes of a body whose length was not told; 0 at its end."""
        if self._chunks is None:
            return self._taken(block, self._line.receive)
        while not self._chunks.done:
            came = self._taken(block, self._line.receive)
            if came == 0:
                raise UpstreamFailed(f"{self._line.origin}: the answer ended too early")
            if content := self._chunks.feed(block[:came]):
                return content
        # What comes after the end was not asked for.
        self.keeps = self.keeps and not self._chunks.rest
        return 0


class _Incoming(io.RawIOBase):
    def __init__(self, receive: Callable[[memoryview], int]) -> None:
        self._receive = receive

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        return self._receive(memoryview(into).cast("B"))


def _joined(pieces: tuple[bytes | memoryview, ...]) -> tuple[bytes | memoryview, ...]:
    # Small pieces go out together: each would be a packet of its own.
    if len(pieces) > 1 and sum(map(len, pieces)) <= 1 << 16:
        return (b"".join(pieces),)
    return pieces


def _said(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
