"""What a file of Distribution's means: which settings of ours it sets, and what is said about it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from lading.app.config.distribution import kinds, serving, storage
from lading.app.config.distribution.keys import DEFAULTS, RULES, SETTINGS, TREE, Branch
from lading.app.config.distribution.outcomes import Honoured, Key, Refused, Rule, WithoutEffect
from lading.app.config.nearest import nearest
from lading.app.config.options import Setting
from lading.app.config.written import Written
from lading.errors import ConfigInvalid

DEFAULT = "default with version: 0.1"
"""Where a setting comes from that Distribution's file does not name."""

_SHARED = ("maintenance", "cache", "delete", "redirect", "tag")


@dataclass(slots=True)
class Meaning:
    """Values by the keys of settings, where each was written and by which name; warnings; mistakes."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    mistakes: list[ConfigInvalid] = field(default_factory=list)

    def wrong(self, where: str, what: str, advice: str = "") -> None:
        """Remember a mistake."""
        error = ConfigInvalid(f"{where}: {what}")
        if advice:
            error.advice = advice
        self.mistakes.append(error)


def meaning_of(top: Written, known: Mapping[str, Setting]) -> Meaning:
    """What *top* says, which is a file with its variables; *known* are all settings."""
    meaning = Meaning(dict(DEFAULTS), dict.fromkeys(DEFAULTS, DEFAULT))
    reading = _Reading(meaning)
    _choose(top, meaning)
    reading.section(top, TREE, "")
    ruled = {name for rule in RULES for name in rule.keys}
    for name, (key, value, where) in reading.found.items():
        if key is not None and isinstance(key.outcome, Honoured) and name not in ruled:
            by, (setting, *_) = key.outcome.by, key.outcome.settings
            said = _Said(name, where)
            _set(meaning, known, said, partial(_alone, setting, by, value))
    for rule in RULES:
        _apply(rule, reading, meaning, known)
    return meaning


def _apply(rule: Rule, reading: "_Reading", meaning: Meaning, known: Mapping[str, Setting]) -> None:
    given = [name for name in rule.keys if name in reading.found]
    if given:
        values = {name: value for name, (_, value, _) in reading.found.items()}
        said = {name: _Said(name, reading.found[name][2]) for name in given}
        by = {s: said[name] for name in given for s in SETTINGS.get(name, ())}
        _set(meaning, known, said[given[-1]], lambda: rule.gives(values), by)


def _alone(setting: str, by: Callable[[Any], Any] | None, value: Any) -> Mapping[str, Any]:
    return {setting: by(value) if by else value}


class _Said(NamedTuple):
    """By which key something was said, and where."""

    name: str
    where: str


def _set(
    meaning: Meaning,
    known: Mapping[str, Setting],
    said: _Said,
    gives: Callable[[], Mapping[str, Any]],
    by: Mapping[str, _Said] = MappingProxyType({}),
) -> None:
    """Set what is given, which was *said* as a whole, and some of it *by* keys of its own."""
    try:
        for setting, value in gives().items():
            # A word still has to be one that the setting takes.
            taken = known[setting].reader(value) if isinstance(value, str) else value
            if isinstance(value, tuple) and all(isinstance(each, str) for each in value):
                build = known[setting].reader.build
                taken = build(list(value)) if build else value
            meaning.values[setting] = taken
            meaning.names[setting], meaning.origins[setting] = by.get(setting, said)
    except ValueError as error:
        meaning.wrong(said.where, f"{said.name}: {error}")


def _choose(top: Written, meaning: Meaning) -> None:
    """See to it that there is one place for content, and at most one way to know who asks."""
    content = top.content if isinstance(top.content, dict) else {}
    drivers = _chosen(content.get("storage"), _SHARED)
    where = content["storage"].where if "storage" in content else top.where
    if not drivers:
        meaning.wrong(where, "storage: no place for content is named", storage.USE_FILES)
    _only_one(drivers, "storage", "Keep one of them, or choose with REGISTRY_STORAGE.", meaning)
    methods = _chosen(content.get("auth"), ())
    for name in [each for each in methods if each.lower() == "none"]:
        auth = content["auth"].content
        assert isinstance(auth, dict)
        del auth[name], methods[name]
    _only_one(methods, "auth", "Keep one of them, or choose with REGISTRY_AUTH.", meaning)
    for found, names, what in (
        (drivers, storage.DRIVERS, "storage: there is no driver"),
        (methods, serving.METHODS, "auth: there is no way to know who asks"),
    ):
        for name in found:
            if name not in names:
                meant = nearest(name.lower(), (*names, *_SHARED) if found is drivers else names)
                meaning.wrong(found[name], f"{what} called {name!r}{meant}")


def _chosen(value: Written | None, apart_from: tuple[str, ...]) -> dict[str, str]:
    """The names below *value*, with their places; it may also be a name itself."""
    if value is None:
        return {}
    if isinstance(value.content, str):
        name = value.content
        inside = Written(None, value.where, "null")
        value.content, value.sort = ({name: inside} if name else {}), "map"
    pairs = value.content if isinstance(value.content, dict) else {}
    return {name: each.where for name, each in pairs.items() if name not in apart_from}


def _only_one(found: Mapping[str, str], name: str, advice: str, meaning: Meaning) -> None:
    if len(found) > 1:
        last = list(found.values())[-1]
        meaning.wrong(last, f"{name}: one of {', '.join(sorted(found))} has to be chosen", advice)


class _Reading:
    """A walk over everything that was written, by the table of keys."""

    def __init__(self, meaning: Meaning) -> None:
        self.found: dict[str, tuple[Key | None, Any, str]] = {}
        self._meaning = meaning

    def section(self, value: Written, place: Branch, name: str) -> None:
        """Read what stands in a section, *name* is the way to it."""
        for below, written, inner in self._entries(value, place, name):
            full = f"{name}.{below}" if name else below
            if full == "version":
                continue
            if inner.key is not None and not self._admit(inner.key, written):
                continue
            if inner.rows:
                self._rows(written, inner, full)
            elif inner.below:
                if inner.key is not None:
                    self.found[full] = (None, True, written.where)
                self.section(written, inner, full)
            elif inner.key is not None:
                self._value(inner.key, written, full)

    def _entries(
        self, value: Written, place: Branch, name: str
    ) -> Iterator[tuple[str, Written, Branch]]:
        if value.content is None:
            return
        if not isinstance(value.content, dict):
            self._meaning.wrong(value.where, f"{name}: should hold keys and values")
            return
        for below, written in value.content.items():
            if below in place.below:
                yield below, written, place.below[below]
            elif name not in ("storage", "auth") and not (name == "" and below == "lading"):
                full = f"{name}.{below}" if name else below
                self._meaning.warnings.append(
                    f"{written.where}: {full}: no such key; it is ignored"
                    f"{nearest(below.lower(), place.below)}"
                )

    def _admit(self, key: Key, written: Written) -> bool:
        """Whether the value of *key* is to be read; what is refused as a whole is not."""
        if isinstance(key.outcome, Refused) and key.kind in (kinds.section, kinds.anything):
            if written.content or key.kind is kinds.section:
                self._refuse(key, written.where)
            return False
        if isinstance(key.outcome, WithoutEffect) and key.kind is kinds.anything:
            self._meaning.warnings.append(_idle(key, key.outcome, written.where))
            return False
        return True

    def _rows(self, value: Written, place: Branch, name: str) -> None:
        if value.content is None:
            return
        if not isinstance(value.content, list):
            self._meaning.wrong(value.where, f"{name}: should be a list")
            return
        rows = []
        for number, each in enumerate(value.content):
            inner = _Reading(self._meaning)
            before = len(self._meaning.mistakes)
            inner.section(each, place, f"{name}[{number}]")
            if len(self._meaning.mistakes) > before:
                # What is wrong with it has been said; what it lacks for that need not be.
                continue
            prefix = len(f"{name}[{number}].")
            rows.append(
                {
                    key[prefix:]: value
                    for key, (known, value, _) in inner.found.items()
                    if known is not None and isinstance(known.outcome, Honoured)
                }
            )
        self.found[name] = (None, rows, value.origin)

    def _value(self, key: Key, written: Written, name: str) -> None:
        # As in Go, nothing is as good as absent.
        if written.content is None and key.kind is not kinds.section:
            return
        try:
            value = key.kind.read(written)
        except ValueError as error:
            what = f"should be {key.kind.takes}" if key.secret else str(error)
            self._meaning.wrong(written.where, f"{name}: {what}")
            return
        match key.outcome:
            case WithoutEffect():
                self._meaning.warnings.append(_idle(key, key.outcome, written.where))
            case Refused() if value:
                self._refuse(key, written.where)
            case _:
                self.found[name] = (key, value, written.origin)
                for each in key.kind.idle(written):
                    self._meaning.warnings.append(
                        f"{each.where}: {name}: {each.shown} has no effect; "
                        f"the key takes {key.kind.takes}"
                    )

    def _refuse(self, key: Key, where: str) -> None:
        assert isinstance(key.outcome, Refused)
        self._meaning.wrong(where, f"{key.name}: {key.outcome.because}", key.outcome.advice)


def _idle(key: Key, outcome: WithoutEffect, where: str) -> str:
    return f"{where}: {key.name} has no effect: {outcome.because}"
