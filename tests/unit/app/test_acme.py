"""When certificates are asked for, what is kept, and how a name is proven."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from lading.app.acme.certificates import Certificates
from lading.app.acme.folder import Folder
from lading.app.acme.proofs import PROTOCOL, Tokens, certificate
from lading.app.acme.renewal import Renewal
from lading.app.config.doors import AcmeConfig, TlsConfig
from lading.app.encryption import encryption
from lading.app.hello import Hello
from lading.app.readonly import SWITCH
from lading.app.tls import Terms
from lading.bodies import Bytes
from lading.wire.message import Headers, Request
from tests.peers.certificates import Authority

HOST = "registry.example"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Where everything is kept."""
    return Folder(tmp_path / "acme")


def renewal(folder: Folder, *, chance: float = 0.0) -> Renewal:
    """One that asks nobody."""

    def obtain(host: str) -> None:
        raise AssertionError(host)

    return Renewal(folder, [HOST], obtain, refusal=ValueError, chance=lambda: chance)


def test_missing_certificate_is_due_at_once(folder: Folder) -> None:
    """There is nothing to wait for."""
    assert renewal(folder).due(HOST) < datetime.now(UTC)


def test_certificate_is_due_when_two_thirds_of_its_life_are_over(
    tmp_path: Path, folder: Folder
) -> None:
    """Or a little earlier, so that many servers do not ask at the same moment."""
    made = Authority(tmp_path).pair("a", HOST).certificate.read_bytes()
    folder.keep(folder.certificate(HOST), made)
    found = x509.load_pem_x509_certificate(made)
    life = found.not_valid_after_utc - found.not_valid_before_utc

    due = renewal(folder).due(HOST) - found.not_valid_before_utc
    early = renewal(folder, chance=1.0).due(HOST) - found.not_valid_before_utc

    assert due / life == pytest.approx(2 / 3)
    assert 0.6 < early / life < 2 / 3


def test_each_failure_makes_the_pause_longer(folder: Folder) -> None:
    """Up to half a day; authorities allow few attempts in an hour, also across restarts."""
    pauses = []
    for _ in range(9):
        folder.failed(HOST)
        _, last = folder.failures(HOST)
        pauses.append(renewal(folder).due(HOST) - datetime.fromtimestamp(last, UTC))

    assert pauses[0] <= timedelta(minutes=1)
    assert pauses == sorted(pauses)
    assert sum(each <= timedelta(hours=1) for each in pauses) <= 4
    folder.succeeded(HOST)
    assert renewal(folder).due(HOST) < datetime.now(UTC)


def test_one_at_a_time_asks_for_certificates(folder: Folder) -> None:
    """The others wait for their turn, which comes when the first is gone."""
    with folder.turn() as first, folder.turn() as second:
        assert (first, second) == (True, False)

    with folder.turn() as third:
        assert third


async def test_nothing_is_asked_for_or_written_while_that_may_not_be(
    tmp_path: Path, folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told once, by one of all workers, and made up for as soon as it may be."""
    asked: list[str] = []
    looks = 0
    written: list[Path] = []

    async def pause(_seconds: float) -> None:
        nonlocal looks
        looks += 1
        if asked:
            raise asyncio.CancelledError
        written.extend(tmp_path.iterdir())
        await asyncio.sleep(0)

    def worker() -> Renewal:
        return Renewal(
            folder,
            [HOST],
            asked.append,
            refusal=ValueError,
            may_write=lambda: looks > 9,
            pause=pause,
        )

    done = await asyncio.gather(worker().run(), worker().run(), return_exceptions=True)

    assert [type(each) for each in done] == [asyncio.CancelledError] * 2
    assert asked == [HOST]
    assert written == []
    told = [each.message for each in caplog.records if "read-only" in each.message]
    assert len(told) == 1


@pytest.mark.parametrize(("place", "writes"), [("data/acme", False), ("acme", True)])
async def test_a_switch_holds_for_what_is_kept_in_the_data_directory(
    tmp_path: Path, place: str, writes: bool
) -> None:
    """A folder elsewhere is no part of the registry."""
    root = tmp_path / "data"
    root.mkdir()
    (root / SWITCH).touch()
    acme = AcmeConfig(
        hosts=(HOST,), folder=tmp_path / place, directory="https://127.0.0.1:1/directory"
    )
    renew = encryption(TlsConfig(acme=acme), root).renew
    assert renew is not None

    task = asyncio.create_task(renew())
    if writes:
        async with asyncio.timeout(30):
            while not (tmp_path / place / f"{HOST}.failures").exists():
                await asyncio.sleep(0.01)
    else:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

    assert (tmp_path / place).exists() == writes


def test_what_is_kept_is_for_its_owner_alone(folder: Folder) -> None:
    """There are keys in it."""
    with folder.turn():
        folder.keep(folder.certificate(HOST), b"key")

    path = folder.certificate(HOST)
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert path.read_bytes() == b"key"


def test_proof_holds_the_hash_of_what_is_to_be_proven() -> None:
    """As RFC 8737 has it: one name, and one extension that nobody may pass over."""
    found = x509.load_pem_x509_certificate(certificate(HOST, "token.key", now=datetime.now(UTC)))

    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (proof,) = [each for each in found.extensions if each.critical]
    assert names.get_values_for_type(x509.DNSName) == [HOST]
    assert proof.oid.dotted_string == "1.3.6.1.5.5.7.1.31"
    assert isinstance(proof.value, x509.UnrecognizedExtension)
    assert proof.value.value[2:] == hashlib.sha256(b"token.key").digest()


def test_context_is_that_of_the_name(tmp_path: Path, folder: Folder) -> None:
    """Who names nobody gets the first, who names a stranger gets none."""
    made = Authority(tmp_path).pair("a", HOST)
    pem = made.key.read_bytes() + made.certificate.read_bytes()
    folder.keep(folder.certificate(HOST), pem)
    certificates = Certificates(folder, [HOST, "later.example"], Terms())

    found = certificates.choose(Hello(HOST, ()))

    assert found is not None
    assert certificates.choose(Hello("", ())) is found
    assert certificates.choose(Hello("later.example", ())) is None
    assert certificates.choose(Hello("stranger.example", ())) is None


def test_proof_is_shown_only_while_it_is_wanted(folder: Folder) -> None:
    """To the authority, and whoever else speaks its protocol."""
    certificates = Certificates(folder, [HOST], Terms())
    asked = Hello(HOST, (PROTOCOL,))
    assert certificates.choose(asked) is None

    folder.keep(folder.proof(HOST), certificate(HOST, "t.k", now=datetime.now(UTC)))

    assert certificates.choose(asked) is not None


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/.well-known/acme-challenge/token", 200),
        ("HEAD", "/.well-known/acme-challenge/token", 200),
        ("POST", "/.well-known/acme-challenge/token", 404),
        ("GET", "/.well-known/acme-challenge/other", 404),
        ("GET", "/.well-known/acme-challenge/../account.pem", 404),
        ("GET", "/.well-known/acme-challenge/", 404),
        ("GET", "/token", 404),
    ],
)
async def test_tokens_are_answered_and_nothing_else(
    folder: Folder, method: str, path: str, status: int
) -> None:
    """No name leads out of the folder, or to its keys."""
    place = folder.token("token")
    assert place is not None
    folder.keep(place, b"token.key")
    folder.keep(folder.account, b"secret")

    answer = await Tokens(folder)(Request(method, path, "", Headers([]), Bytes(b"")))

    assert answer.status == status
    assert answer.body == (b"token.key" if (method, status) == ("GET", 200) else b"")
