"""Where certificates, the account and proofs are kept: one folder, for all workers of a server.

A file is whole or not there. What is in the folder is for its owner alone.
"""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USUAL = "lading-acme"
"""The folder below the root of a registry, unless another is configured."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,256}", re.ASCII)


class Folder:
    """The files of one server's certificates, by the names that they are for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def account(self) -> Path:
        """The key (PEM) of the account with the authority."""
        return self._path / "account.pem"

    def certificate(self, host: str) -> Path:
        """The key and certificate of *host*, with those that vouch for it (PEM), in one file."""
        return self._path / f"{host}.pem"

    def proof(self, host: str) -> Path:
        """The certificate and key (PEM) by which tls-alpn-01 proves who serves *host*."""
        return self._path / "proofs" / f"{host}.pem"

    def token(self, token: str) -> Path | None:
        """What http-01 answers to *token*; ``None`` if that is no token."""
        return self._path / "proofs" / token if _TOKEN.fullmatch(token) else None

    def keep(self, path: Path, content: bytes) -> None:
        """Write *content* to *path*, which is one of the above."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partly = path.with_name(f".{path.name}.new")
        with open(partly, "wb", opener=_for_the_owner) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partly.replace(path)

    def failures(self, host: str) -> tuple[int, float]:
        """How often in a row *host* got no certificate, and when (Unix time) the last time was."""
        path = self._failures(host)
        try:
            return int(path.read_text("ascii")), path.stat().st_mtime
        except (OSError, ValueError):
            return 0, 0.0

    def failed(self, host: str) -> None:
        """*host* got no certificate, once more; a server that is started again heeds it."""
        count, _ = self.failures(host)
        self.keep(self._failures(host), str(count + 1).encode())

    def succeeded(self, host: str) -> None:
        """*host* got a certificate."""
        self._failures(host).unlink(missing_ok=True)

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Be the only one who asks for certificates, if nobody else is."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._lock.open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            # What was to be proven by one who died is proven no more.
            for old in (self._path / "proofs").glob("*"):
                with contextlib.suppress(OSError):
                    old.unlink()
            yield True

    @contextmanager
    def watch(self) -> Iterator[bool]:
        """Be the only one who waits until something may be written, if nobody else is."""
        # A lock on what is there: the folder, or one in which it would be made.
        places = (self._path, *self._path.absolute().parents)
        file = os.open(next(each for each in places if each.exists()), os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
        finally:
            os.close(file)

    def settle(self) -> None:
        """Wait until nobody has the `turn`; blocks, and writes nothing."""
        with contextlib.suppress(FileNotFoundError), self._lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)

    def is_within(self, root: Path) -> bool:
        """Whether it is in the directory of the registry *root*, and read-only with that."""
        return self._path.resolve().is_relative_to(root.resolve())

    @property
    def _lock(self) -> Path:
        return self._path / "lock"

    def _failures(self, host: str) -> Path:
        return self._path / f"{host}.failures"


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
