"""What the command line has, as values: for the reference and for the manual pages."""

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click

from lading.cli.main import cli
from lading.cli.names import SECTIONS
from lading.cli.output import shape_of
from lading.cli.shapes import Shape
from lading.cli.sides import SideOption


@dataclass(frozen=True, slots=True)
class Told:
    """A command as its help tells it: ``text`` has paragraphs, ``options`` names and meanings."""

    name: str
    usage: str
    line: str
    text: str
    options: tuple[tuple[str, str], ...]
    sided: tuple[tuple[str, str], ...]
    """Options that say how a registry is reached."""
    examples: tuple[str, ...]
    shape: Shape | None

    @property
    def has_two_sides(self) -> bool:
        """Whether each side can be told how to reach its registry."""
        return any("--from-" in names for names, _ in self.sided)


def commands() -> Iterator[Told]:
    """Every command that does something, in the order of the help."""
    for section in SECTIONS.values():
        for name in section:
            yield from _below(name)


def _below(name: str) -> Iterator[Told]:
    context = click.Context(cli, info_name="lading", **cli.context_settings)
    command = cli.get_command(context, name)
    assert command is not None
    if not isinstance(command, click.Group):
        yield told(name, command, context)
        return
    inner = click.Context(command, info_name=name, parent=context)
    for each in command.commands:
        yield told(f"{name} {each}", command.commands[each], inner)


def told(name: str, command: click.Command, parent: click.Context | None) -> Told:
    """What the help of *command* says."""
    context = click.Context(command, info_name=name.rpartition(" ")[2], parent=parent)
    options: list[tuple[str, str]] = []
    sided: list[tuple[str, str]] = []
    for parameter in command.params:
        if isinstance(parameter, SideOption):
            sided += filter(None, [parameter.in_full(context)])
        elif isinstance(parameter, click.Option):
            options += filter(None, [parameter.get_help_record(context)])
    # Commands remember the option that asks for help as it was when somebody first asked, so that
    # one is not taken from them.
    options.append(("-h, --help", "Show this message."))
    return Told(
        name,
        " ".join(command.get_usage(context).split()),
        command.get_short_help_str(200),
        inspect.cleandoc(command.help or ""),
        tuple(options),
        tuple(sided),
        tuple(re.findall(r"^ *\$ (.+)$", command.epilog or "", re.MULTILINE)),
        shape_of(command),
    )


def fields(shape: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """The fields of a document: path, type and meaning."""
    inner: Mapping[str, Any] = shape.get("properties") or {}
    for name, each in inner.items():
        path = f"{prefix}{name}"
        yield path, _type(each), each.get("description", "")
        below = each.get("items", each)
        mark = "[]" if "items" in each else ""
        if path.count("[]") < 2:
            yield from fields(below, f"{path}{mark}.")


def _type(shape: Mapping[str, Any]) -> str:
    found = shape.get("type", "")
    words = found if isinstance(found, list) else [found]
    if "enum" in shape:
        choices = ", ".join(f"`{each}`" for each in shape["enum"] if each is not None)
        words = [f"one of {choices}", *(each for each in words if each == "null")]
    return " or ".join(words)
