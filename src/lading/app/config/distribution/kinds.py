"""How Distribution's keys are written. What is of another kind is refused, never guessed."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from lading.app.config.values import Reader, field_name, field_value
from lading.app.config.values import address as any_address
from lading.app.config.values import web_url as any_web_url
from lading.app.config.written import Written


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value may be: in words, as JSON Schema, and how it is read.

    ``read`` raises `ValueError` for anything else. ``idle`` finds the parts of a value that was read
    that may stand there and change nothing.
    """

    takes: str
    read: Callable[[Written], Any]
    schema: Mapping[str, Any] = field(default_factory=dict)
    idle: Callable[[Written], Sequence[Written]] = lambda _: ()


_TRUE = {"y", "yes", "on", "true"}
_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_WHOLE = re.compile(r"[-+]?(?:[1-9][0-9_]*|0)", re.ASCII)
_OTHER = re.compile(r"([-+]?)0(x[0-9a-fA-F]+|b[01]+|o?[0-7]+)", re.ASCII)
_LONGEST = 100 * 365 * 86_400.0
_LONGEST_NUMBER = 18


def _word(value: Written, takes: str) -> str:
    if not isinstance(value.content, str):
        raise _unlike(value, takes)
    return value.content


def _flag(value: Written) -> bool:
    if value.sort != "bool":
        hint = ""
        if isinstance(value.content, str) and value.content.lower() in {*_TRUE, "false", "no"}:
            hint = ": it is text; write it without quotes"
        raise ValueError(f"{value.shown} is not true or false{hint}")
    return str(value.content).lower() in _TRUE


def _integer(text: str) -> int:
    plain = text.replace("_", "")
    if len(plain) > _LONGEST_NUMBER:
        raise ValueError(f"{text!r} is not a whole number that anybody needs")
    if _WHOLE.fullmatch(text):
        return int(plain)
    if other := _OTHER.fullmatch(plain):
        sign, digits = other.groups()
        return int(sign + ("0" + digits if digits[0] in "xbo" else "0o" + digits), 0)
    raise ValueError(f"{text!r} is not a whole number")


def _number(value: Written) -> int:
    if value.sort != "int":
        raise ValueError(f"{value.shown} is not a whole number")
    return _integer(str(value.content))


def _loose_number(value: Written) -> int:
    return _integer(_word(value, "a whole number"))


def _go_duration(text: str) -> timedelta:
    takes = "a duration such as 30s, 10m or 24h"
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return timedelta(0)
    parts = list(_PART.finditer(rest))
    if not parts or "".join(part.group() for part in parts) != rest:
        days = f" (days are written as hours: {24 * int(rest[:-1])}h)" if _days(rest) else ""
        raise ValueError(f"{text!r} is not {takes}{days}")
    seconds = sum(float(part[1]) * _UNITS[part[2]] for part in parts)
    if seconds > _LONGEST:
        raise ValueError(f"{text!r} is longer than a century")
    return timedelta(seconds=sign * seconds)


def _days(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,5}d", text, re.ASCII) is not None


def _duration(value: Written) -> timedelta:
    text = _word(value, "a duration such as 30s, 10m or 24h")
    if value.sort == "int":
        nanoseconds = _integer(text)
        if abs(nanoseconds) > _LONGEST * 1e9:
            raise ValueError(f"{text!r} is longer than a century")
        return timedelta(microseconds=nanoseconds / 1000)
    return _go_duration(text)


def _spelled_duration(value: Written) -> timedelta:
    if value.sort == "int":
        raise ValueError(f"{value.content} has no unit; write {value.content}h, if hours are meant")
    return _go_duration(_word(value, "a duration such as 30s, 10m or 24h"))


def _texts(value: Written) -> tuple[str, ...]:
    if not isinstance(value.content, list):
        raise _unlike(value, f"a list; write [{_example(value)}]")
    return tuple(_word(each, "text") for each in value.content)


def _example(value: Written) -> str:
    return value.content if isinstance(value.content, str) else "..."


def _facts(value: Written) -> Mapping[str, str]:
    return {name: _word(each, "text") for name, each in _pairs(value).items() if each.content}


def _fields(value: Written) -> Mapping[str, object]:
    return {name: _meant(each) for name, each in _pairs(value).items() if each.content}


def _meant(value: Written) -> object:
    """What YAML takes it for; a number that nobody can write in JSON is text."""
    if isinstance(value.content, list):
        return [_meant(each) for each in value.content]
    if isinstance(value.content, dict):
        return {name: _meant(each) for name, each in value.content.items()}
    try:
        return _SORTS[value.sort](value) if value.sort in _SORTS else value.content
    except ValueError:
        return value.content


def _finite(value: Written) -> float:
    found = float(str(value.content).replace("_", ""))
    if not math.isfinite(found):
        raise ValueError(found)
    return found


def _headers(value: Written) -> Mapping[str, tuple[str, ...]]:
    pairs = _pairs(value).items()
    return {
        field_name(name): tuple(field_value(_on_one_line(text)) for text in _texts(each))
        for name, each in pairs
    }


def _on_one_line(text: str) -> str:
    """*text* as Go sends it in a field, such as a block of the file with the line end behind it."""
    return text.replace("\r", " ").replace("\n", " ").strip(" \t")


def _pairs(value: Written) -> dict[str, Written]:
    if not isinstance(value.content, dict):
        raise _unlike(value, "names with values")
    return value.content


def _unlike(value: Written, takes: str) -> ValueError:
    return ValueError(f"{value.shown} is not {takes}")


_SORTS: Mapping[str, Callable[[Written], object]] = {
    "bool": _flag,
    "int": _number,
    "float": _finite,
}

text = Kind("text", lambda value: _word(value, "text"), {"type": ["string", "number", "boolean"]})
flag = Kind("true or false", _flag, {"type": "boolean"})
number = Kind("a whole number", _number, {"type": "integer"})
loose_number = Kind("a whole number", _loose_number, {"type": ["integer", "string"]})
duration = Kind(
    "a duration such as 30s, 10m or 24h, or nanoseconds",
    _duration,
    {"type": ["string", "integer"]},
)
spelled_duration = Kind("a duration such as 30s, 10m or 24h", _spelled_duration, {"type": "string"})
texts = Kind("a list of text", _texts, {"type": "array", "items": {"type": ["string", "number"]}})
facts = Kind("names with values", _facts, {"type": "object"})
fields = Kind("names with values", _fields, {"type": "object"})
headers = Kind(
    "names, each with a list of values",
    _headers,
    {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": ["string", "number"]}},
    },
)
anything = Kind("anything", lambda value: value.plain)
section = Kind("keys and values", lambda _: True, {"type": ["object", "null"]})
"""What is itself no value, and has an outcome as a whole."""


def _as_ours(reader: Reader[str]) -> Kind:
    return Kind(reader.takes, lambda value: reader(_word(value, reader.takes)), {"type": "string"})


address = _as_ours(any_address)
web_url = _as_ours(any_web_url)


def choice(*words: str, any_case: bool = False) -> Kind:
    """One of *words*; with *any_case* also in capitals."""
    takes = f"one of {', '.join(filter(None, words))}"

    def read(value: Written) -> str:
        found = _word(value, takes)
        if (found.lower() if any_case else found) not in words:
            raise ValueError(f"{found!r} is not {takes}")
        return found.lower() if any_case else found

    # An editor is told the small letters only, which are what one should write.
    return Kind(takes, read, {"enum": list(words)})


def choices(*words: str) -> Kind:
    """A list, each one of *words*."""
    one = choice(*words)

    def read(value: Written) -> tuple[str, ...]:
        _texts(value)
        assert isinstance(value.content, list)
        return tuple(one.read(each) for each in value.content)

    return Kind(f"a list, each {one.takes}", read, {"type": "array", "items": one.schema})


def heeded(*words: str) -> Kind:
    """A list of text, of which only *words* count."""

    def idle(value: Written) -> Sequence[Written]:
        assert isinstance(value.content, list)
        return [each for each in value.content if each.content not in words]

    return Kind(
        f"a list of {', '.join(words)}",
        lambda value: tuple(each for each in _texts(value) if each in words),
        {"type": "array", "items": {"enum": list(words)}},
        idle,
    )
