"""``lading gc`` says what it took and why, and takes what it said it would."""

import asyncio
import json
import os
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lading.app.config.content import CollectorConfig
from lading.app.config.tree import Config
from lading.app.directory import held
from lading.app.stores import Stores, open_stores
from lading.bodies import Bytes
from lading.cli.main import main
from lading.errors import StorageFull
from lading.interfaces.repository import Repository
from lading.metadata.sqlite import SqliteMetadata
from lading.oci.digest import Digest
from lading.testing import samples
from tests.unit.cli.commands import LADING
from tests.unit.cli.conftest import within

ABANDONED = Digest.of(samples.blob(seed="abandoned"))


def blobs(root: Path) -> set[str]:
    """The digests of all bytes below *root*, by file name."""
    return {path.parent.name for path in root.glob("docker/registry/v2/blobs/*/*/*/data")}


def test_nothing_young_is_taken_without_being_asked_for(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The grace is that of the server, a day, unless something else is said."""
    before = blobs(root)

    code = main(["gc", "--root", str(root)])

    assert code == 0
    assert capsys.readouterr().out == "nothing to collect\n"
    assert blobs(root) == before


def test_a_grace_of_zero_takes_what_is_unreferenced_now(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for each thing, with its reason, and how many bytes were freed."""
    code = main(["gc", "--root", str(root), "--grace", "0"])

    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert lines == [
        f"link {ABANDONED} in team/app forgotten: no manifest of team/app names it",
        f"blob {ABANDONED} deleted (100 bytes): no repository holds it",
        "1 link, 1 blob removed, 100 bytes freed",
    ]
    assert ABANDONED.value not in blobs(root)
    assert len(blobs(root)) == 6


def test_a_dry_run_prints_what_a_run_then_does_and_changes_nothing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Item by item the same, down to the bytes."""
    before = blobs(root)
    arguments = ["gc", "--root", str(root), "--grace", "0", "--untagged", "-o", "json"]

    main([*arguments, "--dry-run"])
    dry = json.loads(capsys.readouterr().out)
    kept = blobs(root)
    main(arguments)
    real = json.loads(capsys.readouterr().out)

    assert kept == before
    assert dry.pop("dryRun") is True
    assert real.pop("dryRun") is False
    assert dry == real
    assert (real["manifests"], real["blobs"]) == (1, 4)
    assert len(blobs(root)) == 3


def test_a_dry_run_speaks_in_the_conditional(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody takes a rehearsal for the real thing."""
    main(["gc", "--root", str(root), "--grace", "0", "--dry-run"])

    lines = capsys.readouterr().out.splitlines()
    assert all("would be" in line for line in lines)


def served(root: Path, **collector: timedelta) -> None:
    """Let a server have had *root*, with these settings."""
    with held(Config(root=root, collector=CollectorConfig(**collector))):
        pass


def test_what_the_server_was_told_holds_without_its_configuration(root: Path) -> None:
    """Its grace is that of the command, which needs no configuration file for that."""
    served(root, grace=timedelta(0))

    code = main(["gc", "--root", str(root)])

    assert code == 0
    assert ABANDONED.value not in blobs(root)


def test_a_grace_of_the_command_holds_over_that_of_the_server(root: Path) -> None:
    """Who asks for space now gets it."""
    served(root, grace=timedelta(days=30))

    kept = main(["gc", "--root", str(root)]), ABANDONED.value in blobs(root)
    taken = main(["gc", "--root", str(root), "--grace", "0"]), ABANDONED.value in blobs(root)

    assert kept == (0, True)
    assert taken == (0, False)


def test_the_undo_window_of_the_server_is_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can still be undone stays, with whatever grace, and with a shorter window, too."""
    served(root, undo=timedelta(days=7))

    async def delete(_: Stores, repository: Repository) -> None:
        await repository.delete_manifest(samples.image("tagged").manifest.digest)

    within(root, delete)
    monkeypatch.setenv("LADING__COLLECTOR__UNDO", "1s")
    main(["gc", "--root", str(root), "--grace", "0"])

    layers = {Digest.of(content).value for content in samples.image("tagged").blobs}
    assert layers <= blobs(root)
    assert ABANDONED.value not in blobs(root)


@pytest.mark.parametrize("grace", ["90s", "15m", "24h", "7d"])
def test_a_grace_can_be_given_in_every_usual_unit(root: Path, grace: str) -> None:
    """All of them are longer than the past of this directory."""
    before = blobs(root)

    code = main(["gc", "--root", str(root), "--grace", grace])

    assert code == 0
    assert blobs(root) == before


def test_a_grace_that_is_no_duration_is_a_usage_error(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line says what would be one."""
    code = main(["gc", "--root", str(root), "--grace", "soon"])

    assert code == 2
    assert "24h" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["gc", "fsck"])
def test_a_directory_without_a_registry_is_refused_and_not_made(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped path must not become an empty registry that has nothing to collect."""
    empty = tmp_path / "empty"
    empty.mkdir()

    codes = [main([command, "--root", str(path)]) for path in (empty, tmp_path / "none")]

    assert codes == [1, 1]
    assert capsys.readouterr().err.count("\n") == 2
    assert list(tmp_path.rglob("*")) == [empty]


def test_gc_waits_for_its_turn_while_a_server_is_at_it(root: Path) -> None:
    """The right to background work is one for all processes; serving goes on meanwhile."""

    async def hold_and_start() -> tuple[bool, Any]:
        async with open_stores(root) as stores:
            async with stores.metadata.background(wait=True):
                process = await asyncio.create_subprocess_exec(
                    LADING, "gc", "--root", root, "--grace", "0", stdout=subprocess.PIPE
                )
                ended = asyncio.create_task(process.communicate())
                done, _ = await asyncio.wait([ended], timeout=1)
            output, _ = await ended
            return bool(done), output

    early, output = asyncio.run(hold_and_start())

    assert not early
    assert b"1 blob removed" in output


def stale_upload(root: Path) -> Path:
    """The file of an upload of 100 bytes to *root*, which nobody went on with for three days."""

    async def begin(_: Stores, repository: Repository) -> None:
        upload = await repository.start_upload()
        await upload.write(Bytes(samples.blob(seed="given up")))
        await upload.aclose()

    within(root, begin)
    (file,) = (root / "uploads").iterdir()
    os.utime(file, (file.stat().st_mtime - 3 * 86400,) * 2)
    return file


def test_a_stale_upload_has_a_line_and_its_bytes_are_counted(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever looks for space is told which upload took it, and since when for nothing."""
    file = stale_upload(root)

    main(["gc", "--root", str(root), "--dry-run", "-o", "jsonl"])
    facts = json.loads(capsys.readouterr().out)
    main(["gc", "--root", str(root)])
    lines = capsys.readouterr().out.splitlines()

    assert (facts["what"], facts["digest"], facts["upload"]) == ("upload", None, file.name)
    assert lines[0].startswith(f"upload {file.name} deleted (100 bytes): took nothing since 20")
    assert lines[1] == "1 stale upload removed, 100 bytes freed"
    assert not file.exists()


def test_stale_uploads_go_though_the_database_takes_nothing(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk gets room by what goes without a change of the database, which then follows."""
    file = stale_upload(root)

    async def full(*_: object, **__: object) -> None:
        raise StorageFull("registry.db: database or disk is full")

    monkeypatch.setattr(SqliteMetadata, "condemn", full)
    code = main(["gc", "--root", str(root), "--grace", "0"])

    said = capsys.readouterr()
    assert code == 1
    assert f"upload {file.name} deleted" in said.out
    assert not file.exists()
    assert "move some MiB of other files off that disk" in said.err
