"""Work in threads."""

import asyncio
import threading

import pytest

from lading.bodies import Bytes
from lading.content.threads import collect, drain, ended_by, in_thread, wanted
from lading.errors import BlobUnknown
from lading.testing import samples


async def test_work_in_a_thread_is_waited_for_even_when_cancelled_twice() -> None:
    """It may be using what its caller is about to close."""
    begun, go_on = threading.Event(), threading.Event()
    done = []

    def work() -> None:
        begun.set()
        go_on.wait(10)
        done.append(True)

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go_on.set()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [True]


async def test_work_in_a_thread_ends_when_nobody_waits_for_it_any_more() -> None:
    """What it waits for is ended, and what it does is not gone on with."""
    begun, left = threading.Event(), threading.Event()
    taken: list[bytes] = []

    def work() -> None:
        with ended_by(left.set):
            begun.set()
            assert left.wait(10)
        taken.extend(map(bytes, wanted([memoryview(b"late")])))

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert left.is_set()
    assert taken == []


async def test_what_begins_after_everybody_left_ends_at_once() -> None:
    """Work may take long to come to what can be ended."""
    begun, go_on = threading.Event(), threading.Event()
    ended: list[bool] = []

    def work() -> None:
        begun.set()
        go_on.wait(10)
        with ended_by(lambda: ended.append(True)):
            pass

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]


async def test_work_for_nobody_in_particular_goes_on() -> None:
    """Blocks are handed out in any thread, and nothing is ended there."""
    ended: list[bool] = []

    with ended_by(lambda: ended.append(True)):
        blocks = list(wanted([memoryview(b"block")]))

    assert (blocks, ended) == ([memoryview(b"block")], [])


async def test_failure_of_cancelled_work_is_nobodys_concern() -> None:
    """The cancellation is what the caller sees."""
    begun, go_on = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(10)
        raise BlobUnknown("x")

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    go_on.set()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_small_bodies_are_collected_and_long_ones_are_not() -> None:
    """The limit bounds memory."""
    assert await collect(samples.inbound(b"0123456789"), limit=10) == b"0123456789"
    assert await collect(samples.inbound(b"0123456789"), limit=9) is None
    assert await collect(samples.inbound(b"0123456789", chunk=20), limit=9) is None
    endless = Bytes(b"0123456789")
    endless.length = None
    assert await collect(endless, limit=9) is None


async def test_draining_takes_everything() -> None:
    """For the sake of what is checked on the way."""
    body = samples.inbound(b"0123456789")

    await drain(body)

    assert not await body.ready()
