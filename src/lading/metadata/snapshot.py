"""A copy of all rows in a file of its own, as they were at one moment. Everything here blocks."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import apsw

from lading.errors import StorageDamaged, StorageUnfit
from lading.metadata import audit
from lading.metadata.migrations import outstanding
from lading.metadata.sqlite_connection import SqliteConnection
from lading.metadata.sqlite_file import is_ours
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.wall import storage_errors

DATABASE = "metadata/registry.db"
"""The file of all rows, below the root of a registry."""

_AT_ONCE = 500


def take(root: Path, target: Path, go_on: Callable[[], None]) -> None:
    """Write all that is committed below *root* to *target*, which is new or empty, durably.

    Writers go on meanwhile. *go_on* is called again and again; what it raises is passed on.

    Raises:
        StorageFull: there is no room for it.
        StorageDamaged, StorageFailed: the database cannot be read, or the copy not be written.
    """
    connection = SqliteConnection(root / DATABASE, writes=True)
    try:
        connection.watch(go_on)
        full = f"{target.parent} has no room for a copy of {connection.name}"
        connection.copy_to(target, full=full)
    finally:
        connection.close()
    with storage_errors(target), target.open("rb") as file:
        os.fsync(file.fileno())


def require_restorable(snapshot: Path, *, subject: str) -> None:
    """Make sure that a registry can be made of the rows in *snapshot*; errors speak of *subject*.

    Raises:
        StorageUnfit: they are of a newer version, or of another program.
        StorageDamaged, StorageFailed: it is no database, or cannot be read.
    """
    connection = SqliteConnection(snapshot, writes=False)
    try:
        if not is_ours(connection):
            raise StorageUnfit(f"{subject} is not a database that Lading has prepared")
        outstanding(connection, subject=subject)
    except apsw.Error as error:
        raise connection.translated(error) from error
    finally:
        connection.close()


def blobs(snapshot: Path) -> Iterator[Descriptor]:
    """All blobs that the rows in *snapshot* believe to be there, ordered by digest.

    Raises:
        StorageDamaged, StorageFailed: it cannot be read.
    """
    connection = SqliteConnection(snapshot, writes=False)
    after: Digest | None = None
    try:
        while page := audit.blobs(connection, after, _AT_ONCE):
            yield from page
            after = page[-1].digest
    except apsw.Error as error:
        raise connection.translated(error) from error
    finally:
        connection.close()


def put(snapshot: Path, root: Path) -> None:
    """Let *snapshot*, which lies below *root*, be the database of *root*, durably.

    Nobody may have the database that was there. Until the other is in its place, that one is whole.

    Raises:
        StorageFailed: it cannot be put there.
    """
    database = root / DATABASE
    _settle(database)
    with storage_errors(database):
        # They belong to the rows that were there, and would be taken for news about these.
        for left in ("-wal", "-shm"):
            Path(f"{database}{left}").unlink(missing_ok=True)
        snapshot.replace(database)
        directory = os.open(database.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _settle(database: Path) -> None:
    """Have all rows of *database* in the file itself, so that it is whole without its log."""
    log = Path(f"{database}-wal")
    if not (database.exists() and log.exists()):
        return
    # Of one that is damaged nothing is worth keeping.
    with suppress(StorageDamaged):
        connection = SqliteConnection(database, writes=True)
        try:
            connection.checkpoint(patient=True)
        except apsw.Error as error:
            raise connection.translated(error) from error
        finally:
            connection.close()
