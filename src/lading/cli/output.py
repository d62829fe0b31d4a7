"""How commands print: lines for people, documents for programs.

Standard output carries the result and nothing else; whatever a command has to say about its work
goes to standard error.
"""

import functools
import json
import string
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from lading.cli.escapes import one_line, shown
from lading.cli.shapes import Shape
from lading.errors import FileRefused, LadingError

Command = TypeVar("Command", bound=Callable[..., Any])

_UNITS = ("KiB", "MiB", "GiB", "TiB")
_FORMS = {
    "text": "lines for people",
    "table": "a table",
    "tree": "a tree",
    "json": "one JSON document",
    "jsonl": "one JSON document a line",
    "raw": "the bytes as they are stored",
}


def output_option(
    *forms: str, shape: Shape, default: str = "", items: str = ""
) -> Callable[[Command], Command]:
    """Add ``-o`` and ``--format``; the command gets an `Output` as ``out``.

    Args:
        forms: what may be asked for, besides ``json``.
        shape: what is printed as JSON.
        default: what is printed when nothing is asked for; otherwise the first of *forms*.
        items: the field of the document that holds what `Output.item` was given.
    """
    choices = [*(forms or ("text",)), "json"]
    if items:
        choices.append("jsonl")

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def inner(*, output: str, template: str | None, **given: Any) -> Any:
            return command(out=Output(output, template=template, items=items), **given)

        inner.__dict__["shape"] = shape
        told = "; ".join(f"{each}: {_FORMS[each]}" for each in choices)
        optioned = click.option(
            "--format",
            "template",
            metavar="TEMPLATE",
            help="Print this with the fields of the JSON form filled in, such as '{digest}'.",
        )(inner)
        return click.option(  # type: ignore[return-value]  # what is wrapped takes other arguments
            "-o",
            "--output",
            type=click.Choice(choices),
            default=default or choices[0],
            show_default=True,
            help=f"How to print the result ({told}).",
        )(optioned)

    return decorate


def shape_of(command: click.Command) -> Shape | None:
    """The shape of what *command* prints as JSON; ``None`` if it never does."""
    found: Shape | None = getattr(command.callback, "shape", None)
    return found


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

    For people, everything is printed at once; for programs, each `item` is a line of its own
    (``jsonl``), or is collected for the document that `end` prints (``json``).
    """

    def __init__(self, form: str, *, template: str | None = None, items: str = "") -> None:
        self.form = form
        self._template = template
        self._key = items
        self._items: list[Mapping[str, Any]] = []

    @property
    def for_people(self) -> bool:
        """Whether nobody asked for facts instead of lines."""
        return self._template is None and self.form not in ("json", "jsonl", "raw")

    def item(self, line: str, facts: Mapping[str, Any]) -> None:
        """One thing: *line* for people, *facts* for programs."""
        if self._template is not None:
            _print(_filled(self._template, facts))
        elif self.form == "jsonl":
            _print(json.dumps(facts, ensure_ascii=False))
        elif self.form == "json":
            self._items.append(facts)
        else:
            _print(line)

    def end(self, lines: str, facts: Mapping[str, Any]) -> None:
        """The result, or the summary after all items; nothing is printed for people if empty."""
        if self._template is not None:
            if not self._key:
                _print(_filled(self._template, facts))
        elif self.form == "json":
            whole = dict(facts) | ({self._key: self._items} if self._key else {})
            _print(json.dumps(whole, indent=2, ensure_ascii=False))
        elif self.form != "jsonl" and lines:
            _print(lines)

    def document(self, content: bytes, otherwise: LadingError) -> None:
        """A JSON object that is stored as *content*: exactly that, or as it was asked for.

        Raises:
            LadingError: *otherwise*, if it is none and was not asked for as it is.
        """
        if self.form == "raw" and self._template is None:
            self.exact(content)
            return
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            raise otherwise from None
        if not isinstance(found, dict):
            raise otherwise
        self.end("", found)

    def exact(self, content: bytes) -> None:
        """These bytes and nothing else."""
        with standard_output():
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()


def say(text: str) -> None:
    """Tell whoever watches; it is no part of the result."""
    click.echo(shown(text), err=True)


def _print(text: str) -> None:
    with standard_output():
        click.echo(shown(text))


@contextmanager
def standard_output() -> Iterator[None]:
    """Within this, something is written to standard output.

    Raises:
        FileRefused: it takes nothing; that nobody reads it any more stays a `BrokenPipeError`.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileRefused(f"standard output: {error.strerror or error}") from error


class _Fields(string.Formatter):
    """Fields of JSON documents by name: ``{platform[os]}``, ``{layers[0][size]}``."""

    def get_field(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        # Attributes are those of Python, and none of a document's.
        if "." in name.partition("[")[0] or "]." in name:
            raise KeyError(name)
        return super().get_field(name, args, kwargs)

    def format_field(self, value: Any, format_spec: str) -> Any:
        if value is None or isinstance(value, dict | list | bool):
            value = "" if value is None else json.dumps(value, ensure_ascii=False)
        return super().format_field(value, format_spec)


def _filled(template: str, facts: Mapping[str, Any]) -> str:
    try:
        return _Fields().vformat(template.replace("\\n", "\n").replace("\\t", "\t"), (), facts)
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        there = ", ".join(facts)
        raise click.BadParameter(
            f"{error} is not in the result; there are {there}", param_hint="--format"
        ) from None


def amount(size: int) -> str:
    """*size* bytes as people say it."""
    if size < 1024:
        return counted(size, "byte")
    power = min((size.bit_length() - 1) // 10, len(_UNITS))
    return f"{size / 1024**power:.1f} {_UNITS[power - 1]}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 blob``, ``2 blobs``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def short(digest: object) -> str:
    """As much of a digest as people compare."""
    algorithm, _, value = str(digest).partition(":")
    return f"{algorithm}:{value[:12]}"


def columns(rows: Sequence[Sequence[str]]) -> str:
    """*rows* under each other, each column as wide as its widest cell."""
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
