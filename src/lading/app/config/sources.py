"""Where settings come from: defaults < file < environment < flags.

The file is YAML. Our keys stand under one top-level ``lading``, where an unknown key is an error. A
file with ``version: 0.1`` is one of Distribution's: its keys and ``REGISTRY_*`` variables set the
same settings, with its defaults, and what stands under ``lading`` lies over them. A variable that
begins with ``LADING__`` and means nothing is an error too. Every error says where the setting
stands, what was wrong with it, and which name was probably meant.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from lading.app.config.doors import HttpConfig
from lading.app.config.nearest import nearest
from lading.app.config.options import Setting
from lading.app.config.tree import Config, built, sections, settings
from lading.app.config.written import Written, text_of
from lading.errors import ConfigInvalid

DEFAULT = "default"
"""Where a setting comes from that nobody has named."""

_OURS = "lading"
_THEIRS = "REGISTRY_"
_PREFIX = "LADING__"
_FILE = "_FILE"
_PATH = "REGISTRY_CONFIGURATION_PATH"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, what is odd about it or where it came from, and which were *given*.

    ``origins`` tells where a setting was said; those that are not in it have our defaults. ``names``
    tells how those are called there that have another name than ours.
    """

    config: Config
    warnings: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()
    origins: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def placed(self, error: ConfigInvalid) -> ConfigInvalid:
        """*error* by the name that its setting has where it was written, and with that place."""
        if not error.setting:
            return error
        why = error.subject.removeprefix(error.setting)
        where = self.origins.get(error.setting)
        name = self.names.get(error.setting, error.setting)
        placed = ConfigInvalid(f"{f'{where}: ' if where else ''}{name}{why}")
        placed.advice = error.advice
        return placed

    @contextmanager
    def placing(self) -> Iterator[None]:
        """Let a mistake that is raised meanwhile be `placed`."""
        try:
            yield
        except ConfigInvalid as error:
            if not error.setting:
                raise
            raise self.placed(error) from error


@dataclass(slots=True)
class _Sources:
    """What was gathered until now."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    mistakes: list[ConfigInvalid] = field(default_factory=list)

    def set(self, key: str, value: Any, where: str) -> None:
        self.values[key] = value
        self.origins[key] = where
        self.names.pop(key, None)
        self.given.add(key)

    def wrong(self, what: str, *, usage: bool = False) -> None:
        mistake = ConfigInvalid(what)
        if usage:
            mistake.exit_code = 2
        self.mistakes.append(mistake)


def load(
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, tuple[str, str | None]] | None = None,
) -> Loaded:
    """Read all sources and lay them over each other.

    *environment* is that of the process unless given. *flags* maps dotted keys to the flag's name
    and its text; those whose text is ``None`` were not given.

    Raises:
        ConfigInvalid: a file that cannot be read, an unknown name, or a value out of its domain.
    """
    loaded, mistakes = examined(file=file, environment=environment, flags=flags)
    if mistakes:
        first = mistakes[0]
        if len(mistakes) > 1 and file is not None:
            first.advice += f" Of {len(mistakes)} mistakes, `lading config check {file}` shows all."
        raise first
    return loaded


def examined(
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, tuple[str, str | None]] | None = None,
) -> tuple[Loaded, list[ConfigInvalid]]:
    """As `load`, but all mistakes are gathered, and what is not mistaken is loaded."""
    if environment is None:
        environment = os.environ  # noqa: TID251 - here, and nowhere else
    known = {setting.key: setting for setting in settings()}
    sources = _Sources()
    theirs = False
    if file is not None:
        try:
            theirs = _take_file(sources, file, environment, known)
        except ConfigInvalid as error:
            sources.mistakes.append(error)
    if not theirs and any(name.startswith(_THEIRS) for name in environment):
        _warn_of_their_variables(sources, environment)
    _take_environment(sources, environment, known)
    for key, (name, given) in (flags or {}).items():
        if given is not None:
            _take_text(sources, known[key], given, name, usage=True)
    return _loaded(sources), sources.mistakes


def configuration_path(environment: Mapping[str, str] | None = None) -> Path | None:
    """The file that ``REGISTRY_CONFIGURATION_PATH`` names, if it does."""
    if environment is None:
        environment = os.environ  # noqa: TID251 - as in `examined`
    named = environment.get(_PATH)
    return Path(named) if named else None


def _loaded(sources: _Sources) -> Loaded:
    config = built(sources.values)
    _warn_of_another_path(sources, config.http)
    return Loaded(
        config,
        tuple(sources.warnings),
        frozenset(sources.given),
        dict(sources.origins),
        dict(sources.names),
    )


def _take_file(
    sources: _Sources, file: Path, environment: Mapping[str, str], known: Mapping[str, Setting]
) -> bool:
    """Read *file*; return whether it is one of Distribution's."""
    from lading.app.config.yaml import in_file  # noqa: PLC0415 - only when there is a file

    top = in_file(file)
    if top is None or top.content is None:
        # This is how a volume looks that was not mounted; its registry may have had logins.
        error = ConfigInvalid(f"{file}: nothing stands in it")
        error.advice = (
            "See that it is the file you mean; for defaults, name none, or write `lading:`."
        )
        raise error
    if not isinstance(top.content, dict):
        raise ConfigInvalid(f"{top.where}: {_OURS}: should hold keys and values")
    theirs = "version" in top.content
    if top.further:
        _take_further(sources, top.further, theirs=theirs)
    if theirs:
        _check_version(top.content["version"])
    for name, where, before in top.repeated:
        if name == _OURS or not theirs:
            raise ConfigInvalid(f"{where}: {name}: stands in {_line(before)} already")
    ours = top.content.get(_OURS)
    if theirs:
        _take_theirs(sources, top, environment, known)
    else:
        _refuse_others(top.content)
    if ours is not None:
        _take_ours(sources, ours, known, "")
    if theirs and "trusted_proxies" not in sources.given:
        sources.warnings.append(
            f"{file}: anybody may say where a request comes from and what it came to "
            "(X-Forwarded-*), as with Distribution; name your proxies in lading.trusted_proxies"
        )
    return theirs


def _take_further(sources: _Sources, where: str, *, theirs: bool) -> None:
    """Another document follows, which Distribution does not read: nobody meant that here."""
    what = f"{where}: another document begins, which is not read; a file has one"
    if theirs:
        sources.warnings.append(what)
    else:
        sources.wrong(what)


def _refuse_others(content: Mapping[str, Written]) -> None:
    """In a file that is not Distribution's, nothing stands but what is ours."""
    for name, value in content.items():
        if name == _OURS:
            continue
        hint = nearest(name, [_OURS])
        error = ConfigInvalid(f"{value.where}: {name}: no such key{hint}")
        if not hint:
            error.advice = (
                "Put settings of Lading's under `lading:`; if this is a file of Distribution's, "
                "add `version: 0.1`."
            )
        raise error


def _check_version(version: Written) -> None:
    if version.content == "0.1":
        return
    error = ConfigInvalid(f"{version.where}: version: {version.shown} is not a version known here")
    error.advice = "Write version: 0.1."
    raise error


def _take_theirs(
    sources: _Sources, top: Written, environment: Mapping[str, str], known: Mapping[str, Setting]
) -> None:
    # Only who has such a file waits for the table of its keys.
    from lading.app.config.distribution import meaning as dialect  # noqa: PLC0415 - as above
    from lading.app.config.distribution.variables import overlay  # noqa: PLC0415 - as above

    assert isinstance(top.content, dict)
    for name, value in top.content.items():
        if name != _OURS:
            sources.warnings += map(_repeated, value.repetitions())
    sources.warnings += map(_repeated, top.repeated)
    overlaid = overlay(top, environment)
    meaning = dialect.meaning_of(top, known)
    sources.warnings += overlaid.warnings + meaning.warnings
    sources.mistakes += overlaid.mistakes + meaning.mistakes
    sources.values |= meaning.values
    sources.origins |= meaning.origins
    sources.names |= meaning.names
    sources.given |= {k for k, where in meaning.origins.items() if where != dialect.DEFAULT}


def _warn_of_another_path(sources: _Sources, http: HttpConfig) -> None:
    """Locations begin with the host alone, and would miss an API that is under a prefix."""
    prefix = f"{http.prefix}/"
    if http.host and http.prefix and not urljoin(http.host, ".").endswith(prefix):
        sources.warnings.append(
            f"{sources.origins['http.host']}: http.host: {http.host} does not end with "
            f"http.prefix, which is not added to it; write {urljoin(http.host, prefix)} "
            "unless a proxy has another path"
        )


def _repeated(found: tuple[str, str, str]) -> str:
    name, where, before = found
    return f"{where}: {name}: stands in {_line(before)} already; the last counts"


def _line(where: str) -> str:
    return where.rpartition(", ")[2]


def _warn_of_their_variables(sources: _Sources, environment: Mapping[str, str]) -> None:
    from lading.app.config.distribution.variables import theirs  # noqa: PLC0415 - rarely needed

    if names := theirs(environment):
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        sources.warnings.append(
            f"environment variables {shown} are not read: that takes a file with version: 0.1"
        )


def _take_ours(
    sources: _Sources, value: Written, known: Mapping[str, Setting], prefix: str
) -> None:
    """Read what stands under ``lading``, or in the group that *prefix* names."""
    groups = {name for name, _ in sections()}
    if value.content is None:
        return
    if not isinstance(value.content, dict):
        sources.wrong(f"{value.where}: {prefix.rstrip('.') or _OURS}: should hold keys and values")
        return
    for name, where, before in value.repeated:
        sources.wrong(f"{where}: {prefix}{name}: stands in {_line(before)} already")
    for name, below in value.content.items():
        key = prefix + name
        if key in groups:
            _take_ours(sources, below, known, key + ".")
        elif key in known:
            _take_written(sources, known[key], below)
        else:
            beside = [k.removeprefix(prefix) for k in known if k.startswith(prefix)]
            names = sorted({each.split(".")[0] for each in beside})
            sources.wrong(f"{below.where}: {key}: no such key{nearest(name, names)}")


def _take_written(sources: _Sources, setting: Setting, value: Written) -> None:
    reader = setting.reader
    where = f"{value.where}: {setting.key}"
    if reader.build is not None:
        for name, again, before in value.repetitions():
            sources.wrong(f"{again}: {name}: stands in {_line(before)} already")
        try:
            sources.set(setting.key, reader.build(value.plain), value.where)
        except ValueError as error:
            sources.wrong(f"{where}: {error}")
    elif isinstance(value.content, dict | list):
        sources.wrong(f"{where}: should be {reader.takes}")
    else:
        # What may be unset is, and anything else that nobody has filled in keeps its default.
        text = "none" if value.content is None else value.content
        if value.content is not None or setting.reader.takes.endswith(", or none"):
            _take_text(sources, setting, text, value.where, told=f"{where}: ")


def _take_text(
    sources: _Sources,
    setting: Setting,
    text: str,
    where: str,
    *,
    told: str = "",
    usage: bool = False,
) -> None:
    try:
        sources.set(setting.key, setting.reader(text), where)
    except ValueError as error:
        what = f"should be {setting.reader.takes}" if setting.secret else str(error)
        sources.wrong(f"{told or where + ': '}{what}", usage=usage)


def _take_environment(
    sources: _Sources, environment: Mapping[str, str], known: Mapping[str, Setting]
) -> None:
    variables = {setting.variable: setting for setting in known.values()}
    for name in sorted(environment):
        if not name.startswith(_PREFIX):
            continue
        where = f"environment variable {name}"
        named = name.removesuffix(_FILE)
        if name in variables:
            _take_text(sources, variables[name], environment[name], where)
        elif named not in variables:
            sources.wrong(f"{where}: no such setting{nearest(name, variables)}")
        elif named in environment:
            sources.wrong(f"{where}: {named} is given as well; remove one of them")
        elif (text := _content(sources, where, Path(environment[name]))) is not None:
            _take_text(sources, variables[named], text, where)


def _content(sources: _Sources, where: str, file: Path) -> str | None:
    try:
        return text_of(file).rstrip("\r\n")
    except ValueError as error:
        sources.wrong(f"{where}: {file}: {error}")
        return None
