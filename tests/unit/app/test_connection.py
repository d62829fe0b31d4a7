"""Connections of our own server, on real sockets: with the lane, without, and bodies poured."""

import asyncio
import contextlib
import hashlib
import os
import random
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop

from lading.app import buffered
from lading.app.connection import Bounds
from lading.app.connections import Connections
from lading.bodies import FileSpan, Held, pourable, read
from lading.errors import BodyIncomplete, SizeInvalid
from lading.wire.message import Handler, Request, Response

pytestmark = pytest.mark.enable_socket

LIMIT = 20.0
_GENEROUS = Bounds(
    head_size=64 * 1024,
    head_time=LIMIT,
    idle_time=LIMIT,
    body_pause=LIMIT,
    write_pause=LIMIT,
    lane_from=64 * 1024,
    drain_size=64 << 20,
)


def _text(status: int, body: bytes) -> Response:
    return Response(status, [("Content-Length", str(len(body)))], body)


_NewLoop = Callable[[], asyncio.AbstractEventLoop]


class _Listening:
    """A server on a thread of its own, with few worker threads so that waste would show."""

    def __init__(self, handler: Handler, bounds: Bounds, loop: _NewLoop) -> None:
        self.pool = ThreadPoolExecutor(2)
        self._handler, self._bounds, self._new_loop = handler, bounds, loop
        self._began = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._began.wait(LIMIT)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self._new_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.connections = Connections(self._handler, self.pool, self._bounds)
        self.stop = asyncio.Event()
        server = await self.loop.create_server(self.connections, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        time = asyncio.create_task(self.connections.keep_time())
        self._began.set()
        await self.stop.wait()
        server.close()
        await self.connections.drain(deadline=5)
        time.cancel()

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Meanwhile nothing is read; what has come by the end of it is found at once."""
        over = threading.Event()
        self.loop.call_soon_threadsafe(over.wait, LIMIT)
        yield
        over.set()

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.stop.set)
        self._thread.join(LIMIT)
        self.pool.shutdown()
        assert not self._thread.is_alive()


class _Client:
    """A client that says exactly what it is told to."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        self.file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def head(self) -> tuple[int, dict[bytes, bytes]]:
        status = self.file.readline().split()
        if not status:
            raise ConnectionResetError
        fields = {}
        while (line := self.file.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            fields[name.lower()] = value.strip()
        return int(status[1]), fields

    def response(self) -> tuple[int, bytes]:
        status, fields = self.head()
        return status, self.file.read(int(fields.get(b"content-length", b"0")))

    def ended(self) -> bool:
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True

    def say_no_more(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.file.close()
        self.socket.close()


class _House:
    """What the handler under test does, and what it saw."""

    def __init__(self, files: Path) -> None:
        self.files = files
        self.pours = False
        self.blocks: list[int] = []
        self.left = False
        self.broken: list[Exception] = []
        self.seen: list[int] = []
        self.saw = threading.Event()
        self.gate = threading.Event()

    async def __call__(self, request: Request) -> Response:
        if request.path == "/deny":
            return _text(401, b"no")
        if request.path == "/inject":
            return Response(200, [("X", "a\r\nB: c"), ("Content-Length", "0")])
        if request.path == "/fail":
            raise RuntimeError("a mistake")
        if request.path == "/read":
            content = await read(request.body, limit=4 << 20)
            return _text(201, _digest_of(content or b""))
        if request.path == "/wait":
            self.saw.set()
            await asyncio.get_running_loop().run_in_executor(None, self.gate.wait, LIMIT)
            return _text(200, b"waited")
        if request.path.startswith("/file/"):
            return self._file(request)
        if request.path == "/held":
            data = bytes(range(256))
            frames = [b"--a--", b"--b--", b"--end--"]
            length = sum(map(len, frames)) + 14
            headers = [("Content-Length", str(length))]
            return Response(206, headers, Held(data, ((10, 4), (100, 10))), frames)
        return await self._hashed(request)

    def _file(self, request: Request) -> Response:
        path = self.files / request.path.rpartition("/")[2]
        file = os.open(path, os.O_RDONLY)
        self.seen.append(file)
        total = os.fstat(file).st_size
        if request.query == "parts":
            parts = ((1, 1000), (5000, 300_000))
            frames = [b"--a--", b"--b--", b"--end--"]
            length = 301_000 + sum(map(len, frames))
            headers = [("Content-Length", str(length))]
            return Response(206, headers, FileSpan(file, parts, total), frames)
        said = total + 1000 if request.query == "short" else total
        headers = [("Content-Length", str(said))]
        return Response(200, headers, FileSpan(file, ((0, said),), said))

    async def _hashed(self, request: Request) -> Response:
        hasher, count = hashlib.sha256(), 0

        def take(block: memoryview) -> None:
            nonlocal count
            self.blocks.append(len(block))
            hasher.update(block)
            count += len(block)

        def absorb() -> None:
            for block in request.body.blocks():
                take(block)

        loop = asyncio.get_running_loop()
        try:
            if self.pours:
                body = pourable(request.body)
                assert body is not None
                await body.pour(take)
                self.left = await body.ready()
            while await request.body.ready():
                await loop.run_in_executor(self.threads(), absorb)
        except (BodyIncomplete, SizeInvalid) as error:
            self.broken.append(error)
            self.seen.append(count)
            self.saw.set()
            return _text(400, b"broken")
        if request.query == "later":
            await loop.run_in_executor(None, self.gate.wait, LIMIT)
            for _ in range(10):
                # What has come by now is seen, if anybody looks.
                await asyncio.sleep(0)
        return _text(201, f"{count} {hasher.hexdigest()}".encode())

    threads: Callable[[], ThreadPoolExecutor]


_Start = Callable[..., _Listening]


@pytest.fixture
def house(tmp_path: Path) -> _House:
    """The handler under test."""
    return _House(tmp_path)


@pytest.fixture(params=["lane", "loop", "pour"])
def start(request: pytest.FixtureRequest, house: _House) -> Iterator[_Start]:
    """Starts servers that end with the test, and are looked at while they end."""
    servers: list[_Listening] = []

    def begin(**changes: Any) -> _Listening:
        lane = request.param in {"lane", "asyncio"}
        bounds = _GENEROUS if lane else replace(_GENEROUS, lane_from=None)
        loop = asyncio.new_event_loop if request.param == "asyncio" else uvloop.new_event_loop
        server = _Listening(house, replace(bounds, **changes), loop)
        house.threads = lambda: server.pool
        house.pours = request.param == "pour"
        servers.append(server)
        return server

    yield begin

    house.gate.set()
    for server in servers:
        server.close()


_on_both_loops = pytest.mark.parametrize(
    "start", ["lane", "loop", "pour", "asyncio"], indirect=True
)
"""Stand-ins for tests run on the loop of the standard library."""


def _sized(body: bytes, path: bytes = b"/up") -> bytes:
    return b"PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (path, len(body), body)


def _in_chunks(body: bytes, sizes: list[int], chance: random.Random, path: bytes = b"/up") -> bytes:
    out = bytearray(b"PUT %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" % path)
    at = 0
    while at < len(body):
        size = min(len(body) - at, chance.choice(sizes))
        out += b"%x\r\n%s\r\n" % (size, body[at : at + size])
        at += size
    return bytes(out) + b"0\r\n\r\n"


def _digest_of(body: bytes) -> bytes:
    return f"{len(body)} {hashlib.sha256(body).hexdigest()}".encode()


def test_bodies_of_every_size_and_framing_arrive_whole_on_one_connection(start: _Start) -> None:
    """Two hundred uploads in a row, in both framings, with requests pipelined between them."""
    chance = random.Random(7)
    content = chance.randbytes(4 << 20)
    client = _Client(start().port)
    sizes = (0, 1, 100, 65_535, 65_536, 65_537, 300_000, 1 << 20, (1 << 20) + 1)
    for _ in range(200):
        body = content[: chance.choice([*sizes, chance.randrange(len(content))])]
        pieces = [1000, 32_768, 200_000] if len(body) > 4096 else [1, 10, 4096]
        framed = _sized(body) if chance.random() < 0.5 else _in_chunks(body, pieces, chance)
        extra = chance.choice([0, 0, 3])

        client.send(framed + _sized(b"abc") * extra)

        assert client.response() == (201, _digest_of(body))
        for _ in range(extra):
            assert client.response() == (201, _digest_of(b"abc"))
    client.close()


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000, 3_910_601])
def test_bodies_that_are_read_into_memory_arrive_whole(start: _Start, size: int) -> None:
    """Manifests are read on the event loop, and come in chunks of any size."""
    body = os.urandom(size)
    client = _Client(start().port)
    for pieces in ([32_768], [1 << 20], [100, 70_000]):
        client.send(_in_chunks(body, pieces, random.Random(3), b"/read"))

        assert client.response() == (201, _digest_of(body))
    client.send(_sized(body, b"/read"))

    assert client.response() == (201, _digest_of(body))
    client.close()


@pytest.mark.parametrize("size", [10, 100_000, 3_000_000])
def test_an_answer_before_the_body_leaves_the_connection_usable(start: _Start, size: int) -> None:
    """Refusing an upload at its head, as registries do all day, does not cost the connection."""
    body = os.urandom(size)
    client = _Client(start().port)
    for request in (_sized(body, b"/deny"), _in_chunks(body, [32_768], random.Random(1), b"/deny")):
        client.send(request + _sized(b"next"))

        assert client.response() == (401, b"no")
        assert client.response() == (201, _digest_of(b"next"))
    client.close()


def test_no_more_of_an_unwanted_body_is_read_than_is_allowed(start: _Start) -> None:
    """Somebody who sends without end after a refusal is cut off."""
    client = _Client(start(drain_size=1 << 20).port)
    client.send(b"PUT /deny HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")

    with pytest.raises(OSError):  # noqa: PT012  # the cut may be seen by any of them
        while True:
            client.send(bytes(1 << 20))

    client.close()


def test_pipelined_requests_are_answered_in_order(start: _Start) -> None:
    """A client may send ahead without getting answers mixed up."""
    client = _Client(start().port)
    bodies = [b"%d" % number for number in range(500)]

    client.send(b"".join(_sized(body) for body in bodies))

    assert [client.response()[1] for _ in bodies] == [_digest_of(body) for body in bodies]
    client.close()


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\nHost: x\n\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"PUT /up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"PUT /up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"PUT /up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n",
        b"PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 1_0\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_a_head_that_can_be_read_in_two_ways_is_refused(start: _Start, head: bytes) -> None:
    """What smuggles requests past proxies gets a 400 and a closed connection."""
    client = _Client(start().port)

    client.send(head)

    assert client.response()[0] == 400
    assert client.ended()
    client.close()


def test_a_greeting_of_tls_is_answered_at_once(start: _Start) -> None:
    """Clients try HTTPS first, and would wait for ten seconds before they speak plainly."""
    client = _Client(start().port)

    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")

    assert client.response()[0] == 400
    assert client.ended()
    client.close()


def test_empty_lines_before_a_request_are_passed_over(start: _Start) -> None:
    """Old clients end a body with a line end that belongs to nothing."""
    client = _Client(start().port)

    client.send(_sized(b"abc") + b"\r\n\r\n" + _sized(b"def"))

    assert client.response() == (201, _digest_of(b"abc"))
    assert client.response() == (201, _digest_of(b"def"))
    client.close()


def test_a_head_is_bounded_in_size(start: _Start) -> None:
    """A hundred megabytes of headers are refused after the first sixty-four kilobytes."""
    client = _Client(start().port)
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\n")

    with contextlib.suppress(OSError):
        for _ in range(1600):
            client.send(b"X: " + b"a" * 65_536 + b"\r\n")
            # Sending goes on until the refusal arrives, as a stubborn client's would.
            client.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                if client.socket.recv(1, socket.MSG_PEEK):
                    break
            client.socket.settimeout(LIMIT)
    client.socket.settimeout(LIMIT)

    assert client.head()[0] == 431
    client.close()


def test_a_head_is_bounded_in_time(start: _Start) -> None:
    """A head that never ends is given up on, however regularly a byte of it comes."""
    client = _Client(start(head_time=0.5).port)
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")

    assert client.response()[0] == 408
    assert client.ended()
    client.close()


def test_an_idle_connection_is_closed_in_time(start: _Start) -> None:
    """Connections nobody uses do not pile up."""
    client = _Client(start(idle_time=0.5).port)
    client.send(_sized(b"abc"))

    assert client.response()[0] == 201
    assert client.ended()
    client.close()


@pytest.mark.parametrize("chunk", [b"zz\r\n", b"5\r\nabcdefgh\r\n"])
def test_a_body_with_broken_chunks_is_not_taken_for_whole(
    start: _Start, house: _House, chunk: bytes
) -> None:
    """The handler gets an error, never a body that only seems complete."""
    client = _Client(start().port)

    client.send(
        b"PUT /up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n" + chunk
    )

    assert client.response() == (400, b"broken")
    assert isinstance(house.broken[0], SizeInvalid)
    assert client.ended()
    client.close()


@pytest.mark.parametrize("size", [1000, 500_000])
def test_what_a_vanished_client_sent_arrives_and_then_an_error(
    start: _Start, house: _House, size: int
) -> None:
    """An upload keeps what came before the client went away."""
    client = _Client(start().port)
    client.send(b"PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + bytes(size))

    client.close()

    assert house.saw.wait(LIMIT)
    assert isinstance(house.broken[0], BodyIncomplete)
    assert house.seen == [size]


def test_a_silent_sender_is_given_up_on(start: _Start, house: _House) -> None:
    """A body that stops coming ends with an error after the pause that is allowed."""
    client = _Client(start(body_pause=0.3).port)

    client.send(b"PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + bytes(100_000))

    assert client.response() == (400, b"broken")
    assert house.seen == [100_000]
    client.close()


def test_slow_senders_do_not_use_up_the_threads(start: _Start) -> None:
    """With two threads and a hundred stalled uploads, another upload goes through."""
    server = start()
    slow = [_Client(server.port) for _ in range(100)]
    for client in slow:
        client.send(
            b"PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + bytes(100_000)
        )
    body = os.urandom(5_000_000)
    quick = _Client(server.port)

    quick.send(_sized(body))

    assert quick.response() == (201, _digest_of(body))
    for client in slow:
        client.send(bytes(800_000))
    for client in slow:
        assert client.response() == (201, _digest_of(bytes(900_000)))
        client.close()
    quick.close()


def test_slow_receivers_do_not_use_up_the_threads(start: _Start, house: _House) -> None:
    """With two threads and fifty stalled downloads, another download goes through."""
    content = os.urandom(16 << 20)
    (house.files / "big").write_bytes(content)
    server = start()
    slow = [_Client(server.port) for _ in range(50)]
    for client in slow:
        client.send(b"GET /file/big HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.head()[0] == 200
    quick = _Client(server.port)

    quick.send(b"GET /file/big HTTP/1.1\r\nHost: x\r\n\r\n")

    assert quick.response() == (200, content)
    assert slow[7].file.read(len(content)) == content
    for client in (*slow, quick):
        client.close()


@pytest.mark.parametrize("says_no_more", [False, True])
def test_a_receiver_that_takes_nothing_is_cut_off_and_its_file_closed(
    start: _Start, house: _House, says_no_more: bool
) -> None:
    """A stalled download ends, and gives back the file it held."""
    (house.files / "big").write_bytes(bytes(64 << 20))
    server = start(write_pause=0.5)
    client = _Client(server.port)
    client.send(b"GET /file/big HTTP/1.1\r\nHost: x\r\n\r\n")
    if says_no_more:
        client.say_no_more()
    assert client.head()[0] == 200

    ended = threading.Event()

    def closed() -> None:
        with contextlib.suppress(OSError):
            os.fstat(house.seen[0])
            server.loop.call_later(0.05, closed)
            return
        ended.set()

    server.loop.call_soon_threadsafe(closed)

    assert ended.wait(LIMIT)
    with pytest.raises((AssertionError, OSError)):
        assert len(client.file.read(64 << 20)) == 64 << 20
    client.close()


def test_a_file_that_became_shorter_is_never_padded(start: _Start, house: _House) -> None:
    """The receiver sees a broken connection, not a complete answer with wrong bytes."""
    (house.files / "cut").write_bytes(b"x" * 300_000)
    client = _Client(start().port)

    client.send(b"GET /file/cut?short HTTP/1.1\r\nHost: x\r\n\r\n")

    status, fields = client.head()
    with contextlib.suppress(ConnectionResetError):
        assert len(client.file.read(int(fields[b"content-length"]))) <= 300_000
    assert status == 200
    assert client.ended()
    client.close()


def test_parts_of_a_file_go_out_between_their_frames(start: _Start, house: _House) -> None:
    """A multipart answer has each frame before its part, and one after the last."""
    content = os.urandom(400_000)
    (house.files / "big").write_bytes(content)
    client = _Client(start().port)

    client.send(b"GET /file/big?parts HTTP/1.1\r\nHost: x\r\n\r\n" + _sized(b"after"))

    expected = (
        b"--a--" + content[1:1001] + b"--b--" + content[5000:305_000] + b"--end--"
    )  # fmt: skip
    assert client.response() == (206, expected)
    assert client.response() == (201, _digest_of(b"after"))
    client.close()


def test_parts_of_held_content_go_out_between_their_frames(start: _Start) -> None:
    """The same, for content in memory."""
    client = _Client(start().port)

    client.send(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n")

    expected = (
        b"--a--" + bytes(range(10, 14)) + b"--b--" + bytes(range(100, 110)) + b"--end--"
    )  # fmt: skip
    assert client.response() == (206, expected)
    client.close()


def test_a_client_that_asks_first_is_told_to_go_on_only_when_its_body_is_wanted(
    start: _Start,
) -> None:
    """``Expect: 100-continue`` saves sending what would be refused."""
    client = _Client(start().port)
    expects = b"PUT %s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 70000\r\n\r\n"

    client.send(expects % b"/up")

    assert client.head()[0] == 100
    client.send(bytes(70_000))
    assert client.response() == (201, _digest_of(bytes(70_000)))
    client.send(expects % b"/deny")
    assert client.response() == (401, b"no")
    client.close()


def test_clients_of_http_1_0_are_closed_or_kept_as_they_ask(start: _Start) -> None:
    """Old clients need to be told that a connection is kept, and else wait for its end."""
    client = _Client(start().port)

    client.send(b"GET /up HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    status, fields = client.head()
    client.file.read(int(fields[b"content-length"]))
    client.send(b"GET /up HTTP/1.0\r\n\r\n")

    assert (status, fields[b"connection"]) == (201, b"keep-alive")
    assert client.response()[0] == 201
    assert client.ended()
    client.close()


def test_targets_may_come_with_the_host(start: _Start) -> None:
    """Proxies send the absolute form."""
    client = _Client(start().port)

    client.send(b"GET http://registry.example/held HTTP/1.1\r\nHost: x\r\n\r\n")

    assert client.response()[0] == 206
    client.close()


def test_an_offer_to_switch_protocols_is_ignored(start: _Start) -> None:
    """The request is answered as if the offer had not been made, and its body is read."""
    client = _Client(start().port)
    offer = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"

    client.send(
        b"PUT /up HTTP/1.1\r\nHost: x\r\n"
        + offer
        + b"Content-Length: 3\r\n\r\nabc"
        + _sized(b"next")
    )

    assert client.response() == (201, _digest_of(b"abc"))
    assert client.response() == (201, _digest_of(b"next"))
    client.close()


def test_a_line_end_in_a_header_is_never_sent(start: _Start) -> None:
    """A value that would begin a header of its own cuts the connection instead."""
    client = _Client(start().port)

    client.send(b"GET /inject HTTP/1.1\r\nHost: x\r\n\r\n")

    assert client.ended()
    client.close()


def test_a_handler_that_raises_costs_its_connection_and_no_other(start: _Start) -> None:
    """Nothing is answered that nobody thought of; the server goes on."""
    server = start()
    client, other = _Client(server.port), _Client(server.port)

    client.send(b"GET /fail HTTP/1.1\r\nHost: x\r\n\r\n")

    assert client.ended()
    other.send(_sized(b"next"))
    assert other.response() == (201, _digest_of(b"next"))
    client.close()
    other.close()


def test_requests_in_flight_are_finished_at_the_end(start: _Start, house: _House) -> None:
    """Stopping answers what was begun, says that the connection ends, and closes idle ones."""
    server = start()
    busy, idle = _Client(server.port), _Client(server.port)
    idle.send(_sized(b"abc"))
    assert idle.response()[0] == 201
    busy.send(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")

    server.loop.call_soon_threadsafe(server.stop.set)
    assert idle.ended()
    house.gate.set()

    status, fields = busy.head()
    assert (status, fields[b"connection"]) == (200, b"close")
    assert busy.file.read(6) == b"waited"
    assert busy.ended()
    busy.close()
    idle.close()


@pytest.fixture
def pourer(house: _House, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Client]:
    """A client of a server that pours, and whose patience does not end."""
    monkeypatch.setattr(buffered, "_LOOK", 2 * LIMIT)
    house.pours = True
    server = _Listening(house, replace(_GENEROUS, lane_from=None), uvloop.new_event_loop)
    client = _Client(server.port)
    yield client
    client.close()
    server.close()


def test_poured_bodies_are_read_on_in_wide_reads_until_their_end(
    pourer: _Client, house: _House
) -> None:
    """Reading goes on while they are, and nothing is left to be waited for."""
    body = os.urandom(2 << 20)
    for _ in range(3):
        pourer.send(_sized(body))

        assert pourer.response() == (201, _digest_of(body))
        assert not house.left

    assert max(house.blocks) > 64 << 10


def test_client_that_closes_its_half_behind_a_poured_body_is_answered(
    pourer: _Client, house: _House
) -> None:
    """The end of what it says is looked for when it has its answer."""
    body = os.urandom(300_000)

    pourer.send(_sized(body, b"/up?later"))
    pourer.say_no_more()
    house.gate.set()

    assert pourer.response() == (201, _digest_of(body))


_DENIED = b"GET /deny HTTP/1.1\r\nHost: x\r\n\r\n", (401, b"no")
_WAITED = b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", (200, b"waited")
_BIG = bytes(range(256)) * (4 << 12)
_ASKED: list[tuple[bytes, tuple[int, bytes]]] = [
    *[_DENIED] * 3,
    (_sized(b"a"), (201, _digest_of(b"a"))),
    _DENIED,
    (b"GET /file/big HTTP/1.1\r\nHost: x\r\n\r\n", (200, _BIG)),
    (_sized(b"b" * 70_000), (201, _digest_of(b"b" * 70_000))),
    (_sized(b"c", b"/read"), (201, _digest_of(b"c"))),
    _WAITED,
    (_in_chunks(b"d" * 10, [3], random.Random(5)), (201, _digest_of(b"d" * 10))),
    (_sized(b"e", b"/up?later"), (201, _digest_of(b"e"))),
    _DENIED,
]


@_on_both_loops
@pytest.mark.parametrize("first", range(len(_ASKED)))
def test_client_that_closes_its_half_behind_its_requests_has_them_all_answered(
    start: _Start, house: _House, first: int
) -> None:
    """Whichever of them is being answered when the end comes, together or apart from them."""
    house.gate.set()
    (house.files / "big").write_bytes(_BIG)
    asked = _ASKED[first:] + _ASKED[:first]
    server = start()

    together, apart = _Client(server.port), _Client(server.port)
    with server.standing_still():
        together.send(b"".join(request for request, _ in asked))
        together.say_no_more()
    for request, _ in asked:
        apart.send(request)
    apart.say_no_more()

    for client in (together, apart):
        for _, answer in asked:
            assert client.response() == answer
        assert client.ended()
        client.close()


@_on_both_loops
def test_end_that_is_seen_before_the_answer_is_ready_does_not_cut_it_off(
    start: _Start, house: _House
) -> None:
    """Nor what was pipelined before it; a head that is not whole gets none."""
    client = _Client(start().port)

    client.send(_sized(b"abc", b"/up?later") + _DENIED[0] + _WAITED[0] + b"GET /deny")
    client.say_no_more()
    house.gate.set()

    assert client.response() == (201, _digest_of(b"abc"))
    assert client.response() == _DENIED[1]
    assert client.response() == _WAITED[1]
    assert client.ended()
    client.close()


@_on_both_loops
@pytest.mark.parametrize("came", [0, 10, 5_000, 500_000])
@pytest.mark.parametrize("framing", [b"Content-Length: %d", b"Transfer-Encoding: chunked"])
def test_body_that_ends_early_keeps_what_came_and_is_answered(
    start: _Start, house: _House, came: int, framing: bytes
) -> None:
    """The client learns of it, if it listens; nothing else can follow."""
    body = b"%x\r\n" % (came + 1) if b"chunked" in framing else b""
    head = framing % (came + 1) if b"Length" in framing else framing
    client = _Client(start().port)

    client.send(b"PUT /up HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n%s" % (head, body + bytes(came)))
    client.say_no_more()

    assert client.response() == (400, b"broken")
    assert client.ended()
    assert isinstance(house.broken[0], BodyIncomplete)
    assert "went away" in str(house.broken[0])
    assert house.seen == [came]
    client.close()


@_on_both_loops
def test_refusal_is_read_by_a_client_that_gives_its_body_up(start: _Start) -> None:
    """It came before the body, of which no more is waited for."""
    client = _Client(start().port)

    client.send(b"PUT /deny HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc")
    client.say_no_more()

    assert client.response() == (401, b"no")
    assert client.ended()
    client.close()


@_on_both_loops
@pytest.mark.parametrize("said", [b"", b"GET / HT", b"\r\n", _sized(b"abc")])
def test_connection_that_waits_for_a_request_ends_with_its_clients_half(
    start: _Start, said: bytes
) -> None:
    """Nobody who has nothing more to ask holds a descriptor."""
    server = start()
    client = _Client(server.port)
    client.send(said)
    if said.startswith(b"PUT"):
        assert client.response()[0] == 201

    client.say_no_more()

    assert client.ended()
    client.close()


@_on_both_loops
def test_server_that_ends_answers_a_client_that_closed_its_half(
    start: _Start, house: _House
) -> None:
    """What it asked first, as for everybody else; what waits behind that is not begun."""
    server = start()
    client = _Client(server.port)
    client.send(_WAITED[0] + _DENIED[0])
    client.say_no_more()
    assert house.saw.wait(LIMIT)

    server.loop.call_soon_threadsafe(server.stop.set)
    server.loop.call_soon_threadsafe(house.gate.set)

    assert client.response() == _WAITED[1]
    assert client.ended()
    client.close()


@_on_both_loops
@pytest.mark.parametrize("says_no_more", [False, True])
@pytest.mark.parametrize("path", [b"/wait", b"/file/big"])
def test_connection_of_a_client_that_is_gone_ends(
    start: _Start, house: _House, path: bytes, says_no_more: bool
) -> None:
    """At the first byte that nobody takes, whatever it said before."""
    (house.files / "big").write_bytes(bytes(64 << 20))
    server = start()
    client = _Client(server.port)
    client.send(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path * 2)
    if says_no_more:
        client.say_no_more()
    if path == b"/wait":
        assert house.saw.wait(LIMIT)
    else:
        assert client.head()[0] == 200

    client.close()
    house.gate.set()

    gone = threading.Event()

    def look() -> None:
        if server.connections.open:
            server.loop.call_later(0.02, look)
        else:
            gone.set()

    server.loop.call_soon_threadsafe(look)
    assert gone.wait(LIMIT)
