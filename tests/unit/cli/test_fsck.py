"""``lading fsck`` tells damage from waste, in words and by its exit code."""

import json
from pathlib import Path

import pytest

from lading.cli.main import main
from lading.oci.digest import Digest
from lading.testing import samples

LAYER = samples.layer(("tagged", 0))


def file_of(root: Path, content: bytes) -> Path:
    """Where the bytes of *content* lie."""
    value = Digest.of(content).value
    return root / "docker/registry/v2/blobs/sha256" / value[:2] / value / "data"


def test_a_healthy_directory_ends_well(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unreferenced blobs that are still within their grace are no finding."""
    code = main(["fsck", "--root", str(root)])

    assert code == 0
    assert capsys.readouterr().out.startswith("7 blobs looked at")


def test_damage_is_named_and_ends_with_one(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A script can rely on the exit code, a person on the line."""
    file_of(root, LAYER).write_bytes(LAYER[:-1])

    code = main(["fsck", "--root", str(root)])

    lines = capsys.readouterr().out.splitlines()
    assert code == 1
    assert lines[0] == f"damage: blob {Digest.of(LAYER)} has 99 bytes instead of 100"
    assert "damage: 1, repaired: 0" in lines[1]
    assert "`lading fsck --repair`" in lines[2]


def test_a_repair_quarantines_and_says_what_to_push_where(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bytes are kept for inspection, and the image heals with the next push of the layer."""
    file_of(root, LAYER).write_bytes(b"x" * 100)

    code = main(["fsck", "--root", str(root), "--repair"])

    lines = capsys.readouterr().out.splitlines()
    assert code == 1
    assert "push it again to team/app" in lines[0]
    assert "delete the tag first" in lines[2]
    assert not file_of(root, LAYER).exists()
    assert [path.read_bytes() for path in (root / "quarantine").iterdir()] == [b"x" * 100]


def test_waste_ends_with_zero(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes that nobody knows of harm nobody, and are freed by a collection."""
    content = samples.blob(seed="waste")
    file_of(root, content).parent.mkdir(parents=True)
    file_of(root, content).write_bytes(content)

    code = main(["fsck", "--root", str(root)])

    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert lines[0] == f"waste: blob {Digest.of(content)} has no record"
    assert "waste: 1 thing (100 bytes), freed by lading gc" in lines[1]


def test_findings_as_json_can_be_read_by_programs(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One document, with every finding and the totals."""
    file_of(root, LAYER).unlink()

    code = main(["fsck", "--root", str(root), "-o", "json"])

    found = json.loads(capsys.readouterr().out)
    assert code == 1
    assert (found["damage"], found["repaired"], found["waste"]) == (1, 0, 0)
    assert found["items"] == [
        {
            "grade": "damage",
            "subject": f"blob {Digest.of(LAYER)}",
            "problem": "is missing",
            "remedy": "",
        }
    ]
