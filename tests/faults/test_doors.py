"""Doors of the real server: sockets in the file system and of systemd, and what drains."""

import contextlib
import http.client
import os
import signal
import socket
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from lading.app.doors import bind, handed_over, listening
from lading.errors import AddressUnusable
from tests.faults.running import LADING, Server, digest, eventually

MIB = 1 << 20


class Local(http.client.HTTPConnection):
    """A client of a socket in the file system."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        """Connect to the path."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(str(self._path))


def ask(line: http.client.HTTPConnection, method: str, path: str, body: bytes = b"") -> bytes:
    """The body of an answer that says that all went well."""
    line.request(method, path, body)
    answer = line.getresponse()
    found = answer.read()
    assert answer.status in {200, 201}, (answer.status, found)
    return found


def test_big_blob_goes_in_and_out_through_a_socket_in_the_file_system(tmp_path: Path) -> None:
    """The fast ways, which lend the socket to a thread, are for such sockets too."""
    place = tmp_path / "socket"
    data = os.urandom(8 * MIB)
    with Server(tmp_path / "root", "--listen", f"unix:{place}") as server:
        line = Local(place)

        ask(line, "POST", f"/v2/a/blobs/uploads/?digest={digest(data)}", data)
        found = ask(line, "GET", f"/v2/a/blobs/{digest(data)}")

        assert found == data
        line.close()
        assert server.said("serving")[0]["urls"] == f"unix:{place}"
        assert server.stop() == 0
    assert not place.exists()


def test_socket_of_a_server_that_was_killed_is_replaced(tmp_path: Path) -> None:
    """It is stale: nobody listens there."""
    place = tmp_path / "socket"
    with Server(tmp_path / "root", "--listen", f"unix:{place}") as server:
        server.kill()
    assert place.exists()

    with (
        Server(tmp_path / "root", "--listen", f"unix:{place}"),
        contextlib.closing(Local(place)) as line,
    ):
        assert ask(line, "GET", "/v2/") == b"{}"


def test_socket_on_which_somebody_listens_stays(tmp_path: Path) -> None:
    """Two servers at one path would each get half of nothing."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(tmp_path / "socket"))
        other.listen()

        with pytest.raises(AddressUnusable, match="another program listens there already"):
            bind(f"unix:{tmp_path}/socket")

    assert (tmp_path / "socket").exists()


def test_file_that_is_no_socket_stays(tmp_path: Path) -> None:
    """A mistyped path must not cost anybody a file."""
    (tmp_path / "precious").write_text("words")

    with pytest.raises(AddressUnusable, match="a file that is no socket"):
        bind(f"unix:{tmp_path}/precious")

    assert (tmp_path / "precious").read_text() == "words"


def test_path_that_is_too_long_for_the_kernel_is_refused(tmp_path: Path) -> None:
    """The kernel takes some hundred bytes."""
    with pytest.raises(AddressUnusable, match="too long"):
        bind(f"unix:{tmp_path}/{'x' * 120}")


def test_umask_decides_who_may_use_a_socket(tmp_path: Path) -> None:
    """As for every file that a program makes."""
    before = os.umask(0o027)
    try:
        (listener,) = bind(f"unix:{tmp_path}/socket")
    finally:
        os.umask(before)

    listener.close()
    assert stat.S_IMODE((tmp_path / "socket").stat().st_mode) == 0o750


def test_socket_that_another_server_put_in_its_place_stays(tmp_path: Path) -> None:
    """What is unlinked at the end is one's own."""
    place = tmp_path / "socket"

    with listening(f"unix:{place}", {}):
        place.rename(tmp_path / "aside")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
            other.bind(str(place))

    assert place.exists()


def test_empty_address_is_a_port_that_the_system_picks() -> None:
    """On every address of the machine, and the same on all."""
    listeners = bind("")

    ports = {each.getsockname()[1] for each in listeners}

    for each in listeners:
        each.close()
    assert len(ports) == 1
    assert ports != {0}


def test_sockets_for_another_process_are_not_taken() -> None:
    """Variables are inherited, sockets are meant for one."""
    assert handed_over({"LISTEN_PID": "1", "LISTEN_FDS": "1"}) == []


def test_several_sockets_of_systemd_are_refused() -> None:
    """It is not said which of them is meant."""
    with pytest.raises(AddressUnusable, match="hands over 2 sockets"):
        handed_over({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2"})


_AS_SYSTEMD = """
import os, sys
os.dup2(int(sys.argv[1]), 3, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_socket_that_systemd_hands_over_is_served(tmp_path: Path, family: int) -> None:
    """It goes before the address that is configured, and stays when the server ends."""
    place = tmp_path / "socket"
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0) if family == socket.AF_INET else str(place))
    listener.listen()
    log = tmp_path / "log"
    words = [LADING, "serve", "--root", str(tmp_path / "root"), "--listen", "127.0.0.1:1"]
    with log.open("wb") as out:
        server = subprocess.Popen(
            ["python3", "-c", _AS_SYSTEMD, str(listener.fileno()), *words],
            pass_fds=[listener.fileno()],
            stderr=out,
            stdout=subprocess.DEVNULL,
        )
    try:
        if family == socket.AF_INET:
            line = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=30)
        else:
            line = Local(place)
        with contextlib.closing(line):
            assert ask(line, "GET", "/v2/") == b"{}"
    finally:
        listener.close()
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0, log.read_text()
    assert family == socket.AF_INET or place.exists()


def _slow_push(server: Server, sent: threading.Event, go: threading.Event) -> list[int]:
    """Begin to push; finish when told to. The list gets the status, or 0 if there is none."""
    statuses: list[int] = []

    def body() -> object:
        yield b"x" * 70_000
        sent.set()
        go.wait(30)
        yield b"y"

    def push() -> None:
        data = b"x" * 70_000 + b"y"
        try:
            with server.client() as client:
                path = f"/v2/a/blobs/uploads/?digest={digest(data)}"
                statuses.append(client("POST", path, body()).status)
        except (OSError, http.client.HTTPException):
            statuses.append(0)

    thread = threading.Thread(target=push, daemon=True)
    thread.start()
    return statuses


@pytest.mark.parametrize(("drain", "status"), [("20s", 201), ("0s", 0)])
def test_drain_says_what_becomes_of_requests_in_flight(
    tmp_path: Path, drain: str, status: int
) -> None:
    """They are finished within the time that is given, and cut at once if that is none."""
    sent, go = threading.Event(), threading.Event()
    with Server(tmp_path / "root", settings={"HTTP__DRAIN": drain}) as server:
        statuses = _slow_push(server, sent, go)
        assert sent.wait(30)
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: bool(server.said("stopping")))

        if status:
            go.set()
        assert server.process.wait(30) == 0
        go.set()

        eventually(lambda: statuses == [status])
