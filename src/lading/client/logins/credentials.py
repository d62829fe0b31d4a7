"""Credentials: who we are at a registry, and where that is kept.

Files and programs are asked anew each time, since another program may have logged in meanwhile;
whoever holds tokens asks seldom. Nothing here prints a secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from lading.errors import CredentialsFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A name and a password, or what stands in place of a password.

    Attributes:
        username: may be empty beside a token.
        password: for Basic, at the registry and at its realm.
        identity_token: a refresh token for OAuth2 at the realm (user ``<token>``).
        registry_token: a bearer token that is sent to the registry as it is.
        came_from: the file, variable or program it was found in.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    came_from: str = field(default="", compare=False)


class Tried(NamedTuple):
    """One step of a search: ``place`` was looked at, and ``outcome`` says what came of it."""

    place: str
    outcome: str
    login: Login | None = None
    failure: CredentialsFailed | None = None


class Keyring(Protocol):
    """Logins by registry."""

    async def find(self, host: str, repository: str) -> Login | None:
        """The login for *repository* at *host* (``docker.io`` for Docker Hub).

        *repository* is empty when it is about the whole registry; ``None`` is nobody.

        Raises:
            CredentialsFailed: a file or program that may have one cannot be used.
        """
        ...

    async def explain(self, host: str, repository: str) -> Sequence[Tried]:
        """The steps of `find`, up to the one that found a login or failed; never an error."""
        ...


class NoKeyring:
    """Nobody, everywhere."""

    async def find(self, host: str, repository: str) -> Login | None:  # noqa: ARG002 - nobody
        """See `Keyring.find`."""
        return None

    async def explain(self, host: str, repository: str) -> Sequence[Tried]:  # noqa: ARG002 - nobody
        """See `Keyring.explain`."""
        return (Tried("anonymous", "no login is used"),)


class StaticKeyring(NamedTuple):
    """One login: at *hosts*, or wherever a login is asked for."""

    login: Login
    hosts: frozenset[str] | None = None

    async def find(self, host: str, repository: str) -> Login | None:  # noqa: ARG002 - all of them
        """See `Keyring.find`."""
        return self.login if self.hosts is None or host in self.hosts else None

    async def explain(self, host: str, repository: str) -> Sequence[Tried]:
        """See `Keyring.explain`."""
        login = await self.find(host, repository)
        place = self.login.came_from or "given"
        if login is None:
            return (Tried(place, f"is for other hosts than {host}"),)
        return (Tried(place, f"login of {login.username or 'a token'}", login),)
