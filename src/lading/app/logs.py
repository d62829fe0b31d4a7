"""How log lines look: text for people, JSON for programs. They go to standard error.

A log line is an event's name and facts; what a caller passes as ``extra`` becomes the facts.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, event, then the facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for *record*, without its end."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **facts(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False, separators=(",", ":"))


class PlainLines(logging.Formatter):
    """Time, level when it matters, event, then the facts as ``name=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for *record*; below it, the traceback if there is one."""
        words = [datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")]
        if record.levelno >= logging.WARNING:
            words.append(record.levelname)
        words.append(record.getMessage())
        words.extend(f"{name}={_plain(value)}" for name, value in facts(record).items())
        line = " ".join(words)
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def facts(record: logging.LogRecord) -> dict[str, object]:
    """What the caller passed as ``extra``."""
    return {name: value for name, value in vars(record).items() if name not in _OWN}


def _plain(value: object) -> str:
    text = str(value)
    # A name out of a request must not be able to forge a line or steer a terminal.
    if not text.isprintable() or " " in text or '"' in text or not text:
        return json.dumps(text)
    return text


def configure(*, format: str, level: str, stream: TextIO | None = None) -> bool:
    """Send all logs to *stream* (standard error); return whether a person is reading them.

    *format* is ``text``, ``json`` or ``auto``, which is text on a terminal.
    """
    out = sys.stderr if stream is None else stream
    person = format == "text" or (format == "auto" and out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(PlainLines() if person else JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    return person
