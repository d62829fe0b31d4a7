"""Many things at once, and work in threads."""

import asyncio
import threading

import pytest

from lading.content.crowd import Once, collect, drain, each, ended_by, in_thread, wanted
from lading.errors import BlobUnknown
from lading.testing import samples


async def test_no_more_than_so_many_are_under_way() -> None:
    """And all are done."""
    now, most, done = 0, 0, []

    async def work(item: int) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        done.append(item)

    await each(work, range(20), most=3)

    assert most == 3
    assert sorted(done) == list(range(20))


async def test_first_failure_ends_the_others_and_is_raised_as_it_is() -> None:
    """Not as a group: whoever called wants the reason."""
    ended = []

    async def work(item: int) -> None:
        if item == 1:
            raise BlobUnknown("x")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(item)

    with pytest.raises(BlobUnknown):
        await each(work, range(3), most=3)

    assert sorted(ended) == [0, 2]


async def test_failure_deep_inside_is_raised_as_it_is() -> None:
    """Crowds within crowds change nothing."""

    async def inner(_: int) -> None:
        raise BaseExceptionGroup("of two", [BlobUnknown("x"), BlobUnknown("y")])

    with pytest.raises(BlobUnknown, match="x"):
        await each(inner, [1], most=1)


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


async def test_draining_takes_everything() -> None:
    """For the sake of what is checked on the way."""
    body = samples.inbound(b"0123456789")

    await drain(body)

    assert not await body.ready()


async def test_things_are_done_once() -> None:
    """Whoever comes later waits, and learns how it ended."""
    once: Once[str] = Once()
    go_on = asyncio.Event()
    done = []

    async def work() -> None:
        await go_on.wait()
        done.append(1)

    waiting = [asyncio.create_task(once.do("a", work)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(waiting[0], waiting[2])

    assert done == [1]
    assert waiting[1].cancelled()


async def test_failure_is_everybodys() -> None:
    """It is not tried again."""
    once: Once[str] = Once()
    tries = []

    async def fail() -> None:
        tries.append(1)
        raise BlobUnknown("x")

    for _ in range(2):
        with pytest.raises(BlobUnknown):
            await once.do("a", fail)

    assert tries == [1]


async def test_when_the_first_is_cancelled_another_goes_on() -> None:
    """Those who wait are not cancelled with it."""
    once: Once[str] = Once()
    done = []

    async def forever() -> None:
        await asyncio.Event().wait()

    async def work() -> None:
        done.append(1)

    first = asyncio.create_task(once.do("a", forever))
    await asyncio.sleep(0)
    second = asyncio.create_task(once.do("a", work))
    await asyncio.sleep(0)
    first.cancel()
    await second

    assert done == [1]
