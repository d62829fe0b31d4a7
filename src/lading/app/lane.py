"""The lane: big bodies beside the event loop, with the socket lent to a worker thread.

On plain TCP a thread receives a mebibyte at a time into a buffer of its own, hashes and writes;
downloads go out by ``sendfile``. Each of these calls lets go of the interpreter lock. A peer that
has nothing to give, or does not take, gives its thread back and waits on the event loop, so
thousands of slow ones cost what the loop costs.

The socket stays the transport's: what is lent is a duplicate of its descriptor, while the
transport neither reads nor writes. ``O_NONBLOCK`` is shared by duplicates, so a thread polls.
"""

import asyncio
import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from lading.bodies import BLOCK, Extent
from lading.errors import BodyIncomplete
from lading.wire.framing import Framing

_SHARE = 4
"""With this part of a block at hand, a pause of the sender is used to hash and write."""
_SMALL = 64 * 1024
"""The block in which small bodies are read on the event loop, in bytes."""
_PATIENCE = 10
"""Milliseconds a thread waits for a peer before it goes back to other work."""
_GLANCE = 2
"""The same, for a sender that has not sent a byte of its body yet, or only a few the last time."""
_TURN = 0.25
"""Seconds after which a thread turns to others that wait, however fast its peer is."""
_SENDFILE = 1 << 30

_threads = threading.local()
_unchunking = threading.Lock()
"""One thread at a time finds the ends of chunks: that holds the interpreter lock, and many threads
with tiny chunks at once would hardly ever leave it to the event loop."""
_THIN = 4096
"""Bytes from which on it is looked at how much of them is framing; the head of a chunk may come alone."""
_TURNED_AWAY = 0.05
"""Seconds until a sender of tiny chunks tries again, when another had its turn."""


class _Stalled(Exception):
    """Not an error: the peer takes nothing more for now, or its turn is over."""


def _duplicate(transport: asyncio.Transport) -> socket.socket:
    """A socket of one's own on the connection of *transport*; closing it leaves that one open."""
    original = transport.get_extra_info("socket")
    # Kept in "blocking" mode, in which Python calls the kernel at once and reports EAGAIN.
    return socket.socket(
        original.family, original.type, original.proto, fileno=os.dup(original.fileno())
    )


async def _happens(
    add: Callable[..., object],
    remove: Callable[[socket.socket], object],
    on: socket.socket,
    *,
    seconds: float,
) -> bool:
    """Wait until *on* is readable or writable, as *add* says; ``False`` after *seconds*."""
    loop = asyncio.get_running_loop()
    happened: asyncio.Future[bool] = loop.create_future()

    def settle(outcome: bool) -> None:
        if not happened.done():
            happened.set_result(outcome)

    add(on, settle, True)
    timer = loop.call_later(seconds, settle, False)
    try:
        return await happened
    finally:
        timer.cancel()
        remove(on)


class LentBody:
    """A body that a thread takes straight from the socket (an `Inbound`)."""

    def __init__(
        self,
        transport: asyncio.Transport,
        framing: Framing,
        first: bytes | bytearray,
        *,
        pause: float,
        on_begin: Callable[[], None],
    ) -> None:
        self.length = framing.length
        self.framing = framing
        self._transport = transport
        self._first = memoryview(first)
        self._pause = pause
        self._on_begin = on_begin
        self._socket: socket.socket | None = None
        self._lost = False
        self._patience = _GLANCE
        self._thin = False
        self._turned_away = False
        self._home = threading.get_ident()

    @property
    def unread(self) -> bytes:
        """What had come with the head and was not taken."""
        return bytes(self._first)

    async def ready(self) -> bool:
        """Wait until the socket has something; hold no thread meanwhile."""
        if self.framing.done:
            return False
        if self._socket is None:
            self._on_begin()
            self._socket = _duplicate(self._transport)
            # A body follows its head closely, mostly: a thread's glance costs less than to have
            # the loop watch for it.
            return True
        if self._lost or self._transport.is_closing():
            raise BodyIncomplete("the sender went away")
        if self._turned_away:
            self._turned_away = False
            await asyncio.sleep(_TURNED_AWAY)
        if self._first:
            return True
        loop = asyncio.get_running_loop()
        watched = loop.add_reader, loop.remove_reader, self._socket
        if not await _happens(*watched, seconds=self._pause):
            raise BodyIncomplete(f"the sender was silent for {self._pause:g} s")
        return True

    def blocks(self) -> Iterator[memoryview]:
        """Receive until the sender pauses or its turn is over, in blocks of up to a mebibyte."""
        # On the event loop (small bodies are read there) nobody may wait, and a turn is one block:
        # a sender that is faster than its framing is read would never pause.
        if self._thin:
            yield from self._sip()
            return
        at_home = threading.get_ident() == self._home
        patience = 0 if at_home else self._patience
        view = memoryview(bytearray(_SMALL)) if at_home else _buffer()
        end = time.monotonic() + _TURN
        filled, paused = 0, False
        while not self.framing.done and not paused:
            if filled >= len(view) // _SHARE:
                yield view[:filled]
                filled = 0
            taken, paused = self._receive(view[filled:], patience)
            filled += self._feed(view[filled : filled + taken])
            self._patience = _PATIENCE if taken >= _SMALL else _GLANCE
            paused = paused or at_home or time.monotonic() > end
        yield from self._last(view[:filled])

    def _sip(self) -> Iterator[memoryview]:
        """One small block of a sender of tiny chunks, unless another of its kind has its turn."""
        if not _unchunking.acquire(blocking=False):
            self._turned_away = True
            return
        try:
            view = memoryview(bytearray(_SMALL))
            taken, _ = self._receive(view, 0)
            filled = self._unchunked(view[:taken])
        finally:
            _unchunking.release()
        yield from self._last(view[:filled])

    def _last(self, block: memoryview) -> Iterator[memoryview]:
        """The end of a turn, and maybe of the body."""
        if self.framing.done:
            # The end of a body in chunks is found only by reading past it.
            self.framing.rest += self._first
            self._first = self._first[:0]
        if block:
            yield block
        if self._lost and not self.framing.done:
            raise BodyIncomplete("the sender went away")

    def _feed(self, came: memoryview) -> int:
        if self.length is not None or threading.get_ident() == self._home:
            return self._unchunked(came)
        with _unchunking:
            return self._unchunked(came)

    def _unchunked(self, came: memoryview) -> int:
        payload = self.framing.feed(came)
        self._thin = len(came) > _THIN and payload < len(came) // 2
        return payload

    def _receive(self, view: memoryview, patience: int) -> tuple[int, bool]:
        """Fill *view* as far as the sender keeps up; say how far, and whether it paused."""
        assert self._socket is not None
        want = self.framing.room(len(view))
        # What came with the head, first.
        got = min(want, len(self._first))
        view[:got], self._first = self._first[:got], self._first[got:]
        if got and self.framing.length is None:
            # It may be all there is, and nothing to wait for.
            return got, False
        end = None
        while got < want:
            try:
                count = self._socket.recv_into(view[got:want])
            except BlockingIOError:
                if got >= max(1, want // _SHARE):
                    return got, False
                # All pauses together, or a byte now and then would hold the thread.
                now = time.monotonic()
                end = now + patience / 1000 if end is None else end
                if now >= end or not _poll(self._socket, select.POLLIN, patience):
                    return got, True
                continue
            except OSError:
                count = 0
            if count == 0:
                self._lost = True
                return got, True
            got += count
        return got, False

    def cut(self) -> None:
        """Let the thread, or whoever waits, find that the sender went away."""
        self._lost = True
        _shut(self._socket)

    def close(self) -> None:
        """Give the socket back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class FileSender:
    """A response whose body the kernel copies from a file to the socket."""

    def __init__(
        self, transport: asyncio.Transport, threads: ThreadPoolExecutor, *, pause: float
    ) -> None:
        self._socket = _duplicate(transport)
        self._threads = threads
        self._pause = pause

    async def send(self, head: bytes, file: int, pieces: Iterable[bytes | Extent]) -> None:
        """Send *head*, then *pieces*: bytes as they are, and parts of *file* by their place.

        Raises:
            BodyIncomplete: the peer went away or takes nothing, or the file is shorter than said.
        """
        loop = asyncio.get_running_loop()
        pump = _Pump(self._socket, file, [head, *pieces])
        try:
            while not await loop.run_in_executor(self._threads, pump.run):
                if not await _happens(
                    loop.add_writer, loop.remove_writer, self._socket, seconds=self._pause
                ):
                    raise BodyIncomplete(f"the receiver took nothing for {self._pause:g} s")
        finally:
            self._socket.close()

    def cut(self) -> None:
        """Let the thread, or whoever waits, find that the receiver went away."""
        _shut(self._socket)


class _Pump:
    """What is left to send; `run` goes on for one turn at most, and can be run again."""

    def __init__(self, to: socket.socket, file: int, pieces: Sequence[bytes | Extent]) -> None:
        self._socket = to
        self._file = file
        self._end = 0.0
        self._left: list[memoryview | Extent] = [
            memoryview(piece) if isinstance(piece, bytes) else piece for piece in reversed(pieces)
        ]

    def run(self) -> bool:
        """Send; ``True`` when all is sent, ``False`` when something is left for another turn."""
        self._end = time.monotonic() + _TURN
        try:
            # Else each step of the kernel's copy would push a packet of its own: a quarter slower.
            _cork(self._socket, True)
            while self._left:
                piece = self._left.pop()
                if isinstance(piece, memoryview):
                    self._send(piece)
                else:
                    self._copy(*piece)
        except _Stalled:
            return False
        except OSError as error:
            raise BodyIncomplete(f"the receiver went away: {error.strerror}") from error
        finally:
            _cork(self._socket, False)
        return True

    def _send(self, data: memoryview) -> None:
        while data:
            try:
                data = data[self._socket.send(data) :]
            except BlockingIOError:
                if not _poll(self._socket, select.POLLOUT, _PATIENCE):
                    self._left.append(data)
                    raise _Stalled from None

    def _copy(self, offset: int, length: int) -> None:
        while length:
            try:
                sent = os.sendfile(
                    self._socket.fileno(), self._file, offset, min(length, _SENDFILE)
                )
            except BlockingIOError:
                if not _poll(self._socket, select.POLLOUT, _PATIENCE):
                    self._left.append((offset, length))
                    raise _Stalled from None
                continue
            if sent == 0:
                raise BodyIncomplete("the file is shorter than it was")
            offset += sent
            length -= sent
            if length and time.monotonic() > self._end:
                self._left.append((offset, length))
                raise _Stalled


def _buffer() -> memoryview:
    """The block that belongs to this thread."""
    try:
        found: memoryview = _threads.buffer
    except AttributeError:
        found = _threads.buffer = memoryview(bytearray(BLOCK))
    return found


def _cork(on: socket.socket, whole: bool) -> None:
    """Send only whole packets from now on, or also what is left over."""
    # A socket that is not TCP has no packets to fill, and one that was closed nothing to send.
    with contextlib.suppress(OSError):
        on.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, whole)


def _shut(lent: socket.socket | None) -> None:
    if lent is not None:
        with contextlib.suppress(OSError):
            lent.shutdown(socket.SHUT_RDWR)


def _poll(on: socket.socket, event: int, milliseconds: int) -> bool:
    poll = select.poll()
    poll.register(on.fileno(), event)
    return bool(poll.poll(milliseconds))
