"""Commands on archives and layouts: what was in them stays, unless it is what was removed."""

from pathlib import Path

import pytest

from lading.cli.main import main
from tests.unit.cli.shelf import AMD64, OLD, Shelf

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def archive(shelf: Shelf, here: Path) -> str:
    """An archive with one image."""
    assert main(["save", f"{shelf.app}:v1", "app.tar"]) == 0
    (here / "notes.txt").write_text("notes\n")
    (here / "manifest.json").write_bytes(AMD64.manifest.body)
    return "oci-archive:app.tar"


@pytest.mark.parametrize(
    "line",
    [
        "tag {archive}:v1 v2",
        "push {archive}:files notes.txt",
        "attach --artifact-type a/b {archive}:v1 notes.txt",
        "index create {archive}:multi {app}:old",
        "manifest put {archive}:again manifest.json",
        "blob put {archive} notes.txt",
    ],
)
def test_what_was_in_an_archive_stays(line: str, archive: str, shelf: Shelf) -> None:
    """Every byte of it can still be read."""
    code = main(line.format(archive=archive, app=shelf.app).split())

    assert code == 0
    assert main(["check", f"{archive}:v1"]) == 0


def test_an_index_in_an_archive_grows_and_shrinks(archive: str, shelf: Shelf) -> None:
    """The images in it stay where they are."""
    codes = [
        main(["index", "create", f"{archive}:multi", f"{archive}:v1"]),
        main(["index", "add", f"{archive}:multi", f"{shelf.app}:old"]),
        main(["index", "rm", f"{archive}:multi", str(AMD64.manifest.digest)]),
        main(["check", f"{archive}:multi"]),
        main(["check", f"{archive}:v1"]),
        main(["manifest", "get", f"{archive}:multi@{OLD.manifest.digest}"]),
    ]

    assert codes == [0] * 6


@pytest.mark.parametrize("line", ["untag {archive}:v2", "rm {archive}:v2"])
def test_what_else_is_in_an_archive_outlives_a_tag(line: str, archive: str) -> None:
    """The tag goes, and nothing else."""
    assert main(["tag", f"{archive}:v1", "v2"]) == 0

    code = main(line.format(archive=archive).split())

    assert code == 0
    assert main(["digest", f"{archive}:v2"]) == 3
    assert main(["check", f"{archive}:v1"]) == 0


def test_what_else_is_in_an_archive_outlives_a_manifest(archive: str, shelf: Shelf) -> None:
    """Images that were put beside it."""
    assert main(["index", "create", f"{archive}:multi", f"{shelf.app}:old"]) == 0

    code = main(["manifest", "rm", "--yes", f"{archive}:v1"])

    assert code == 0
    assert main(["digest", f"{archive}:v1"]) == 3
    assert main(["check", f"{archive}:multi"]) == 0


def test_a_docker_archive_gets_another_tag(shelf: Shelf, here: Path, capsys: Printed) -> None:
    """Beside the one it had."""
    archive = "docker-archive:app.tar:team/app"
    assert main(["copy", f"{shelf.app}:v1", f"{archive}:v1"]) == 0

    code = main(["tag", f"{archive}:v1", "v2"])

    assert code == 0
    capsys.readouterr()
    assert main(["ls", archive]) == 0
    assert capsys.readouterr().out.split() == ["v1", "v2"]


@pytest.mark.parametrize(
    "line", ["copy {app}:old {archive}:old", "save {app}:old app.tar"], ids=["copy", "save"]
)
def test_a_copy_makes_a_new_archive(line: str, archive: str, shelf: Shelf) -> None:
    """As it would with any file: what was in the old one has gone."""
    code = main(line.format(archive=archive, app=shelf.app).split())

    assert code == 0
    assert main(["digest", f"{archive}:old"]) == 0
    assert main(["digest", f"{archive}:v1"]) == 3


@pytest.mark.parametrize("kind", ["oci", "oci-archive", "docker-archive"])
@pytest.mark.parametrize(
    "line",
    [
        "tag {missing}:team/app:v1 v2",
        "untag {missing}:team/app:v1",
        "rm {missing}:team/app:v1",
        "manifest rm --yes {missing}:team/app:v1",
        "attach --artifact-type a/b {missing}:team/app:v1 notes.txt",
        "index add {missing}:team/app:v1 {app}:v1",
        "index rm --platform linux/arm64 {missing}:team/app:v1",
        "blob rm {missing}:team/app@{blob}",
    ],
)
def test_changing_what_is_not_there_leaves_nothing_behind(
    line: str, kind: str, shelf: Shelf, here: Path, capsys: Printed
) -> None:
    """A typing mistake makes no folder and no file."""
    (here / "notes.txt").write_text("notes\n")
    blob = OLD.manifest.layers[0].digest
    words = line.format(missing=f"{kind}:folder/missing", app=shelf.app, blob=blob).split()

    code = main(words)

    assert code != 0
    assert "folder/missing" in capsys.readouterr().err
    assert not (here / "folder").exists()
