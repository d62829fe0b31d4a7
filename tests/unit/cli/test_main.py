"""Whatever goes wrong, one line says so, and the exit code says what kind of thing it was."""

import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

import pytest

from lading.cli import version
from lading.cli.main import main
from lading.errors import LadingError, NameUnknown, StorageFull
from tests.unit.cli.commands import into_a_full_disk, unread


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


def test_a_result_that_cannot_be_written_is_no_mistake_of_ours() -> None:
    """The disk that standard output leads to may be full."""
    code, complaint = into_a_full_disk("version")

    assert code == 1
    assert complaint.startswith("lading: file refused: standard output: No space left")


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
