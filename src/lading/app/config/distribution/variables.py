"""``REGISTRY_*``: variables that lie over Distribution's file, by its rules.

The name of a variable is the way to a place in the file; its value is YAML. Whatever stands at
that place is replaced as a whole, and later names (by the alphabet) may then fill it. Where
Distribution ignores or dies of a form that people use, the form works: entries of lists by number,
switches below ``maintenance``, variables into what the file has already.

A name with ``_FILE`` behind it reads the value from a file, as text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lading.app.config.distribution import kinds
from lading.app.config.distribution.keys import TREE, Branch, leaves
from lading.app.config.distribution.outcomes import Key
from lading.app.config.nearest import nearest
from lading.app.config.written import Written, mapping, text_of, word
from lading.app.config.yaml import said
from lading.errors import ConfigInvalid

PREFIX = "REGISTRY_"
CONFIGURATION_PATH = "REGISTRY_CONFIGURATION_PATH"
"""Names the file, if the command line does not."""

_FILE = "_FILE"
_LOGINS = "REGISTRY_AUTH_FILE"
_VERSION = "REGISTRY_VERSION"
_KUBERNETES = re.compile(
    r"REGISTRY_(?:[A-Z0-9_]*_)?"
    r"(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?"
    r"|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)",
    re.ASCII,
)
_KUBERNETES_URL = re.compile(r"(?:tcp|udp|sctp)://", re.ASCII)

# Variables are named by the fields of Distribution's program, which are not all called as the keys.
_FIELDS = {
    "health.file": "filecheckers",
    "health.http": "httpcheckers",
    "health.tcp": "tcpcheckers",
    "notifications.events": "eventconfig",
    "log.hooks.options": "mailoptions",
}
_MAPS = ("storage", "auth")
_SHOWN = 3
_ALIKE = 0.8
"""How much of a variable has to be alike: they all begin in the same way."""

Way = list[str | int]


@dataclass(slots=True)
class Overlaid:
    """What there is to say about variables that were laid over a file."""

    warnings: list[str] = field(default_factory=list)
    mistakes: list[ConfigInvalid] = field(default_factory=list)


def theirs(environment: Mapping[str, str]) -> list[str]:
    """The names in *environment* that configure a registry, sorted."""
    return sorted(
        name
        for name in environment
        if name.startswith(PREFIX)
        and name not in (CONFIGURATION_PATH, _LOGINS)
        and not _injected(name, environment[name])
    )


def overlay(top: Written, environment: Mapping[str, str]) -> Overlaid:
    """Write the variables of *environment* into *top*, which is what a file says."""
    outcome = Overlaid()
    injected = sorted(
        n for n in environment if n.startswith(PREFIX) and _injected(n, environment[n])
    )
    if injected:
        more = f" and {len(injected) - _SHOWN} more" if len(injected) > _SHOWN else ""
        outcome.warnings.append(
            f"environment variables {', '.join(injected[:_SHOWN])}{more} look like those that "
            "Kubernetes makes for a service called registry; they are ignored"
        )
    if _LOGINS in environment:
        outcome.warnings.append(
            f"environment variable {_LOGINS} names a file of logins for clients; it is ignored"
        )
    for name in theirs(environment):
        try:
            _lay(top, name, environment, outcome)
        except ValueError as error:
            outcome.mistakes.append(ConfigInvalid(f"environment variable {name}: {error}"))
        except ConfigInvalid as error:
            outcome.mistakes.append(error)
    return outcome


def _injected(name: str, value: str) -> bool:
    if _KUBERNETES.fullmatch(name):
        return True
    return name.endswith("PORT") and _KUBERNETES_URL.match(value) is not None


def _lay(top: Written, name: str, environment: Mapping[str, str], outcome: Overlaid) -> None:
    where = f"environment variable {name}"
    if name == _VERSION:
        outcome.warnings.append(f"{where}: the version stands in the file alone; it is ignored")
        return
    pieces = name.removeprefix(PREFIX).split("_")
    way = _way(pieces)
    if way is not None:
        _put(top, way, said(environment[name], where) or Written(None, where, "null"))
    elif name.endswith(_FILE) and (way := _way(pieces[:-1])) is not None:
        if name.removesuffix(_FILE) in environment:
            raise ValueError(f"{name.removesuffix(_FILE)} is given as well; remove one of them")
        _put(top, way, word(_content(environment[name]), where))
    elif pieces[0].lower() in _MAPS and len(pieces) > 1 and not _known(pieces):
        sort = "storage driver" if pieces[0].lower() == "storage" else "way to ask who is there"
        raise ValueError(
            f"there is no {sort} called {pieces[1].lower()!r}{nearest(name, VARIABLES, cutoff=_ALIKE)}"
        )
    else:
        outcome.warnings.append(
            f"{where}: no such key; it is ignored{nearest(name, VARIABLES, cutoff=_ALIKE)}"
        )


def _known(pieces: list[str]) -> bool:
    return pieces[1].lower() in TREE.below[pieces[0].lower()].below


def _content(path: str) -> str:
    try:
        return text_of(Path(path)).rstrip("\r\n")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _way(pieces: list[str]) -> Way | None:
    """Where the *pieces* of a name lead; ``None`` if nowhere."""
    place, way, names = TREE, Way(), list[str]()
    rest = list(pieces)
    while rest:
        if place.rows and (not way or not isinstance(way[-1], int)):
            way.append(_index(rest.pop(0)))
        elif place.below:
            found = _field(place, names, rest)
            if found is None:
                return None
            names.append(found)
            way.append(found)
            place = place.below[found]
        else:
            return _within(place, way, rest)
    return way or None


def _field(place: Branch, names: list[str], rest: list[str]) -> str | None:
    """The name of what the next of *rest* means in *place*; it is taken off."""
    piece = rest.pop(0)
    if names == ["redis"] and piece == "OPTIONS" and rest:
        piece = rest.pop(0)
    if not (names and names[0] in _MAPS) and piece != piece.upper():
        return None
    for found in place.below:
        if piece.lower() == _FIELDS.get(".".join((*names, found)), found):
            return found
    return None


def _within(place: Branch, way: Way, rest: list[str]) -> Way | None:
    """The way into a value: an entry of a list, a name of a mapping."""
    kind = place.kind
    if kind is kinds.anything:
        return way
    if kind is not None and kind.schema.get("type") == "array" and len(rest) == 1:
        return [*way, _index(rest[0])]
    if kind in (kinds.facts, kinds.fields) and len(rest) == 1:
        return [*way, rest[0]]
    if kind is kinds.headers and len(rest) == 1:
        return [*way, rest[0]]
    if kind is kinds.headers and len(rest) == 2 and rest[1].isdecimal():
        return [*way, rest[0], _index(rest[1])]
    return None


def _index(piece: str) -> int:
    if not piece.isascii() or not piece.isdigit() or len(piece) > _SHOWN:
        raise ValueError(f"{piece!r} should be the number of an entry, which begin at 0")
    return int(piece)


def _put(top: Written, way: Way, value: Written) -> None:
    place = top
    for depth, step in enumerate(way):
        here = _spelled(place, step) if isinstance(step, str) and _any_case(way[:depth]) else step
        if depth == len(way) - 1:
            _set(place, here, value)
        else:
            place = _below(place, here) or _set(place, here, mapping(value.where))


def _any_case(way: Way) -> bool:
    """Whether names of the file's own stand there; keys are known in small letters alone."""
    place = TREE
    for step in way:
        if isinstance(step, str):
            place = place.below[step]
    return not place.below


def _below(place: Written, step: str | int) -> Written | None:
    if isinstance(step, int):
        entries = place.content if isinstance(place.content, list) else []
        return entries[step] if step < len(entries) else None
    return _pairs(place).get(step)


def _set(place: Written, step: str | int, value: Written) -> Written:
    if isinstance(step, int):
        if not isinstance(place.content, list):
            place.content, place.sort = [], "seq"
        if step > len(place.content):
            raise ValueError(f"there is no entry {step}: the list has {len(place.content)}")
        place.content[step : step + 1] = [value]
    else:
        _pairs(place)[step] = value
    return value


def _pairs(place: Written) -> dict[str, Written]:
    """What *place* has below; a word there, as in ``storage: filesystem``, becomes a name."""
    if not isinstance(place.content, dict):
        said = place.content if isinstance(place.content, str) else ""
        inside = {said: Written(None, place.where, "null")} if said else {}
        place.content, place.sort = inside, "map"
    return place.content


def _spelled(place: Written, name: str) -> str:
    """*name* as it stands in *place*, in whatever case; what is new there is in small letters."""
    for each in _pairs(place):
        if each.lower() == name.lower():
            return each
    return name.lower()


def variable(key: Key) -> str:
    """The variable that sets *key*; where it stands in a list, for the first entry."""
    pieces: list[str] = []
    names: list[str] = []
    for piece in key.name.split("."):
        name = piece.removesuffix("[]")
        names.append(name)
        pieces.append(_FIELDS.get(".".join(names), name))
        if piece.endswith("[]"):
            pieces.append("0")
    return PREFIX + "_".join(pieces).upper()


VARIABLES = [variable(key) for key in leaves() if key.name != "version"]
"""The variables of all keys; the version stands in the file alone."""
