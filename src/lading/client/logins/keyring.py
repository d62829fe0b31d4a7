"""The logins that docker and podman keep for their user, found in a fixed order.

Files are looked at in the order in which they are given. Within one, the program for the host goes
first (``credHelpers``), then the program for all (``credsStore``), then what the file itself holds
(``auths``), under the narrowest key.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lading.client.logins.credentials import Login, Tried
from lading.client.logins.files import (
    Entries,
    change_auths,
    entry_of,
    key_forms,
    program_keys,
    read_entries,
    read_text,
)
from lading.client.logins.programs import Programs
from lading.errors import CredentialsFailed


class Place(NamedTuple):
    """Where logins may be kept: a file, or the text of a variable.

    Attributes:
        path: the file.
        text: what the variable called ``said_by`` holds, in place of a file; only its ``auths``
            count.
        said_by: the variable or option that names the file, if any does.
        legacy: the file is a ``.dockercfg``.
        required: that there is no such file is an error.
    """

    path: Path | None = None
    text: str | None = None
    said_by: str = ""
    legacy: bool = False
    required: bool = False

    def __str__(self) -> str:
        if self.path is None:
            return self.said_by
        return f"{self.path} ({self.said_by})" if self.said_by else str(self.path)


class FileKeyring:
    """Logins in files and in the programs that they name.

    Args:
        places: where to look, in order.
        programs: what the files may name.
        home: the file that a login is written to when no other has one for the same registry.
    """

    def __init__(self, places: Sequence[Place], programs: Programs, *, home: Path) -> None:
        self._places = tuple(places)
        self._programs = programs
        self._home = home

    async def find(self, host: str, repository: str) -> Login | None:
        """See `Keyring.find`."""
        last = (await self._search(host, repository))[-1]
        if last.failure is not None:
            raise last.failure
        return last.login

    async def explain(self, host: str, repository: str) -> Sequence[Tried]:
        """See `Keyring.explain`."""
        return await self._search(host, repository)

    async def store(self, login: Login, host: str) -> str:
        """Keep *login* for *host*, and say where.

        It goes where a login for *host* is found already, else to the file of docker. That a
        variable has another one, which goes first, is said as well.

        Raises:
            CredentialsFailed: it cannot be kept there.
        """
        hidden = ""
        for place in self._places:
            entries = _entries(place, lenient=True)
            if entries is None or place.legacy or not _knows(entries, host):
                continue
            if place.path is not None:
                return await self._store(login, host, place.path, entries) + hidden
            hidden = f" (but the login in {place} goes first)"
        entries = _entries(Place(self._home), lenient=True)
        return await self._store(login, host, self._home, entries) + hidden

    async def erase(self, host: str) -> Sequence[str]:
        """Forget every login for *host* as a whole, and say where there were any.

        Raises:
            CredentialsFailed: something is kept where it cannot be removed.
        """
        found: list[str] = []
        for place in self._places:
            entries = _entries(place, lenient=True)
            if entries is None or place.path is None:
                continue
            if helper := entries.helper(host):
                for key in entries.asked(host):
                    if await self._programs.get(helper, key) is not None:
                        await self._programs.erase(helper, key)
                        found.append(f"docker-credential-{helper} ({key})")
            keys = [key for key in key_forms(host) if key in entries.auths]
            if keys and place.legacy:
                raise CredentialsFailed(f"{place} has a login for {host}, and is not written")
            if keys:
                change_auths(place.path, dict.fromkeys(keys))
                found += [f"{place.path} ({key})" for key in keys if entries.auths[key]]
        return tuple(found)

    async def _store(self, login: Login, host: str, path: Path, entries: Entries | None) -> str:
        keys = [key for key in key_forms(host) if entries and key in entries.auths]
        key = keys[0] if keys else program_keys(host)[0]
        helper = entries.helper(host) if entries else ""
        # No program knows what to do with a bearer token.
        if helper and not login.registry_token:
            await self._programs.store(helper, key, login)
            change_auths(path, {key: {}})
            return f"docker-credential-{helper}, which {path} names"
        change_auths(path, {key: entry_of(login)})
        return str(path)

    async def _search(self, host: str, repository: str) -> tuple[Tried, ...]:
        """What was looked at, up to the first login or failure; never empty."""
        steps: list[Tried] = []
        for place in self._places:
            try:
                steps += await self._look(place, host, repository)
            except CredentialsFailed as failure:
                steps.append(Tried(str(place), f"cannot be used: {failure.subject}", None, failure))
            if steps[-1].login is not None or steps[-1].failure is not None:
                return tuple(steps)
        return (*steps, Tried("anonymous", "no login is used"))

    async def _look(self, place: Place, host: str, repository: str) -> list[Tried]:
        entries = _entries(place)
        if entries is None:
            return [Tried(str(place), "is not there")]
        steps: list[Tried] = []
        if helper := entries.helper(host):
            for key in entries.asked(host, repository):
                login = await self._programs.get(helper, key)
                name = f"docker-credential-{helper}, which {place} names"
                if login is not None:
                    return [*steps, Tried(name, f"{_said(login)} under {key}", login)]
                steps.append(Tried(name, f"has nothing under {key}"))
        for key in key_forms(host, repository):
            login = entries.login(key)
            if login is not None:
                return [*steps, Tried(str(place), f"{_said(login)} under {key}", login)]
        return [*steps, Tried(str(place), f"has nothing for {host}")]


def _entries(place: Place, *, lenient: bool = False) -> Entries | None:
    """What is in *place*, ``None`` if it is not there; *lenient* about files that must be."""
    if place.path is None:
        found = read_entries(str(place), place.text or "")
        return Entries(found.place, found.text, found.auths, {}, "")
    text = read_text(place.path)
    if text is not None:
        return read_entries(str(place), text, legacy=place.legacy)
    if place.required and not lenient:
        raise CredentialsFailed(f"{place} is not there")
    return None


def _knows(entries: Entries, host: str) -> bool:
    return any(key in entries.auths for key in key_forms(host)) or any(
        key in entries.helpers for key in program_keys(host)
    )


def _said(login: Login) -> str:
    if login.username:
        return f"login of {login.username}"
    return "an identity token" if login.identity_token else "a bearer token"
