"""Threads and memory are lent in turns: nobody holds them by being slow, or by being fast."""

import asyncio
import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from lading.app.lane import LentBody
from lading.app.outgoing import Backlog, Outgoing
from lading.wire.framing import Chunked, Framing, Sized
from lading.wire.message import Response

pytestmark = pytest.mark.enable_socket

LIMIT = 20.0


class _Wire:
    """As much of a transport as is lent, over one end of a pair of sockets."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)

    def get_extra_info(self, _name: str) -> socket.socket:
        return self.ours

    def is_closing(self) -> bool:
        return False

    def body(self, framing: Framing, first: bytes = b"") -> LentBody:
        transport = cast("asyncio.Transport", self)
        return LentBody(transport, framing, first, pause=LIMIT, on_begin=lambda: None)

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


def _taken(body: LentBody) -> int:
    return sum(len(block) for block in body.blocks())


async def test_sender_of_a_byte_now_and_then_gives_its_thread_back() -> None:
    """Each byte comes just before patience ends, and the body never does."""
    wire, stop = _Wire(), threading.Event()

    def drip() -> None:
        while not stop.wait(0.001):
            wire.theirs.send(b"x")

    dripping = threading.Thread(target=drip)
    body = wire.body(Sized(10_000_000))
    await body.ready()
    dripping.start()
    try:
        taken = await asyncio.wait_for(asyncio.to_thread(_taken, body), LIMIT)
    finally:
        stop.set()
        dripping.join()
        body.close()
        wire.close()

    assert taken < 10_000


async def test_sender_that_never_pauses_gives_its_thread_back() -> None:
    """Others that wait for a thread get one before the whole of a long body is here."""
    wire, stop = _Wire(), threading.Event()
    wire.theirs.settimeout(LIMIT)

    def flood() -> None:
        with contextlib.suppress(OSError):
            while not stop.is_set():
                wire.theirs.sendall(bytes(1 << 16))

    flooding = threading.Thread(target=flood)
    body = wire.body(Sized(1 << 50))
    await body.ready()
    flooding.start()
    try:
        await asyncio.wait_for(asyncio.to_thread(_taken, body), LIMIT)
        assert not body.framing.done
    finally:
        stop.set()
        wire.ours.shutdown(socket.SHUT_RDWR)
        body.close()
        flooding.join(LIMIT)
        wire.close()


async def test_turn_on_the_event_loop_is_one_block() -> None:
    """What came with the head is not forgotten between one turn and the next."""
    wire = _Wire()
    payload = bytes(range(256)) * 1000
    first = b"%x\r\n%s\r\n0\r\n\r\n" % (len(payload), payload)
    body = wire.body(Chunked(), first)
    turns: list[bytes] = []

    while await asyncio.wait_for(body.ready(), LIMIT):
        turns.append(b"".join(bytes(block) for block in body.blocks()))

    body.close()
    wire.close()
    assert b"".join(turns) == payload
    assert len(turns) > 1


class _Receiver:
    """As much of an `Outgoing` as its backlog knows."""

    def __init__(self) -> None:
        self.given_up = False

    def give_up(self) -> None:
        self.given_up = True


def test_receiver_that_took_nothing_for_longest_is_given_up() -> None:
    """Whoever takes something is behind the others in line."""
    backlog = Backlog(100)
    receivers = [_Receiver() for _ in range(4)]
    one, two, three, four = cast("list[Any]", receivers)
    waiting: list[Outgoing] = [one, two, three]
    for each in waiting:
        backlog.enter(each, 30)

    backlog.moved(one)
    backlog.enter(four, 30)

    assert [each.given_up for each in receivers] == [False, True, False, False]


def test_receivers_that_are_done_make_room() -> None:
    """And one that is alone is never given up, however long its answer is."""
    backlog = Backlog(100)
    receivers = [_Receiver() for _ in range(2)]
    one, two = cast("list[Any]", receivers)

    backlog.enter(one, 90)
    backlog.leave(one)
    backlog.leave(one)
    backlog.enter(two, 500)

    assert [each.given_up for each in receivers] == [False, False]


class _Slow:
    """As much of a transport as is written to; its receiver takes all that is there, at times."""

    def __init__(self) -> None:
        self.outgoing: Outgoing
        self.taken = b""
        self.most = 0
        self._waiting = b""

    def write(self, data: bytes | memoryview) -> None:
        self._waiting += data
        self.most = max(self.most, len(self._waiting))
        self.outgoing.block()

    def take(self) -> None:
        self.taken += self._waiting
        self._waiting = b""
        self.outgoing.unblock()

    def is_closing(self) -> bool:
        return False


async def test_long_answer_waits_for_its_receiver_after_each_piece() -> None:
    """All of it at once would lie in the buffers of everybody who takes nothing."""
    slow, body = _Slow(), bytes(range(256)) * 4096
    with ThreadPoolExecutor(1) as threads:
        transport = cast("asyncio.Transport", slow)
        slow.outgoing = Outgoing(transport, threads, Backlog(1), lane=False, pause=LIMIT)
        response = Response(200, body=body)
        sending = asyncio.create_task(slow.outgoing.send(b"head", response, bodiless=False))
        while not sending.done():
            await asyncio.sleep(0)
            slow.take()
        await sending

    assert slow.taken == b"head" + body
    assert slow.most < len(body) // 2
