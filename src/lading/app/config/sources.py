"""Where settings come from: defaults < file < environment < flags.

The file is YAML. Our keys stand under one top-level ``lading``, where an unknown key is an error;
other top-level keys may belong to a file of Distribution's, are not honoured yet, and are warned
about. A variable that begins with ``LADING__`` and means nothing is an error too. Every error says
where the setting stands, what was wrong with it, and which name was probably meant.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading.app.config.options import Setting
from lading.app.config.tree import Config, built, sections, settings
from lading.errors import ConfigInvalid

if TYPE_CHECKING:
    from ruamel.yaml.nodes import MappingNode, Node

_PREFIX = "LADING__"
_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, what is odd about where it came from, and which settings were *given*."""

    config: Config
    warnings: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()


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
    values: dict[str, Any] = {}
    warnings: list[str] = []

    def take(setting: Setting, text: str, where: str) -> None:
        try:
            values[setting.key] = setting.reader(text)
        except ValueError as error:
            raise ConfigInvalid(f"{where}: {error}") from None

    known = {setting.key: setting for setting in settings()}
    if file is not None:
        for key, text, where in _from_file(file, known, warnings):
            take(known[key], text, f"{where}: {key}")
    if environment is None:
        environment = os.environ  # noqa: TID251 - here, and nowhere else
    for key, text, where in _from_environment(environment):
        take(known[key], text, where)
    for key, (name, given) in (flags or {}).items():
        if given is not None:
            take(known[key], given, name)
    return Loaded(built(values), tuple(warnings), frozenset(values))


def _from_environment(environment: Mapping[str, str]) -> Iterable[tuple[str, str, str]]:
    variables = {setting.variable: setting.key for setting in settings()}
    for name in sorted(environment):
        if not name.startswith(_PREFIX):
            continue
        if name not in variables:
            raise ConfigInvalid(
                f"environment variable {name}: no such setting{_nearest(name, variables)}"
            )
        yield variables[name], environment[name], f"environment variable {name}"


def _from_file(
    file: Path, known: Mapping[str, Setting], warnings: list[str]
) -> Iterable[tuple[str, str, str]]:
    top = _parsed(file)
    if top is None:
        return
    for name, node, line in _entries(top, file, ""):
        if name == "lading":
            yield from _leaves(node, file, known, "")
        elif hint := _nearest(name, ["lading"]):
            raise ConfigInvalid(f"{file}, line {line}: {name}: no such key{hint}")
        else:
            warnings.append(
                f"{file}, line {line}: {name}: keys outside of `lading` are not honoured yet"
            )


def _leaves(
    node: "Node", file: Path, known: Mapping[str, Setting], prefix: str
) -> Iterable[tuple[str, str, str]]:
    from ruamel.yaml.nodes import ScalarNode  # noqa: PLC0415 - only when there is a file

    groups = {name for name, _ in sections()}
    for name, value, line in _entries(node, file, prefix):
        key = prefix + name
        where = f"{file}, line {line}"
        if key in groups:
            yield from _leaves(value, file, known, key + ".")
        elif key not in known:
            beside = [k.removeprefix(prefix) for k in known if k.startswith(prefix)]
            names = sorted({each.split(".")[0] for each in beside})
            raise ConfigInvalid(f"{where}: {key}: no such key{_nearest(name, names)}")
        elif not isinstance(value, ScalarNode):
            raise ConfigInvalid(f"{where}: {key}: should be {known[key].reader.takes}")
        else:
            yield key, "none" if value.tag == _NULL else value.value, where


def _entries(node: "Node", file: Path, prefix: str) -> Iterable[tuple[str, "Node", int]]:
    """Names, values and line numbers of a mapping, which may be empty."""
    from ruamel.yaml.nodes import MappingNode, ScalarNode  # noqa: PLC0415 - as above

    line = node.start_mark.line + 1
    if isinstance(node, ScalarNode) and node.tag == _NULL:
        return
    if not isinstance(node, MappingNode):
        what = prefix.rstrip(".") or "lading"
        raise ConfigInvalid(f"{file}, line {line}: {what}: should hold keys and values")
    seen: dict[str, int] = {}
    for name, value in node.value:
        line = name.start_mark.line + 1
        if not isinstance(name, ScalarNode):
            raise ConfigInvalid(f"{file}, line {line}: a key should be a name")
        if name.value in seen:
            raise ConfigInvalid(
                f"{file}, line {line}: {prefix}{name.value}: stands in line {seen[name.value]} already"
            )
        seen[name.value] = line
        yield name.value, value, line


def _parsed(file: Path) -> "MappingNode | None":
    from ruamel.yaml import YAML  # noqa: PLC0415 - a server without a file never needs it
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415 - as above

    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigInvalid(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigInvalid(f"{file}: is not UTF-8 text") from None
    try:
        return YAML(typ="safe", pure=True).compose(text)  # type: ignore[no-any-return]  # its stubs do not say
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigInvalid(f"{file}{line}: {error.problem or error.context}") from None
    except YAMLError as error:
        raise ConfigInvalid(f"{file}: {' '.join(str(error).split())}") from None


def _nearest(name: str, names: Iterable[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only for those who mistyped

    found = get_close_matches(name, list(names), n=1)
    return f" (did you mean {found[0]}?)" if found else ""
