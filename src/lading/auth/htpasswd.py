"""Users in a file, each with the bcrypt hash of a password. Every user may do everything.

The one module that imports bcrypt.
"""

import asyncio
import base64
import binascii
import logging
import os
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt

from lading.auth.guesses import Guesses, place_of
from lading.auth.remembered import Marks, Remembered
from lading.auth.watched import Unreadable
from lading.errors import TooManyRequests, Unauthorized
from lading.interfaces.access import Access, Credentials, Principal
from lading.wire import challenges

log = logging.getLogger(__name__)

_COST = 10
_LONGEST_PASSWORD = 72
_REMEMBERED_FOR = 600.0
_BCRYPT = re.compile(
    # The last letter of a salt has two bits, and four that have to be nothing.
    rb"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}"
)
_MOST_RIGHT = 4096
_MOST_WRONG = 4096
_THREADS = 2
_MOST_WAITING = 1024
_LONGEST_NAME = 256


@dataclass(frozen=True, slots=True)
class Users:
    """Names and hashes, as a file has them."""

    hashes: Mapping[bytes, bytes] = field(default_factory=dict, repr=False)
    dummy: bytes = field(default=b"$2b$%02d$" % _COST + b"." * 53, repr=False)
    """What no password fits, and costs as much to check as the others."""

    @classmethod
    def parse(cls, content: bytes) -> "Users":
        """Read lines of ``user:hash``; ``#`` begins a comment. The last line of a user counts.

        Hashes other than those of bcrypt are taken and never fit.

        Raises:
            Unreadable: a line is something else.
        """
        hashes: dict[bytes, bytes] = {}
        for number, line in enumerate(content.splitlines(), 1):
            entry = line.strip()
            if not entry or entry.startswith(b"#"):
                continue
            name, colon, hashed = entry.partition(b":")
            if not colon:
                raise Unreadable(f"line {number} is not of the form USER:HASH")
            hashes[name] = hashed
            if _cost(hashed) is None:
                log.error(
                    "password is not hashed by bcrypt, its user cannot log in",
                    extra={"user": name.decode(errors="replace"), "line": number},
                )
        costs = Counter(cost for each in hashes.values() if (cost := _cost(each)) is not None)
        usual = costs.most_common(1)[0][0] if costs else _COST
        return cls(hashes, b"$2b$%02d$" % usual + b"." * 53)


def make(path: Path) -> tuple[str, str]:
    """Make the file *path* with one user; return name and password, which stand nowhere else.

    Raises:
        FileExistsError: it is there already.
        OSError: it cannot be made.
    """
    name, password = "docker", secrets.token_urlsafe(32)
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(_COST))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as opened:
        opened.write(name.encode() + b":" + hashed + b"\n")
    return name, password


@dataclass(slots=True)
class _Right:
    """A password that fitted, and still does while the file has the same hash."""

    name: bytes
    hashed: bytes
    principal: Principal
    until: float


class Htpasswd:
    """Lets in who knows the password of a user.

    Args:
        users: who they are at the moment.
        realm: what is named when a password is asked for.
        guesses: how fast passwords may be tried.
        threads: where they are checked.
    """

    def __init__(
        self,
        users: Callable[[], Users],
        realm: str,
        guesses: Guesses,
        threads: ThreadPoolExecutor,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._users = users
        self._realm = realm
        self._guesses = guesses
        self._threads = threads
        self._clock = clock
        self._marks = Marks()
        self._right = Remembered[bytes, _Right](_MOST_RIGHT)
        # One wrong password that is sent again and again is one guess.
        self._wrong = Remembered[bytes, bytes](_MOST_WRONG)
        self._checks: dict[tuple[bytes, bytes], asyncio.Task[bool]] = {}

    async def authenticate(
        self,
        credentials: Credentials | None,
        *,
        wanted: Sequence[Access],
        peer: str,
    ) -> Principal:
        """The user whose name and password were shown; see `Authenticator.authenticate`."""
        scope = " ".join(map(str, wanted))
        if credentials is None or credentials.scheme != "basic":
            raise Unauthorized(scope=scope)
        users = self._users()
        mark = self._marks.of(credentials.value)
        known = self._right.get(mark)
        if known is not None and users.hashes.get(known.name) == known.hashed:
            now = self._clock()
            if now < known.until:
                known.until = now + _REMEMBERED_FOR
                return known.principal
        shown = _name_and_password(credentials.value)
        if shown is None:
            raise Unauthorized("a name and a password cannot be read", scope=scope)
        name, password = shown
        hashed = users.hashes.get(name, users.dummy)
        if not await self._fits(mark, name, password, hashed, peer):
            raise Unauthorized("the name or the password is wrong", scope=scope)
        principal = Principal(name.decode(errors="replace"))
        until = self._clock() + _REMEMBERED_FOR
        self._right.put(mark, _Right(name, hashed, principal, until))
        return principal

    def challenge(self, refused: Unauthorized, *, base: str) -> str:  # noqa: ARG002 - the same for all
        """A name and a password."""
        return challenges.basic(self._realm)

    async def _fits(
        self, mark: bytes, name: bytes, password: bytes, hashed: bytes, peer: str
    ) -> bool:
        if self._wrong.get(mark) == hashed:
            return False
        # Whoever shows the same meanwhile is answered by the same check. It outlives who asked: to
        # go away early must not make a guess cheaper.
        check = self._checks.get((mark, hashed))
        if check is None:
            if len(self._checks) >= _MOST_WAITING:
                raise TooManyRequests("passwords to check")
            check = asyncio.create_task(self._checked(mark, name, password, hashed, peer))
            check.add_done_callback(_heard)
            self._checks[mark, hashed] = check
        return await asyncio.shield(check)

    async def _checked(
        self, mark: bytes, name: bytes, password: bytes, hashed: bytes, peer: str
    ) -> bool:
        tried = name[:_LONGEST_NAME].decode(errors="replace")
        address = place_of(peer)
        loop = asyncio.get_running_loop()
        try:
            await self._guesses.turn(tried, address)
            fits = await loop.run_in_executor(self._threads, _matches, password, hashed)
        finally:
            del self._checks[mark, hashed]
        if not fits:
            self._wrong.put(mark, hashed)
            self._guesses.failed(tried, address)
        return fits


def _heard(check: "asyncio.Task[bool]") -> None:
    # Whoever waited for it may have gone away.
    if not check.cancelled():
        check.exception()


def checking() -> ThreadPoolExecutor:
    """Threads in which passwords are checked; few, so that guessing leaves room for serving."""
    return ThreadPoolExecutor(_THREADS, "lading-passwords")


def _name_and_password(value: str) -> tuple[bytes, bytes] | None:
    # Bytes, since files have names and passwords in the encodings of their time.
    try:
        name, colon, password = base64.b64decode(value, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return (name, password) if colon else None


def _matches(password: bytes, hashed: bytes) -> bool:
    # Whatever cannot be checked takes as long as what can.
    if _cost(hashed) is None:
        bcrypt.checkpw(b"", b"$2b$%02d$" % _COST + b"." * 53)
        return False
    return bcrypt.checkpw(password[:_LONGEST_PASSWORD], hashed)


def _cost(hashed: bytes) -> int | None:
    """The cost of a hash that bcrypt made, and ``None`` for everything else."""
    found = _BCRYPT.fullmatch(hashed)
    return int(found[1]) if found else None
