"""Files that keep logins: those of docker (config.json, .dockercfg) and of podman (auth.json).

They are read anew each time. Writing changes nothing but what is about the login, and the file is
never readable to others, not even while it is being written.
"""

import base64
import binascii
import fcntl
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from lading.client.logins.credentials import Login
from lading.client.logins.programs import TOKEN_USER
from lading.errors import CredentialsFailed
from lading.oci.locator import DOCKER_HUB
from lading.wall import is_special

_LONGEST = 16 << 20

HUB_KEY = "https://index.docker.io/v1/"
"""What docker keeps logins of Docker Hub under."""


def key_forms(host: str, repository: str = "") -> tuple[str, ...]:
    """The keys that a login for *repository* at *host* may stand under, the best first."""
    parts = [host, *filter(None, repository.split("/"))]
    paths = ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]
    if host == DOCKER_HUB:
        paths.append(HUB_KEY)
    return (*paths, f"https://{host}", f"https://{host}/v1/", f"https://{host}/v2/")


def program_keys(host: str) -> tuple[str, ...]:
    """The keys that a program is asked for: programs know registries only, no repositories."""
    return (HUB_KEY, host) if host == DOCKER_HUB else (host,)


class Entries(NamedTuple):
    """What one file says about logins; ``place`` is what people know it by."""

    place: str
    text: str
    auths: Mapping[str, Any]
    helpers: Mapping[str, str]
    store: str

    def helper(self, host: str) -> str:
        """The program that keeps the logins of *host*, without its prefix; empty if none does."""
        for key in program_keys(host):
            if key in self.helpers:
                return self.helpers[key]
        return self.store

    def asked(self, host: str, repository: str = "") -> tuple[str, ...]:
        """The keys to ask a program for: those whose entry is empty go first."""
        empty = [
            key
            for key in key_forms(host, repository)
            if key in self.auths and not _says_something(self.auths[key])
        ]
        return tuple(dict.fromkeys((*empty, *program_keys(host))))

    def login(self, key: str) -> Login | None:
        """The login under *key* itself; ``None`` if there is none, or if it is kept elsewhere.

        Raises:
            CredentialsFailed: it is broken.
        """
        entry = self.auths.get(key)
        if not _says_something(entry):
            return None
        if not isinstance(entry, dict):
            raise CredentialsFailed(f"{self._line(key)}: {key} is not an object")
        username, password = (str(entry.get(each) or "") for each in ("username", "password"))
        if entry.get("auth"):
            username, password = self._decoded(key, entry["auth"])
        token = str(entry.get("identitytoken") or "")
        if username == TOKEN_USER and not token:
            username, password, token = "", "", password
        return Login(
            username=username,
            password=password,
            identity_token=token,
            registry_token=str(entry.get("registrytoken") or ""),
            came_from=f"{self.place} ({key})",
        )

    def _decoded(self, key: str, auth: object) -> tuple[str, str]:
        try:
            text = base64.b64decode(str(auth), validate=True).decode()
        except (binascii.Error, UnicodeError):
            text = ""
        name, colon, password = text.partition(":")
        if not colon:
            raise CredentialsFailed(f"{self._line(key)}: auth of {key} is not base64 of NAME:WORD")
        return name, password.rstrip("\0")

    def _line(self, key: str) -> str:
        before = self.text.partition(json.dumps(key))[0]
        return f"{self.place}, line {before.count(chr(10)) + 1}"


def read_entries(place: str, text: str, *, legacy: bool = False) -> Entries:
    """Read what a file holds; a *legacy* one (.dockercfg) is the object ``auths`` alone.

    Raises:
        CredentialsFailed: it is broken.
    """
    document = _document(place, text)
    if legacy:
        return Entries(place, text, document, {}, "")
    auths, helpers = (_inner(place, document, each) for each in ("auths", "credHelpers"))
    return Entries(
        place,
        text,
        auths,
        {key: str(each or "") for key, each in helpers.items()},
        str(document.get("credsStore") or ""),
    )


def read_text(path: Path) -> str | None:
    """What is in the file *path*, or ``None`` if there is none.

    Raises:
        CredentialsFailed: it is there and cannot be read.
    """
    try:
        # A pipe that nobody writes to would be waited for before it is known to be one.
        with open(path, "rb", opener=_without_waiting) as file:
            if not _ends(os.fstat(file.fileno())):
                raise CredentialsFailed(f"{path} is no file")
            found = file.read(_LONGEST + 1)
        if len(found) > _LONGEST:
            raise CredentialsFailed(f"{path} has more than {_LONGEST} bytes")
        return found.decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeError:
        raise CredentialsFailed(f"{path} is not UTF-8") from None
    except OSError as error:
        raise CredentialsFailed(f"{path}: {error.strerror}") from error


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _ends(found: os.stat_result) -> bool:
    """Whether it can be read to an end; /dev/null is how people name no file at all."""
    return stat.S_ISREG(found.st_mode) or found.st_rdev == Path(os.devnull).stat().st_rdev


def entry_of(login: Login) -> dict[str, str]:
    """What is written for *login* where no program keeps it.

    Raises:
        CredentialsFailed: its name cannot be written.
    """
    if ":" in login.username:
        raise CredentialsFailed(f"the user name {login.username!r} has a colon in it")
    entry: dict[str, str] = {}
    if login.username or login.password:
        pair = f"{login.username}:{login.password}"
        entry["auth"] = base64.b64encode(pair.encode()).decode()
    if login.identity_token:
        entry["identitytoken"] = login.identity_token
    if login.registry_token:
        entry["registrytoken"] = login.registry_token
    return entry


def change_auths(path: Path, changes: Mapping[str, Mapping[str, str] | None]) -> None:
    """Put *changes* into ``auths`` of the file *path*, which is made if need be.

    ``None`` removes an entry. Everything else in the file stays.

    Raises:
        CredentialsFailed: the file is broken, or cannot be written.
    """
    # A link stays a link: people keep these files in repositories of their own.
    target = Path(os.path.realpath(path))
    if is_special(target):
        raise CredentialsFailed(f"{path} is no file, and keeps no logins")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(target.parent):
            document = _document(str(path), read_text(target) or "{}")
            auths = dict(_inner(str(path), document, "auths"))
            for key, entry in changes.items():
                auths.pop(key, None)
                if entry is not None:
                    auths[key] = dict(entry)
            document["auths"] = auths
            _replace(target, json.dumps(document, indent="\t", ensure_ascii=False) + "\n")
    except OSError as error:
        raise CredentialsFailed(f"{path}: {error.strerror}") from error


def _says_something(entry: object) -> bool:
    """Whether an entry holds a login; ``{}`` only says that some program does."""
    if not isinstance(entry, dict):
        return entry is not None
    known = ("auth", "username", "password", "identitytoken", "registrytoken")
    return any(entry.get(each) for each in known)


def _document(place: str, text: str) -> dict[str, Any]:
    try:
        document = json.loads(text) if text.strip() else {}
    except json.JSONDecodeError as error:
        raise CredentialsFailed(f"{place}, line {error.lineno}: {error.msg}") from None
    except RecursionError:
        raise CredentialsFailed(f"{place} is nested too deeply") from None
    if not isinstance(document, dict):
        raise CredentialsFailed(f"{place}, line 1: not a JSON object")
    return document


def _inner(place: str, document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name) or {}
    if not isinstance(found, dict):
        raise CredentialsFailed(f"{place}: {name} is not an object")
    return found


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other writers of ours out of *folder*, so that two logins at once are both kept."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Some network file systems have no locks; one writer at a time is the rule anyway.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(target: Path, text: str) -> None:
    """Put *text* in place of what *target* holds, at once."""
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(fresh, flags, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            # As root for somebody else: the file has to stay theirs.
            with suppress(FileNotFoundError, PermissionError):
                owner = target.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
