"""Work that is carried out on the spot."""

import asyncio
import contextvars

import pytest

from lading.app import eager

_WHO = contextvars.ContextVar("_WHO", default="nobody")


async def test_work_that_waits_for_nothing_is_done_at_once() -> None:
    """No task is made of it, and nothing has to be awaited."""
    done: list[str] = []

    async def work() -> None:
        done.append("all")

    assert eager.begin(work(), asyncio.get_running_loop()) is None
    assert done == ["all"]


async def test_error_of_work_that_waits_for_nothing_is_that_of_whoever_began_it() -> None:
    """There is no task that could keep it, for somebody who never looks."""

    async def work() -> None:
        raise ValueError("its own")

    with pytest.raises(ValueError, match="its own"):
        eager.begin(work(), asyncio.get_running_loop())


async def test_work_that_waits_goes_on_as_a_task_in_the_context_it_began_in() -> None:
    """What it set for itself is there afterwards, and nowhere else."""
    loop = asyncio.get_running_loop()
    first: asyncio.Future[str] = loop.create_future()
    heard: list[str] = []

    async def work() -> None:
        token = _WHO.set("somebody")
        heard.append(await first)
        await asyncio.sleep(0)
        heard.append(_WHO.get())
        _WHO.reset(token)

    task = eager.begin(work(), loop)
    assert _WHO.get() == "nobody"
    first.set_result("an answer")

    assert task is not None
    await task
    assert heard == ["an answer", "somebody"]


async def test_errors_and_cancelling_reach_work_that_waits() -> None:
    """It can put things in order, and its own error is the task's."""
    loop = asyncio.get_running_loop()
    tidied: list[str] = []

    async def work() -> None:
        try:
            await loop.create_future()
        except asyncio.CancelledError:
            tidied.append("tidied")
            raise

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("its own")

    waiting, failing = eager.begin(work(), loop), eager.begin(fail(), loop)
    assert waiting is not None
    assert failing is not None
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(ValueError, match="its own"):
        await failing
    assert tidied == ["tidied"]
