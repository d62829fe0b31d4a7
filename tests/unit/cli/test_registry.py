"""``registry``: what was written for Distribution's program finds its commands."""

import sys
from pathlib import Path

import pytest

from lading.app.versions import versions
from lading.cli.registry import main


def test_version_is_one_line_of_three_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scripts take the last word of it."""
    monkeypatch.setattr(sys, "argv", ["/bin/registry"])

    code = main(["--version"])

    assert code == 0
    assert capsys.readouterr().out == f"/bin/registry lading {versions()['lading']}\n"


@pytest.mark.parametrize("named", [[], [""]])
def test_serve_wants_a_file(
    named: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As there, nothing is served without one, and the code is 1."""
    monkeypatch.delenv("REGISTRY_CONFIGURATION_PATH", raising=False)

    code = main(["serve", *named])

    assert code == 1
    assert capsys.readouterr().err.startswith(
        "configuration error: configuration path unspecified\nUsage: registry serve"
    )


def test_a_mistake_in_the_file_is_code_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever restarts it by its code sees the code that is known there."""
    file = tmp_path / "config.yml"
    file.write_text("version: 0.1\nstorage: {s3: {bucket: b}}\n")
    monkeypatch.setenv("REGISTRY_CONFIGURATION_PATH", str(file))

    code = main(["serve"])

    assert code == 1
    assert "config.yml, line 2: storage.s3: content is kept" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "garbage-collect  Remove content"),
        (["help"], "garbage-collect  Remove content"),
        (["help", "serve"], "REGISTRY_CONFIGURATION_PATH"),
        (["serve", "--help"], "Usage: registry serve [OPTIONS] [CONFIG.yml]"),
        (["completion", "bash"], "_LADING_COMPLETE"),
        (["completion", "powershell"], "-CommandName registry"),
    ],
)
def test_help_and_completion_are_there(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands that such programs have beside their own."""
    code = main(arguments)

    assert code == 0
    assert said in capsys.readouterr().out


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Commands of Lading are not among those of this program."""
    code = main(["copy", "a", "b"])

    assert code == 1
    assert "No such command 'copy'" in capsys.readouterr().err
