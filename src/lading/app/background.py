"""An event loop in a thread of its own, for callers that block.

Work is handed over from any thread, several at a time, and waited for. Nothing is left when the
context is over: no task, no thread, no socket.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Background:
    """An event loop that runs elsewhere."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.loop = runner.get_loop()
        self._runner = runner
        self._end = asyncio.Event()
        self._over = False
        # Whatever is taken is begun before the end is.
        self._lock = threading.Lock()

    @property
    def is_over(self) -> bool:
        """Whether no work is taken any more."""
        return self._over

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do *work* there, and wait for it.

        If the wait is interrupted, the work is cancelled, and has ended when this is left.

        Raises:
            RuntimeError: the loop is over.
        """
        doing = _Doing[T](self.loop)
        try:
            self._begin(doing, work)
            return doing.done.result()
        except CancelledError:
            raise RuntimeError("the event loop ended before the work did") from None
        except BaseException:
            doing.cancel()
            raise

    @contextmanager
    def entered(self, context: AbstractAsyncContextManager[T]) -> Iterator[T]:
        """Enter the asynchronous *context* there, and leave it there.

        After an error in here, it is left by a cancellation.

        Raises:
            RuntimeError: the loop is over.
        """
        value: Future[T] = Future()
        leaving = asyncio.Event()

        # One task enters and leaves, since some contexts may only be left by the one that entered.
        async def holding() -> None:
            try:
                async with context as entered:
                    value.set_result(entered)
                    await leaving.wait()
            except BaseException as error:
                if not value.done():
                    value.set_exception(error)
                raise

        doing = _Doing[None](self.loop)
        try:
            self._begin(doing, holding)
            yield value.result()
        except BaseException:
            doing.cancel()
            raise
        self.loop.call_soon_threadsafe(leaving.set)
        doing.done.result()

    def live(self) -> None:
        """What the thread does, until `end`."""
        with self._runner:
            self._runner.run(self._live())

    def end(self) -> None:
        """Take no more work, cancel what is left of it, and let the loop end."""
        with self._lock:
            self._over = True
            self.loop.call_soon_threadsafe(self._end.set)

    async def _live(self) -> None:
        await self._end.wait()

    def _begin(self, doing: "_Doing[T]", work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        with self._lock:
            if self._over:
                raise RuntimeError("the event loop that would do this has ended")
            doing.begin(work)


class _Doing(Generic[T]):
    """Work that is handed over to *loop*."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.done: Future[T] = Future()
        self._loop = loop
        self._task: asyncio.Task[T] | None = None
        self._handed_over = False

    def begin(self, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        """Hand over *work*."""
        # An interruption may come at any place, and `cancel` then has to know what to wait for.
        self._handed_over = True
        self._loop.call_soon_threadsafe(self._begin, work)

    def cancel(self) -> None:
        """Cancel the work if it is not done, and wait for its end."""
        if self._handed_over and not self.done.done():
            self._loop.call_soon_threadsafe(self._cancel)
            # Whatever comes of it, something else is already being raised.
            self.done.exception()

    def _begin(self, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        # What fails before there is a task is the caller's to hear of as well, who waits for it.
        try:
            self._task = self._loop.create_task(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the work is waited for
            self.done.set_exception(error)
        else:
            self._task.add_done_callback(self._tell)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
        elif not self.done.done():
            self.done.set_exception(CancelledError())

    def _tell(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self.done.set_exception(CancelledError())
        elif (error := task.exception()) is not None:
            self.done.set_exception(error)
        else:
            self.done.set_result(task.result())


@contextmanager
def background(name: str) -> Iterator[Background]:
    """An event loop in a thread called *name*."""
    found = Background(asyncio.Runner(loop_factory=asyncio.new_event_loop))
    # Whoever forgets to leave this does not keep the program from ending.
    thread = threading.Thread(target=found.live, name=name, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.end()
        thread.join()
