"""The forms of a log line: text for people, JSON for programs, and the two that Distribution has.

Each takes a moment, a level, an event and its facts. What a form makes of them is one line, except
for a traceback that people read.
"""

import json
import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import ClassVar

from lading.wire.timestamps import timestamp

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
_encode: Callable[[object], str] = json.JSONEncoder(
    default=str, ensure_ascii=False, separators=(",", ":")
).encode
_text: Callable[[str], str] = json.encoder.encode_basestring
_encode_ascii: Callable[[object], str] = json.JSONEncoder().encode
_LOGRUS = frozenset({"time", "level", "msg"})
_BARE = re.compile(r"[A-Za-z0-9\-._/@^+]*", re.ASCII)
_LEVELS = {
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.WARNING: "warning",
    logging.ERROR: "error",
    logging.CRITICAL: "fatal",
}


class Form(logging.Formatter, ABC):
    """How lines look. *fields* are facts of every event; with *caller*, so is where it was told."""

    _TAKEN: ClassVar[frozenset[str]] = frozenset()
    """What the form itself says: a fact of such a name is renamed."""

    def __init__(self, fields: Mapping[str, object] | None = None, *, caller: bool = False) -> None:
        super().__init__()
        self._fields = {self._free(name): value for name, value in (fields or {}).items()}
        self._caller = caller

    def format(self, record: logging.LogRecord) -> str:
        """The line for *record*, without its end."""
        told = facts(record)
        if self._caller:
            told["file"] = f"{record.pathname}:{record.lineno}"
            told["func"] = record.funcName
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        return self.line(record.created, record.levelno, record.getMessage(), told, trace)

    def _free(self, name: str) -> str:
        return f"fields.{name}" if name in self._TAKEN else name

    @abstractmethod
    def line(
        self, at: float, level: int, event: str, told: Mapping[str, object], trace: str = ""
    ) -> str:
        """The line for an *event* with what is *told* of it, without its end."""


class JsonLines(Form):
    """One JSON object a line: time, level, event, then the facts."""

    def line(
        self, at: float, level: int, event: str, told: Mapping[str, object], trace: str = ""
    ) -> str:
        """See `Form.line`; a traceback is the fact ``error``."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
            "level": logging.getLevelName(level).lower(),
            "event": event,
            **self._fields,
            **told,
        }
        if trace:
            line["error"] = trace
        return _object(line.items())


class PlainLines(Form):
    """Time, level when it matters, event, then the facts as ``name=value``."""

    def line(
        self, at: float, level: int, event: str, told: Mapping[str, object], trace: str = ""
    ) -> str:
        """See `Form.line`; a traceback stands below it."""
        words = [datetime.fromtimestamp(at, UTC).astimezone().strftime("%H:%M:%S")]
        if level >= logging.WARNING:
            words.append(logging.getLevelName(level))
        words.append(event)
        shown = {**self._fields, **told}
        words.extend(f"{name}={_plain(value)}" for name, value in shown.items())
        return " ".join(words) + (f"\n{trace}" if trace else "")


class LogrusLines(Form):
    """One JSON object a line, as logrus writes it: keys in alphabetical order."""

    _TAKEN = _LOGRUS

    def line(
        self, at: float, level: int, event: str, told: Mapping[str, object], trace: str = ""
    ) -> str:
        """See `Form.line`; a traceback is the fact ``stack``."""
        line: dict[str, object] = {**self._fields, **told}
        for name in self._TAKEN & line.keys():
            line[self._free(name)] = line.pop(name)
        line["time"], line["level"], line["msg"] = _stamp(at), level_name(level), event
        if trace:
            line["stack"] = trace
        return _object(sorted(line.items()))


class LogfmtLines(Form):
    """``name=value`` in a line, as logrus writes text: time, level, message, then the facts."""

    _TAKEN = _LOGRUS

    def line(
        self, at: float, level: int, event: str, told: Mapping[str, object], trace: str = ""
    ) -> str:
        """See `Form.line`; a traceback is the fact ``stack``."""
        shown = {**self._fields, **told}
        if trace:
            shown["stack"] = trace
        words = [f'time="{_stamp(at)}"', f"level={level_name(level)}", f"msg={_value(event)}"]
        words += [f"{_bare(name)}={_value(value)}" for name, value in sorted(shown.items())]
        return " ".join(words)


def facts(record: logging.LogRecord) -> dict[str, object]:
    """What the caller passed as ``extra``."""
    return {name: value for name, value in vars(record).items() if name not in _OWN}


def level_name(level: int) -> str:
    """What logrus calls a level of Python's."""
    return _LEVELS.get(level, "info")


def _stamp(at: float) -> str:
    return timestamp(datetime.fromtimestamp(at, UTC))


def _object(items: Iterable[tuple[str, object]]) -> str:
    """A JSON object; put together here, since most values are words, and every request has one."""
    told = [
        f"{_name(name)}:{_text(value) if type(value) is str else _other(value)}"
        for name, value in items
    ]
    return f"{{{','.join(told)}}}"


def _other(value: object) -> str:
    return str(value) if type(value) is int else _encode(value)


@lru_cache(maxsize=256)
def _name(name: str) -> str:
    return _text(name)


def _plain(value: object) -> str:
    text = str(value)
    # A name out of a request must not be able to forge a line or steer a terminal.
    if not text.isprintable() or " " in text or '"' in text or not text:
        return _encode_ascii(text)
    return text


def _value(value: object) -> str:
    text = value if isinstance(value, str) else _go(value)
    return text if _BARE.fullmatch(text) else _quoted(text)


def _bare(name: str) -> str:
    return name if name.isprintable() and " " not in name and "=" not in name else _quoted(name)


def _quoted(text: str) -> str:
    return _encode(text) if text.isprintable() else _encode_ascii(text)


def _go(value: object) -> str:
    """*value* as Go prints it."""
    match value:
        case bool():
            return str(value).lower()
        case list():
            return f"[{' '.join(map(_go, value))}]"
        case dict():
            return f"map[{' '.join(f'{name}:{_go(each)}' for name, each in sorted(value.items()))}]"
        case _:
            return str(value)
