"""What settings are made of: fields that carry their own documentation.

A setting is a field made by `option`: its default, what it is for, and how it is read. A group of
settings is a field made by `section`. The reference page, the validation of files and variables,
and ``lading config`` follow from that.
"""

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, is_dataclass
from typing import Any

from lading.app.config.values import Reader
from lading.errors import ConfigInvalid


def option(default: Any, doc: str, reader: Reader[Any], *, secret: bool = False) -> Any:
    """A setting: what it is when nobody says otherwise, what it is for, how it is read.

    A *secret* is never shown.
    """
    told = {"default": default, "doc": doc, "reader": reader, "secret": secret}
    # One mapping for all is fine, since nobody changes settings; dataclasses cannot know that.
    return field(default_factory=lambda: default, metadata=told)


def section(kind: type, doc: str) -> Any:
    """A group of settings under one key."""
    return field(default_factory=kind, metadata={"doc": doc})


def unusable(setting: str, why: object) -> ConfigInvalid:
    """What *setting* (a dotted key) names cannot be used, and *why*.

    Who knows where it was written, and by which name, can say that in place of its key.
    """
    error = ConfigInvalid(f"{setting}: {why}")
    error.setting = setting
    return error


@dataclass(frozen=True, slots=True)
class Setting:
    """One leaf of a tree: its dotted key, default, purpose and reader."""

    key: str
    default: Any
    doc: str
    reader: Reader[Any]
    secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that sets it, ``LADING__HTTP__HEAD_LIMIT`` and the like."""
        return "LADING__" + self.key.replace(".", "__").upper()


def settings_of(kind: type, prefix: str = "") -> Iterator[Setting]:
    """Every setting below *kind*, in the order of the tree."""
    for each in fields(kind):
        key = prefix + each.name
        inner = section_of(each)
        if inner is not None:
            yield from settings_of(inner, key + ".")
        else:
            told = each.metadata
            yield Setting(key, told["default"], told["doc"], told["reader"], told["secret"])


def sections_of(kind: type, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every group of settings below *kind*: its dotted key and what it is for."""
    for each in fields(kind):
        inner = section_of(each)
        if inner is not None:
            yield prefix + each.name, each.metadata["doc"]
            yield from sections_of(inner, prefix + each.name + ".")


def built(kind: type, values: Mapping[str, Any], prefix: str = "") -> Any:
    """A *kind* in which the settings named in *values* (dotted keys) are not the default."""
    given: dict[str, Any] = {}
    for each in fields(kind):
        key = prefix + each.name
        inner = section_of(each)
        if inner is not None:
            given[each.name] = built(inner, values, key + ".")
        elif key in values:
            given[each.name] = values[key]
    return kind(**given)


def section_of(each: "Field[Any]") -> type | None:
    """The kind of the group that the field *each* holds, or ``None`` if it is a setting."""
    inner = each.default_factory
    return inner if isinstance(inner, type) and is_dataclass(inner) else None
