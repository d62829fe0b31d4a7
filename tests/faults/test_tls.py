"""The real server under TLS: whom it lets in, and certificates that change while it runs."""

import http.client
import json
import os
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.faults.running import PATIENCE, Server, digest, eventually
from tests.peers.certificates import Authority, Pair

MIB = 1 << 20


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Whom clients trust."""
    return Authority(tmp_path)


@pytest.fixture
def pair(authority: Authority) -> Pair:
    """What the server shows."""
    return authority.pair("server")


@pytest.fixture
def server(tmp_path: Path, pair: Pair) -> Iterator[Server]:
    """A server of two workers that shows *pair*."""
    with Server(tmp_path / "root", "--workers", "2", settings=_settings(pair)) as running:
        yield running


def _settings(pair: Pair, **more: str) -> dict[str, str]:
    return {"TLS__CERTIFICATE": str(pair.certificate), "TLS__KEY": str(pair.key), **more}


def trusting(authority: Authority, own: Pair | None = None) -> ssl.SSLContext:
    """What a client needs to know the server by, and what it shows of itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority.file)
    if own is not None:
        context.load_cert_chain(own.certificate, own.key)
    return context


def line(server: Server, context: ssl.SSLContext) -> http.client.HTTPSConnection:
    """A connection of one's own."""
    return http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=PATIENCE)


def ask(server: Server, context: ssl.SSLContext, path: str = "/v2/") -> int:
    """The status of one request on a new connection."""
    with closing(line(server, context)) as asking:
        asking.request("GET", path)
        answer = asking.getresponse()
        answer.read()
        return answer.status


def shown(server: Server, context: ssl.SSLContext) -> bytes:
    """The certificate that a new connection is shown."""
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as sealed,
    ):
        found = sealed.getpeercert(binary_form=True)
    assert found is not None
    return found


def test_big_blob_goes_in_and_out(server: Server, authority: Authority) -> None:
    """Bytes of a file pass through the cipher in pieces, and arrive in order."""
    data = os.urandom(9 * MIB + 17)
    with closing(line(server, trusting(authority))) as client:
        client.request("POST", f"/v2/a/blobs/uploads/?digest={digest(data)}", data)
        pushed = client.getresponse()
        pushed.read()

        client.request("GET", f"/v2/a/blobs/{digest(data)}")
        found = client.getresponse().read()

    assert pushed.status == 201
    assert found == data


def test_plain_http_is_told_to_use_https(server: Server) -> None:
    """Whoever forgot the s sees why it does not work."""
    with server.client() as client:
        answer = client("GET", "/v2/")

    assert answer.status == 400
    assert "speaks HTTPS" in json.loads(answer.body)["errors"][0]["message"]


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_certificate_is_replaced_under_load_without_a_failed_request(
    server: Server, authority: Authority, pair: Pair, kind: str
) -> None:
    """New connections see the new one, of whatever kind; those that are open go on."""
    context = trusting(authority)
    over = threading.Event()
    failed: list[object] = []
    answered = [0]

    def load() -> None:
        while not over.is_set():
            try:
                if ask(server, context) != 200:
                    failed.append("status")
            except (OSError, http.client.HTTPException) as error:
                failed.append(error)
            answered[0] += 1

    with closing(line(server, context)) as old:
        old.request("GET", "/v2/")
        old.getresponse().read()
        before = shown(server, context)
        loads = [threading.Thread(target=load) for _ in range(3)]
        for each in loads:
            each.start()
        made = authority.pair("other", kind=kind)
        # One after the other, as people do it.
        shutil.copy(made.certificate, pair.certificate)
        eventually(lambda: answered[0] > 100)
        shutil.copy(made.key, pair.key)
        eventually(lambda: all(shown(server, context) != before for _ in range(8)))
        over.set()
        for each in loads:
            each.join()
        old.request("GET", "/v2/")

        assert old.getresponse().status == 200
    assert failed == []


def test_broken_certificate_leaves_the_one_before_in_place(
    server: Server, authority: Authority, pair: Pair
) -> None:
    """And says so once in each worker, not with every connection."""
    context = trusting(authority)
    before = shown(server, context)

    pair.certificate.write_text("not a certificate")

    told = "certificate not taken up"

    def lines() -> int:
        assert shown(server, context) == before
        return sum(told in each for each in server.log.read_text().splitlines())

    eventually(lambda: lines() > 0)
    for _ in range(50):
        assert 1 <= lines() <= 2


def test_session_of_one_worker_is_resumed_by_the_other(
    server: Server, authority: Authority
) -> None:
    """Half of all connections would pay for a whole handshake otherwise."""
    context = trusting(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    session = None
    resumed = []
    kept = []
    for _ in range(6):
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        sealed = context.wrap_socket(plain, server_hostname="localhost", session=session)
        # Open connections are shared out among the workers.
        kept.append(sealed)
        resumed.append(sealed.session_reused)
        session = session or sealed.session

    for each in kept:
        each.close()
    assert resumed == [False, True, True, True, True, True]


@pytest.mark.parametrize(
    ("demand", "allowed"), [("require", {"ours"}), ("if-given", {"ours", "nobody"})]
)
def test_certificate_of_a_client_decides(
    tmp_path: Path, authority: Authority, pair: Pair, demand: str, allowed: set[str]
) -> None:
    """One of somebody else's authority is never taken, none only if that is said."""
    (tmp_path / "elsewhere").mkdir()
    stranger = Authority(tmp_path / "elsewhere", "stranger").pair("stranger")
    clients = {"ours": authority.pair("client"), "nobody": None, "stranger": stranger}
    more = {"TLS__CLIENT_CAS": str(authority.file), "TLS__CLIENT_AUTH": demand}
    let_in = set()
    with Server(tmp_path / "root", settings=_settings(pair, **more)) as server:
        for name, own in clients.items():
            try:
                ask(server, trusting(authority, own))
            except (OSError, http.client.HTTPException):
                continue
            let_in.add(name)

    assert let_in == allowed


def test_who_says_nothing_keeps_nobody_waiting(server: Server, authority: Authority) -> None:
    """A hundred connections that never greet, and the server serves and stops all the same."""
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]

    status = ask(server, trusting(authority))
    code = server.stop()

    for each in silent:
        each.close()
    assert (status, code) == (200, 0)


@pytest.mark.parametrize(
    "noise",
    [b"\x16", b"\x16\x03\x01\x40\x00" + b"\0" * 300, b"\x16\x03\x01\x00\x05hello", b"\x80\x2e"],
)
def test_noise_harms_nobody_else(server: Server, authority: Authority, noise: bytes) -> None:
    """What is no greeting ends its own connection only."""
    with socket.create_connection(("127.0.0.1", server.port)) as other:
        other.sendall(noise)

        assert ask(server, trusting(authority)) == 200
    assert "Traceback" not in server.log.read_text()


def test_goodbye_of_tls_ends_the_connection_whatever_was_asked(
    server: Server, authority: Authority
) -> None:
    """There is no half of it that stays open, and nobody tries to keep one."""
    data = os.urandom(1000)
    asked = (
        f"POST /v2/a/blobs/uploads/?digest={digest(data)} HTTP/1.1\r\n"
        f"Host: x\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    came, said = ssl.MemoryBIO(), ssl.MemoryBIO()
    sealed = trusting(authority).wrap_bio(came, said, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as plain:
        with suppress(ssl.SSLWantReadError):
            sealed.do_handshake()
        plain.sendall(said.read())
        while not sealed.version():
            came.write(plain.recv(65536))
            with suppress(ssl.SSLWantReadError):
                sealed.do_handshake()
        sealed.write(asked.encode() + data)
        with suppress(ssl.SSLWantReadError):
            sealed.unwrap()

        plain.sendall(said.read())

        while plain.recv(65536):
            pass
    server.stop()
    assert "eof_received" not in server.log.read_text()
