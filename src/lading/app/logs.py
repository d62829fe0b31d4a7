"""Where log lines go, and in which form: to standard error, unless a test wants them elsewhere.

A log line is an event's name and facts; what a caller passes as ``extra`` becomes the facts.
"""

import logging
import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

from lading.app.log_forms import Form, JsonLines, LogfmtLines, LogrusLines, PlainLines

_FORMS: Mapping[str, type[Form]] = {
    "text": PlainLines,
    "json": JsonLines,
    "logfmt": LogfmtLines,
    "logrus": LogrusLines,
}

Tell = Callable[[int, str, Mapping[str, object]], None]
"""Takes an event: its level, what it is called, and the facts."""

log = logging.getLogger("lading.http")


def configure(
    *,
    format: str,
    level: str,
    fields: Mapping[str, object] | None = None,
    caller: bool = False,
    stream: TextIO | None = None,
) -> bool:
    """Send all logs to *stream* (standard error); return whether a person is reading them.

    *format* is ``text``, ``json``, ``logfmt``, ``logrus`` or ``auto``, which is text on a terminal
    and else JSON. *fields* are facts of every event; with *caller*, lines say where they come from.
    """
    out = sys.stderr if stream is None else stream
    if format == "auto":
        format = "text" if out.isatty() else "json"
    handler = logging.StreamHandler(out)
    handler.setFormatter(_FORMS[format](fields, caller=caller))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    return format == "text"


def teller() -> Tell:
    """A short way for events that every request makes.

    They look as if they had been logged, and cost a quarter, as long as there is only the one
    handler that `configure` made; else they are logged.
    """
    root = logging.getLogger()

    def tell(level: int, event: str, told: Mapping[str, object]) -> None:
        if level < root.level:
            return
        handlers = root.handlers
        only = handlers[0] if len(handlers) == 1 else None
        if isinstance(only, logging.StreamHandler) and isinstance(only.formatter, Form):
            only.stream.write(only.formatter.line(time.time(), level, event, told) + "\n")
        else:
            log.log(level, "%s", event, extra=told)

    return tell
