"""All rows are copied to a file and put in the place of others, or the others stay as they were."""

import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from lading.errors import StorageFailed, StorageFull
from lading.metadata.snapshot import DATABASE, put, take
from lading.metadata.sqlite_file import prepare_sqlite


class Given(Exception):
    """What a copy is given up with."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a database."""
    path = tmp_path / "data"
    path.mkdir()
    prepare_sqlite(path)
    return path


def test_copying_the_rows_can_be_ended(root: Path, tmp_path: Path) -> None:
    """A database may be so large that nobody wants to wait for it."""
    with closing(sqlite3.connect(root / DATABASE)) as connection, connection:
        connection.execute("CREATE TABLE large (value BLOB)")
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)"
            " INSERT INTO large SELECT randomblob(10) FROM n"
        )

    def end() -> None:
        raise Given

    with pytest.raises(Given):
        take(root, tmp_path / "rows", end)


def leave_in_the_log(root: Path, statement: str) -> None:
    """Carry out *statement* as somebody does who is killed before the log is copied back."""
    database = root / DATABASE
    files = [database, Path(f"{database}-wal")]
    with closing(sqlite3.connect(database)) as connection:
        with connection:
            connection.execute(statement)
        for file in files:
            shutil.copy(file, f"{file}.kept")
    for file in files:
        Path(f"{file}.kept").rename(file)


def tables(root: Path) -> set[str]:
    """The names of all tables."""
    with closing(sqlite3.connect(root / DATABASE)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def test_rows_that_cannot_be_put_in_place_take_nothing_from_those_that_are_there(
    root: Path,
) -> None:
    """Neither what is in the file, nor what was committed and is only in its log."""
    leave_in_the_log(root, "CREATE TABLE late (value TEXT)")

    with pytest.raises(StorageFailed):
        put(root / "metadata" / "missing", root)

    assert "late" in tables(root)


def test_log_of_other_rows_is_not_taken_for_news_about_those_put_in_place(root: Path) -> None:
    """Though nothing else is left of them, so that it would be read as if it were of these."""
    rows = root / "metadata" / "rows"
    take(root, rows, lambda: None)
    before = tables(root)
    leave_in_the_log(root, "CREATE TABLE late (value TEXT)")
    (root / DATABASE).unlink()

    put(rows, root)

    assert tables(root) == before


def test_damaged_rows_are_replaced(root: Path) -> None:
    """Though nothing of them can be read any more."""
    rows = root / "metadata" / "rows"
    take(root, rows, lambda: None)
    before = tables(root)
    (root / DATABASE).write_bytes(b"rows" * 5_000)
    (root / f"{DATABASE}-wal").write_bytes(b"log")

    put(rows, root)

    assert tables(root) == before


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A device that is always full, in a directory of its own: SQLite writes a file beside it."""
    device = tmp_path / "full" / "device"
    device.parent.mkdir()
    try:
        os.mknod(device, stat.S_IFCHR | 0o600, Path("/dev/full").stat().st_rdev)
        device.open("wb").close()
    except PermissionError:
        pytest.skip("devices cannot be made here")
    return device


def test_directory_without_room_for_the_rows_is_named(root: Path, full: Path) -> None:
    """It need not be that of the registry, whose disk may have room."""
    with pytest.raises(StorageFull, match=f"{full.parent} has no room for a copy of "):
        take(root, full, lambda: None)
