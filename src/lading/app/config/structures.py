"""Settings that are more than a word: lists, mappings, and rows that have keys of their own.

In a file they stand as YAML has them, in a variable as YAML on one line: ``[a, b]``, ``{k: v}``.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from datetime import timedelta
from typing import Any, TypeVar

from lading.app.config.nearest import nearest
from lading.app.config.options import settings_of
from lading.app.config.values import Reader, duration, words

Value = TypeVar("Value")


def listed(inner: Reader[Value], *, what: str = "") -> Reader[tuple[Value, ...]]:
    """A list of what *inner* takes. One alone needs no brackets."""
    takes = what or f"a list, each {inner.takes}"

    def build(found: Any) -> tuple[Value, ...]:
        if found is None:
            return ()
        if not isinstance(found, list):
            found = [found]
        return tuple(_one(inner, each) for each in found)

    entries = {"type": "array", "items": inner.schema}
    schema = {"anyOf": [entries, inner.schema]}
    return Reader(takes, _from_text(build), _as_json, build, schema)


def mapped(
    inner: Reader[Value], *, names: Reader[str] = words, what: str = ""
) -> Reader[Mapping[str, Value]]:
    """Names, each as *names* takes them, and for each what *inner* takes."""
    takes = what or f"names with values, each {inner.takes}"

    def build(found: Any) -> Mapping[str, Value]:
        if found is None:
            return {}
        if not isinstance(found, dict):
            raise _unlike(found, takes)
        return {names(str(name)): _one(inner, each) for name, each in found.items()}

    schema = {"type": "object", "additionalProperties": inner.schema}
    return Reader(takes, _from_text(build), _as_json, build, schema)


def rows(kind: type[Value], *, what: str) -> Reader[tuple[Value, ...]]:
    """A list of *kind*, a class whose fields are made by `option`; *what* says what one is."""
    known = {setting.key: setting for setting in settings_of(kind)}

    def row(found: Any) -> Value:
        if not isinstance(found, dict):
            raise _unlike(found, f"{what}, with keys and values")
        values: dict[str, Any] = {}
        for name, each in found.items():
            if name not in known:
                raise ValueError(f"{name}: no such key of {what}{nearest(str(name), known)}")
            try:
                values[name] = _one(known[name].reader, each)
            except ValueError as error:
                setting = known[name]
                told = f"should be {setting.reader.takes}" if setting.secret else error
                raise ValueError(f"{name}: {told}") from None
        return kind(**values)

    def build(found: Any) -> tuple[Value, ...]:
        if found is None:
            return ()
        if not isinstance(found, list):
            raise _unlike(found, f"a list, each {what}")
        return tuple(row(each) for each in found)

    keys = {name: {"description": one.doc, **one.reader.schema} for name, one in known.items()}
    row_schema = {"type": "object", "properties": keys, "additionalProperties": False}
    schema = {"type": "array", "items": row_schema}
    return Reader(f"a list, each {what}", _from_text(build), _as_json, build, schema, kind)


def _one(inner: Reader[Value], found: Any) -> Value:
    if inner.build is not None:
        return inner.build(found)
    if isinstance(found, dict | list):
        raise _unlike(found, inner.takes)
    return inner(_plain(found))


def _plain(found: Any) -> str:
    if found is None:
        return ""
    return str(found).lower() if isinstance(found, bool) else str(found)


def _from_text(build: Callable[[Any], Value]) -> Callable[[str], Value]:
    def read(text: str) -> Value:
        # Only who configures lists in variables waits for the parser.
        from lading.app.config.yaml import plain  # noqa: PLC0415 - as the line above says

        return build(plain(text))

    return read


def _unlike(found: Any, takes: str) -> ValueError:
    shown = repr(found) if isinstance(found, str) else json.dumps(found, default=str)
    return ValueError(f"{shown} is not {takes}")


def _as_json(value: Any) -> str:
    return json.dumps(value, default=_parts)


def _parts(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return {each.name: _told(each, getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, timedelta):
        return duration.write(value)
    return str(value)


def _told(each: "Field[Any]", value: Any) -> Any:
    """The value of a key of a row, unless it is a secret."""
    return "***" if each.metadata["secret"] and value else value
