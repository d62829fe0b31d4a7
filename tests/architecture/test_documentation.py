"""The documentation is complete and says what the code says."""

import re
import subprocess
from pathlib import Path

import click
import pytest

from lading.app.config.tree import settings
from lading.cli.main import cli
from lading.cli.names import native
from lading.http.face import ENDPOINTS
from lading.wire.routes import Route
from tests.architecture.repository_files import ROOT, tracked
from tools import reference

DOCS = ROOT / "docs"
MARKDOWN = [path for path in tracked() if path.suffix == ".md" and path.parts[0] != "changes"]

each_page = pytest.mark.parametrize("path", MARKDOWN, ids=str)


@pytest.mark.parametrize("name", list(reference.PAGES))
def test_a_reference_page_is_what_the_code_says_now(name: str) -> None:
    """After a change, ``make docs`` writes the page again."""
    written = (reference.FOLDER / name).read_text(encoding="utf-8")

    assert written == reference.PAGES[name]()


def test_every_command_and_option_is_in_the_reference() -> None:
    """Nobody has to read the code to find an option."""
    page = (reference.FOLDER / "cli.md").read_text(encoding="utf-8")
    context = click.Context(cli)
    commands = {name: cli.get_command(context, name) for name in cli.list_commands(context)}

    missing = [
        f"{name} {option}"
        for name, command in commands.items()
        if command is not None
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
        if option not in page
    ]

    assert missing == []
    assert [name for name in commands if f"## lading {name}" not in page] == []


def test_every_setting_is_in_the_reference() -> None:
    """Each key stands there with its variable."""
    page = (reference.FOLDER / "configuration.md").read_text(encoding="utf-8")

    missing = [
        setting.key
        for setting in settings()
        if f"`{setting.key}`" not in page or f"`{setting.variable}`" not in page
    ]

    assert missing == []


def test_every_route_is_answered_and_documented() -> None:
    """A route that nothing answers, or that no page names, is a mistake."""
    page = (reference.FOLDER / "endpoints.md").read_text(encoding="utf-8")

    assert set(ENDPOINTS) == set(Route)
    assert page.count("\n## ") == len(Route)


@each_page
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    """Relative links name files that exist."""
    text = (ROOT / path).read_text(encoding="utf-8")
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)

    dead = [
        target
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
        if "://" not in target and not (ROOT / path.parent / target).exists()
    ]

    assert dead == []


@each_page
def test_a_line_holds_one_sentence(path: Path) -> None:
    """A change to a sentence is then a change to a line; tables and lists may hold more."""
    text = (ROOT / path).read_text(encoding="utf-8")
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    text = re.sub(r"`[^`\n]*`", "code", text)

    crowded = [
        line
        for line in text.splitlines()
        if not line.startswith(("|", "-", "*", "#", "<", " ", "1", "2", "3"))
        and re.search(r"[a-z)][.!?] [A-Z][a-z]+ ", line)
    ]

    assert crowded == []


@each_page
def test_make_commands_that_are_told_exist(path: Path) -> None:
    """Whatever a page tells to type, the Makefile knows."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    told = re.findall(
        r"(?:`|^\$ |^)make ([a-z]+)", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE
    )

    assert set(told) <= targets


@each_page
def test_lading_commands_that_are_told_exist(path: Path) -> None:
    """Commands and options in examples are those of the program."""
    text = (ROOT / path).read_text(encoding="utf-8")
    context = click.Context(cli)
    known = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    wrong = []
    for name, rest in re.findall(r"(?:`|\$ |bin/)lading ([a-z]+(?:-[a-z]+)*)([^`\n]*)", text):
        name = " ".join(native([name, *rest.split()])[1]) or name  # noqa: PLW2901 - shorter
        command = known.get(name.split()[0])
        if isinstance(command, click.Group):
            usual = command.commands.get(getattr(command, "usual", ""))
            command = command.commands.get(rest.split()[0], usual)
        options = {option for each in command.params for option in each.opts} if command else set()
        told = set(re.findall(r"(?<![\w-])--[a-z-]+", rest.partition("#")[0]))
        if command is None or told - options - {"--help"}:
            wrong.append(f"lading {name}{rest}")

    assert wrong == []


def test_make_help_lists_every_target() -> None:
    """The front door says what is behind it."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))

    shown = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert {line.split()[1] for line in shown.splitlines()} == targets
    assert targets == {
        *("help", "install", "serve", "test", "test-pythons", "check"),
        *("interop", "conformance", "bench", "bench-client", "soak", "docs"),
    }


@pytest.mark.parametrize(
    "path", [path for path in MARKDOWN if "decisions" in path.parts], ids=lambda path: path.stem
)
def test_a_decision_fits_on_a_page(path: Path) -> None:
    """A record has a number, four parts, and at most sixty lines."""
    text = (ROOT / path).read_text(encoding="utf-8")

    assert re.match(rf"# {int(path.stem[:4])}\. ", text)
    assert [
        part for part in ("Context", "Decision", "Consequences") if f"**{part}.**" not in text
    ] == []
    assert text.count("\n") <= 60
