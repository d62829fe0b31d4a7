"""Connections, taken from listening sockets until the server is asked to stop.

Workers share the sockets, so a connection that waits is taken by whoever is free, and none is
lost with a worker that dies. A worker that has more connections than another leaves new ones to
that other for a moment; if it does not take them, it takes them itself. Nothing here knows what
is served.
"""

import asyncio
import contextlib
import logging
import mmap
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from lading.app.connections import Connections
from lading.app.workers import Post

log = logging.getLogger(__name__)

_LEAVE_TO_OTHERS = 0.002
_FIRST_WORD = 0.05
_NO_DESCRIPTORS = 0.2
_RECOUNT = 1.0
_HANDSHAKE = 10.0
"""Seconds that a client may take until it is agreed how to encrypt."""
_LAST_HANDSHAKES = 2.0
"""The same, when the server stops."""


class Balance:
    """How many connections each worker has, in memory that all of them share."""

    def __init__(self, workers: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, 4 * workers)).cast("I")

    def note(self, index: int, count: int) -> None:
        """Worker *index* has *count* connections now."""
        self._counts[index] = count

    def total(self) -> int:
        """The number of connections of all workers."""
        return sum(self._counts)

    def least(self) -> int:
        """The number of connections of the worker that has the fewest."""
        return min(self._counts)


Seal = Callable[[socket.socket], Awaitable[ssl.SSLContext | None]]
"""Says how a connection that was just taken is encrypted; ``None`` closes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where connections come in, and what becomes of them.

    ``listeners`` are shared with the other workers. Without a ``seal`` connections are plain.
    """

    listeners: Sequence[socket.socket]
    connections: Connections
    seal: Seal | None = None


async def serve(doors: Sequence[Door], post: Post, *, balance: Balance, drain: timedelta) -> None:
    """Take connections until *post* says stop, then finish what was begun, for *drain* at most.

    The first of *doors* is the one through which the many come: its connections are balanced.
    """
    async with asyncio.TaskGroup() as tasks:
        clocks = [tasks.create_task(door.connections.keep_time()) for door in doors]
        acceptors = [
            _Acceptor(door, post.index, balance if door is doors[0] else None) for door in doors
        ]
        for acceptor in acceptors:
            acceptor.open()
        post.ready()
        while not post.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(post.stopping.wait(), _RECOUNT)
            acceptors[0].count()
        await asyncio.gather(*(acceptor.close() for acceptor in acceptors))
        for door in doors:
            await _finish(door.connections, post, drain.total_seconds())
        for clock in clocks:
            clock.cancel()


async def _finish(connections: Connections, post: Post, seconds: float) -> None:
    hurry = asyncio.create_task(post.hurrying.wait())
    patient = asyncio.create_task(connections.drain(deadline=seconds))
    await asyncio.wait((hurry, patient), return_when=asyncio.FIRST_COMPLETED)
    hurry.cancel()
    patient.cancel()
    await asyncio.wait((hurry, patient))
    if connections.open:
        log.warning("requests were cut off", extra={"connections": len(connections.open)})
        await connections.drain(deadline=0)


class _Acceptor:
    """Takes connections from the shared sockets, one at a time, in turns with other workers."""

    def __init__(self, door: Door, index: int, balance: Balance | None) -> None:
        self._connections = door.connections
        self._listeners = list(door.listeners)
        self._seal = door.seal
        self._balance = balance
        self._index = index
        self._loop = asyncio.get_running_loop()
        self._pauses: dict[socket.socket, asyncio.TimerHandle] = {}
        self._arriving: set[asyncio.Task[None]] = set()
        self._closed = False

    def open(self) -> None:
        """Begin to take connections."""
        self.count()
        for listener in self._listeners:
            self._loop.add_reader(listener, self._knock, listener)

    async def close(self) -> None:
        """Take what has knocked already, then no more."""
        self._closed = True
        for pause in self._pauses.values():
            pause.cancel()
        for listener in self._listeners:
            self._loop.remove_reader(listener)
            while self._accept(listener):
                pass
            listener.close()
        if self._arriving:
            _, late = await asyncio.wait(self._arriving, timeout=_LAST_HANDSHAKES)
            for each in late:
                each.cancel()
            # Who has just been let in is about to ask, and gets a moment to do so.
            await asyncio.sleep(_FIRST_WORD)

    def count(self) -> int:
        """Tell the others how many connections are here, and return it."""
        count = len(self._connections.open) + len(self._arriving)
        if self._balance is not None:
            self._balance.note(self._index, count)
        return count

    def _knock(self, listener: socket.socket) -> None:
        if self._balance is not None and self.count() > self._balance.least():
            self._pause(listener, _LEAVE_TO_OTHERS)
        else:
            self._accept(listener)

    def _pause(self, listener: socket.socket, seconds: float) -> None:
        self._loop.remove_reader(listener)
        if self._closed:
            return
        self._pauses[listener] = self._loop.call_later(seconds, self._resume, listener)

    def _resume(self, listener: socket.socket) -> None:
        self._loop.add_reader(listener, self._knock, listener)
        self._accept(listener)

    def _accept(self, listener: socket.socket) -> bool:
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError, InterruptedError):
            return False
        except OSError as error:
            log.error("cannot take a connection: %s", error.strerror)  # noqa: TRY400 - not a bug
            self._pause(listener, _NO_DESCRIPTORS)
            return False
        connection.setblocking(False)
        task = self._loop.create_task(self._adopt(connection))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)
        self.count()
        return True

    async def _adopt(self, connection: socket.socket) -> None:
        try:
            if self._seal is None:
                await self._loop.connect_accepted_socket(self._connections, connection)
                return
            async with asyncio.timeout(_HANDSHAKE):
                context = await self._seal(connection)
            if context is None:
                connection.close()
                return
            await self._loop.connect_accepted_socket(
                self._connections, connection, ssl=context, ssl_handshake_timeout=_HANDSHAKE
            )
        except ssl.SSLError as error:
            log.info("no connection", extra={"reason": error.reason})
            connection.close()
        except OSError:
            # The client left before it was let in, or said nothing.
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise
