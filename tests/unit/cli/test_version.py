"""A report of a fault begins with versions."""

import json
import platform
from importlib.metadata import version

import pytest

from lading.cli.main import main


def test_version_names_everything_that_matters(capsys: pytest.CaptureFixture[str]) -> None:
    """Our own version comes first, then those of what we stand on."""
    code = main(["version"])

    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert lines[0] == f"lading {version('lading')}"
    assert f"python {platform.python_version()}" in lines
    assert {"apsw", "sqlite", "uvloop"} <= {line.split()[0] for line in lines}


def test_version_as_json_can_be_read_by_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """The same facts, by name."""
    code = main(["version", "-o", "json"])

    found = json.loads(capsys.readouterr().out)
    assert code == 0
    assert found["lading"] == version("lading")


def test_the_usual_option_says_the_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Programs ask ``--version`` before they know which commands there are."""
    code = main(["--version"])

    assert code == 0
    assert capsys.readouterr().out == f"lading {version('lading')}\n"
