"""How commands show that they are at work: bars, lines, events, or nothing. On standard error.

Bars are for terminals. Elsewhere there is a line for each piece of content that is done, and one
every ten seconds for each that is under way, so that a log shows life; ``json`` is a line for each
event, for programs.
"""

import asyncio
import functools
import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import click

from lading.app.terminal import terminal
from lading.cli.escapes import one_line
from lading.cli.output import amount, say, short
from lading.cli.shapes import choice, maybe, number, record, text
from lading.content.steps import Event, Step
from lading.oci.digest import Digest

Command = TypeVar("Command", bound=Callable[..., Any])

EVERY = 10.0
"""Seconds between two lines about the same content."""

_SAID = {
    Event.EXISTS: "exists",
    Event.MOUNTED: "mounted",
    Event.DONE: "done",
}

EVENT = record(
    "Something that happened to a piece of content.",
    event=choice("What happened.", *(each.value for each in Event)),
    digest=text("The content."),
    mediaType=text("Its media type."),
    size=number("Its length in bytes."),
    name=maybe(text("A tag, or the name of a file.")),
    moved=number("Bytes that have moved by now."),
    error=maybe(text("Why it was tried again, or failed.")),
)
"""What ``--progress json`` prints."""


class Progress(Protocol):
    """Where steps of work are shown."""

    def heard(self, step: Step) -> None:
        """Show *step*, if it is worth it."""
        ...

    def close(self) -> None:
        """The work is over."""
        ...


class Nothing:
    """Shows nothing."""

    def heard(self, step: Step) -> None:
        """Nobody wants to know."""

    def close(self) -> None:
        """Nothing has to be let go."""


class Events:
    """A line of JSON for each event."""

    def heard(self, step: Step) -> None:
        """Print the event."""
        facts = {
            "event": step.event.value,
            "digest": str(step.descriptor.digest),
            "mediaType": step.descriptor.media_type,
            "size": step.descriptor.size,
            "name": step.name or None,
            "moved": step.moved,
            "error": None if step.error is None else str(step.error),
        }
        say(json.dumps(facts, ensure_ascii=False))

    def close(self) -> None:
        """Nothing has to be let go."""


class Lines:
    """A line for what is done, and one every ten seconds for what is under way."""

    def __init__(self, *, every: float = EVERY, now: Callable[[], float] = time.monotonic) -> None:
        self._every = every
        self._now = now
        self._active: dict[Digest, tuple[Step, float]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def heard(self, step: Step) -> None:
        """Remember how far *step* is, or print how it ended."""
        digest = step.descriptor.digest
        match step.event:
            case Event.STARTED:
                self._active[digest] = (step, self._now())
                self._wait()
            case Event.BYTES:
                begun = self._active.get(digest, (step, self._now()))[1]
                self._active[digest] = (step, begun)
            case Event.RETRIED:
                say(f"retrying {_named(step)}: {step.error}")
            case Event.FAILED:
                self._active.pop(digest, None)
                say(f"failed {_named(step)}: {step.error}")
            case _:
                self._active.pop(digest, None)
                say(f"{_SAID[step.event]} {_named(step)} ({amount(step.descriptor.size)})")

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every, self._tell)

    def _tell(self) -> None:
        self._timer = None
        for step, begun in self._active.values():
            size = step.descriptor.size
            share = f" of {amount(size)} ({step.moved * 100 // size} %)" if size else ""
            speed = amount(int(step.moved / max(self._now() - begun, 0.001)))
            say(f"{_named(step)}: {amount(step.moved)}{share}, {speed}/s")
        if self._active:
            self._wait()

    def close(self) -> None:
        """Stop the clock."""
        if self._timer is not None:
            self._timer.cancel()


def _named(step: Step) -> str:
    name = short(step.descriptor.digest)
    return f"{name} {one_line(step.name)}" if step.name else name


def progress_option(command: Command) -> Command:
    """Add ``--progress``; the command gets a `Progress` as ``progress``."""

    @functools.wraps(command)
    def inner(*, progress: str, **given: Any) -> Any:
        shown = chosen(progress)
        try:
            return command(progress=shown, **given)
        finally:
            shown.close()

    return click.option(  # type: ignore[return-value]  # what is wrapped takes other arguments
        "--progress",
        type=click.Choice(["auto", "tty", "plain", "json", "none"]),
        default="auto",
        show_default=True,
        help="How to show on standard error what goes on: tty: bars; plain: lines; json: an event "
        "a line; auto: bars if it is a terminal.",
    )(inner)


def chosen(kind: str) -> Progress:
    """The progress that is called *kind*."""
    if kind == "auto":
        kind = "tty" if sys.stderr.isatty() and terminal().moving else "plain"
    match kind:
        case "tty":
            # Imported only for a terminal: it takes as long as all the rest.
            bars: Progress = importlib.import_module("lading.cli.bars").Bars(
                colour=terminal().colour
            )
            return bars
        case "plain":
            return Lines()
        case "json":
            return Events()
        case _:
            return Nothing()
