"""Tokens (JWT) that somebody else gives out and signs, with the rights that stand in them.

Nothing of a token is believed before its signature holds, and a signature holds only by a key that
is trusted here: a key that a token brings along says merely which of those to use.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import jwt
from jwt.algorithms import get_default_algorithms

from lading.auth.chains import Distrusted, leaf_of
from lading.auth.keys import Key, Keyring, public_key
from lading.auth.remembered import Remembered
from lading.auth.trust import Trust
from lading.errors import Unauthorized
from lading.interfaces.access import Access, Credentials, Principal
from lading.wire import challenges
from lading.wire.challenges import Scope, merged

LEEWAY = 60
"""How many seconds the clocks of those who give out tokens may be wrong."""

INVALID = "invalid_token"
INSUFFICIENT = "insufficient_scope"

_MOST_KNOWN = 4096
_MOST_RIGHTS = 4096
_SIGNATURES = get_default_algorithms()


class _Unsigned(ValueError):
    """The signature does not hold."""


class _Invalid(ValueError):
    """It is no token, or not one for here and now."""


class _KeyUnknown(_Invalid):
    """The key that is named is not trusted."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a token has to say: who gave it out, for which service, signed how."""

    issuer: str
    service: str
    algorithms: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A token that holds: whose it is, and from when until when, in seconds of the epoch."""

    principal: Principal
    since: float
    until: float


class Tokens:
    """Lets in who shows a token that is good for what they want to do.

    Args:
        trust: the keys that sign tokens.
        rules: what a token has to say.
        realm: where clients get one; a path is one at the host that they asked.
    """

    def __init__(
        self, trust: Trust, rules: Rules, realm: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._trust = trust
        self._rules = rules
        self._realm = realm
        self._clock = clock
        self._keyring: Keyring | None = None
        self._known = Remembered[bytes, Ticket](_MOST_KNOWN)

    async def authenticate(
        self,
        credentials: Credentials | None,
        *,
        wanted: Sequence[Access],
        peer: str,  # noqa: ARG002 - signatures cannot be guessed
    ) -> Principal:
        """The user of the token that was shown; see `Authenticator.authenticate`."""
        if credentials is None or credentials.scheme != "bearer":
            raise Unauthorized(scope=_scope(wanted))
        try:
            principal = (await self._ticket(credentials.value)).principal
        except _Unsigned:
            raise Unauthorized("the token is not signed", scope=_scope(wanted)) from None
        except _Invalid as error:
            raise Unauthorized(str(error), scope=_scope(wanted), reason=INVALID) from None
        rights = principal.rights or frozenset()
        for access in wanted:
            if access not in rights and access._replace(action="*") not in rights:
                raise Unauthorized(
                    f"the token does not allow {access}",
                    scope=_scope(wanted),
                    reason=INSUFFICIENT,
                )
        return principal

    def challenge(self, refused: Unauthorized, *, base: str) -> str:
        """Where to get a token, and what for."""
        realm = self._realm
        if realm.startswith("/") and base:
            asked = urlsplit(base)
            realm = f"{asked.scheme}://{asked.netloc}{realm}"
        scopes = merged(each for each in Scope.parse_all(refused.scope) if _tellable(each))
        return challenges.bearer(realm, self._rules.service, scopes, refused.reason)

    async def _ticket(self, token: str) -> Ticket:
        ring = self._trust()
        if ring is not self._keyring:
            self._keyring = ring
            self._known.clear()
        # Only tokens that hold are remembered, so whoever has none makes nobody forget theirs.
        mark = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=32).digest()
        ticket = self._known.get(mark)
        now = self._clock()
        if ticket is not None and ticket.since <= now <= ticket.until:
            return ticket
        try:
            ticket = verified(token, ring, self._rules, now)
        except _KeyUnknown:
            await self._trust.sought()
            ring = self._trust()
            ticket = verified(token, ring, self._rules, now)
        if ring is self._keyring:
            self._known.put(mark, ticket)
        return ticket


def verified(token: str, ring: Keyring, rules: Rules, now: float) -> Ticket:
    """What *token* is good for at the time *now*, by the keys of *ring*.

    Raises:
        ValueError: nothing; the message tells why.
    """
    try:
        read = jwt.api_jws.PyJWS().decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise _Invalid("it is no token") from None
    header = read["header"]
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in rules.algorithms:
        raise _Invalid("its kind of signature is not taken")
    key, until = _signer(header, algorithm, ring, now)
    if not _holds(token, algorithm, key, read["signature"]):
        raise _Unsigned("its signature does not hold")
    return _ticket(read["payload"], rules, now, until)


def _signer(
    header: Mapping[str, Any], algorithm: str, ring: Keyring, now: float
) -> tuple[Key, float]:
    """The trusted key that a token names, and until when that is good."""
    inner = header.get("jwk")
    # As there, a chain of nobody is none: the key is named another way, or is not trusted.
    if header.get("x5c", []) != []:
        return _of_chain(header["x5c"], algorithm, ring, now)
    if inner is not None:
        if not isinstance(inner, dict):
            raise _Invalid("its key cannot be read")
        if inner.get("x5c", []) != []:
            return _of_chain(inner["x5c"], algorithm, ring, now)
        header = inner
    named = header.get("kid")
    key = ring.find(named, algorithm) if isinstance(named, str) else None
    if key is None:
        raise _KeyUnknown("its key is not trusted")
    return key, math.inf


def _of_chain(shown: Any, algorithm: str, ring: Keyring, now: float) -> tuple[Key, float]:
    try:
        leaf, until = leaf_of(shown, ring.roots, datetime.fromtimestamp(now, UTC))
    except Distrusted:
        raise _Invalid("its certificate is not trusted") from None
    found = public_key(leaf)
    key = Key(found) if found is not None else None
    if key is None or not key.fits(algorithm):
        raise _Invalid("its certificate does not fit its kind of signature")
    return key, until.timestamp()


def _holds(token: str, algorithm: str, key: Key, signature: bytes) -> bool:
    signed = token.rpartition(".")[0].encode()
    try:
        return _SIGNATURES[algorithm].verify(signed, key.material, signature)
    except (jwt.PyJWTError, ValueError, TypeError):
        return False


def _ticket(payload: bytes, rules: Rules, now: float, until: float) -> Ticket:
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError):
        raise _Invalid("its claims cannot be read") from None
    if not isinstance(claims, dict):
        raise _Invalid("its claims cannot be read")
    if claims.get("iss") != rules.issuer:
        raise _Invalid("somebody else gave it out")
    audience = claims.get("aud")
    if rules.service not in (audience if isinstance(audience, list) else [audience]):
        raise _Invalid("it is for another service")
    expires = _seconds(claims, "exp") + LEEWAY
    since = _seconds(claims, "nbf") - LEEWAY
    if expires < now:
        raise _Invalid("it has expired")
    if since > now:
        raise _Invalid("it is not valid yet")
    subject = claims.get("sub")
    # JSON can spell halves of characters, which nobody can write down.
    name = subject.encode(errors="replace").decode() if isinstance(subject, str) else ""
    access = claims.get("access")
    principal = Principal(name, frozenset(_rights(access)), frozenset(_classes(access)))
    return Ticket(principal, since, min(expires, until))


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    """A time of the claims; 1970, if there is none, as a token that never expires is refused."""
    value = claims.get(name)
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Invalid("its times cannot be read")
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf
    if not math.isfinite(seconds):
        raise _Invalid("its times cannot be read")
    return seconds


def _rights(access: Any) -> Iterator[Access]:
    if access is None:
        return
    count = 0
    try:
        for each in access:
            kind, name, actions = each["type"], each["name"], each["actions"]
            if not (isinstance(kind, str) and isinstance(name, str)):
                raise _Invalid("its rights cannot be read")
            for action in actions or ():
                count += 1
                if not isinstance(action, str) or count > _MOST_RIGHTS:
                    raise _Invalid("its rights cannot be read")
                yield Access(kind, name, action)
    except (TypeError, KeyError):
        raise _Invalid("its rights cannot be read") from None


def _classes(access: Any) -> Iterator[tuple[str, str]]:
    """The kinds of content that rights to repositories are for; who says nothing means images."""
    for each in access or ():
        named = each.get("class") or "image"
        if not isinstance(named, str):
            raise _Invalid("its rights cannot be read")
        if each["type"] == "repository":
            yield each["name"], named


def _scope(wanted: Sequence[Access]) -> str:
    return " ".join(map(str, wanted))


def _tellable(scope: Scope) -> bool:
    # A header holds no more than this, and whoever asks may have written anything into a name.
    return scope.name.isascii() and scope.name.isprintable()
