"""A report of a fault begins with versions."""

import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from lading.app.versions import versions
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


def test_version_names_the_system_and_its_c_library() -> None:
    """Whether a wheel fits depends on these, and so may a fault."""
    found = versions()

    kernel = os.uname()
    assert found["platform"].startswith(f"{kernel.sysname}-{kernel.release}-{kernel.machine}")
    assert found["platform"].endswith("".join(platform.libc_ver()))


def test_a_version_is_found_wherever_packages_may_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first folder on the path that has the package says it, also a zip or one that is gone."""
    for folder, said in (("first", "9.1"), ("second", "8.0")):
        (tmp_path / folder / f"httptools-{said}.dist-info").mkdir(parents=True)
    (tmp_path / "first" / ".dist-info").mkdir()
    monkeypatch.setattr(
        sys, "path", [str(tmp_path / each) for each in ("gone", "first", "second")] + sys.path
    )

    assert versions()["httptools"] == "9.1"


def test_a_package_with_metadata_of_another_kind_has_a_version_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Packages of a distribution may have a file in place of a folder; others are not there."""
    (tmp_path / "lading.egg-info").write_text("Metadata-Version: 2.1\nName: lading\nVersion: 7.5\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    found = versions()

    assert found["lading"] == "7.5"
    assert found["uvloop"] == "not installed"
