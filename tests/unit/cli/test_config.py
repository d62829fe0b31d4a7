"""``lading config check``: what a server would not start with."""

from pathlib import Path

import pytest

from lading.cli.main import main


def test_file_in_which_nothing_stands_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A server would refuse it too."""
    file = tmp_path / "config.yml"
    file.write_text("# to be written\n")

    code = main(["config", "check", str(file)])

    told = capfd.readouterr().out
    assert code == 1
    assert told.startswith(f"refused: {file}: nothing stands in it. ")
    assert told.count("\n") == 1
