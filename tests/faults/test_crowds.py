"""Many clients at once, most of them slow: others do not notice, and memory stays bounded."""

import contextlib
import hashlib
import resource
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.faults.running import Client, Server, digest, eventually

MIB = 1 << 20
MOST_GROWTH = 64 * MIB
"""By how much a worker may grow, whatever its clients do."""

SESSIONS = 10_000
SLOW = 1_000
READERS = 200
ABREAST = 200


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    """The clients of these tests live in one process, which needs a file for each."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with two workers."""
    with Server(tmp_path / "data", "--workers", "2") as running:
        yield running
        assert "Traceback" not in running.log.read_text()
        assert running.said("worker died") == []


def grown(server: Server, before: dict[int, int]) -> int:
    """By how many bytes the worker grew that grew most."""
    return max(size - before[pid] for pid, size in server.memory().items())


def connect(server: Server) -> socket.socket:
    """A connection without any manners."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def push_and_pull(ask: Client, number: int, size: int = 300_000) -> None:
    """What a normal client does, in full."""
    data = hashlib.shake_128(b"normal %d" % number).digest(size)
    where = ask.begin("normal")
    assert ask("PATCH", where, iter([data[:1000], data[1000:]])).status == 202
    assert ask("PUT", f"{where}?digest={digest(data)}").status == 201
    assert ask("GET", f"/v2/normal/blobs/{digest(data)}").body == data


def test_ten_thousand_open_uploads_are_nothing_special(server: Server) -> None:
    """They cost hardly any memory, pushes go on beside them, and they expire."""
    before = server.memory()
    request = b"POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    with connect(server) as sock:
        for _ in range(SESSIONS // ABREAST):
            sock.sendall(request * ABREAST)
            came = b""
            while came.count(b"\r\n\r\n") < ABREAST:
                came += sock.recv(1 << 16)
            assert came.count(b"HTTP/1.1 202") == ABREAST
    uploads = server.root / "uploads"
    assert len(list(uploads.iterdir())) == SESSIONS

    assert grown(server, before) < 16 * MIB
    with server.client() as ask:
        for number in range(5):
            push_and_pull(ask, number)
    assert server.stop() == 0

    hasty = {"UPLOADS__EXPIRY": "1s", "COLLECTOR__EVERY": "200ms"}
    with Server(server.root, settings=hasty) as again:
        eventually(lambda: not any(uploads.iterdir()))
        with again.client() as ask:
            push_and_pull(ask, 5)


def test_uploads_beyond_the_limit_are_refused_until_others_end(tmp_path: Path) -> None:
    """429 says when to come back; who finishes makes room."""
    with (
        Server(tmp_path / "data", "--workers", "1", settings={"UPLOADS__OPEN": "20"}) as server,
        server.client() as ask,
    ):
        places = [ask.begin("a") for _ in range(20)]

        answer = ask("POST", "/v2/a/blobs/uploads/")

        assert (answer.status, answer.code) == (429, "TOOMANYREQUESTS")
        assert int(answer.headers["Retry-After"]) > 0
        assert ask("PATCH", places[0], b"goes on").status == 202
        assert ask("DELETE", places[1]).status == 204
        assert ask("POST", "/v2/a/blobs/uploads/").status == 202


@pytest.mark.parametrize("size", [2_000, 300_000], ids=["small", "big"])
@pytest.mark.parametrize("way", ["announced", "chunked"])
def test_a_thousand_slow_uploads_leave_room_for_others(server: Server, size: int, way: str) -> None:
    """All of them are in the middle of a body when a normal client comes; then they finish."""
    before = server.memory()
    data = [hashlib.shake_128(b"slow %d" % number).digest(size) for number in range(SLOW)]
    with contextlib.ExitStack() as held:
        socks = [held.enter_context(connect(server)) for _ in range(SLOW)]
        for sock, body in zip(socks, data, strict=True):
            framing, first = f"Content-Length: {size}", b""
            if way == "chunked":
                framing, first = "Transfer-Encoding: chunked", f"{size:x}\r\n".encode()
            path = f"/v2/slow/blobs/uploads/?digest={digest(body)}"
            head = f"POST {path} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n".encode()
            sock.sendall(head + first + body[:100])
        for part in range(100, 400, 100):
            for sock, body in zip(socks, data, strict=True):
                sock.sendall(body[part : part + 100])

        with server.client() as ask:
            for number in range(20):
                push_and_pull(ask, number)

        assert grown(server, before) < MOST_GROWTH
        # A part of them gives up, the others come to their end.
        for sock in socks[100:]:
            sock.close()
        for sock, body in zip(socks[:100], data[:100], strict=True):
            sock.sendall(body[400:] + (b"\r\n0\r\n\r\n" if way == "chunked" else b""))
        _all_created(socks[:100])

        with server.client() as ask:
            for body in data[:100]:
                assert ask("GET", f"/v2/slow/blobs/{digest(body)}").body == body
            for body in data[100::100]:
                assert ask("HEAD", f"/v2/slow/blobs/{digest(body)}").status == 404
        assert grown(server, before) < MOST_GROWTH


def _all_created(socks: Sequence[socket.socket]) -> None:
    for sock in socks:
        assert sock.recv(1 << 16).startswith(b"HTTP/1.1 201")


def test_readers_that_take_nothing_leave_room_for_others(server: Server) -> None:
    """Two hundred clients ask for 64 MiB and do not read them; another one pulls all of it."""
    big = hashlib.shake_128(b"big").digest(64 * MIB)
    with server.client() as ask:
        assert ask.push("a", big).status == 201
    before = server.memory()
    request = f"GET /v2/a/blobs/{digest(big)} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    with contextlib.ExitStack() as held:
        socks = [held.enter_context(connect(server)) for _ in range(READERS)]
        for each in socks:
            each.sendall(request)
        for each in socks:
            assert each.recv(12) == b"HTTP/1.1 200"

        with server.client() as ask:
            assert ask("GET", f"/v2/a/blobs/{digest(big)}").body == big
            for number in range(5):
                push_and_pull(ask, number)

        assert grown(server, before) < MOST_GROWTH


def test_two_hundred_uploads_at_full_speed_stay_in_bounds(server: Server) -> None:
    """All at once, 4 MiB each: all arrive, and no worker grows by more than it may."""
    before = server.memory()
    body = hashlib.shake_128(b"fast").digest(4 * MIB)
    with contextlib.ExitStack() as held:
        socks = [held.enter_context(connect(server)) for _ in range(200)]
        bodies = [b"%06d" % number + body[6:] for number in range(200)]
        for sock, data in zip(socks, bodies, strict=True):
            path = f"/v2/fast/blobs/uploads/?digest={digest(data)}"
            sock.sendall(
                f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            )
        for first in range(0, len(body), MIB):
            for sock, data in zip(socks, bodies, strict=True):
                sock.sendall(data[first : first + MIB])
        _all_created(socks)

    assert grown(server, before) < MOST_GROWTH
