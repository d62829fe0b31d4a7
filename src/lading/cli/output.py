"""How commands print: lines for people, one JSON document for programs."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_UNITS = ("KiB", "MiB", "GiB", "TiB")


def output_option(command: Command) -> Command:
    """Add ``-o text|json``."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Lines for people, or one JSON document.",
    )(command)


def root_options(command: Command) -> Command:
    """Add ``--root`` and ``--config``, which mean what they mean to ``lading serve``."""
    command = click.option(
        "--config",
        "config_file",
        metavar="FILE",
        help="The configuration file that the server uses.",
    )(command)
    return click.option(
        "--root",
        metavar="DIR",
        help="The directory that holds everything; ./lading-data unless configured.",
    )(command)


class Output:
    """Standard output of one command.

    As text, everything is printed at once; as JSON, each `item` is collected for the document that
    `end` prints.
    """

    def __init__(self, form: str) -> None:
        self._json = form == "json"
        self._items: list[dict[str, Any]] = []

    def item(self, text: str, facts: dict[str, Any]) -> None:
        """One thing: *text* for people, *facts* for programs."""
        if self._json:
            self._items.append(facts)
        else:
            click.echo(text)

    def end(self, text: str, facts: dict[str, Any]) -> None:
        """The summary, after all items."""
        if self._json:
            click.echo(json.dumps(facts | {"items": self._items}, indent=2))
        else:
            click.echo(text)


def amount(size: int) -> str:
    """*size* bytes as people say it."""
    if size < 1024:
        return counted(size, "byte")
    power = min((size.bit_length() - 1) // 10, len(_UNITS))
    return f"{size / 1024**power:.1f} {_UNITS[power - 1]}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 blob``, ``2 blobs``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
