"""Certificates from files, the terms that hold for all, and what a greeting says."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from lading.app import hello
from lading.app.config.doors import AcmeConfig, TlsConfig
from lading.app.encryption import encryption
from lading.app.hello import Hello
from lading.app.tls import KeyPair, Terms, openssl_name
from lading.errors import ConfigInvalid
from tests.peers.certificates import Authority, Pair


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        """Now."""
        return self.time


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Somebody who vouches."""
    return Authority(tmp_path)


def test_pair_of_the_same_kind_keeps_its_context(tmp_path: Path, authority: Authority) -> None:
    """And with it the keys of session tickets; another kind gets a context without the old one."""
    clock = Clock()
    files = authority.pair("a")
    pair = KeyPair(*files, Terms(), clock=clock)
    first = pair.current()

    for kind, same in (("ec", True), ("rsa", False)):
        made = authority.pair("new", kind=kind)
        made.certificate.replace(files.certificate)
        made.key.replace(files.key)
        clock.time += 1

        assert (pair.current() is first) == same


def test_files_are_not_looked_at_for_every_connection(authority: Authority) -> None:
    """Once in a second is enough."""
    clock = Clock()
    files = authority.pair("a")
    pair = KeyPair(*files, Terms(), clock=clock)
    first = pair.current()
    made = authority.pair("new", kind="rsa")
    made.certificate.replace(files.certificate)
    made.key.replace(files.key)

    clock.time = 0.9
    assert pair.current() is first
    clock.time = 1.0
    assert pair.current() is not first


def test_half_replaced_pair_is_no_error_yet(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """Two files are replaced one after the other; only what stays wrong is told, and once."""
    clock = Clock()
    files = authority.pair("a")
    pair = KeyPair(*files, Terms(), clock=clock)
    authority.pair("new").certificate.replace(files.certificate)
    told = []

    for _ in range(4):
        clock.time += 1
        assert pair.current() is not None
        told.append(len(caplog.records))

    assert told == [0, 1, 1, 1]
    assert "the key does not belong to the certificate" in caplog.text


def test_awaited_certificate_is_taken_up_when_it_comes(
    tmp_path: Path, authority: Authority
) -> None:
    """At once, in every worker; until then there is no context."""
    clock = Clock()
    place = tmp_path / "awaited.pem"
    pair = KeyPair(place, place, Terms(), awaited=True, clock=clock)
    assert pair.current() is None

    made = authority.pair("a")
    place.write_bytes(made.key.read_bytes() + made.certificate.read_bytes())

    assert pair.current() is not None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda pair, other: (pair.certificate, other.key), "does not belong"),
        (lambda pair, other: (pair.key, pair.key), "no certificate, or no key"),
        (lambda pair, other: (pair.certificate, pair.certificate), "no certificate, or no key"),
        (lambda pair, other: (pair.certificate.with_name("no"), pair.key), "No such file"),
    ],
)
def test_pair_that_cannot_be_used_is_refused(
    authority: Authority, change: Callable[[Pair, Pair], tuple[Path, Path]], reason: str
) -> None:
    """The error names the files and what is wrong with them."""
    certificate, key = change(authority.pair("a"), authority.pair("b"))

    with pytest.raises(ConfigInvalid, match=reason):
        KeyPair(certificate, key, Terms())


def test_encrypted_key_is_refused(authority: Authority) -> None:
    """Nobody is there to type a password, and OpenSSL must not wait for one at a terminal."""
    files = authority.pair("a", password=b"secret")

    with pytest.raises(ConfigInvalid, match=r"encrypted.*openssl pkey"):
        KeyPair(*files, Terms())


def test_names_of_go_are_those_of_suites_that_can_be_spoken() -> None:
    """A list of Distribution's means the same here."""
    names = [
        openssl_name("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        openssl_name("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
        openssl_name("TLS_RSA_WITH_AES_256_CBC_SHA"),
    ]

    context = Terms(ciphers=[name for name in names if name]).context()

    spoken = {each["name"] for each in context.get_ciphers() if each["protocol"] != "TLSv1.3"}
    assert spoken == set(names)
    assert openssl_name("TLS_AES_128_GCM_SHA256") is None


@pytest.mark.parametrize("name", ["RC4-SHA", "ECDHE-RSA-NOTHING", "ALL"])
def test_cipher_suite_that_cannot_be_spoken_is_refused(name: str) -> None:
    """OpenSSL would pass over it, and something else than what was asked for would be spoken."""
    with pytest.raises(ConfigInvalid, match=name):
        Terms(ciphers=["ECDHE-RSA-AES128-GCM-SHA256", name]).context()


def test_oldest_version_is_that_of_the_terms() -> None:
    """Nothing older is spoken."""
    assert Terms(minimum="tls1.3").context().minimum_version is ssl.TLSVersion.TLSv1_3


def test_file_without_authorities_is_refused(tmp_path: Path) -> None:
    """Otherwise every client would be turned away, for a reason that nobody sees."""
    (tmp_path / "empty.pem").write_text("")

    with pytest.raises(ConfigInvalid, match=r"client_cas.*empty\.pem"):
        Terms(client_cas=[tmp_path / "empty.pem"]).context()


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (TlsConfig(key=Path("k")), "tls.key: it has no certificate"),
        (TlsConfig(certificate=Path("c")), "tls.certificate: it has no key"),
        (
            TlsConfig(certificate=Path("c"), acme=AcmeConfig(hosts=("a.example",))),
            "are obtained already; remove one of both",
        ),
        (TlsConfig(acme=AcmeConfig(hosts=("*.example",))), "no name that can be proven"),
        (TlsConfig(acme=AcmeConfig(hosts=("../up",))), "no name that can be proven"),
    ],
)
def test_half_of_an_encryption_is_refused(tmp_path: Path, config: TlsConfig, reason: str) -> None:
    """A server that was to be encrypted must not start without it."""
    with pytest.raises(ConfigInvalid, match=reason):
        encryption(config, tmp_path)


def test_nothing_is_encrypted_unless_that_is_said(tmp_path: Path) -> None:
    """Plain HTTP is what a registry on one's own machine speaks."""
    assert encryption(TlsConfig(), tmp_path).seal is None


def _greeting(name: str | None, protocols: list[str]) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname = False
    if protocols:
        context.set_alpn_protocols(protocols)
    sent = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return sent.read()


@pytest.mark.parametrize(
    ("name", "protocols"),
    [("Registry.Example", ["acme-tls/1"]), (None, []), ("a.example", ["h2", "http/1.1"])],
)
def test_greeting_says_whom_it_is_for(name: str | None, protocols: list[str]) -> None:
    """As OpenSSL writes it."""
    found = hello.read(_greeting(name, protocols))

    assert found == Hello((name or "").lower(), tuple(each.encode() for each in protocols))


def test_greeting_that_was_cut_off_says_nothing() -> None:
    """Wherever it was cut, there is no error but ours: none."""
    whole = _greeting("a.example", ["http/1.1"])

    assert [each for each in range(len(whole)) if hello.read(whole[:each]) is not None] == []
