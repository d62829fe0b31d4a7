"""Bodies that come through the event loop, and are taken there as they come."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from lading.app import buffered
from lading.app.buffered import BufferedBody
from lading.errors import BodyIncomplete, SizeInvalid, StorageFailed
from lading.wire.framing import Chunked, Framing, Sized

LIMIT = 20.0


def _body(
    framing: Framing, first: bytes = b"", on_wait: Callable[[], None] = lambda: None
) -> BufferedBody:
    return BufferedBody(framing, bytearray(first), pause=LIMIT, on_wait=on_wait)


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


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pouring that ends in the test's time ends for the test's reason."""
    monkeypatch.setattr(buffered, "_LOOK", 2 * LIMIT)


async def _poured(body: BufferedBody, taken: bytearray) -> "asyncio.Task[None]":
    """Somebody who pours *body*, and waits for what comes."""
    task = asyncio.create_task(body.pour(taken.extend))
    await asyncio.sleep(0)
    return task


async def _send_while_poured(
    body: BufferedBody, taken: bytearray, data: bytes, *, every: float
) -> None:
    pouring = await _poured(body, taken)
    while not pouring.done():
        _come(body, data)
        await asyncio.sleep(every)


@pytest.mark.usefixtures("patient")
async def test_bytes_are_taken_as_they_come() -> None:
    """Those that came with the head first; the end of the body is the end of pouring."""
    asked: list[None] = []
    body, taken = _body(Sized(9), b"one", partial(asked.append, None)), bytearray()
    pouring = await _poured(body, taken)

    _come(body, b"two")
    at_once, went_on = bytes(taken), body.pouring
    _come(body, b"six, and a request")
    await asyncio.wait_for(pouring, LIMIT)

    assert asked == [None]
    assert went_on
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


@pytest.mark.parametrize("after", [b"", b"two", b"2" * 100_000])
async def test_sender_that_pauses_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, after: bytes
) -> None:
    """Whatever it sent before; what it sends later is there for whoever waits, once and in order."""
    monkeypatch.setattr(buffered, "_TURN", 2 * LIMIT)
    body, taken = _body(Sized(9 + len(after)), b"one"), bytearray()
    pouring = await _poured(body, taken)

    _come(body, after)
    await asyncio.wait_for(pouring, LIMIT)
    still_pouring = body.pouring
    _come(body, b"six")
    _come(body, b"ten")

    assert taken == b"one" + after
    assert not still_pouring
    assert await _rest(body) == b"sixten"


async def test_byte_now_and_then_is_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes them holds what others want: the flow has to be worth it."""
    monkeypatch.setattr(buffered, "_TURN", 2 * LIMIT)
    body, taken = _body(Sized(1 << 40)), bytearray()

    await asyncio.wait_for(_send_while_poured(body, taken, b".", every=0.001), LIMIT)

    assert not body.pouring


async def test_sender_that_never_pauses_is_left_after_a_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And not before, as long as enough comes."""
    monkeypatch.setattr(buffered, "_LOOK", 0.05)
    monkeypatch.setattr(buffered, "_FLOW", 1)
    monkeypatch.setattr(buffered, "_TURN", 0.3)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    body, taken = _body(Sized(1 << 40)), bytearray()

    await asyncio.wait_for(_send_while_poured(body, taken, b"some", every=0), LIMIT)

    assert loop.time() - begun >= 0.3
    assert not body.pouring


async def test_bytes_between_the_end_of_pouring_and_its_news_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Patience may end in the very turn of the loop in which the sender goes on."""
    monkeypatch.setattr(buffered, "_LOOK", 0.0)
    body, taken = _body(Sized(6)), bytearray()
    pouring = await _poured(body, taken)
    while body.pouring:
        await asyncio.sleep(0)

    told = pouring.done()
    _come(body, b"one")
    await asyncio.wait_for(pouring, LIMIT)
    _come(body, b"two")

    assert not told
    assert taken == b""
    assert await _rest(body) == b"onetwo"


@pytest.mark.usefixtures("patient")
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


@pytest.mark.usefixtures("patient")
async def test_sender_that_goes_away_ends_the_pouring() -> None:
    """That it did is told to whoever waits for more."""
    body, taken = _body(Sized(9), b"one"), bytearray()
    pouring = await _poured(body, taken)

    body.lose()
    await asyncio.wait_for(pouring, LIMIT)

    assert taken == b"one"
    with pytest.raises(BodyIncomplete):
        await body.ready()


@pytest.mark.usefixtures("patient")
async def test_chunks_that_cannot_be_read_end_the_pouring() -> None:
    """What came before them was taken."""
    body, taken = _body(Chunked(), b"3\r\none\r\n"), bytearray()
    pouring = await _poured(body, taken)

    _come(body, b"3\r\ntwo\r\n")
    _come(body, b"no number\r\n")
    await asyncio.wait_for(pouring, LIMIT)

    assert taken == b"onetwo"
    with pytest.raises(SizeInvalid):
        await body.ready()


@pytest.mark.usefixtures("patient")
async def test_nothing_is_taken_after_whoever_pours_was_cancelled() -> None:
    """What it takes them to may be closed by now; the bytes are kept for another."""
    body, taken = _body(Sized(6)), bytearray()
    pouring = await _poured(body, taken)

    pouring.cancel()
    _come(body, b"one")
    with pytest.raises(asyncio.CancelledError):
        await pouring
    _come(body, b"two")

    assert taken == b""
    assert await _rest(body) == b"onetwo"


@pytest.mark.usefixtures("patient")
async def test_nothing_is_taken_when_reading_could_not_begin() -> None:
    """Else what it takes them to would be written to after it was closed."""

    def fail() -> None:
        raise OSError("no reading")

    body, taken = _body(Sized(3), on_wait=fail), bytearray()
    with pytest.raises(OSError, match="no reading"):
        await body.pour(taken.extend)

    _come(body, b"one")

    assert taken == b""
