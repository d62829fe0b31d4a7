"""A backup or restore that is ended leaves nothing half; one that was killed is completed."""

import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import termios
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from lading.cli.main import main
from lading.metadata.snapshot import DATABASE
from lading.oci.digest import Digest
from lading.testing import samples
from tests.unit.cli.commands import LADING

ENDED = [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "ended by SIGTERM")]

PATIENCE = 30.0
"""Seconds after which something that was to end did not."""

LOOKS_EVERY = 0.02
"""Seconds between two looks at what a program has done; it takes longer to do what is waited for."""

NOTHING_LEFT = "Nothing of it is left, and an older backup is as it was; run the same again.\n"
AS_IT_WAS = "The directory is what it was before; run the same again.\n"

LONG = "f" * 64
"""A blob that takes long, and comes last; it is not what its name says."""


@contextmanager
def long_blob(root: Path) -> Iterator[None]:
    """A blob of several gibibytes in *root*, which take no room there."""
    size = 4 << 30
    file = root / f"docker/registry/v2/blobs/sha256/{LONG[:2]}/{LONG}/data"
    file.parent.mkdir(parents=True)
    with file.open("wb") as content:
        content.truncate(size)
    _execute(root, f"INSERT INTO blobs VALUES ('sha256:{LONG}', {size}, NULL, '', 0, NULL)")
    try:
        yield
    finally:
        _execute(root, f"DELETE FROM blobs WHERE digest = 'sha256:{LONG}'")
        shutil.rmtree(file.parent)


def _execute(root: Path, statement: str) -> None:
    with closing(sqlite3.connect(root / DATABASE)) as connection, connection:
        connection.execute(statement)


@contextmanager
def started(*words: str, stdin: int = subprocess.DEVNULL) -> Iterator["subprocess.Popen[str]"]:
    """The program at work; it is killed when the test ends before it does."""
    with subprocess.Popen(
        [LADING, *words],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Wait for *condition*, while *process* is at work."""
    while not condition():
        try:
            process.wait(LOOKS_EVERY)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail(f"it ended: {process.communicate()}")


def end(process: "subprocess.Popen[str]", number: signal.Signals) -> tuple[int, str]:
    """The exit code of *process* when it is ended by a signal, and what it complains of."""
    process.send_signal(number)
    # Standard output is not read meanwhile: it may be what is stuck.
    code = process.wait(PATIENCE)
    assert process.stderr is not None
    return code, process.stderr.read()


def state(folder: Path) -> dict[str, bytes | None]:
    """Everything below *folder*: directories, and files with what is in them."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }


def in_the_long_blob(folder: Path) -> Callable[[], bool]:
    """Whether more is written below *folder* than all other blobs are together."""
    return lambda: any(_size(each) > 1 << 20 for each in _files(folder))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        # It has gone since it was listed.
        return 0


def _files(folder: Path) -> list[Path]:
    # Unlike `Path.rglob`, this does not mind what comes and goes meanwhile.
    return [Path(place, name) for place, _, names in os.walk(folder) for name in names]


@pytest.mark.parametrize(("number", "code", "called"), ENDED)
@pytest.mark.parametrize("name", ["copy", "deep/copy", "copy.tar"])
def test_backup_that_is_ended_leaves_nothing(
    root: Path, tmp_path: Path, number: signal.Signals, code: int, called: str, name: str
) -> None:
    """Neither under its name nor under any other; and the same again makes the backup."""
    there = tmp_path / "there"
    there.mkdir()
    words = ["backup", "--root", str(root), str(there / name)]

    with long_blob(root), started(*words) as process:
        wait_until(in_the_long_blob(there), process)
        ended = end(process, number)

    assert ended == (code, f"lading: {called}. {NOTHING_LEFT}")
    assert state(there) == {}
    assert main(words) == 0


def test_older_copy_is_as_it_was_when_the_backup_is_ended(root: Path, tmp_path: Path) -> None:
    """Byte for byte, though a blob had been copied that it does not know."""
    copy = tmp_path / "copy"
    words = ["backup", "--root", str(root), str(copy)]
    assert main(words) == 0
    lost = Digest.of(samples.layer(("tagged", 0)))
    names = [path for path in state(copy) if path.endswith(f"{lost.value}/data")]
    _execute(copy, f"DELETE FROM blobs WHERE digest = '{lost}'")
    (copy / names[0]).unlink()
    (copy / names[0]).parent.rmdir()
    older = state(copy)

    with long_blob(root), started(*words) as process:
        wait_until(in_the_long_blob(copy), process)
        code, _ = end(process, signal.SIGTERM)

    assert code == 143
    assert state(copy) == older
    assert main(words) == 0
    assert names[0] in state(copy)


def test_backup_into_a_pipe_that_nobody_reads_can_be_ended(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not wait for whoever has gone to sleep, and keeps nothing aside."""
    aside = tmp_path / "aside"
    aside.mkdir()
    monkeypatch.setenv("TMPDIR", str(aside))

    with long_blob(root), started("backup", "--root", str(root), "-") as process:
        assert process.stdout is not None
        pipe = process.stdout.fileno()
        capacity = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
        wait_until(lambda: _waiting(pipe) == capacity, process)
        code, complaint = end(process, signal.SIGTERM)

    assert code == 143
    assert complaint == (
        "lading: ended by SIGTERM. What was written is cut short, and is no backup; "
        "run the same again.\n"
    )
    assert state(aside) == {}


def _waiting(pipe: int) -> int:
    count = fcntl.ioctl(pipe, termios.FIONREAD, bytes(4))
    return int.from_bytes(count, "little")


def test_backup_that_waits_for_collection_can_be_ended(root: Path, tmp_path: Path) -> None:
    """Its file has been begun by then."""
    there = tmp_path / "there"
    there.mkdir()

    with (root / "metadata/background.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with started("backup", "--root", str(root), str(there / "copy.tar")) as process:
            wait_until(lambda: _files(there) != [], process)
            code, complaint = end(process, signal.SIGTERM)

    assert (code, complaint.count("\n")) == (143, 1)
    assert state(there) == {}


@pytest.fixture
def archive(root: Path, tmp_path: Path) -> Path:
    """A backup in one file."""
    file = tmp_path / "backup.tar"
    assert main(["backup", "--root", str(root), str(file)]) == 0
    return file


@pytest.mark.parametrize(("number", "code", "called"), ENDED)
@pytest.mark.parametrize("empty", [True, False])
def test_restore_from_a_pipe_that_is_ended_leaves_nothing(
    archive: Path, tmp_path: Path, number: signal.Signals, code: int, called: str, empty: bool
) -> None:
    """Though it waits for the rest of the backup; the directory is missing or empty as before."""
    new = tmp_path / "deep" / "new"
    if empty:
        new.mkdir(parents=True)
    before = state(tmp_path)
    words = ["restore", "--root", str(new)]

    with restoring(new, archive) as process:
        ended = end(process, number)

    assert ended == (code, f"lading: {called}. {AS_IT_WAS}")
    assert state(tmp_path) == before
    assert main([*words, str(archive)]) == 0
    assert main(["fsck", "--root", str(new)]) == 0


@contextmanager
def restoring(new: Path, archive: Path) -> Iterator["subprocess.Popen[str]"]:
    """A restore that has some of the blobs in *new*, and waits for the others."""
    content = archive.read_bytes()
    with started("restore", "--root", str(new), "-", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        os.write(process.stdin.fileno(), content[: content.rindex(b"docker/registry")])
        wait_until(lambda: any(each.name == "data" for each in _files(new)), process)
        yield process


@pytest.mark.parametrize(("number", "code", "called"), ENDED)
def test_restore_from_a_directory_that_is_ended_leaves_nothing(
    root: Path, tmp_path: Path, number: signal.Signals, code: int, called: str
) -> None:
    """In the middle of a blob that takes long."""
    new = tmp_path / "new"
    words = ["restore", "--root", str(new), str(root)]

    with long_blob(root), started(*words) as process:
        wait_until(in_the_long_blob(new), process)
        ended = end(process, number)

    assert ended == (code, f"lading: {called}. {AS_IT_WAS}")
    assert not new.exists()
    assert main(words) == 0


@pytest.mark.parametrize("source", ["file", "directory"])
def test_restore_that_was_killed_is_completed_by_the_same_command(
    root: Path, archive: Path, tmp_path: Path, source: str
) -> None:
    """Nobody has to clear anything away."""
    new = tmp_path / "new"
    with restoring(new, archive) as process:
        process.kill()
        process.wait()

    place = str(archive if source == "file" else root)
    code = main(["restore", "--root", str(new), place])

    assert code == 0
    assert main(["fsck", "--root", str(new)]) == 0
    assert [each for each in _files(new) if each.suffix == ".new" or each.name == ".copy"] == []


def test_what_a_killed_restore_left_is_no_registry_to_serve(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server says how to complete it; doctor does as well."""
    new = tmp_path / "new"
    with restoring(new, archive) as process:
        process.kill()
        process.wait()

    codes = (
        main(["serve", "--root", str(new), "--listen", "127.0.0.1:0"]),
        main(["doctor", "--root", str(new)]),
    )

    printed = capsys.readouterr()
    assert codes == (1, 1)
    assert "was cut off: give that command again, which completes it" in printed.err
    assert "Give that command again, which completes it" in printed.out


def test_second_restore_that_is_ended_clears_what_the_killed_one_left(
    archive: Path, tmp_path: Path
) -> None:
    """The directory is empty then."""
    new = tmp_path / "new"
    with restoring(new, archive) as process:
        process.kill()
        process.wait()

    with restoring(new, archive) as process:
        code, _ = end(process, signal.SIGTERM)

    assert code == 143
    assert state(new) == {}


def test_restore_that_fails_leaves_a_missing_directory_missing(
    archive: Path, tmp_path: Path
) -> None:
    """Not even the directories of a store."""
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])

    code = main(["restore", "--root", str(tmp_path / "deep" / "new"), str(archive)])

    assert code == 1
    assert not (tmp_path / "deep").exists()


def test_directory_with_something_else_in_it_keeps_that(archive: Path, tmp_path: Path) -> None:
    """An empty directory among it as well."""
    new = tmp_path / "new"
    (new / "lost+found").mkdir(parents=True)
    (new / "notes").write_text("ours")
    before = state(new)

    with restoring(new, archive) as process:
        end(process, signal.SIGTERM)

    assert state(new) == before
