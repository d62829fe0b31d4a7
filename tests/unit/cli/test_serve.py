"""``lading serve`` as it is typed."""

from pathlib import Path

import pytest

from lading.cli.main import main


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """The help is the reference that everybody has at hand."""
    code = main(["serve", "--help"])

    said = capsys.readouterr().out
    assert code == 0
    for option in (
        "--root",
        "--listen",
        "--workers",
        "--config",
        "--allow-missing",
        "--read-only",
        "--no-access-log",
        "--grace",
    ):
        assert option in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workers", "none at all"], "--workers: 'none at all' is not a whole number"),
        (["--listen", "5000"], "--listen: '5000' is not an address such as"),
        (["--grace", "24"], "--grace: '24' is not a duration such as"),
    ],
)
def test_mistyped_option_is_one_line(
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The line names the option, and the code tells that it is the caller's mistake."""
    monkeypatch.chdir(tmp_path)

    code = main(["serve", *arguments])

    text = capsys.readouterr().err
    assert code == 2
    assert text.count("\n") == 1
    assert said in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["serve", "garbage-collect"])
def test_what_is_named_behind_the_file_is_not_looked_at(
    command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Scripts that were written for Distribution may have such words."""
    code = main([command, str(tmp_path / "absent.yml"), "extra"])

    assert code == 1
    assert "absent.yml: No such file or directory" in capsys.readouterr().err


def test_configuration_that_is_not_there_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With the code of every configuration that cannot be used, as it is Distribution's."""
    code = main(["serve", str(tmp_path / "absent.yml")])

    text = capsys.readouterr().err
    assert code == 1
    assert text.count("\n") == 1
    assert "absent.yml: No such file or directory" in text
