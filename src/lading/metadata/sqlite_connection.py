"""One SQLite connection, and what its errors mean."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import apsw

from lading.errors import (
    StorageBusy,
    StorageDamaged,
    StorageFailed,
    StorageFull,
    StorageReadOnly,
)
from lading.metadata.connection import Row, Value
from lading.wall import BY_ERRNO

BUSY_MILLISECONDS = 5_000
"""How long SQLite waits for what our own lock does not cover: recovery, and foreign programs."""

_RESTORING = (
    "Stop the server and restore the last backup to an empty directory (`lading restore`); the "
    "blobs are still in this one."
)
_CACHE_KIBIBYTES = 8_192
_PATIENCE_MILLISECONDS = 200
_STEPS = 100_000
"""Steps of SQLite's machine between two questions."""

_KINDS: dict[type[apsw.Error], type[StorageFailed]] = {
    apsw.FullError: StorageFull,
    apsw.ReadOnlyError: StorageReadOnly,
    apsw.PermissionsError: StorageReadOnly,
    apsw.BusyError: StorageBusy,
    apsw.LockedError: StorageBusy,
    apsw.ProtocolError: StorageBusy,
    apsw.CorruptError: StorageDamaged,
    apsw.NotADBError: StorageDamaged,
    apsw.FormatError: StorageDamaged,
}
_REFUSALS = (apsw.ConstraintError, apsw.SQLError, apsw.MismatchError, apsw.TooBigError)


class SqliteConnection:
    """A connection that leaves no statement open; used by one thread at a time."""

    def __init__(self, database: Path | None, *, writes: bool, creates: bool = False) -> None:
        self._file = database
        self.name = str(database) if database is not None else "the database in memory"
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if creates else 0)
        try:
            self._connection = apsw.Connection(
                str(database) if database is not None else ":memory:", flags, statementcachesize=200
            )
            self._connection.set_busy_timeout(BUSY_MILLISECONDS)
            # Whoever closes last would else checkpoint outside of our lock.
            self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            self._execute = self._connection.cursor().execute
            self.run(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
            if not writes:
                self.run("PRAGMA query_only = 1")
        except apsw.Error as error:
            raise _translated(error, 0, self.name) from error

    def place(self) -> tuple[int, int] | None:
        """Which file has the name of the database now; ``None`` when none has, or needs to."""
        if self._file is None:
            return None
        try:
            found = os.stat(self.name)  # noqa: PTH116 - before every commit, at half the price
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def row(self, statement: str, values: Sequence[Value] = ()) -> Row | None:
        """The first row of the answer, if there is one."""
        found: list[Row] = self._execute(statement, values).fetchall()
        return found[0] if found else None

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """The whole answer."""
        found: list[Row] = self._execute(statement, values).fetchall()
        return found

    @contextmanager
    def each(self, statement: str, values: Sequence[Value] = ()) -> Iterator[Iterable[Row]]:
        """The answer row by row."""
        cursor = self._connection.cursor()
        try:
            yield cursor.execute(statement, values)
        finally:
            cursor.close(force=True)

    def run(self, statement: str, values: Sequence[Value] = ()) -> None:
        """Run a statement, or several that take no values."""
        for _ in self._execute(statement, values or None):
            pass

    def begin(self, *, wait: bool) -> bool:
        """Begin a transaction that writes, and say so; wait for others that write, or do not."""
        if wait:
            self.run("BEGIN IMMEDIATE")
            return True
        self._connection.set_busy_timeout(0)
        try:
            self.run("BEGIN IMMEDIATE")
        except apsw.BusyError:
            return False
        finally:
            self._connection.set_busy_timeout(BUSY_MILLISECONDS)
        return True

    def run_counted(self, statement: str, values: Sequence[Value] = ()) -> int:
        """As `run`; return how many rows were written."""
        self._execute(statement, values)
        return self._connection.changes()

    def run_each(self, statement: str, many: Iterable[Sequence[Value]]) -> None:
        """Run a statement once for each of *many*."""
        for values in many:
            self._execute(statement, values)

    def log_pages(self) -> int:
        """How many pages the write-ahead log has."""
        pages, _ = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
        return pages

    def watch(self, go_on: Callable[[], None]) -> None:
        """Call *go_on* again and again while a statement runs; what it raises ends the statement."""

        def ask() -> bool:
            go_on()
            return False

        self._connection.set_progress_handler(ask, _STEPS)

    def checkpoint(self, *, patient: bool) -> None:
        """Copy the write-ahead log into the database; *patient*: wait for readers, and cut it."""
        self._connection.set_busy_timeout(_PATIENCE_MILLISECONDS)
        try:
            self._connection.wal_checkpoint(
                mode=apsw.SQLITE_CHECKPOINT_TRUNCATE if patient else apsw.SQLITE_CHECKPOINT_PASSIVE
            )
        finally:
            self._connection.set_busy_timeout(BUSY_MILLISECONDS)

    def copy_to(self, target: Path, *, full: str) -> None:
        """Write all that is committed to *target*, which is new or empty; writers go on meanwhile.

        Raises:
            StorageFull: there is no room for it, which *full* says.
            StorageFailed: it cannot be copied.
        """
        try:
            self.run("VACUUM INTO ?", (str(target),))
        except apsw.FullError as error:
            # Not the disk of the registry, and pushes go on.
            raise StorageFull(full) from error
        except apsw.Error as error:
            raise self.translated(error) from error

    def close(self) -> None:
        """Let go of the database. Closing twice is fine."""
        self._connection.close(force=True)

    def translated(self, error: apsw.Error) -> StorageFailed:
        """What *error* means."""
        if isinstance(error, apsw.ConnectionClosedError | apsw.CursorClosedError):
            return StorageFailed("the metadata store is closed")
        return _translated(error, self._connection.system_errno, self.name)


def _translated(error: apsw.Error, number: int, name: str) -> StorageFailed:
    kind = StorageFailed
    if isinstance(error, apsw.IOError | apsw.CantOpenError):
        kind = BY_ERRNO.get(number, StorageFailed)
    for theirs, ours in _KINDS.items():
        if isinstance(error, theirs):
            kind = ours
    return damaged(f"{name}: {error}") if kind is StorageDamaged else kind(f"{name}: {error}")


def damaged(subject: str) -> StorageDamaged:
    """That a database is damaged, as *subject* says; its advice is not that for blobs."""
    failure = StorageDamaged(subject)
    failure.advice = _RESTORING
    return failure


def is_refusal(error: apsw.Error) -> bool:
    """Whether *error* concerns one statement only, and not the database."""
    return isinstance(error, _REFUSALS)
