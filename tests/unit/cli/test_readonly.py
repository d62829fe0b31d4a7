"""``lading readonly`` says how it is, and does not say so before it is."""

import json
from pathlib import Path

import pytest

from lading.cli.main import main


@pytest.mark.parametrize(
    ("state", "said"), [("on", "read-only\n"), ("off", "takes writes\n"), ("status", "read-only\n")]
)
def test_state_is_said_as_it_is_afterwards(
    root: Path, capsys: pytest.CaptureFixture[str], state: str, said: str
) -> None:
    """Here after it was on, which `status` leaves as it is."""
    main(["readonly", "on", "--root", str(root)])
    capsys.readouterr()

    code = main(["readonly", state, "--root", str(root)])

    assert code == 0
    assert capsys.readouterr().out == said


def test_configuration_counts_as_well(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A switch that is off makes nothing writable that is configured otherwise."""
    file = tmp_path / "lading.yml"
    file.write_text(f"lading: {{root: {root}, read_only: true}}\n")

    main(["readonly", "off", "--config", str(file)])
    line = capsys.readouterr().out
    main(["readonly", "status", "--config", str(file), "-o", "json"])

    assert line == "read-only by its configuration; the switch is off\n"
    assert json.loads(capsys.readouterr().out) == {
        "readOnly": True,
        "switch": "off",
        "configured": True,
    }


def test_mistyped_directory_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is made there."""
    code = main(["readonly", "on", "--root", str(tmp_path / "typo")])

    assert code != 0
    assert "there is no registry in" in capsys.readouterr().err
    assert not (tmp_path / "typo").exists()
