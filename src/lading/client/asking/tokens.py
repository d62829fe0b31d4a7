"""Bearer tokens: what is asked for them, and how long they are good. No I/O, no clock.

Both ways to ask are spoken: the OAuth2 form with a refresh token, and GET with a name and a
password or nothing (distribution, Token Authentication). What a registry grants may be less than
what was asked for; that shows only when a token is used.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from lading.client.connections.origin import Origin
from lading.client.logins.credentials import Login
from lading.errors import UpstreamFailed
from lading.wire.challenges import Challenge, Scope, basic_credentials, merged
from lading.wire.message import Fields

NEXT_WAY = frozenset({400, 401, 404, 405})
"""What a realm answers that does not know a way to ask, and may know the other."""

_CLIENT = "lading"
_USUAL_LIFE = 60.0
_SHARE = 0.8
_MOST_KEPT = 256


class Realm(NamedTuple):
    """Who gives out tokens for a registry, as its challenge says."""

    url: str
    service: str = ""

    @classmethod
    def of(cls, challenge: Challenge) -> "Realm | None":
        """The realm of a Bearer challenge; ``None`` if it names none."""
        url = challenge.parameters.get("realm", "")
        return cls(url, challenge.parameters.get("service", "")) if url else None

    @property
    def origin(self) -> Origin:
        """Who is asked.

        Raises:
            ReferenceInvalid: the realm is no URL of HTTP.
        """
        return Origin.parse(self.url)


@dataclass(frozen=True, slots=True)
class Asking:
    """One way to ask for a token; ``secret`` says whether credentials go along."""

    method: str
    path: str
    query: str
    headers: Fields = field(repr=False)
    form: bytes = field(default=b"", repr=False)
    secret: bool = False


def ways(realm: Realm, scopes: Sequence[Scope], login: Login | None) -> tuple[Asking, ...]:
    """How to ask for *scopes*, best first; the next where the one before is not known."""
    parts = urlsplit(realm.url)
    path = parts.path or "/"
    wanted = [str(scope) for scope in scopes]
    found: list[Asking] = []
    if login is not None and login.identity_token:
        form = {"grant_type": "refresh_token", "refresh_token": login.identity_token}
        found.append(_by_form(path, parts.query, realm, wanted, form))
    if login is None or login.password or not login.identity_token:
        query = parse_qsl(parts.query, keep_blank_values=True)
        if realm.service:
            query.append(("service", realm.service))
        # Each in a parameter of its own: some servers look at no more than that (trap T41).
        query += [("scope", scope) for scope in wanted]
        headers: Fields = []
        if login is not None and login.password:
            query.append(("account", login.username))
            headers = [("Authorization", basic_credentials(login.username, login.password))]
        asked = urlencode(query, safe=":/,")
        found.append(Asking("GET", path, asked, headers, secret=bool(headers)))
    return tuple(found)


def _by_form(
    path: str, query: str, realm: Realm, scopes: list[str], form: dict[str, str]
) -> Asking:
    """OAuth2 (RFC 6749, 4.3 and 6)."""
    said = {**form, "client_id": _CLIENT, "service": realm.service, "scope": " ".join(scopes)}
    body = urlencode({key: value for key, value in said.items() if value}).encode()
    headers = [("Content-Type", "application/x-www-form-urlencoded")]
    return Asking("POST", path, query, headers, body, secret=True)


@dataclass(frozen=True, slots=True)
class Token:
    """What is shown to the registry, until ``ends``, when a new one is due."""

    value: str = field(repr=False)
    ends: float

    @classmethod
    def read(cls, body: bytes, url: str, now: float) -> "Token":
        """The token that a realm gave at the time *now*.

        Raises:
            UpstreamFailed: it gave something else.
        """
        try:
            said = json.loads(body)
            value = said.get("token") or said.get("access_token")
            life = said.get("expires_in")
        except (ValueError, AttributeError, RecursionError):
            value, life = None, None
        if not isinstance(value, str) or not value.isascii() or not value.isprintable():
            raise UpstreamFailed(f"{url} gave no token", status=200)
        known = isinstance(life, int | float) and 0 < life < 1e9
        return cls(value, now + _SHARE * (float(life) if known else _USUAL_LIFE))


Key = tuple[Realm, Login | None, tuple[Scope, ...]]
"""What a token is kept by."""


class Tokens:
    """The tokens of one registry."""

    def __init__(self) -> None:
        self._kept: dict[Key, Token] = {}

    def find(self, key: Key, now: float) -> Token | None:
        """A token that is still good at the time *now* and was asked for at least that."""
        realm, login, scopes = key
        if (token := self._kept.get(key)) is not None and token.ends > now:
            return token
        for (place, owner, others), token in self._kept.items():
            if token.ends > now and (place, owner) == (realm, login) and _covers(others, scopes):
                return token
        return None

    def keep(self, key: Key, token: Token, now: float) -> None:
        """Keep *token*, and forget those that have ended by *now*."""
        self._kept = {each: kept for each, kept in self._kept.items() if kept.ends > now}
        if len(self._kept) >= _MOST_KEPT:
            del self._kept[min(self._kept, key=lambda each: self._kept[each].ends)]
        self._kept[key] = token

    def forget(self, value: str) -> None:
        """A registry did not take this one."""
        self._kept = {key: kept for key, kept in self._kept.items() if kept.value != value}


def _covers(held: tuple[Scope, ...], wanted: tuple[Scope, ...]) -> bool:
    return bool(wanted) and merged((*held, *wanted)) == held
