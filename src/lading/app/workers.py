"""Processes that do the same work: started together, replaced when one dies, ended together.

The parent has no threads and no event loop, so that it can fork at any time. It shares one socket
with each worker. The worker says on it that it is ready; the parent says on it when to stop and
when to hurry. When either of them dies, the kernel closes the socket, and the other one knows.
Nothing here knows what the work is.
"""

import asyncio
import gc
import logging
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn

import uvloop

from lading.errors import LadingError

log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_READY, _STOP, _HURRY = b"r", b"s", b"h"
_SHORT_LIFE = 1.0
_MOST_SHORT_LIVES = 6
_LONGEST_PAUSE = 5.0
_LAST_WAIT = 10.0


class Post:
    """A worker's view of its place: which one it is, and what the parent wants of it."""

    def __init__(self, index: int, line: socket.socket) -> None:
        self.index = index
        self.stopping = asyncio.Event()
        self.hurrying = asyncio.Event()
        self._line = line
        line.setblocking(False)
        loop = asyncio.get_running_loop()
        loop.add_reader(line, self._heard)
        # Somebody may end a single worker: it goes in peace, and the parent starts another.
        loop.add_signal_handler(signal.SIGTERM, self.stopping.set)

    def ready(self) -> None:
        """Tell the parent that the work has begun."""
        try:
            self._line.send(_READY)
        except BrokenPipeError:
            self.stopping.set()

    def leave(self) -> None:
        """Listen no more."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._line)
        loop.remove_signal_handler(signal.SIGTERM)

    def _heard(self) -> None:
        try:
            words = self._line.recv(16)
        except BlockingIOError:
            return
        except ConnectionResetError:
            words = b""
        self.stopping.set()
        if not words:
            asyncio.get_running_loop().remove_reader(self._line)
        if _HURRY in words:
            self.hurrying.set()


Work = Callable[[Post], Awaitable[None]]
"""What a worker does, from its first moment until ``post.stopping`` is set and all is done."""


@dataclass(slots=True)
class _Worker:
    index: int
    pid: int
    line: socket.socket
    born: float
    ready: bool = False


@dataclass(slots=True)
class Crew:
    """All workers of one server.

    *patience* is how many seconds they may take to stop. *on_ready* is called in the parent once
    all of them work for the first time, *on_stop* when they are asked to stop.
    """

    work: Work
    count: int
    patience: float
    on_ready: Callable[[], None]
    on_stop: Callable[[], None]
    _workers: dict[int, _Worker] = field(default_factory=dict)
    _vacant: dict[int, float] = field(default_factory=dict)
    _short_lives: int = 0
    _greeted: bool = False
    _stopping: bool = False
    _failed: bool = False
    _end: float = 0.0

    def run(self) -> int:
        """Keep the workers going until a signal ends them; return the exit code of the server."""
        inbox, outbox = socket.socketpair()
        inbox.setblocking(False)
        outbox.setblocking(False)
        for number in _SIGNALS:
            signal.signal(number, _do_nothing)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.set_wakeup_fd(outbox.fileno(), warn_on_full_buffer=False)
        # What was imported by now never changes; frozen, it stays shared with every worker.
        gc.collect()
        gc.freeze()
        with selectors.DefaultSelector() as selector, inbox, outbox:
            selector.register(inbox, selectors.EVENT_READ)
            self._vacant = dict.fromkeys(range(self.count), 0.0)
            try:
                while self._workers or not self._stopping:
                    self._fill(selector, (inbox, outbox))
                    self._watch(selector, inbox)
            finally:
                signal.set_wakeup_fd(-1)
        return 1 if self._failed else 0

    def _fill(self, selector: selectors.BaseSelector, private: tuple[socket.socket, ...]) -> None:
        now = time.monotonic()
        for index, due in list(self._vacant.items()):
            if self._stopping or due > now:
                continue
            del self._vacant[index]
            ours, theirs = socket.socketpair()
            # A signal that arrives in between would reach the parent's handler in the child.
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
            pid = os.fork()
            if pid == 0:
                for each in (ours, *private, *(other.line for other in self._workers.values())):
                    each.close()
                selector.close()
                _be_worker(self.work, index, theirs)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            theirs.close()
            self._workers[pid] = _Worker(index, pid, ours, time.monotonic())
            selector.register(ours, selectors.EVENT_READ, self._workers[pid])

    def _watch(self, selector: selectors.BaseSelector, inbox: socket.socket) -> None:
        for key, _ in selector.select(self._pause()):
            if key.fileobj is inbox:
                for number in inbox.recv(64):
                    self._asked_to_stop(signal.Signals(number))
                continue
            worker: _Worker = key.data
            try:
                words = worker.line.recv(16)
            except ConnectionResetError:
                words = b""
            if words:
                worker.ready = True
                self._greet()
            else:
                selector.unregister(worker.line)
                self._died(worker)
        if self._stopping and self._workers and time.monotonic() > self._end:
            self._failed = True
            for worker in self._workers.values():
                log.error("worker does not stop, killing it", extra={"pid": worker.pid})
                os.kill(worker.pid, signal.SIGKILL)
            self._end = time.monotonic() + _LAST_WAIT

    def _pause(self) -> float | None:
        """Until when nothing is due, in seconds."""
        now = time.monotonic()
        if self._stopping:
            return max(0.0, self._end - now) + 0.01
        return max(0.0, min(self._vacant.values()) - now) if self._vacant else None

    def _greet(self) -> None:
        ready = [worker for worker in self._workers.values() if worker.ready]
        if not self._greeted and len(ready) == self.count:
            self._greeted = True
            self.on_ready()

    def _died(self, worker: _Worker) -> None:
        worker.line.close()
        # Its end of the line is closed, so it is dead or just about to be.
        _, status = os.waitpid(worker.pid, 0)
        del self._workers[worker.pid]
        if self._stopping:
            return
        code = os.waitstatus_to_exitcode(status)
        now = time.monotonic()
        short = not worker.ready or now - worker.born < _SHORT_LIFE
        self._short_lives = self._short_lives + 1 if short else 0
        log.warning(
            "worker died",
            extra={
                "pid": worker.pid,
                "cause": signal.Signals(-code).name if code < 0 else f"exit code {code}",
            },
        )
        if self._short_lives > _MOST_SHORT_LIVES or (not self._greeted and not worker.ready):
            log.critical(
                "giving up: workers die as soon as they are started; the lines above tell why"
            )
            self._failed = True
            self._stop()
            return
        pause = 0.1 * 2**self._short_lives if self._short_lives else 0.0
        self._vacant[worker.index] = now + min(_LONGEST_PAUSE, pause)

    def _asked_to_stop(self, number: signal.Signals) -> None:
        if self._stopping:
            log.info("stopping at once", extra={"signal": number.name})
            self._tell(_HURRY)
            self._end = min(self._end, time.monotonic() + _LAST_WAIT)
        else:
            log.info("stopping", extra={"signal": number.name})
            self._stop()

    def _stop(self) -> None:
        self._stopping = True
        self._end = time.monotonic() + self.patience + _LAST_WAIT
        self.on_stop()
        self._tell(_STOP)

    def _tell(self, word: bytes) -> None:
        for worker in self._workers.values():
            try:
                worker.line.send(word)
            except BrokenPipeError:
                continue


def _do_nothing(_number: int, _frame: object) -> None:
    """The wakeup descriptor tells the loop of the parent."""


def _be_worker(work: Work, index: int, line: socket.socket) -> NoReturn:
    """The whole life of a worker, in the process that was just made."""
    signal.set_wakeup_fd(-1)
    # Ctrl-C at a terminal reaches every process of the group; only the parent acts on it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    code = 1
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_live(work, index, line))
        code = 0
    except LadingError as error:
        log.error("worker failed: %s", error)  # noqa: TRY400 - a fact, not a mistake of ours
    except Exception:
        log.exception("worker failed")
    finally:
        # What the parent registered to be done at exit is the parent's to do, and whatever
        # happens, no worker may return into the parent's code.
        try:
            sys.stderr.flush()
        finally:
            os._exit(code)


async def _live(work: Work, index: int, line: socket.socket) -> None:
    post = Post(index, line)
    try:
        await work(post)
    finally:
        post.leave()
