"""The way into worker threads and out again."""

import asyncio
import threading

import pytest

from lading.storage.threads import Threads
from tests.unit.storage.conftest import give_no_more_threads


class Work:
    """Work that tells when it begins and ends when it may."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.begun = asyncio.Event()
        self.may_end = threading.Event()
        self.ended = False

    def __call__(self) -> str:
        """Begin, wait, end."""
        self._loop.call_soon_threadsafe(self.begun.set)
        self.may_end.wait(30)
        self.ended = True
        return "result"


async def test_results_and_errors_come_back() -> None:
    """A caller gets what the work returned, or what it raised."""
    threads = Threads("test", 1)

    assert await threads.run(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await threads.run(divmod, 7, 0)
    threads.close()


async def test_cancelled_caller_waits_for_work_that_has_begun() -> None:
    """However often the caller is cancelled, it does not return while the thread is at work."""
    threads, work = Threads("test", 1), Work()
    stopped: list[str] = []

    def stop() -> None:
        stopped.append("stop")
        task.cancel()
        asyncio.get_running_loop().call_later(0, work.may_end.set)

    task = asyncio.ensure_future(threads.run_or_stop(stop, work))
    await work.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert work.ended
    assert stopped == ["stop"]
    threads.close()


async def test_work_that_waits_for_a_thread_is_dropped_with_its_caller() -> None:
    """Cancelling a caller whose work has not begun leaves nothing to do."""
    threads, work = Threads("test", 1), Work()
    late: list[str] = []
    first = asyncio.ensure_future(threads.run(work))
    await work.begun.wait()
    second = asyncio.ensure_future(threads.run(late.append, "done"))
    await asyncio.sleep(0)

    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    work.may_end.set()

    assert await first == "result"
    threads.close()
    assert late == []


async def test_result_that_nobody_can_take_is_undone() -> None:
    """A descriptor that was opened for a caller who has gone is closed."""
    threads, work = Threads("test", 1), Work()
    undone: list[str] = []
    task = asyncio.ensure_future(threads.run_or_undo(undone.append, work))
    await work.begun.wait()

    task.cancel()
    work.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert undone == ["result"]
    threads.close()


async def test_work_waits_for_threads_when_no_more_can_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A container may be allowed few of them; nothing fails for it, or is done after its caller."""
    threads, work = Threads("test", 2), Work()
    first = asyncio.ensure_future(threads.run(work))
    await work.begun.wait()
    give_no_more_threads(monkeypatch)
    second = asyncio.ensure_future(threads.run(divmod, 7, 2))
    await asyncio.sleep(0)
    work.may_end.set()

    assert (await first, await second) == ("result", (3, 1))
    threads.close()
