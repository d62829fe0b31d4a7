"""The server as processes: it starts, shares, stops, and survives the death of its parts."""

import hashlib
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.running import eventually, gone

PATIENCE = 20.0
COMMAND = [str(Path(sys.executable).parent / "lading"), "serve"]


class Server:
    """A running ``lading serve`` on a free port; its log is read as it is written."""

    def __init__(self, root: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "--root", str(root), "--listen", "127.0.0.1:0", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        start = self.said("serving")
        self.port = int(start["urls"].rpartition(":")[2])

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(json.loads(line))

    def said(self, event: str) -> dict[str, Any]:
        """Wait for a log line, and return it."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.lines if line["event"] == event]

        eventually(lambda: bool(found()) or not self._reader.is_alive())
        assert found(), self.lines
        return found()[0]

    @property
    def workers(self) -> list[int]:
        """Process ids of the workers."""
        pid = self.process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def connect(self) -> http.client.HTTPConnection:
        """A connection of one's own."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """One request on a new connection."""
        connection = self.connect()
        try:
            return ask(connection, method, path, body)
        finally:
            connection.close()

    def stop(self) -> int:
        """Ask it to stop; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end; the exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def close(self) -> None:
        """End what is still there."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None
) -> tuple[int, bytes]:
    """One request on *connection*."""
    connection.request(method, path, body)
    answer = connection.getresponse()
    return answer.status, answer.read()


def refused(*options: str) -> tuple[int, str]:
    """Exit code and error text of a server that is expected not to start."""
    done = subprocess.run(
        [*COMMAND, *options], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    return done.returncode, done.stderr


def digest(data: bytes) -> str:
    """The name of some content."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts servers on one root, and ends them after the test."""
    started: list[Server] = []

    def make(*options: str) -> Server:
        started.append(Server(tmp_path / "data", *options))
        return started[-1]

    yield make
    for each in started:
        each.close()


def test_server_starts_with_nothing_configured(start: Start, tmp_path: Path) -> None:
    """The first start makes the directory, answers, and tells how to push."""
    server = start()

    assert server.ask("GET", "/v2/") == (200, b"{}")
    assert server.ask("GET", "/readyz")[0] == 200
    said = server.said("serving")
    assert said["new"] is True
    assert f"docker push localhost:{server.port}/" in said["push"]
    assert server.stop() == 0


def test_second_start_knows_the_directory(start: Start) -> None:
    """What was pushed is there, and the greeting is short."""
    first = start()
    data = b"kept over a restart"
    assert first.ask("POST", f"/v2/a/blobs/uploads/?digest={digest(data)}", data)[0] == 201
    assert first.stop() == 0

    second = start()

    assert second.said("serving")["new"] is False
    assert "push" not in second.said("serving")
    assert second.ask("GET", f"/v2/a/blobs/{digest(data)}") == (200, data)


@pytest.mark.parametrize("size", [1 << 16, 8 << 20])
def test_upload_in_flight_is_finished_before_the_server_stops(start: Start, size: int) -> None:
    """SIGTERM in the middle of an upload: the upload succeeds, then the exit code is 0."""
    server = start("--workers", "2")
    data = os.urandom(size)
    connection = server.connect()
    connection.putrequest("POST", f"/v2/a/blobs/uploads/?digest={digest(data)}")
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    connection.send(data[: size // 2])

    server.process.send_signal(signal.SIGTERM)
    server.said("stopping")
    eventually(lambda: _refuses(server))
    connection.send(data[size // 2 :])
    answer = connection.getresponse()

    assert answer.status == 201
    assert server.wait() == 0
    connection.close()


def _refuses(server: Server) -> bool:
    connection = server.connect()
    try:
        connection.connect()
    except ConnectionRefusedError:
        return True
    finally:
        connection.close()
    return False


def test_second_signal_ends_the_wait(start: Start) -> None:
    """Somebody who presses Ctrl-C twice does not wait for a client that sends nothing more."""
    server = start("--workers", "1")
    connection = server.connect()
    connection.putrequest("POST", "/v2/a/blobs/uploads/?digest=" + digest(b"never"))
    connection.putheader("Content-Length", "1000000")
    connection.endheaders()
    connection.send(b"x")
    server.process.send_signal(signal.SIGINT)
    server.said("stopping")

    server.process.send_signal(signal.SIGINT)

    assert server.wait() == 0
    assert server.said("stopping at once")
    connection.close()


def test_idle_connections_do_not_keep_the_server(start: Start) -> None:
    """Clients keep connections for minutes; stopping closes them at once."""
    server = start()
    connections = [server.connect() for _ in range(8)]
    for each in connections:
        assert ask(each, "GET", "/v2/")[0] == 200

    assert server.stop() == 0
    assert all(each.sock is not None and each.sock.recv(1) == b"" for each in connections)
    for each in connections:
        each.close()


def test_port_in_use_is_one_line_and_leaves_nothing_behind(start: Start, tmp_path: Path) -> None:
    """The error names the address and the option that changes it."""
    server = start()

    code, text = refused("--root", str(tmp_path / "b"), "--listen", f"127.0.0.1:{server.port}")

    assert code == 1
    assert text.count("\n") == 1
    assert f"127.0.0.1:{server.port}" in text
    assert "--listen" in text
    assert not (tmp_path / "b").exists()


def test_second_server_on_a_root_is_refused(start: Start, tmp_path: Path) -> None:
    """The error names the process that holds the directory."""
    server = start()

    code, text = refused("--root", str(tmp_path / "data"), "--listen", "127.0.0.1:0")

    assert code == 1
    assert text.count("\n") == 1
    assert f"process {server.process.pid}" in text


def test_root_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    """A file in the place of the directory: one line that says what to do."""
    (tmp_path / "file").write_text("")

    code, text = refused("--root", str(tmp_path / "file"), "--listen", "127.0.0.1:0")

    assert code == 1
    assert text.count("\n") == 1
    assert "is not a directory" in text
    assert "--root" in text


def test_root_that_cannot_be_written_is_refused() -> None:
    """Not even the superuser can make a directory in /sys: one line that says what to do."""
    code, text = refused("--root", "/sys/lading", "--listen", "127.0.0.1:0")

    assert code == 1
    assert text.count("\n") == 1
    assert "/sys/lading" in text


def test_database_of_a_newer_version_is_refused(start: Start, tmp_path: Path) -> None:
    """Going back to an older version must not destroy what it does not understand."""
    assert start().stop() == 0
    database = sqlite3.connect(tmp_path / "data/metadata/registry.db")
    database.execute("INSERT INTO migrations VALUES (1000, 'later', 'unknown', 0)")
    database.commit()
    database.close()

    code, text = refused("--root", str(tmp_path / "data"), "--listen", "127.0.0.1:0")

    assert code == 1
    assert text.count("\n") == 1
    assert "written by a newer Lading" in text


def test_wrong_setting_is_one_line(tmp_path: Path) -> None:
    """The error names the file, the line, and what was probably meant."""
    file = tmp_path / "lading.yml"
    file.write_text("lading:\n  workerz: 2\n")

    code, text = refused("--config", str(file))

    assert code == 1
    assert text.count("\n") == 1
    assert f"{file}, line 2: workerz: no such key (did you mean workers?)" in text


def test_key_without_a_certificate_is_refused_where_it_stands(tmp_path: Path) -> None:
    """Whoever names a key wants encryption; the error has the key, the file, and the line."""
    file = tmp_path / "config.yml"
    file.write_text("version: 0.1\nstorage: inmemory\nhttp:\n  tls:\n    key: /tls/key.pem\n")

    code, text = refused("--config", str(file))

    assert code == 1
    assert f"{file}, line 5: http.tls.key: it has no certificate" in text


def test_worker_that_dies_is_replaced_while_the_others_serve(start: Start) -> None:
    """SIGKILL to one of two workers: every new connection is answered, and two are there again."""
    server = start("--workers", "2")
    before = server.workers

    os.kill(before[0], signal.SIGKILL)
    for _ in range(200):
        assert server.ask("GET", "/v2/")[0] == 200

    eventually(lambda: len(server.workers) == 2 and before[0] not in server.workers)
    assert server.said("worker died")["cause"] == "SIGKILL"
    assert before[1] in server.workers
    assert server.stop() == 0


def test_worker_that_is_asked_to_end_is_replaced(start: Start) -> None:
    """SIGTERM to a worker alone ends that worker in peace, and not the server."""
    server = start("--workers", "2")
    before = server.workers

    os.kill(before[1], signal.SIGTERM)

    eventually(lambda: len(server.workers) == 2 and before[1] not in server.workers)
    assert server.ask("GET", "/v2/")[0] == 200
    assert server.stop() == 0


def test_workers_end_with_their_parent(start: Start) -> None:
    """SIGKILL to the parent: the workers notice, end, and the directory is free again."""
    server = start("--workers", "2")
    workers = server.workers

    server.process.kill()
    server.wait()

    eventually(lambda: all(gone(pid) for pid in workers))
    assert start().ask("GET", "/v2/")[0] == 200


def test_connections_are_spread_over_the_workers(start: Start) -> None:
    """No worker idles while another has all the clients."""
    server = start("--workers", "2")
    connections = [server.connect() for _ in range(64)]
    for each in connections:
        each.connect()
    for each in connections:
        assert ask(each, "GET", "/v2/")[0] == 200

    counts = [_sockets(pid) for pid in server.workers]

    # What a worker holds besides is the same for all; left alone, one takes nearly all.
    assert abs(counts[0] - counts[1]) <= 16
    for each in connections:
        each.close()


def _sockets(pid: int) -> int:
    return sum(
        str(each.readlink()).startswith("socket:") for each in Path(f"/proc/{pid}/fd").iterdir()
    )


def test_upload_goes_on_in_another_worker(start: Start) -> None:
    """Each chunk comes on a connection of its own, and is welcome wherever it arrives."""
    server = start("--workers", "4")
    chunks = [os.urandom(1000 + number) for number in range(24)]
    data = b"".join(chunks)
    connection = server.connect()
    connection.request("POST", "/v2/a/blobs/uploads/")
    answer = connection.getresponse()
    answer.read()
    where = answer.headers["Location"]
    connections = [server.connect() for _ in chunks]
    for each in connections:
        assert ask(each, "GET", "/v2/")[0] == 200

    for each, chunk in zip(connections, chunks, strict=True):
        each.request("PATCH", where, chunk)
        answer = each.getresponse()
        answer.read()
        assert answer.status == 202
        where = answer.headers["Location"]
    mark = "&" if "?" in where else "?"
    assert ask(connection, "PUT", f"{where}{mark}digest={digest(data)}")[0] == 201

    for each in connections:
        assert ask(each, "GET", f"/v2/a/blobs/{digest(data)}") == (200, data)
        each.close()
    connection.close()


def test_push_is_readable_from_every_worker_at_once(start: Start) -> None:
    """Whoever was told 201 finds the content behind every connection."""
    server = start("--workers", "4")
    connections = [server.connect() for _ in range(16)]
    for each in connections:
        assert ask(each, "GET", "/v2/")[0] == 200

    for number in range(50):
        data = b"content %d" % number
        writer = connections[number % len(connections)]
        path = f"/v2/a/blobs/uploads/?digest={digest(data)}"
        assert ask(writer, "POST", path, data)[0] == 201
        for each in connections:
            assert ask(each, "GET", f"/v2/a/blobs/{digest(data)}") == (200, data)
    for each in connections:
        each.close()


def test_read_only_server_refuses_pushes(start: Start) -> None:
    """With --read-only nothing changes, and clients are told so."""
    data = b"before"
    first = start()
    assert first.ask("POST", f"/v2/a/blobs/uploads/?digest={digest(data)}", data)[0] == 201
    first.stop()

    server = start("--read-only")

    assert server.ask("GET", f"/v2/a/blobs/{digest(data)}") == (200, data)
    assert server.ask("POST", "/v2/a/blobs/uploads/")[0] == 405
