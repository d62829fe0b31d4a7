"""Worker threads for blocking calls, and the one way from the event loop into them.

A push crosses this way several times, so it costs one wake-up there and one back; the standard
library's pool costs half as much again.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Threads:
    """At most *most* threads, started when they are first needed.

    When a caller is cancelled, work that has not begun is dropped, and work that has begun is
    waited for: it may be using what the caller is about to let go of.
    """

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._threads: list[threading.Thread] = []
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        # One entry for each thread that waits, or is about to.
        self._idle: deque[None] = deque()

    async def run(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        """Call *work* in a thread and return what it returns."""
        return await self._outcome(work, args, _nothing, _ignore)

    async def run_or_stop(
        self, stop: Callable[[], None], work: Callable[[*Ts], T], *args: *Ts
    ) -> T:
        """As `run`, for long work; *stop* asks it to end when the caller is cancelled."""
        return await self._outcome(work, args, stop, _ignore)

    async def run_or_undo(
        self, undo: Callable[[T], None], work: Callable[[*Ts], T], *args: *Ts
    ) -> T:
        """As `run`; a result that a cancelled caller can no longer take is given to *undo*."""
        return await self._outcome(work, args, _nothing, undo)

    @property
    def working(self) -> int:
        """How many threads have something to do, or had a moment ago."""
        return len(self._threads) - len(self._idle)

    def close(self) -> None:
        """Let running work end, and end the threads; nothing may be asked for at the same time."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    async def _outcome(
        self,
        work: Callable[..., T],
        args: tuple[Any, ...],
        stop: Callable[[], None],
        undo: Callable[[T], None],
    ) -> T:
        job = _Job(work, args)
        # A thread that is woken while the loop still has something to do would only wait for the
        # interpreter lock.
        asyncio.get_running_loop().call_soon(self._jobs.put, job)
        if self._idle:
            self._idle.pop()
        elif len(self._threads) < self._most:
            self._start()
        try:
            return await job.future
        except asyncio.CancelledError:
            if job.drop():
                raise
            stop()
            await job.outlast()
            if job.error is None:
                undo(job.result)
            raise

    def _start(self) -> None:
        name = f"{self._name}_{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        try:
            thread.start()
        except RuntimeError:
            # The machine gives no more of them: those that are there do it in their turn.
            self._threads.remove(thread)
            if not self._threads:
                raise

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.do()
            del job
            self._idle.append(None)


class _Job(Generic[T]):
    """Work for a thread, and its outcome for the loop that asked."""

    __slots__ = ("_args", "_begun", "_late", "_loop", "_work", "error", "future", "result")

    def __init__(self, work: Callable[..., T], args: tuple[Any, ...]) -> None:
        self._loop = asyncio.get_running_loop()
        self._work = work
        self._args = args
        self._begun = threading.Lock()
        self._late: asyncio.Future[None] | None = None
        self.future: asyncio.Future[T] = self._loop.create_future()
        self.result: T
        self.error: BaseException | None = None

    def do(self) -> None:
        """Do it, in a thread, unless it was dropped."""
        if not self._begun.acquire(blocking=False):
            return
        try:
            self.result = self._work(*self._args)
        except BaseException as error:  # noqa: BLE001  # belongs to whoever asked
            self.error = error
        self._loop.call_soon_threadsafe(self._settle)

    def drop(self) -> bool:
        """Whether nobody had begun, and now nobody will."""
        return self._begun.acquire(blocking=False)

    async def outlast(self) -> None:
        """Wait until it is done, however often that is cancelled."""
        if self.future.done() and not self.future.cancelled():
            # It was done in the turn of the loop in which the caller was cancelled.
            self.future.exception()
            return
        self._late = self._loop.create_future()
        while not self._late.done():
            try:
                await asyncio.wait((self._late,))
            except asyncio.CancelledError:
                # The caller is being cancelled already, and the thread still uses its things.
                continue

    def _settle(self) -> None:
        if self._late is not None:
            self._late.set_result(None)
        elif self.future.cancelled():
            # Cancelled in this very turn of the loop; `outlast` is about to ask.
            self._loop.call_soon(self._settle)
        elif self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


def _nothing() -> None:
    pass


def _ignore(_: object) -> None:
    pass
