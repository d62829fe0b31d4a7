"""Manual pages for ``man``, made from the help of the commands.

``python -m tools.manual DIR`` writes one for each command, and one for all of them. The format is
that of man(7); what is printed there is escaped here.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

from lading.cli.main import cli
from lading.cli.names import SECTIONS
from tools.commands import Told, commands, told
from tools.reference import exit_codes


def pages() -> Iterator[tuple[str, str]]:
    """Name of the file and text of every page."""
    everything = list(commands())
    for each in everything:
        yield f"{_page_name(each.name)}.1", _page(each)
    yield "lading.1", _overview(everything)


def _page_name(command: str) -> str:
    return "-".join(("lading", *command.split()))


def _page(command: Told) -> str:
    name = _page_name(command.name)
    blocks = [
        _head(name),
        ".SH NAME",
        f"{_text(name)} \\- {_text(command.line.rstrip('.'))}",
        ".SH SYNOPSIS",
        f".B {_text(command.usage.removeprefix('Usage: '))}",
        ".SH DESCRIPTION",
        *_paragraphs(command.text),
        ".SH OPTIONS",
        *_options(command.options),
    ]
    if command.sided:
        blocks += [".SH OPTIONS FOR REGISTRIES", *_options(command.sided)]
    if command.examples:
        blocks += [".SH EXAMPLES", ".nf", *(_text(each) for each in command.examples), ".fi"]
    blocks += [".SH EXIT STATUS", *_codes(), ".SH SEE ALSO", ".BR lading (1)"]
    return "\n".join(blocks) + "\n"


def _overview(everything: Iterable[Told]) -> str:
    root = told("lading", cli, None)
    lines = {each.name: each.line for each in everything}
    blocks = [
        _head("lading"),
        ".SH NAME",
        "lading \\- a registry of images and artifacts, and what one does with registries",
        ".SH SYNOPSIS",
        f".B {_text(root.usage.removeprefix('Usage: '))}",
        ".SH DESCRIPTION",
        *_paragraphs(root.text),
        ".SH OPTIONS",
        *_options(root.options),
        ".SH COMMANDS",
    ]
    for section, names in SECTIONS.items():
        blocks.append(f".SS {_text(section)}")
        for name in names:
            for each in (each for each in lines if each.split()[0] == name):
                blocks += [".TP", f".BR {_text(_page_name(each))} (1)", _text(lines[each])]
    blocks += [".SH EXIT STATUS", *_codes()]
    return "\n".join(blocks) + "\n"


def _head(name: str) -> str:
    return f'.TH {_text(name.upper())} 1 "" "lading {version("lading")}" "Lading"'


def _options(options: Iterable[tuple[str, str]]) -> Iterator[str]:
    for names, what in options:
        yield from (".TP", f".B {_text(names)}", _text(what))


def _codes() -> Iterator[str]:
    for code, when in exit_codes():
        yield from (".TP", f".B {code}", _text(re.sub(r"\[(\w+)\]\([^)]*\)", r"\1", when)))


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text):
        yield from (".PP", _text(" ".join(paragraph.split())))


def _text(text: str) -> str:
    """*text* as it is to be printed: no character of it is a command (groff_char(7))."""
    plain = text.replace("`", "").replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + plain if plain.startswith((".", "'")) else plain


def main() -> None:
    """Write every page below the folder that is named."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
