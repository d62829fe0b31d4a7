"""What the environment says about who reads what a command prints."""

import os
from collections.abc import Mapping
from typing import NamedTuple

_COMPLETION = "_LADING_COMPLETE"


class Terminal(NamedTuple):
    """Whether a terminal that shows something is wanted to show it moving, and in colour."""

    moving: bool
    colour: bool


def terminal(environment: Mapping[str, str] | None = None) -> Terminal:
    """What NO_COLOR, TERM and CI ask for; whether there is a terminal at all is another question.

    Build servers often pretend to be a terminal, and keep every line that a bar ever had.
    """
    said = _environment(environment)
    dumb = said.get("TERM") == "dumb"
    builds = said.get("CI", "").lower() not in ("", "0", "false")
    return Terminal(moving=not dumb and not builds, colour=not dumb and not said.get("NO_COLOR"))


def completion(environment: Mapping[str, str] | None = None) -> tuple[str, str]:
    """The variable by which a shell asks for completions, and what it asks (empty if it does not).

    The scripts that ``lading completion`` prints set it.
    """
    return _COMPLETION, _environment(environment).get(_COMPLETION, "")


def _environment(given: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if given is None else given  # noqa: TID251 - that of the process
