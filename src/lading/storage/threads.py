"""Worker threads for blocking calls, and the one way from the event loop into them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Threads:
    """At most *most* threads, started when they are first needed.

    When a caller is cancelled, work that has not begun is dropped, and work that has begun is
    waited for: it may be using what the caller is about to let go of.
    """

    def __init__(self, name: str, most: int) -> None:
        self._pool = ThreadPoolExecutor(most, thread_name_prefix=name)

    async def run(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        """Call *work* in a thread and return what it returns."""
        return await _outcome(self._pool.submit(work, *args), _nothing, _ignore)

    async def run_or_stop(
        self, stop: Callable[[], None], work: Callable[[*Ts], T], *args: *Ts
    ) -> T:
        """As `run`, for long work; *stop* asks it to end when the caller is cancelled."""
        return await _outcome(self._pool.submit(work, *args), stop, _ignore)

    async def run_or_undo(
        self, undo: Callable[[T], None], work: Callable[[*Ts], T], *args: *Ts
    ) -> T:
        """As `run`; a result that a cancelled caller can no longer take is given to *undo*."""
        return await _outcome(self._pool.submit(work, *args), _nothing, undo)

    def close(self) -> None:
        """Let running work end, and drop what waits."""
        self._pool.shutdown(wait=True, cancel_futures=True)


async def _outcome(job: Future[T], stop: Callable[[], None], undo: Callable[[T], None]) -> T:
    done = asyncio.wrap_future(job)
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        if not job.cancel():
            stop()
            await _outlast(done)
            if done.exception() is None:
                undo(done.result())
        raise


async def _outlast(done: asyncio.Future[T]) -> None:
    while not done.done():
        try:
            await asyncio.wait((done,))
        except asyncio.CancelledError:
            # The caller is being cancelled already, and the thread still uses its things.
            continue


def _nothing() -> None:
    pass


def _ignore(_: object) -> None:
    pass
