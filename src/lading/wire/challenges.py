"""Who asks: what a client shows in ``Authorization``, and the challenge it gets (RFC 9110, 11)."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Self

from lading.errors import RequestInvalid
from lading.wire.headers import utf8


def shown(authorization: str | None) -> tuple[str, str] | None:
    """The scheme in lower case and the credentials of an ``Authorization`` field.

    Bearer and Basic credentials are one word each; anything that has no scheme shows nothing.
    """
    if authorization is None:
        return None
    scheme, _, value = authorization.strip().partition(" ")
    return (scheme.lower(), value.strip()) if scheme and value else None


def basic(realm: str) -> str:
    """A ``WWW-Authenticate`` challenge for a name and a password (RFC 7617)."""
    return f"Basic realm={_quoted(realm)}"


def name_and_password(value: str) -> tuple[str, str] | None:
    """What the value of Basic credentials says; ``None`` if it is broken (RFC 7617, 2)."""
    try:
        name, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (name, password) if colon else None


def bearer(
    realm: str,
    service: str,
    scope: "Scope | Sequence[Scope] | None" = None,
    error: str | None = None,
) -> str:
    """A ``WWW-Authenticate`` challenge for a token, to be had at *realm* (RFC 6750, 3)."""
    scopes = [scope] if isinstance(scope, Scope) else scope or ()
    said = {"realm": realm, "service": service, "scope": " ".join(str(each) for each in scopes)}
    if error:
        said["error"] = error
    return "Bearer " + ",".join(f"{key}={_quoted(value)}" for key, value in said.items() if value)


def basic_credentials(name: str, password: str) -> str:
    """The ``Authorization`` of a name and a password (RFC 7617, 2)."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


class Scope(NamedTuple):
    """Rights to one thing: ``repository:library/alpine:pull,push``."""

    kind: str
    name: str
    actions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``kind:name:action,action``; a name may hold colons.

        Raises:
            RequestInvalid: it is no scope.
        """
        kind, first, rest = text.partition(":")
        name, second, actions = rest.rpartition(":")
        if not (kind and first and name and second) or any(each.isspace() for each in text):
            raise RequestInvalid(f"scope {text!r}")
        return cls(kind, name, tuple(dict.fromkeys(filter(None, actions.split(",")))))

    @classmethod
    def parse_all(cls, text: str) -> tuple[Self, ...]:
        """Read scopes with spaces between them; what is none is left out (trap T51)."""
        found = []
        for each in text.split():
            try:
                found.append(cls.parse(each))
            except RequestInvalid:
                continue
        return tuple(found)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{','.join(self.actions)}"


def merged(scopes: Iterable[Scope]) -> tuple[Scope, ...]:
    """*scopes* in one order, each thing once, with all the actions that were named for it."""
    found: dict[tuple[str, str], set[str]] = {}
    for scope in scopes:
        found.setdefault((scope.kind, scope.name), set()).update(scope.actions)
    return tuple(
        Scope(kind, name, tuple(sorted(actions))) for (kind, name), actions in sorted(found.items())
    )


class Challenge(NamedTuple):
    """What a server wants to be shown; scheme and names are in lower case (RFC 9110, 11.3)."""

    scheme: str
    parameters: Mapping[str, str]
    token: str
    """What schemes say that have no parameters, such as Negotiate."""


_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(
    # Realms stand there without quotes at times, so more than a token is taken.
    rf'\s*({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"=][^\s,"]*))',
    re.DOTALL,
)
_SCHEME = re.compile(rf"\s*({_WORD})(?=\s|,|$)")
_TOKEN68 = re.compile(r"\s+([A-Za-z0-9._~+/-]+=*)\s*(?=,|$)")
_SEPARATORS = re.compile(r"[\s,]*")
_LETTERS = dict(zip("\a\b\f\n\r\t\v", "abfnrtv", strict=True))


def parse(fields: Iterable[str]) -> tuple[Challenge, ...]:
    """All challenges of all ``WWW-Authenticate`` fields, in order (RFC 9110, 11.6.1).

    Several may stand in one field. What cannot be understood ends the field it stands in.
    """
    found: list[Challenge] = []
    for text in fields:
        found.extend(_challenges(text))
    return tuple(found)


def _challenges(text: str) -> Iterator[Challenge]:
    place = _skipped(text, 0)
    while place < len(text):
        scheme = _SCHEME.match(text, place)
        if scheme is None:
            return
        place = scheme.end()
        parameters: dict[str, str] = {}
        token = ""
        if (alone := _TOKEN68.match(text, place)) and _PARAMETER.match(text, place) is None:
            token, place = alone[1], alone.end()
            place = _skipped(text, place)
        else:
            place = _skipped(text, place)
            while parameter := _PARAMETER.match(text, place):
                name, quoted, plain = parameter.groups()
                value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                parameters.setdefault(name.lower(), value)
                place = _skipped(text, parameter.end())
        yield Challenge(scheme[1].lower(), parameters, token)


def _skipped(text: str, place: int) -> int:
    gap = _SEPARATORS.match(text, place)
    return gap.end() if gap else place


def _quoted(text: str) -> str:
    """*text* as Go quotes it: what cannot be printed by its number, all else in UTF-8."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    if not escaped.isprintable():
        escaped = "".join(each if each.isprintable() else _escaped(each) for each in escaped)
    return f'"{utf8(escaped)}"'


def _escaped(character: str) -> str:
    if letter := _LETTERS.get(character):
        return f"\\{letter}"
    number = ord(character)
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
