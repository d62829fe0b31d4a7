"""An event loop in a thread of its own: work is done there, and has ended when it is left."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

import pytest

from lading.app.background import background


async def _where() -> str:
    return threading.current_thread().name


def test_work_is_done_in_the_thread_of_the_loop() -> None:
    """And its result comes back."""
    with background("lading-test") as loop:
        name = loop.run(_where)

    assert name == "lading-test"


def test_an_error_comes_back_as_it_is() -> None:
    """With its class and what it holds."""

    async def fail() -> None:
        raise KeyError("x")

    with background("lading-test") as loop, pytest.raises(KeyError, match="x"):
        loop.run(fail)


@pytest.mark.parametrize("failure", [KeyError("x"), SystemExit(3)])
def test_work_that_fails_before_it_begins_keeps_nobody_waiting(failure: BaseException) -> None:
    """Its error comes back too, and the loop does what comes next."""

    def fail() -> NoReturn:
        raise failure

    with background("lading-test") as loop:
        with pytest.raises(type(failure)) as caught:
            loop.run(fail)

        assert caught.value is failure
        assert loop.run(_where) == "lading-test"


def test_what_is_no_work_is_refused() -> None:
    """Only a coroutine can be waited for."""
    with background("lading-test") as loop, pytest.raises(TypeError, match="coroutine"):
        loop.run(lambda: None)  # type: ignore[arg-type,return-value]  # what is tested


def test_a_context_is_left_by_the_task_that_entered_it() -> None:
    """Some may be left by no other."""
    tasks: list[object] = []

    @asynccontextmanager
    async def context() -> AsyncIterator[int]:
        tasks.append(asyncio.current_task())
        yield 5
        tasks.append(asyncio.current_task())

    with background("lading-test") as loop, loop.entered(context()) as value:
        assert value == 5

    entered, left = tasks
    assert entered is left


def test_a_context_that_cannot_be_entered_says_why() -> None:
    """Its error is raised where it is entered."""

    @asynccontextmanager
    async def context() -> AsyncIterator[int]:
        raise KeyError("x")
        yield 5

    with (
        background("lading-test") as loop,
        pytest.raises(KeyError, match="x"),
        loop.entered(context()),
    ):
        pass


def test_after_an_error_a_context_is_left_by_a_cancellation() -> None:
    """So that it can tell the two ends apart."""
    seen: list[str] = []

    @asynccontextmanager
    async def context() -> AsyncIterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    with (
        background("lading-test") as loop,
        pytest.raises(KeyError),
        loop.entered(context()),
    ):
        raise KeyError

    assert seen == ["cancelled"]


def test_an_interrupted_wait_ends_the_work_first() -> None:
    """Ctrl-C leaves nothing half done that goes on by itself."""
    seen: list[str] = []

    async def work() -> None:
        try:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            seen.append("cleaned up")
            raise

    with background("lading-test") as loop:
        with pytest.raises(KeyboardInterrupt):
            loop.run(work)
        cleaned = list(seen)

    assert cleaned == ["cleaned up"]


def test_a_loop_that_is_over_takes_no_work() -> None:
    """Whoever waits for work that it cuts off is told as well."""
    told: list[str] = []
    begun = threading.Event()

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    with background("lading-test") as loop:

        def wait() -> None:
            try:
                loop.run(work)
            except RuntimeError as error:
                told.append(str(error))

        waiting = threading.Thread(target=wait)
        waiting.start()
        begun.wait()
    waiting.join()

    assert told == ["the event loop ended before the work did"]
    assert loop.is_over
    with pytest.raises(RuntimeError, match="ended"):
        loop.run(_where)
