"""Who we are at one registry: challenges answered, tokens fetched once and used until they end.

Credentials go to the registry's own origin and to the realm that its own challenge names. A realm
hears them only where nobody else can, unless it is where the registry itself was to be spoken to
without encryption.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple
from weakref import WeakValueDictionary

from lading.bodies import Bytes
from lading.client.asking.calls import collected
from lading.client.asking.tokens import NEXT_WAY, Asking, Key, Realm, Token, Tokens, ways
from lading.client.connections.origin import Origin
from lading.client.connections.transport import Transport
from lading.client.logins.credentials import Keyring, Login
from lading.errors import LadingError, ReferenceInvalid, Unauthorized, UpstreamFailed
from lading.wire import problems
from lading.wire.challenges import Challenge, Scope, basic_credentials, merged, parse
from lading.wire.message import Headers, Request

_LONGEST_TOKEN = 1 << 20

Patiently = Callable[[Callable[[], Awaitable["Told"]]], Awaitable["Told"]]
"""Does something again while it fails in ways that may pass."""


class Told(NamedTuple):
    """A short answer, read whole."""

    status: int
    headers: Headers
    body: bytes


@dataclass(slots=True)
class Shown:
    """What one request shows: the value of ``Authorization``, and what it rests on."""

    value: str | None = None
    scopes: tuple[Scope, ...] = ()
    token: Token | None = None


class Authority:
    """Our standing at one registry.

    Args:
        name: the host under which logins for it are kept.
        keyring: where they are kept.
        transport: the way to realms.
        patiently: how realms are asked.
        now: the time in seconds since 1970.
    """

    def __init__(
        self,
        name: str,
        keyring: Keyring,
        transport: Transport,
        patiently: Patiently,
        now: Callable[[], float],
    ) -> None:
        self._name = name
        self._keyring = keyring
        self._transport = transport
        self._patiently = patiently
        self._now = now
        self._wanted: Challenge | None = None
        self._logins: dict[str, Login | None] = {}
        self._tokens = Tokens()
        self._asking: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()
        self._widened: dict[tuple[Scope, ...], tuple[Scope, ...]] = {}

    async def shown(self, origin: Origin, scopes: tuple[Scope, ...]) -> Shown:
        """What a request for *scopes* to the registry at *origin* shows; nothing at first.

        Raises:
            Unauthorized: the realm does not take our credentials.
            CredentialsFailed: they cannot be had.
            UpstreamFailed: the realm failed.
        """
        wanted = self._wanted
        if wanted is None:
            return Shown()
        scopes = merged(scopes)
        login = await self._login(scopes)
        if wanted.scheme == "basic":
            if login is None or not login.password:
                return Shown()
            return Shown(basic_credentials(login.username, login.password))
        if login is not None and login.registry_token:
            return Shown(f"Bearer {login.registry_token}")
        realm = Realm.of(wanted)
        if realm is None:
            return Shown()
        asked = self._widened.get(scopes, scopes)
        token = await self._token(origin, realm, login, asked)
        return Shown(f"Bearer {token.value}", asked, token)

    def challenged(self, headers: Headers, scopes: tuple[Scope, ...], shown: Shown) -> bool:
        """Take in a refusal of what was *shown*; whether there is more to show now."""
        found = parse(headers.all(b"www-authenticate"))
        chosen = next((each for each in found if Realm.of(each) and each.scheme == "bearer"), None)
        chosen = chosen or next((each for each in found if each.scheme == "basic"), None)
        if chosen is None:
            return False
        before, self._wanted = self._wanted, chosen
        if chosen.scheme == "basic":
            return shown.value is None or not shown.value.startswith("Basic ")
        scopes = merged(scopes)
        named = Scope.parse_all(chosen.parameters.get("scope", ""))
        asked = merged((*shown.scopes, *scopes, *named))
        if shown.token is None:
            self._widen(scopes, asked)
            return shown.value is None or before != chosen
        self._tokens.forget(shown.token.value)
        # Where the same was asked for and refused, a fresh token helps only if that one was old.
        self._widen(scopes, asked)
        return True

    def _widen(self, scopes: tuple[Scope, ...], asked: tuple[Scope, ...]) -> None:
        if asked == scopes:
            self._widened.pop(scopes, None)
            return
        if len(self._widened) >= 1024:
            self._widened.clear()
        self._widened[scopes] = asked

    async def _login(self, scopes: Sequence[Scope]) -> Login | None:
        # Several repositories may have a part in a request; the one that is changed decides.
        names = sorted(
            (each for each in scopes if each.kind == "repository"),
            key=lambda scope: "push" not in scope.actions,
        )
        repository = names[0].name if names else ""
        if repository not in self._logins:
            if len(self._logins) >= 1024:
                self._logins.clear()
            self._logins[repository] = await self._keyring.find(self._name, repository)
        return self._logins[repository]

    async def _token(
        self, origin: Origin, realm: Realm, login: Login | None, scopes: tuple[Scope, ...]
    ) -> Token:
        key = (realm, login, scopes)
        lock = self._asking.get(key)
        if lock is None:
            lock = self._asking[key] = asyncio.Lock()
        async with lock:
            token = self._tokens.find(key, self._now())
            if token is None:
                token = await self._fetched(origin, realm, login, scopes)
                self._tokens.keep(key, token, self._now())
        return token

    async def _fetched(
        self, origin: Origin, realm: Realm, login: Login | None, scopes: tuple[Scope, ...]
    ) -> Token:
        try:
            place = realm.origin
        except ReferenceInvalid:
            raise UpstreamFailed(
                f"{origin} names {realm.url[:200]!r} as its realm", status=401
            ) from None
        told: Told | None = None
        for asking in ways(realm, scopes, login):
            if asking.secret and not _is_safe(place, origin):
                raise self._refused(f"{origin} wants a password sent to {place} unencrypted")
            told = await self._patiently(partial(self._asked, place, asking))
            if told.status not in NEXT_WAY:
                break
        assert told is not None
        if told.status == 200:
            return Token.read(told.body, realm.url, self._now())
        raise self._failure(place, login, told)

    async def _asked(self, place: Origin, asking: Asking) -> Told:
        headers = Headers.of([("Accept", "application/json"), *asking.headers])
        request = Request(asking.method, asking.path, asking.query, headers, Bytes(asking.form))
        response = await self._transport.to(place)(request)
        body = await collected(response, limit=_LONGEST_TOKEN)
        return Told(response.status, Headers.of(response.headers), body or b"")

    def _failure(self, place: Origin, login: Login | None, told: Told) -> LadingError:
        if told.status not in {400, 401, 403}:
            if told.status == 429:
                return problems.decode(told.status, told.headers, told.body)
            return UpstreamFailed(f"{place} gave no token: {told.status}", status=told.status)
        who = (
            f"the login of {login.username or 'its token'}" if login else "a request without login"
        )
        found = f", found in {login.came_from}" if login and login.came_from else ""
        return self._refused(f"{place} refused {who}{found}")

    def _refused(self, subject: str) -> Unauthorized:
        error = Unauthorized(subject)
        error.advice = f"Log in with `lading login {self._name}`."
        return error


def _is_safe(realm: Origin, registry: Origin) -> bool:
    return realm.is_safe or (registry.scheme == "http" and realm.host == registry.host)
