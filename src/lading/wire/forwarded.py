"""What proxies say of the requests they pass on: ``Forwarded`` (RFC 7239) and its forerunners.

Whether they are to be believed is not decided here. What they say is read so that nothing but an
address, ``http`` or ``https``, and a host with a port can come of it.
"""

import ipaddress
import re
from collections.abc import Mapping

_LONGEST = 261
"""The longest name of a host there can be, with the longest port behind it."""

_HOST = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?",
    re.ASCII,
)
_SCHEMES = frozenset({"http", "https"})
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a word of the grammar of HTTP
_PAIR = re.compile(
    rf'[ \t]*({_TOKEN})=({_TOKEN}|"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*")[ \t]*([;,]|$)',
    re.ASCII,
)


def host(text: str) -> str | None:
    """*text*, if it is a host with or without a port and nothing else."""
    return text if len(text) <= _LONGEST and _HOST.fullmatch(text) else None


def scheme(text: str) -> str | None:
    """*text* in lower case, if it is a scheme that registries are reached by."""
    found = text.lower()
    return found if found in _SCHEMES else None


def address(text: str) -> str | None:
    """The address of *text*, which may have a port; ``None`` if there is no address in it."""
    bracketed = text.startswith("[")
    if bracketed:
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def bare_address(text: str) -> str | None:
    """*text*, if it is an address without a port, brackets or a zone, and nothing else."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if "%" in text else text


def elements(value: str) -> list[Mapping[str, str]]:
    """What each proxy said, in the order of a ``Forwarded`` field; nothing, if it is none.

    The names of parameters are in lower case.
    """
    found: list[Mapping[str, str]] = []
    current: dict[str, str] = {}
    at, end = 0, ","
    while at < len(value):
        pair = _PAIR.match(value, at)
        if pair is None:
            return []
        name, said, end = pair.groups()
        current.setdefault(name.lower(), _unquoted(said))
        at = pair.end()
        if end != ";":
            found.append(current)
            current = {}
    return found if end == "" else []


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
