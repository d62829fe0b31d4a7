"""A server that gets certificates for itself, from pebble, which is strict on purpose."""

import json
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509

from tests.faults.running import Server, eventually
from tests.peers.certificates import Authority
from tests.peers.programs import program
from tests.peers.servers import free_port

HOSTS = ("registry.example", "mirror.example")


@dataclass(frozen=True)
class Pebble:
    """A running authority: where it is, whom to trust, and where it looks for proofs."""

    directory: str
    trust: Path
    tls_port: int
    http_port: int

    def settings(self, challenge: str) -> dict[str, str]:
        """How a server asks it."""
        return {
            "TLS__ACME__HOSTS": json.dumps(HOSTS),
            "TLS__ACME__EMAIL": "somebody@example.org",
            "TLS__ACME__DIRECTORY": self.directory,
            "TLS__ACME__AUTHORITY": str(self.trust),
            "TLS__ACME__CHALLENGE": challenge,
            "TLS__ACME__HTTP_LISTEN": f"127.0.0.1:{self.http_port}",
        }


@contextmanager
def pebble(folder: Path, *, life: int) -> Iterator[Pebble]:
    """An authority whose certificates are good for *life* seconds; every name is this machine."""
    ours = Authority(folder)
    pair = ours.pair("pebble")
    port, dns, management = free_port(), free_port(), free_port()
    found = Pebble(f"https://127.0.0.1:{port}/dir", ours.file, free_port(), free_port())
    config = folder / "pebble.json"
    told = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": "",
        "certificate": str(pair.certificate),
        "privateKey": str(pair.key),
        "httpPort": found.http_port,
        "tlsPort": found.tls_port,
        "retryAfter": {"authz": 1, "order": 1},
        "profiles": {"default": {"description": "", "validityPeriod": life}},
    }
    config.write_text(json.dumps({"pebble": told}))
    commands = [
        [
            str(program("pebble-challtestsrv")),
            *("-dnsserver", f"127.0.0.1:{dns}", "-management", f"127.0.0.1:{management}"),
            *("-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", ""),
        ],
        [str(program("pebble")), "-config", str(config), "-dnsserver", f"127.0.0.1:{dns}"],
    ]
    with ExitStack() as stack:
        log = stack.enter_context((folder / "pebble.log").open("wb"))
        for command in commands:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, env={"PEBBLE_VA_NOSLEEP": "1"}
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
        eventually(lambda: _answers(found))
        yield found


def _answers(authority: Pebble) -> bool:
    context = ssl.create_default_context(cafile=authority.trust)
    try:
        with urllib.request.urlopen(authority.directory, context=context, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def shown(port: int, host: str) -> x509.Certificate | None:
    """The certificate that a client sees who asks for *host*; ``None`` if it is turned away."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=host) as sealed,
        ):
            der = sealed.getpeercert(binary_form=True)
    except OSError:
        return None
    assert der is not None
    return x509.load_der_x509_certificate(der)


def names(certificate: x509.Certificate) -> list[str]:
    """The names that a certificate is for."""
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return extension.value.get_values_for_type(x509.DNSName)


@pytest.mark.parametrize("challenge", ["tls-alpn-01", "http-01"])
def test_each_name_gets_its_own_certificate(tmp_path: Path, challenge: str) -> None:
    """Proven on the port that serves, or on one beside it; clients are told apart by the name."""
    with (
        pebble(tmp_path, life=86_400) as authority,
        Server(
            tmp_path / "root",
            "--listen",
            f"127.0.0.1:{authority.tls_port}",
            settings=authority.settings(challenge),
        ) as server,
    ):
        eventually(lambda: all(shown(server.port, host) for host in HOSTS))

        found = [shown(server.port, host) for host in HOSTS]

        assert [names(each) for each in found if each] == [[host] for host in HOSTS]
        assert shown(server.port, "stranger.example") is None
        assert not list((tmp_path / "root/lading-acme/proofs").iterdir())


def test_certificate_is_renewed_while_clients_are_served(tmp_path: Path) -> None:
    """With a third of its life left, another takes its place in every worker."""
    with (
        pebble(tmp_path, life=15) as authority,
        Server(
            tmp_path / "root",
            *("--listen", f"127.0.0.1:{authority.tls_port}", "--workers", "2"),
            settings=authority.settings("tls-alpn-01"),
        ) as server,
    ):
        eventually(lambda: shown(server.port, HOSTS[0]) is not None)
        first = shown(server.port, HOSTS[0])
        assert first is not None

        def is_another() -> bool:
            now = shown(server.port, HOSTS[0])
            assert now is not None, "a client was turned away"
            return now.serial_number != first.serial_number

        eventually(is_another)

        assert len(server.said("certificate obtained")) >= 3


def test_authority_that_cannot_be_reached_is_named_and_asked_again_later(tmp_path: Path) -> None:
    """Clients are turned away with a reason in the log, and a restart does not ask any earlier."""
    Authority(tmp_path)
    nobody = Pebble(
        f"https://127.0.0.1:{free_port()}/dir", tmp_path / "authority.pem", 0, free_port()
    )
    with Server(tmp_path / "root", settings=nobody.settings("tls-alpn-01")) as server:
        eventually(lambda: len(server.said("asking for a certificate")) == len(HOSTS))
        eventually(lambda: "cannot be reached: [Errno 111]" in server.log.read_text())
        assert shown(server.port, HOSTS[0]) is None
        eventually(lambda: any("no certificate yet" in line for line in _events(server)))
        eventually((tmp_path / f"root/lading-acme/{HOSTS[1]}.failures").exists)

    with Server(tmp_path / "root", settings=nobody.settings("tls-alpn-01")) as server:
        assert shown(server.port, HOSTS[0]) is None
        assert not server.said("asking for a certificate")


def _events(server: Server) -> list[str]:
    lines = server.log.read_text().splitlines()
    return [str(json.loads(line)["event"]) for line in lines if line.startswith("{")]
