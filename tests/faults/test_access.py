"""Who may come in, while files change under a running server with several workers."""

import base64
import contextlib
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.faults.running import Client, Server, eventually
from tests.peers import signing
from tests.peers.issuer import Issuer, issuing

WORKERS = 2
BROKEN = "file cannot be used, what it said before still holds"
CONNECTIONS = 8
"""So many that no worker is left out."""


def line(name: str, password: str) -> bytes:
    """A user as a file has them."""
    return name.encode() + b":" + bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)) + b"\n"


def basic(name: str, password: str) -> dict[str, str]:
    """What that user shows."""
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


class Door:
    """A running server, and connections to all its workers."""

    def __init__(self, server: Server, clients: list[Client]) -> None:
        self.server = server
        self._clients = clients

    def statuses(self, shown: dict[str, str]) -> set[int]:
        """What every connection is answered."""
        return {client("GET", "/v2/", headers=shown).status for client in self._clients}


@contextlib.contextmanager
def door(root: Path, **settings: str) -> Iterator[Door]:
    """A server that asks who comes in."""
    variables = {f"AUTH__{name}": value for name, value in settings.items()}
    with (
        Server(root, "--workers", str(WORKERS), settings=variables) as server,
        contextlib.ExitStack() as stack,
    ):
        yield Door(server, [stack.enter_context(server.client()) for _ in range(CONNECTIONS)])


def replaced(path: Path, content: bytes) -> None:
    """Write the file as careful programs do."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.replace(path)


def test_changed_users_count_in_every_worker(tmp_path: Path) -> None:
    """A new password opens, the old one does not, and a broken file changes nothing."""
    users = tmp_path / "htpasswd"
    users.write_bytes(line("ada", "old"))
    with door(tmp_path / "data", METHOD="htpasswd", HTPASSWD__PATH=str(users)) as at:
        assert at.statuses(basic("ada", "old")) == {200}
        assert at.statuses({}) == {401}

        replaced(users, line("ada", "new"))
        eventually(lambda: at.statuses(basic("ada", "old")) == {401})
        assert at.statuses(basic("ada", "new")) == {200}

        replaced(users, b"no line of users")
        eventually(
            lambda: (
                at.statuses(basic("ada", "new")) == {200} and len(at.server.said(BROKEN)) == WORKERS
            )
        )
        assert at.statuses(basic("ada", "new")) == {200}

        replaced(users, b"")
        eventually(lambda: at.statuses(basic("ada", "new")) == {401})


def test_rotated_and_removed_keys_count_in_every_worker(tmp_path: Path) -> None:
    """A token ends with the key that signed it."""
    keys = tmp_path / "keys.json"
    keys.write_bytes(signing.jwks({"one": signing.P256}))
    said = signing.claims(exp=time.time() + 300, nbf=None)
    first = {"Authorization": f"Bearer {signing.token(said=said, kid='one')}"}
    second = {"Authorization": f"Bearer {signing.token(signing.FOREIGN, said=said, kid='two')}"}
    settings = {
        "TOKEN__REALM": "http://127.0.0.1/token",
        "TOKEN__SERVICE": signing.SERVICE,
        "TOKEN__ISSUER": signing.ISSUER,
        "TOKEN__KEYS": str(keys),
    }
    with door(tmp_path / "data", METHOD="token", **settings) as at:
        assert (at.statuses(first), at.statuses(second)) == ({200}, {401})

        replaced(keys, signing.jwks({"two": signing.FOREIGN}))

        eventually(lambda: at.statuses(second) == {200})
        eventually(lambda: at.statuses(first) == {401})


def test_first_user_is_made_up_and_told_once(tmp_path: Path) -> None:
    """The whole log has its password in one place."""
    users = tmp_path / "auth" / "htpasswd"
    with door(tmp_path / "data", METHOD="htpasswd", HTPASSWD__PATH=str(users)) as at:
        (told,) = at.server.said("made a file of users; the password stands nowhere else")

        assert at.statuses(basic(told["user"], told["password"])) == {200}
        assert at.server.log.read_text().count(told["password"]) == 1
        (serving,) = at.server.said("serving")
        assert serving["access"].startswith(f"users in {users} may pull, push and delete")


def test_right_password_comes_through_while_others_are_guessed(tmp_path: Path) -> None:
    """From the same address, and though this worker may not know it yet."""
    users = tmp_path / "htpasswd"
    users.write_bytes(line("ada", "right"))
    with door(tmp_path / "data", METHOD="htpasswd", HTPASSWD__PATH=str(users)) as at:
        for number in range(3):
            assert at.statuses(basic("ada", f"guess {number}")) <= {401, 429}

        assert at.statuses(basic("ada", "right")) == {200}


def test_guesses_are_counted_by_all_workers_together(tmp_path: Path) -> None:
    """Else whoever guesses on many connections would guess as many times faster."""
    users = tmp_path / "htpasswd"
    users.write_bytes(line("ada", "right"))
    settings = {"AUTH__METHOD": "htpasswd", "AUTH__HTPASSWD__PATH": str(users)}
    with (
        Server(tmp_path / "data", "--workers", "4", settings=settings) as server,
        contextlib.ExitStack() as stack,
    ):
        for number in range(10):
            with server.client() as client:
                assert client("GET", "/v2/", headers=basic("ada", f"{number}")).status == 401

        # More than may wait in one line, and far fewer than may wait in four.
        clients = [stack.enter_context(server.client()) for _ in range(80)]
        for number, client in enumerate(clients):
            client.connection.request("GET", "/v2/", headers=basic("ada", f"more {number}"))
        waiting = [client.connection.sock for client in clients]
        answers: list[bytes] = []
        while b"429" not in answers:
            ready, _, _ = select.select(waiting, (), (), 30)
            assert ready, answers
            answers += [sock.recv(12, socket.MSG_PEEK)[9:] for sock in ready]
            waiting = [sock for sock in waiting if sock not in ready]


def test_server_does_not_start_with_a_broken_file(tmp_path: Path) -> None:
    """It names the file and the line, and does not repeat what stands there."""
    users = tmp_path / "htpasswd"
    users.write_text("in the clear")

    with pytest.raises(AssertionError) as caught:
        Server(
            tmp_path / "data",
            settings={"AUTH__METHOD": "htpasswd", "AUTH__HTPASSWD__PATH": str(users)},
        )

    assert "line 1 is not of the form USER:HASH" in str(caught.value)
    assert "in the clear" not in str(caught.value)
    assert "Traceback" not in str(caught.value)


def bearer(issuer: Issuer) -> dict[str, str]:
    """What somebody sends to whom *issuer* gave a token."""
    return {"Authorization": f"Bearer {issuer.token('ada', 'lading', [])}"}


def test_keys_of_a_url_are_fetched_and_followed(tmp_path: Path) -> None:
    """A key that the issuer begins to use is known with its first token, and one of others never."""
    issuer = Issuer({}, lambda *_: True)
    with issuing(issuer):
        settings = {
            "TOKEN__REALM": f"{issuer.url}/token",
            "TOKEN__SERVICE": "lading",
            "TOKEN__ISSUER": issuer.name,
            "TOKEN__KEYS_URL": f"{issuer.url}/keys",
        }
        with door(tmp_path / "data", METHOD="token", **settings) as at:
            first = bearer(issuer)
            eventually(lambda: at.statuses(first) == {200})

            issuer.key, issuer.kid = ec.generate_private_key(ec.SECP256R1()), "next"
            second = bearer(issuer)

            eventually(lambda: at.statuses(second) == {200})
            assert at.statuses(bearer(Issuer({}, lambda *_: True))) == {401}
