"""Verbs of other tools are understood, and the shell can complete ours."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from lading.cli.main import cli, main
from lading.cli.names import _ALIASES, COMMANDS
from tests.unit.cli.commands import LADING
from tests.unit.cli.shelf import AMD64, Shelf

Printed = pytest.CaptureFixture[str]


@pytest.mark.parametrize("ours", sorted(set(_ALIASES.values())))
def test_a_verb_of_another_tool_stands_for_a_command_that_exists(ours: tuple[str, ...]) -> None:
    """And is no command of ours itself."""
    command = cli.get_command(click.Context(cli), ours[0])

    assert command is not None
    if len(ours) > 1:
        assert isinstance(command, click.Group)
        assert ours[1] in command.commands


@pytest.mark.parametrize(
    ("typed", "ours", "out"),
    [
        ("resolve {app}:v1", "digest", f"{AMD64.manifest.digest}\n"),
        ("list-tags {app}", "ls", "old\nv1\nv2\n"),
        ("repo tags {app}", "ls", "old\nv1\nv2\n"),
        ("catalog {host}", "ls", "team/app\nteam/files\nteam/multi\n"),
        ("manifest head {app}:v1", "digest", f"{AMD64.manifest.digest}\n"),
    ],
)
def test_a_verb_of_another_tool_does_the_same_and_says_what_it_is_called_here(
    typed: str, ours: str, out: str, shelf: Shelf, capsys: Printed
) -> None:
    """Once, and not where the result goes."""
    code = main(typed.format(app=shelf.app, host=shelf.host).split())

    assert code == 0
    assert capsys.readouterr() == (out, f"lading: this is called `lading {ours}` here\n")


def test_help_lists_our_own_names_alone(capsys: Printed) -> None:
    """Each with a line about it."""
    main(["--help"])

    names = re.findall(r"^  ([a-z][a-z-]*)  +[A-Z]", capsys.readouterr().out, re.MULTILINE)
    assert names == list(COMMANDS)


def test_the_prefix_of_other_tools_is_explained(here: Path, capsys: Printed) -> None:
    """``docker://`` is no part of a reference here."""
    code = main(["digest", "docker://localhost:5000/team/app:v1"])

    assert code == 2
    assert "docker://" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell"])
def test_other_shells_have_scripts_as_well(shell: str, capsys: Printed) -> None:
    """They ask by the same variable."""
    code = main(["completion", shell])

    assert code == 0
    assert "_LADING_COMPLETE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("number", "code", "called"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "ended by SIGTERM")],
)
def test_an_interrupt_says_how_to_go_on(
    shelf: Shelf, here: Path, number: signal.Signals, code: int, called: str
) -> None:
    """The same again completes what was begun, and nothing lies about."""
    shelf.stand_in.trouble.delay(30, method="GET", path="*/blobs/*", times=99)
    line = [str(LADING), "copy", f"{shelf.app}:v1", "oci:layout:v1"]

    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        while shelf.stand_in.trouble.count("GET", "*/blobs/*") == 0:
            assert process.poll() is None
        process.send_signal(number)
        said = process.communicate()[1]
    shelf.stand_in.trouble.end()

    assert process.returncode == code
    assert said.endswith(
        f"lading: {called}. Run the same again to go on; "
        "what is there already is not moved twice.\n"
    )
    assert main(line[1:]) == 0
    assert sorted(each.name for each in (here / "layout").iterdir()) == [
        "blobs",
        "index.json",
        "oci-layout",
    ]


@pytest.mark.parametrize("line", ["digest {app}:v1", "ls {app}", "version"])
def test_a_short_command_imports_neither_server_nor_bars(line: str, shelf: Shelf) -> None:
    """Start-up time is a feature, and most of it is imports."""
    heavy = ["lading.http", "lading.registry", "lading.metadata", "lading.storage", "lading.layout"]
    check = (
        "import sys; from lading.cli.main import main; code = main(sys.argv[1:]);"
        f" sys.exit(code or str([each for each in {[*heavy, 'rich', 'apsw']} if each in sys.modules]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", check, *line.format(app=shelf.app).split()],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == "[]\n"
