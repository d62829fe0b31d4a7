"""What becomes of a key of Distribution's: it is honoured, has no effect, or is refused.

A key that is honoured sets settings of our tree. What takes several keys to decide is told by a
`Rule`, beside the table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from lading.app.config.distribution.kinds import Kind


@dataclass(frozen=True, slots=True)
class Honoured:
    """It means something here: ``settings`` are set by it.

    ``by`` makes the value of the only one of them; without it, the value is taken as it is.
    Where a `Rule` names the key, that decides instead.
    """

    settings: tuple[str, ...]
    by: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class WithoutEffect:
    """It may stand there, and changes nothing."""

    because: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The server does not start with it, unless it is empty or off."""

    because: str
    advice: str


Outcome: TypeAlias = Honoured | WithoutEffect | Refused


@dataclass(frozen=True, slots=True)
class Key:
    """A key, by the dotted names that lead to it; ``[]`` stands for each entry of a list."""

    name: str
    kind: Kind
    outcome: Outcome
    secret: bool = False


Given: TypeAlias = Mapping[str, Any]
"""Values by the names of their keys; only those that were written."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What several keys say together: if any of them is given, settings and their values."""

    keys: tuple[str, ...]
    gives: Callable[[Given], Mapping[str, Any]]


def honoured(*settings: str, by: Callable[[Any], Any] | None = None) -> Honoured:
    """It sets *settings*."""
    return Honoured(settings, by)


def without_effect(because: str) -> WithoutEffect:
    """It changes nothing."""
    return WithoutEffect(because)


def refused(because: str, advice: str) -> Refused:
    """The server does not start with it."""
    return Refused(because, advice)
