"""Threads for the blocking work on files, and the one way from the event loop into them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

from lading.content.threads import Waiter

Result = TypeVar("Result")
Args = TypeVarTuple("Args")

MOST = 8
"""Threads of one layout: as many blobs move at once; further work waits its turn."""


class Workers:
    """A few threads, started when they are needed.

    When a caller is cancelled, work that has not begun is dropped, and work that has begun is
    waited for: it may be using what the caller is about to let go of.
    """

    def __init__(self, most: int = MOST) -> None:
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="lading-layout")

    async def run(
        self,
        work: Callable[[*Args], Result],
        *args: *Args,
        stop: Callable[[], None] | None = None,
        undo: Callable[[Result], None] | None = None,
    ) -> Result:
        """Call *work* in a thread and return what it returns.

        *stop* asks long work to end when the caller is cancelled; a result that the caller can
        then no longer take is given to *undo*.
        """
        waiter = Waiter()
        job = self._pool.submit(waiter.run, partial(work, *args))
        future = asyncio.wrap_future(job)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if not job.cancel():
                waiter.leave()
                if stop is not None:
                    stop()
                await _outlast(future)
                if undo is not None and future.exception() is None:
                    undo(future.result())
            raise

    def close(self) -> None:
        """End the threads; their work is done by now, since every caller waited for it."""
        self._pool.shutdown()


async def _outlast(future: asyncio.Future[Any]) -> None:
    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError:
            # The caller is being cancelled already, and the thread still uses its things.
            continue
    # An error is not reported as forgotten.
    future.exception()
