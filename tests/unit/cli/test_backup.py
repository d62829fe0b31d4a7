"""``lading backup`` and ``lading restore`` say what they copied, and what they could not."""

import json
from pathlib import Path

import pytest

from lading.cli.main import main
from lading.oci.digest import Digest
from lading.testing import samples
from tests.unit.cli.commands import into_a_full_disk


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


def test_one_file_is_restored_whole(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is new, has the rights of any new file, and is all that is left beside the registry."""
    file = tmp_path / "backup.tar"

    codes = [
        main(["backup", "--root", str(root), str(file)]),
        main(["restore", "--root", str(tmp_path / "new"), str(file)]),
        main(["fsck", "--root", str(tmp_path / "new")]),
    ]

    assert codes == [0, 0, 0]
    backed_up, restored, *_ = capsys.readouterr().out.splitlines()
    assert backed_up.startswith("7 blobs (")
    assert restored.endswith(f"; in {tmp_path / 'new'}")
    assert {path.name for path in tmp_path.iterdir()} == {root.name, "new", "backup.tar"}


def test_file_that_is_there_is_not_written_over(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The backup of yesterday is worth more than a mistake in a script."""
    file = tmp_path / "backup.tar"
    file.write_text("of yesterday")

    code = main(["backup", "--root", str(root), str(file)])

    assert code != 0
    assert "is there already" in capsys.readouterr().err
    assert file.read_text() == "of yesterday"


def test_backup_that_fails_leaves_no_file(root: Path, tmp_path: Path) -> None:
    """Neither under its name nor under any other."""
    value = Digest.of(samples.layer(("tagged", 0))).value
    blob = root / "docker/registry/v2/blobs/sha256" / value[:2] / value / "data"
    blob.unlink()
    blob.symlink_to(blob)

    code = main(["backup", "--root", str(root), str(tmp_path / "backup.tar")])

    assert code == 1
    assert [path.name for path in tmp_path.iterdir()] == [root.name]


def test_backup_that_nothing_takes_any_more_is_no_mistake_of_ours(root: Path) -> None:
    """The disk that standard output leads to may be full."""
    code, complaint = into_a_full_disk("backup", "--root", str(root), "-")

    assert code == 1
    assert complaint.startswith("lading: file refused: standard output: No space left")


def test_standard_output_is_the_backup(
    root: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Nothing else is printed there, so that it can be piped on."""
    code = main(["backup", "--root", str(root), "-"])

    file = tmp_path / "piped.tar"
    file.write_bytes(capfdbinary.readouterr().out)
    assert (code, main(["restore", "--root", str(tmp_path / "new"), str(file)])) == (0, 0)


@pytest.mark.parametrize("options", [["-", "--link"], ["x.tar", "--link"], ["-", "-o", "json"]])
def test_what_makes_no_sense_for_a_file_is_refused(root: Path, options: list[str]) -> None:
    """Before anything is written."""
    assert main(["backup", "--root", str(root), *options]) == 2


@pytest.mark.parametrize("name", ["copy.tar.gz", "copy.tgz", "copy.tar.zst"])
def test_file_that_would_be_compressed_is_refused_with_the_way_to_make_one(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Else a directory of that name would be made."""
    codes = (
        main(["backup", "--root", str(root), str(tmp_path / name)]),
        main(["restore", "--root", str(tmp_path / "new"), str(tmp_path / name)]),
    )

    assert codes == (2, 2)
    assert "gunzip < FILE.tar.gz | lading restore -" in capsys.readouterr().err
    assert list(tmp_path.glob("copy*")) == []
