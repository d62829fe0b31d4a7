"""Users in a file."""

import asyncio
import base64
import logging
import stat
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bcrypt
import pytest

from lading.auth.guesses import Guesses, place_of
from lading.auth.htpasswd import Htpasswd, Users, checking, make
from lading.auth.watched import Unreadable
from lading.errors import TooManyRequests, Unauthorized
from lading.interfaces.access import Access, Credentials

PULL = Access("repository", "team/app", "pull")
HERE = "192.0.2.1"


def hashed(password: bytes, kind: bytes = b"2b") -> bytes:
    """The hash of *password*, as cheap as there is."""
    made = bcrypt.hashpw(password, bcrypt.gensalt(4))
    return b"$" + kind + made[3:]


def basic(name: str | bytes, password: str | bytes) -> Credentials:
    """What a client shows."""
    words = [each.encode() if isinstance(each, str) else each for each in (name, password)]
    return Credentials("basic", base64.b64encode(b":".join(words)).decode())


class Place:
    """A registry with users that may change, and a clock that moves when it is told to."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self.users = Users.parse(b"ada:" + hashed(b"secret"))
        self.now = 0.0
        self.slept: list[float] = []
        self.guesses = 0
        guesses = Guesses(clock=lambda: self.now, sleep=self._sleep)
        self.door = Htpasswd(lambda: self.users, "here", guesses, threads, clock=lambda: self.now)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    async def enter(self, shown: Credentials | None, peer: str = HERE) -> str:
        """The name of who showed that."""
        return (await self.door.authenticate(shown, wanted=(PULL,), peer=peer)).name

    async def refused(self, shown: Credentials | None, peer: str = HERE) -> Unauthorized:
        """Show what does not open the door."""
        with pytest.raises(Unauthorized) as caught:
            await self.enter(shown, peer)
        return caught.value

    async def guess(self, times: int, *, name: str = "ada", peer: str = HERE) -> None:
        """Try wrong passwords."""
        for _ in range(times):
            self.guesses += 1
            await self.refused(basic(name, f"guess {self.guesses}"), peer)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """A registry with one user."""
    threads = checking()
    yield Place(threads)
    threads.shutdown()


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The hashes against which bcrypt has checked a password."""
    done: list[bytes] = []
    check = bcrypt.checkpw

    def noted(password: bytes, against: bytes) -> bool:
        done.append(against)
        return check(password, against)

    monkeypatch.setattr(bcrypt, "checkpw", noted)
    return done


async def test_right_password_opens_the_door(place: Place) -> None:
    """Whoever knows it is who they say."""
    assert await place.enter(basic("ada", "secret")) == "ada"


@pytest.mark.parametrize(
    "shown",
    [
        None,
        basic("ada", "wrong"),
        basic("ada", ""),
        basic("eve", "secret"),
        basic("", ""),
        basic("", "secret"),
        Credentials("bearer", basic("ada", "secret").value),
        Credentials("basic", "%"),
        Credentials("basic", "\udcff"),
        Credentials("basic", base64.b64encode(b"ada").decode()),
        Credentials("", "ada"),
    ],
)
async def test_everything_else_is_asked_for_a_password(
    place: Place, shown: Credentials | None
) -> None:
    """The challenge names the realm and nothing else, as Distribution's does."""
    refused = await place.refused(shown)

    assert place.door.challenge(refused, base="") == 'Basic realm="here"'
    assert refused.scope == "repository:team/app:pull"


@pytest.mark.parametrize("kind", [b"2a", b"2b", b"2y"])
async def test_all_kinds_of_bcrypt_are_known(place: Place, kind: bytes) -> None:
    """Apache's tools write another letter than others."""
    place.users = Users.parse(b"ada:" + hashed(b"other", kind))

    assert await place.enter(basic("ada", "other")) == "ada"


async def test_only_72_bytes_of_a_password_count(place: Place) -> None:
    """So it is with bcrypt everywhere, and people have such hashes."""
    place.users = Users.parse(b"ada:" + hashed(b"x" * 72))

    assert await place.enter(basic("ada", "x" * 100)) == "ada"
    await place.refused(basic("ada", "x" * 71))


async def test_names_and_passwords_may_be_in_any_encoding(place: Place) -> None:
    """A file holds bytes, and a password may hold colons."""
    place.users = Users.parse(b"j\xfcrgen:" + hashed(b"gr\xfc:n"))

    assert await place.enter(basic(b"j\xfcrgen", b"gr\xfc:n"))


@pytest.mark.parametrize(
    "other",
    [
        b"secret",
        b"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
        b"$apr1$salt$hash",
        b"",
        b"$2x$04$" + b"a" * 53,
        b"$2b$03$" + b"a" * 53,
        b"$2b$04$" + b"a" * 52,
        b"$2b$04$" + b"!" * 53,
        # Four bits of a salt that have to be nothing.
        b"$2b$04$" + b"." * 21 + b"9" + b"." * 31,
    ],
)
async def test_other_hashes_never_fit(
    place: Place, other: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """They are told of, and do not keep the others out."""
    place.users = Users.parse(b"eve:" + other + b"\nada:" + hashed(b"secret"))

    await place.refused(basic("eve", "secret"))

    assert vars(caplog.records[0])["user"] == "eve"
    assert "SHA" not in caplog.text
    assert await place.enter(basic("ada", "secret")) == "ada"


def test_comments_blank_lines_and_spaces_do_not_count() -> None:
    """And of two lines for one user, the last does."""
    found = Users.parse(b"# users\r\n\r\n  ada:one  \n\tada:two\n#eve:x")

    assert found.hashes == {b"ada": b"two"}


def test_line_without_a_colon_breaks_the_file() -> None:
    """The line is named and not repeated: it may be a password."""
    with pytest.raises(Unreadable, match="line 2 is not") as caught:
        Users.parse(b"ada:x\nsecret\n")

    assert "secret" not in str(caught.value)


async def test_stranger_costs_as_much_as_a_user(place: Place, checks: list[bytes]) -> None:
    """Nobody finds out by a clock who is a user."""
    await place.refused(basic("ada", "wrong"))
    await place.refused(basic("eve", "wrong"))

    assert [each[:7] for each in checks] == [b"$2b$04$", b"$2b$04$"]


async def test_good_password_is_remembered(place: Place, checks: list[bytes]) -> None:
    """bcrypt is slow on purpose, and a pull has dozens of requests."""
    for _ in range(10):
        await place.enter(basic("ada", "secret"))

    assert len(checks) == 1


async def test_password_that_is_used_no_more_is_forgotten(
    place: Place, checks: list[bytes]
) -> None:
    """Ten minutes after the last use."""
    await place.enter(basic("ada", "secret"))
    place.now += 599
    await place.enter(basic("ada", "secret"))
    place.now += 599
    await place.enter(basic("ada", "secret"))
    assert len(checks) == 1

    place.now += 601
    await place.enter(basic("ada", "secret"))

    assert len(checks) == 2


async def test_changed_or_removed_line_counts_at_once(place: Place) -> None:
    """Though the password was remembered, right or wrong."""
    await place.enter(basic("ada", "secret"))
    await place.refused(basic("ada", "new"))

    place.users = Users.parse(b"ada:" + hashed(b"new"))
    await place.refused(basic("ada", "secret"))
    assert await place.enter(basic("ada", "new")) == "ada"

    place.users = Users()
    await place.refused(basic("ada", "new"))


async def test_same_password_many_times_at_once_is_checked_once(
    place: Place, checks: list[bytes]
) -> None:
    """Clients open several connections."""
    names = await asyncio.gather(*(place.enter(basic("ada", "secret")) for _ in range(20)))

    assert names == ["ada"] * 20
    assert len(checks) == 1


async def test_same_wrong_password_again_is_no_other_guess(
    place: Place, checks: list[bytes]
) -> None:
    """A forgotten build job does not make its owner wait."""
    for _ in range(50):
        await place.refused(basic("ada", "old"))

    assert len(checks) == 1
    assert place.slept == []


async def test_guessing_is_slowed(place: Place) -> None:
    """The first few are free, then each has to wait longer."""
    await place.guess(5)
    assert place.slept == []

    await place.guess(20)

    assert place.slept[-1] == 0.5
    assert place.slept == sorted(place.slept)


@pytest.mark.parametrize(
    "peer", ["192.0.2.1:{}", "::ffff:192.0.2.1:{}", "2001:db8::{}:50000", "2001:db8::1:{}", "local"]
)
async def test_guessing_on_new_connections_is_slowed_alike(place: Place, peer: str) -> None:
    """Each has another port, and whoever has one address of IPv6 has many."""
    for number in range(1, 12):
        await place.guess(1, peer=peer.format(number))

    assert place.slept


def test_places_that_guesses_come_from_are_told_apart() -> None:
    """By address, and those of IPv6 by network."""
    peers = ["192.0.2.1:1", "192.0.2.2:1", "2001:db8::1:1", "2001:db8:0:1::1:1", "local", ""]

    assert len({place_of(each) for each in peers}) == len(peers)
    assert place_of("::ffff:192.0.2.1:7") == place_of("192.0.2.1:8")


async def test_right_password_comes_through_while_somebody_guesses(place: Place) -> None:
    """From the same address it waits its turn; nobody is locked out."""
    await place.guess(100)

    assert await place.enter(basic("ada", "secret")) == "ada"


async def test_remembered_password_does_not_wait_while_somebody_guesses(place: Place) -> None:
    """Who works with it notices nothing."""
    await place.enter(basic("ada", "secret"))
    await place.guess(30)
    place.slept.clear()

    await place.enter(basic("ada", "secret"))

    assert place.slept == []


async def test_user_elsewhere_does_not_wait_for_who_guesses(place: Place) -> None:
    """Guessing is told apart by address."""
    await place.guess(30)
    place.slept.clear()

    assert await place.enter(basic("ada", "secret"), "192.0.2.2") == "ada"
    assert place.slept == []


async def test_guessing_one_name_from_many_addresses_is_slowed(place: Place) -> None:
    """Each address has to wait after its first guesses."""
    for number in range(10):
        await place.guess(1, peer=f"198.51.100.{number}")
    assert place.slept == []

    await place.guess(3, peer="198.51.100.1")

    assert place.slept == [0.5, 0.5]


async def test_guessing_many_names_from_one_address_is_slowed(place: Place) -> None:
    """Which finds out who has the password of the year."""
    for number in range(60):
        await place.guess(1, name=f"user{number}")

    assert place.slept[-1] == pytest.approx(0.1)


async def test_failures_are_forgiven_after_a_while(place: Place) -> None:
    """Five minutes without any."""
    await place.guess(30)
    place.slept.clear()
    place.now += 301

    await place.guess(1)

    assert place.slept == []


async def test_going_away_early_does_not_make_a_guess_cheaper(place: Place) -> None:
    """It is counted when it is found wrong, whoever still listens."""
    for number in range(6):
        asked = asyncio.create_task(place.enter(basic("ada", f"early {number}")))
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait([asked])
    while place.door._checks:
        await asyncio.sleep(0.001)

    await place.guess(2)

    assert place.slept


async def test_more_guesses_at_once_than_can_wait_are_turned_away() -> None:
    """With a word on when to come again."""
    guesses = Guesses(clock=lambda: 0.0, sleep=lambda _: asyncio.sleep(0))
    for _ in range(50):
        guesses.failed("ada", HERE)

    turns = await asyncio.gather(
        *(guesses.turn("ada", HERE) for _ in range(200)), return_exceptions=True
    )

    refused = [each for each in turns if isinstance(each, TooManyRequests)]
    assert 0 < len(refused) < 200
    assert refused[0].retry_after == 1
    await guesses.turn("ada", "192.0.2.2")


def test_file_of_users_is_made(tmp_path: Path) -> None:
    """With one user whose password nobody can guess, for its owner's eyes."""
    path = tmp_path / "auth" / "htpasswd"

    name, password = make(path)

    assert (name, len(password)) == ("docker", 43)
    users = Users.parse(path.read_bytes())
    assert bcrypt.checkpw(password.encode(), users.hashes[b"docker"])
    assert users.hashes[b"docker"][:7] == b"$2b$10$"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_file_of_users_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """Also when two servers start at once."""
    path = tmp_path / "htpasswd"
    path.write_bytes(b"ada:x")

    with pytest.raises(FileExistsError):
        make(path)

    assert path.read_bytes() == b"ada:x"


def test_secrets_are_not_shown() -> None:
    """Neither hashes nor passwords stand in what a debugger or a log prints."""
    assert "$2b$" not in repr(Users.parse(b"ada:" + hashed(b"secret")))
    assert "YWRh" not in repr(basic("ada", "secret"))


def test_broken_hash_is_logged_without_the_hash(caplog: pytest.LogCaptureFixture) -> None:
    """It may be a password in the clear."""
    caplog.set_level(logging.INFO)

    Users.parse(b"ada:in the clear")

    assert "in the clear" not in "".join(str(vars(each)) for each in caplog.records)
