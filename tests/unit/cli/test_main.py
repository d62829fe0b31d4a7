"""Whatever goes wrong, one line says so, and the exit code says what kind of thing it was."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from lading.cli import version
from lading.cli.main import main
from lading.errors import LadingError, NameUnknown, StorageFull
from tests.unit.cli.commands import LADING, buffered, into_a_full_disk, unread


def raising(error: BaseException) -> Callable[[], NoReturn]:
    """A function that raises *error*."""

    def fail() -> NoReturn:
        raise error

    return fail


@pytest.mark.parametrize("error", [StorageFull("/data"), NameUnknown("team/app")])
def test_an_error_of_ours_is_one_line_with_advice_and_the_exit_code_of_its_class(
    error: LadingError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What happened, to what, and what to do about it; nothing about the program."""
    monkeypatch.setattr(version, "versions", raising(error))

    code = main(["version"])

    printed = capsys.readouterr()
    assert code == error.exit_code
    assert printed.out == ""
    assert printed.err == f"lading: {error}. {error.advice}\n"


def test_a_mistake_of_ours_is_one_line_that_tells_how_to_learn_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is shown a traceback without asking, even when its message has several lines."""
    monkeypatch.setattr(version, "versions", raising(ZeroDivisionError("one\ntwo")))

    code = main(["version"])

    printed = capsys.readouterr()
    assert code == 70
    assert printed.err.count("\n") == 1
    assert "ZeroDivisionError: one two" in printed.err
    assert "--traceback" in printed.err


def test_a_traceback_is_there_for_those_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report of a fault needs to say where it was."""
    monkeypatch.setattr(version, "versions", raising(ZeroDivisionError()))

    with pytest.raises(ZeroDivisionError):
        main(["--traceback", "version"])


def test_of_several_failures_at_once_ours_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Work in groups fails in groups; a person is told the one that they can do something about."""
    group = ExceptionGroup("", [ValueError("x"), ExceptionGroup("", [StorageFull("/data")])])
    monkeypatch.setattr(version, "versions", raising(group))

    code = main(["version"])

    assert code == StorageFull.exit_code
    assert "storage is full: /data" in capsys.readouterr().err


def test_an_interrupt_ends_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever presses Ctrl-C knows why the command ended."""
    monkeypatch.setattr(version, "versions", raising(KeyboardInterrupt()))

    code = main(["version"])

    assert code == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_goes_away_ends_the_command_quietly() -> None:
    """``lading ... | head`` prints no complaint about a broken pipe."""
    ended = unread("version")

    assert ended == (141, b"")


@pytest.mark.parametrize("words", ["version", "--version", "--help", "gc --help", "completion zsh"])
def test_a_result_that_cannot_be_written_is_no_mistake_of_ours(words: str) -> None:
    """The disk that standard output leads to may be full; one line says so."""
    code, complaint = into_a_full_disk(*words.split())

    assert code == 1
    assert complaint == (
        "lading: file refused: standard output: No space left on device. "
        "Choose another file or directory.\n"
    )


UNFLUSHED = """
import sys, click
from lading.cli.main import ended
sys.exit(ended(click.Command("x", callback=lambda: print("left") or %s), "x", ["--"]))
"""


@pytest.mark.parametrize(("returned", "code", "lines"), [(0, 1, 1), (5, 5, 0)])
def test_what_is_left_to_be_written_in_the_end_may_not_fit(
    returned: int, code: int, lines: int
) -> None:
    """One line says so, unless the command has failed anyway."""
    with Path("/dev/full").open("wb") as full:
        process = subprocess.run(
            [sys.executable, "-c", UNFLUSHED % returned],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=buffered(),
        )

    assert process.returncode == code
    assert process.stderr.count("\n") == lines
    assert "Traceback" not in process.stderr


def test_what_is_left_to_be_written_in_the_end_may_find_no_reader() -> None:
    """It ends as quietly as when a reader goes away earlier."""
    with subprocess.Popen(
        [sys.executable, "-c", UNFLUSHED % 0],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=buffered(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        complaint = process.stderr.read()

    assert (process.returncode, complaint) == (141, b"")


def test_exit_code_tells_when_a_complaint_cannot_be_written() -> None:
    """The disk that standard error leads to may be full."""
    with Path("/dev/full").open("wb") as full:
        process = subprocess.run([LADING, "nonsense"], stderr=full, check=False, env=buffered())

    assert process.returncode == 2


@pytest.mark.parametrize("arguments", [["nonsense"], ["gc", "--nonsense"], ["-o"]])
def test_a_command_line_that_makes_no_sense_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and a pointer to the help."""
    code = main(arguments)

    assert code == 2
    assert "--help" in capsys.readouterr().err


def test_help_names_every_command_and_imports_none(capsys: pytest.CaptureFixture[str]) -> None:
    """Start-up time is a feature, and most of it is imports."""
    check = (
        "import sys; from lading.cli.main import main; main(['--help']);"
        " sys.exit('lading.app' in sys.modules)"
    )

    code = main(["--help"])
    lazy = subprocess.run([sys.executable, "-c", check], check=False, capture_output=True)

    printed = capsys.readouterr().out
    assert code == 0
    assert all(name in printed for name in ("serve", "gc", "fsck", "version"))
    assert lazy.returncode == 0
