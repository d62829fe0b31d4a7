"""Clients that mean harm and keep to the protocol, more or less: what they take, others go without."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.pushers import CONFIG, IMAGE
from tests.faults.running import PATIENCE, Client, Server, digest, eventually

MIB = 1 << 20
LONG = 4_000_000
"""Bytes of an answer that is as long as one may be, or nearly."""

CONFIGURATION = b"{}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """One worker, so that whoever holds it up holds up everybody; it soon loses patience."""
    hasty = {"HTTP__KEEP_ALIVE": "2s", "HTTP__BODY_TIMEOUT": "2s", "LOG__ACCESS": "false"}
    with Server(tmp_path / "data", "--workers", "1", settings=hasty) as running:
        yield running
        assert "Traceback" not in running.log.read_text()
        assert running.said("worker died") == []


@contextlib.contextmanager
def listless(server: Server, count: int, request: bytes) -> Iterator[list[socket.socket]]:
    """Connections that ask and then take as little of the answer as they can."""
    with contextlib.ExitStack() as held:
        socks = []
        for _ in range(count):
            sock = held.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", server.port))
            sock.sendall(request)
            socks.append(sock)
        yield socks


def document(**more: object) -> bytes:
    """An image manifest."""
    config = {"mediaType": CONFIG, "digest": digest(CONFIGURATION), "size": len(CONFIGURATION)}
    return json.dumps(
        {"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [], **more}
    ).encode()


def put(ask: Client, manifest: bytes, reference: str = "") -> None:
    """Push *manifest* to the repository ``a``."""
    path = f"/v2/a/manifests/{reference or digest(manifest)}"
    assert ask("PUT", path, manifest, {"Content-Type": IMAGE}).status == 201


def sockets(pid: int) -> int:
    """How many sockets a process has open."""
    found = 0
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += str(each.readlink()).startswith("socket:")
    return found


def test_manifest_in_tiny_chunks_keeps_nobody_waiting(server: Server) -> None:
    """It is read on the event loop, slower than it comes, so it never seems to pause."""
    under_way, over = threading.Event(), threading.Event()

    def attack() -> None:
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(
                b"PUT /v2/a/manifests/t HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            chunks = b"1\r\n \r\n" * 100_000
            with contextlib.suppress(OSError):
                # Just below the size at which it is refused.
                for number in range(40):
                    sock.sendall(chunks)
                    if number == 20:
                        under_way.set()
                over.set()
                sock.sendall(b"0\r\n\r\n")
                sock.recv(1)
        over.set()

    attacker = threading.Thread(target=attack)
    attacker.start()
    assert under_way.wait(PATIENCE)

    answered = 0
    with server.client() as ask:
        while not over.is_set():
            assert ask("GET", "/v2/").status == 200
            answered += 1

    attacker.join()
    assert answered > 3


TINY = """
import socket, sys
head = b"POST /v2/a/blobs/uploads/ HTTP/1.1\\r\\nHost: a\\r\\n"
where = f"?digest=sha256:{'0' * 64}".encode()
head = head.replace(b"uploads/", b"uploads/" + where) + b"Transfer-Encoding: chunked\\r\\n\\r\\n"
chunks = b"1\\r\\nx\\r\\n" * 10_000
socks = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(40)]
sent = [0] * len(socks)
for sock in socks:
    sock.sendall(head)
    sock.setblocking(False)
print("begun", flush=True)
while True:
    for number, sock in enumerate(socks):
        try:
            sent[number] = (sent[number] + sock.send(chunks[sent[number]:])) % len(chunks)
        except BlockingIOError:
            continue
"""


def test_uploads_in_tiny_chunks_leave_room_for_others(server: Server) -> None:
    """To find their ends takes the interpreter, of which there is one, and threads enough for all."""
    attacker = subprocess.Popen(
        [sys.executable, "-c", TINY, str(server.port)], stdout=subprocess.PIPE
    )
    try:
        assert attacker.stdout is not None
        assert attacker.stdout.readline() == b"begun\n"
        with server.client() as ask:
            for number in range(5):
                data = bytes([number]) * 300_000
                assert ask("GET", "/v2/").status == 200
                assert ask.push("b", data).status == 201
                assert ask("GET", f"/v2/b/blobs/{digest(data)}").body == data
        assert attacker.poll() is None
    finally:
        attacker.kill()
        attacker.wait()
        attacker.communicate()


def test_manifests_that_nobody_takes_are_in_memory_once(server: Server) -> None:
    """A thousand receivers that take nothing must not cost a thousand copies."""
    with server.client() as ask:
        ask.push("a", CONFIGURATION)
        put(ask, document(annotations={"long": "x" * LONG}), "t")
        assert len(ask("GET", "/v2/a/manifests/t").body) > LONG
    (before,) = server.memory().values()

    with listless(server, 150, b"GET /v2/a/manifests/t HTTP/1.1\r\nHost: a\r\n\r\n") as socks:
        for sock in socks:
            assert sock.recv(12) == b"HTTP/1.1 200"

        (after,) = server.memory().values()
        assert after - before < 64 * MIB


def test_pages_that_nobody_takes_are_let_go_of(server: Server) -> None:
    """Pages of referrers are made for each answer: the slowest receivers are given up."""
    with server.client() as ask:
        ask.push("a", CONFIGURATION)
        put(ask, subject := document())
        about = {"mediaType": IMAGE, "digest": digest(subject), "size": len(subject)}
        for number in range(8):
            note = f"{number}" + "x" * (LONG // 8)
            put(ask, document(subject=about, annotations={"note": note}))
        path = f"/v2/a/referrers/{digest(subject)}"
        assert len(ask("GET", path).body) > LONG * 0.9
    (before,) = server.memory().values()

    with listless(server, 100, f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()) as socks:
        for sock in socks:
            with contextlib.suppress(ConnectionResetError):
                assert sock.recv(12) == b"HTTP/1.1 200"

        (after,) = server.memory().values()
        assert after - before < 160 * MIB
        with server.client() as ask:
            assert len(ask("GET", path).body) > LONG * 0.9


def test_connections_whose_last_bytes_nobody_takes_are_closed_in_the_end(server: Server) -> None:
    """A server that hangs up waits until all is taken, but not for ever."""
    data = b"z" * 30_000
    with server.client() as ask:
        ask.push("a", data)
    (worker,) = server.workers
    before = sockets(worker)
    get = f"GET /v2/a/blobs/{digest(data)} HTTP/1.1\r\nHost: a\r\n"

    with contextlib.ExitStack() as held:
        for number in range(30, 130):
            # So many that the last answer just does not fit, for some of them at least.
            asked = f"{get}\r\n" * number + f"{get}Connection: close\r\n\r\n"
            held.enter_context(listless(server, 1, asked.encode()))

        eventually(lambda: sockets(worker) <= before)
        assert sockets(worker) <= before


def test_client_that_was_not_told_to_go_on_is_not_kept(server: Server) -> None:
    """It may send its body or another request now, and nobody could tell which."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
        sock.sendall(
            b"PUT /v2/a/manifests/UPPER!CASE HTTP/1.1\r\nHost: a\r\n"
            b"Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n"
        )
        answer = sock.recv(4096)

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"\r\nconnection: close\r\n" in answer.lower()
