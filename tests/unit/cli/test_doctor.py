"""``lading doctor`` for a server: by its directory, or by its file."""

import json
from pathlib import Path

import pytest

from lading.app.directory import prepare
from lading.cli.main import main

Printed = pytest.CaptureFixture[str]


def test_a_directory_is_looked_at(tmp_path: Path, capsys: Printed) -> None:
    """Each thing has a line, and nothing is sent anywhere."""
    prepare(tmp_path / "data")
    file = tmp_path / "config.yaml"
    file.write_text("lading: {listen: '127.0.0.1:0'}")

    code = main(["doctor", str(file), "--root", str(tmp_path / "data"), "-o", "json"])

    document = json.loads(capsys.readouterr().out)
    subjects = [each["subject"] for each in document["findings"]]
    assert code == 0
    assert document["registry"] == str(file)
    assert {"data directory", "disk space", "database", "certificate"} <= set(subjects)


@pytest.mark.parametrize("option", [[], ["--config"]], ids=" ".join)
def test_a_file_that_no_server_starts_with_fails(
    option: list[str], tmp_path: Path, capsys: Printed
) -> None:
    """Exit code 1, where the mistake stands, and what to do."""
    file = tmp_path / "config.yml"
    file.write_text("lading: {lisen: ':5000'}")

    code = main(["doctor", *option, str(file)])

    printed = capsys.readouterr().out
    assert code == 1
    assert "config.yml, line 1" in printed
    assert "did you mean listen?" in printed


@pytest.mark.parametrize(
    "words",
    [
        ["doctor"],
        ["doctor", "localhost:5000", "--root", "data"],
        ["doctor", "--write", "--root", "data"],
        ["doctor", "--write", "config.yml"],
        ["doctor", "localhost:5000", "--config", "config.yml"],
    ],
    ids=" ".join,
)
def test_it_is_a_registry_or_a_server(words: list[str], capsys: Printed) -> None:
    """Not both, and not neither."""
    assert main(words) == 2
    assert "--root" in capsys.readouterr().err
