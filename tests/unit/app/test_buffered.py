"""Bodies that come through the event loop, and are taken there as they come."""

import asyncio
from functools import partial

import pytest

from lading.app import buffered
from lading.app.buffered import BufferedBody
from lading.bodies import Pourable
from lading.errors import BodyIncomplete, StorageFailed
from lading.wire.framing import Framing, Sized

LIMIT = 20.0


def _body(framing: Framing, first: bytes = b"") -> BufferedBody:
    return BufferedBody(framing, bytearray(first), pause=LIMIT, on_wait=lambda: None)


def _come(body: BufferedBody, data: bytes) -> None:
    """As the connection does it: in a place that is overwritten by what comes next."""
    landing = bytearray(data)
    body.feed(memoryview(landing))
    landing[:] = b"#" * len(landing)


async def _rest(body: BufferedBody) -> bytes:
    taken = bytearray()
    while await asyncio.wait_for(body.ready(), LIMIT):
        for block in body.blocks():
            taken += block
    return bytes(taken)


async def _poured(body: BufferedBody, taken: bytearray) -> "asyncio.Task[None]":
    """Somebody who pours *body*, and waits for what comes."""
    task = asyncio.create_task(body.pour(taken.extend))
    await asyncio.sleep(0)
    return task


async def test_bytes_are_taken_as_they_come() -> None:
    """Those that came with the head first; the end of the body is the end of pouring."""
    body, taken = _body(Sized(9), b"one"), bytearray()
    pouring = await _poured(body, taken)

    _come(body, b"two")
    at_once = bytes(taken)
    _come(body, b"six, and a request")
    await asyncio.wait_for(pouring, LIMIT)

    assert isinstance(body, Pourable)
    assert at_once == b"onetwo"
    assert taken == b"onetwosix"
    assert body.framing.rest == b", and a request"
    assert not await body.ready()


async def test_body_that_came_whole_is_poured_without_waiting() -> None:
    """Nothing is watched, and no timer begins."""
    body, taken = _body(Sized(3), b"all"), bytearray()
    steps = body.pour(taken.extend)

    with pytest.raises(StopIteration):
        steps.send(None)

    assert taken == b"all"


async def test_sender_that_pauses_is_not_waited_for() -> None:
    """What it sends later is there for whoever waits for it, once and in order."""
    body, taken = _body(Sized(9), b"one"), bytearray()

    await asyncio.wait_for(body.pour(taken.extend), LIMIT)
    still_pouring = body.pouring
    _come(body, b"two")
    _come(body, b"six")

    assert taken == b"one"
    assert not still_pouring
    assert await _rest(body) == b"twosix"


async def test_bytes_between_the_end_of_pouring_and_its_news_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Patience may end in the very turn of the loop in which the sender goes on."""
    monkeypatch.setattr(buffered, "_PATIENCE", 0.0)
    body, taken = _body(Sized(6)), bytearray()
    pouring = await _poured(body, taken)
    while body.pouring:
        await asyncio.sleep(0)

    _come(body, b"one")
    await asyncio.wait_for(pouring, LIMIT)
    _come(body, b"two")

    assert taken == b""
    assert await _rest(body) == b"onetwo"


async def test_sender_that_never_pauses_is_left_after_a_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever takes its bytes holds something, and a byte now and then must not keep it."""
    monkeypatch.setattr(buffered, "_TURN", 0.05)
    body, taken = _body(Sized(1 << 40)), bytearray()
    pouring = await _poured(body, taken)

    async def drip() -> None:
        while not pouring.done():
            _come(body, b".")
            await asyncio.sleep(0.001)

    await asyncio.wait_for(drip(), LIMIT)

    assert taken
    assert not body.pouring


async def test_what_taking_raises_ends_the_pouring() -> None:
    """A full disk is told once, and nothing is given to it any more."""
    body, asked = _body(Sized(9)), []

    def refuse(block: memoryview) -> None:
        asked.append(bytes(block))
        raise StorageFailed("no room")

    pouring = asyncio.create_task(body.pour(refuse))
    await asyncio.sleep(0)
    _come(body, b"one")
    _come(body, b"two")

    with pytest.raises(StorageFailed, match="no room"):
        await asyncio.wait_for(pouring, LIMIT)
    assert asked == [b"one"]
    assert not body.pouring


async def test_sender_that_goes_away_ends_the_pouring() -> None:
    """That it did is told to whoever waits for more."""
    body, taken = _body(Sized(9), b"one"), bytearray()
    pouring = await _poured(body, taken)

    body.lose()
    await asyncio.wait_for(pouring, LIMIT)

    assert taken == b"one"
    with pytest.raises(BodyIncomplete):
        await body.ready()


async def test_nothing_is_taken_after_whoever_pours_was_cancelled() -> None:
    """What it takes them to may be closed by now; the bytes are kept for another."""
    body, taken = _body(Sized(6)), bytearray()
    pouring = await _poured(body, taken)

    asyncio.get_running_loop().call_soon(partial(_come, body, b"one"))
    pouring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pouring
    await asyncio.sleep(0)
    _come(body, b"two")

    assert taken == b""
    assert await _rest(body) == b"onetwo"
