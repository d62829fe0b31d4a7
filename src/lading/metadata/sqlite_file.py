"""The file of a database in SQLite: how it is made and brought up to date, and what it says of itself.

Everything here blocks, and is for when nobody serves from it yet, or only to look at it.
"""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import apsw

from lading.errors import StorageUnfit
from lading.metadata.connection import Connection
from lading.metadata.locks import SHARDS
from lading.metadata.migrations import migrate, outstanding, require_current
from lading.metadata.retention import Retention, record, recorded
from lading.metadata.rows import stamp
from lading.metadata.sqlite_connection import SqliteConnection
from lading.metadata.write_lock import WriteLock
from lading.wall import storage_errors

T = TypeVar("T")

APPLICATION_ID = 0x4C616469
"""What the header of the file says it is (``Ladi``)."""


def utc_now() -> datetime:
    """What time it is."""
    return datetime.now(UTC)


def prepare_sqlite(
    root: Path, *, retention: Retention | None = None, now: Callable[[], datetime] = utc_now
) -> None:
    """Create the database under *root* or bring it up to date, and close it again.

    Blocks; for a server, before it forks. *retention* is written down, if given. Whoever calls
    this sees to it that no process of another version has the database.

    Raises:
        StorageUnfit: the file is not ours, or was written by a newer version.
        StorageDamaged: the file is not a database any more.
        StorageFailed: it cannot be read or written.
    """
    directory = root / "metadata"
    with storage_errors(directory):
        (directory / "locks").mkdir(parents=True, exist_ok=True)
        for number in range(SHARDS):
            (directory / "locks" / f"{number:02x}").touch(mode=0o600)
        for name in ("background.lock", "delivering.lock"):
            (directory / name).touch(mode=0o600)
    lock = WriteLock(directory / "write.lock")
    try:
        with lock:
            connection = SqliteConnection(path_of(root), writes=True, creates=True)
            _prepare(connection, retention, now())
    finally:
        lock.close()
    for each in (directory, root):
        _sync_directory(each)


def is_prepared(root: Path) -> bool:
    """Whether the database under *root* is there and up to date; blocks.

    Raises:
        StorageUnfit, StorageDamaged, StorageFailed: as `prepare_sqlite`.
    """
    if not (root / "metadata" / "locks").is_dir():
        return False
    return _look(root, lambda each: is_ours(each) and not outstanding(each, subject=each.name))


def recorded_retention(root: Path) -> Retention | None:
    """What the last server on *root* was told to keep, if there was one; blocks.

    Raises:
        StorageUnfit, StorageDamaged, StorageFailed: as `open_sqlite`.
    """

    def read(connection: SqliteConnection) -> Retention | None:
        require_ours(connection, connection.name)
        return recorded(connection)

    return _look(root, read)


def structural_damage(root: Path) -> Sequence[str]:
    """What SQLite finds wrong with the database under *root*, whose rows are not judged; blocks.

    Raises:
        StorageUnfit, StorageDamaged, StorageFailed: as `open_sqlite`.
    """

    def read(connection: SqliteConnection) -> Sequence[str]:
        require_ours(connection, connection.name)
        return integrity_of(connection)

    return _look(root, read)


def _look(root: Path, read: Callable[[SqliteConnection], T]) -> T:
    connection = SqliteConnection(path_of(root), writes=False)
    try:
        return read(connection)
    except apsw.Error as error:
        raise connection.translated(error) from error
    finally:
        connection.close()


def is_ours(connection: Connection) -> bool:
    """Whether Lading has prepared the database of *connection*."""
    return connection.row("PRAGMA application_id") == (APPLICATION_ID,)


def require_ours(connection: Connection, subject: str) -> None:
    """Make sure that the database of *connection*, called *subject*, is one of this version.

    Raises:
        StorageUnfit: it is not.
    """
    if not is_ours(connection):
        raise StorageUnfit(f"{subject} is not a database that Lading has prepared")
    require_current(connection, subject=subject)


def _prepare(connection: SqliteConnection, retention: Retention | None, at: datetime) -> None:
    try:
        connection.run("PRAGMA journal_mode = WAL")
        configure(connection)
        connection.run("BEGIN IMMEDIATE")
        _claim(connection)
        migrate(connection, subject=connection.name, at=stamp(at))
        if retention is not None:
            record(connection, retention)
        connection.run("COMMIT")
        connection.checkpoint(patient=False)
    except apsw.Error as error:
        raise connection.translated(error) from error
    finally:
        connection.close()


def _claim(connection: SqliteConnection) -> None:
    """See to it that the file is ours; an empty one becomes ours."""
    if is_ours(connection):
        return
    found = connection.row("PRAGMA application_id")
    tables = connection.row("SELECT COUNT(*) FROM sqlite_schema")
    assert found is not None
    assert tables is not None
    if found[0] or tables[0]:
        raise StorageUnfit(f"{connection.name} is a database of another program: move it away")
    connection.run(f"PRAGMA application_id = {APPLICATION_ID}")


def configure(connection: SqliteConnection) -> None:
    """Let what is committed be durable, and the log be copied when we say so."""
    connection.run("PRAGMA synchronous = FULL")
    connection.run("PRAGMA wal_autocheckpoint = 0")


def path_of(root: Path) -> Path:
    """Where the file is, below *root*."""
    return root / "metadata" / "registry.db"


def _sync_directory(path: Path) -> None:
    with storage_errors(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def integrity_of(connection: Connection) -> list[str]:
    """What SQLite finds wrong with the pages of a database."""
    found = [str(row[0]) for row in connection.rows("PRAGMA quick_check")]
    return [] if found == ["ok"] else [f"the database is damaged: {each}" for each in found]
