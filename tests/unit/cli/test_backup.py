"""``lading backup`` and ``lading restore`` say what they copied, and what they could not."""

import json
from pathlib import Path

import pytest

from lading.cli.main import main
from lading.oci.digest import Digest
from lading.testing import samples


def test_backup_says_what_is_new(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second time nothing is."""
    arguments = ["backup", "--root", str(root), str(tmp_path / "copy")]

    codes = main(arguments), main(arguments)

    first, second = capsys.readouterr().out.splitlines()
    assert codes == (0, 0)
    assert first.startswith("7 blobs (")
    assert "7 of them new (" in first
    assert "0 of them new (0 bytes)" in second


def test_restored_registry_is_whole(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Facts for programs, and a directory in which fsck finds nothing."""
    main(["backup", "--root", str(root), str(tmp_path / "copy"), "--link"])
    capsys.readouterr()

    code = main(["restore", "--root", str(tmp_path / "new"), str(tmp_path / "copy"), "-o", "json"])
    said = json.loads(capsys.readouterr().out)

    assert code == 0
    assert (said["blobs"], said["new"], said["gone"], said["lost"]) == (7, 7, 0, 0)
    assert main(["fsck", "--root", str(tmp_path / "new")]) == 0


def test_lost_blob_is_named_and_ends_with_one(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cron job that backs up a damaged registry is noticed."""
    value = Digest.of(samples.layer(("tagged", 0))).value
    (root / "docker/registry/v2/blobs/sha256" / value[:2] / value / "data").unlink()

    code = main(["backup", "--root", str(root), str(tmp_path / "copy")])

    said = capsys.readouterr()
    assert code == 1
    assert value in said.err
    assert said.out.endswith("; 1 blob lost\n")
