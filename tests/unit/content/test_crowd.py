"""Many things at once."""

import asyncio

import pytest

from lading.content.crowd import Once, each
from lading.errors import BlobUnknown


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
