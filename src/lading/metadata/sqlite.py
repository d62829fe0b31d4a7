"""The embedded default: rows in one SQLite file that all processes of a machine share.

Reads run on the event loop by one connection of the process; writes are gathered by one thread of
the process, or by the threads that ask (`sqlite_writer`), under a lock of all processes. Files under the root:
``metadata/registry.db`` (and its ``-wal`` and ``-shm``), ``metadata/write.lock``,
``metadata/background.lock``, ``metadata/delivering.lock`` and ``metadata/locks/00`` to ``ff``. The
root has to lie on a local file system.
"""

import asyncio
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import apsw

from lading.errors import StorageDamaged, StorageFull, StorageUnfit
from lading.metadata.connection import Connection
from lading.metadata.locks import SHARDS, FileLocks, ProcessLocks
from lading.metadata.migrations import migrate, outstanding, require_current
from lading.metadata.retention import Retention, record, recorded
from lading.metadata.rows import stamp
from lading.metadata.sqlite_connection import SqliteConnection
from lading.metadata.sqlite_writer import Task, Transactions, WriteLock, Writer, untimed
from lading.metadata.store import RowStore
from lading.wall import storage_errors

P = ParamSpec("P")
T = TypeVar("T")

APPLICATION_ID = 0x4C616469
"""What the header of the file says it is (``Ladi``)."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SqliteMetadata(RowStore):
    """A `MetadataStore` in SQLite; see `open_sqlite`."""


def prepare_sqlite(
    root: Path, *, retention: Retention | None = None, now: Callable[[], datetime] = _utc_now
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
            connection = SqliteConnection(_database(root), writes=True, creates=True)
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
        _require_ours(connection, connection.name)
        return recorded(connection)

    return _look(root, read)


def structural_damage(root: Path) -> Sequence[str]:
    """What SQLite finds wrong with the database under *root*, whose rows are not judged; blocks.

    Raises:
        StorageUnfit, StorageDamaged, StorageFailed: as `open_sqlite`.
    """

    def read(connection: SqliteConnection) -> Sequence[str]:
        _require_ours(connection, connection.name)
        return _integrity(connection)

    return _look(root, read)


def _look(root: Path, read: Callable[[SqliteConnection], T]) -> T:
    connection = SqliteConnection(_database(root), writes=False)
    try:
        return read(connection)
    except apsw.Error as error:
        raise connection.translated(error) from error
    finally:
        connection.close()


def is_ours(connection: Connection) -> bool:
    """Whether Lading has prepared the database of *connection*."""
    return connection.row("PRAGMA application_id") == (APPLICATION_ID,)


def _require_ours(connection: Connection, subject: str) -> None:
    if not is_ours(connection):
        raise StorageUnfit(f"{subject} is not a database that Lading has prepared")
    require_current(connection, subject=subject)


def _prepare(connection: SqliteConnection, retention: Retention | None, at: datetime) -> None:
    try:
        connection.run("PRAGMA journal_mode = WAL")
        _configure(connection)
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


def _configure(connection: SqliteConnection) -> None:
    connection.run("PRAGMA synchronous = FULL")
    connection.run("PRAGMA wal_autocheckpoint = 0")


def _database(root: Path) -> Path:
    return root / "metadata" / "registry.db"


def _sync_directory(path: Path) -> None:
    with storage_errors(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _connect_writer(database: Path) -> SqliteConnection:
    connection = SqliteConnection(database, writes=True)
    try:
        _configure(connection)
    except apsw.Error as error:
        connection.close()
        raise connection.translated(error) from error
    return connection


@asynccontextmanager
async def open_sqlite(
    root: Path | None,
    *,
    grace: timedelta,
    undo: timedelta = timedelta(0),
    now: Callable[[], datetime] = _utc_now,
    timed: Callable[[float], object] = untimed,
    may_vouch: Callable[[], bool] = lambda: True,
) -> AsyncIterator[SqliteMetadata]:
    """A metadata store under *root*, or in memory without one.

    A directory has been prepared by `prepare_sqlite`. In memory it lives as long as the context,
    in one process. *grace*, *undo* and *may_vouch* are as for `RowStore`. *timed* is told, in any
    thread, how many seconds each commit to a file took. Open it after a fork, never before.

    Raises:
        StorageUnfit: the database is not ours, or of another version.
        StorageDamaged: the file is not a database any more.
        StorageFailed: it cannot be read or written.
    """
    if root is None:
        memory = _created_in_memory(now())
        try:
            yield SqliteMetadata(
                memory, ProcessLocks(), grace=grace, undo=undo, now=now, may_vouch=may_vouch
            )
        finally:
            memory.close()
        return
    files = _FileDatabase(root, timed)
    try:
        await files.read(_require_ours, str(_database(root)))
        locks = FileLocks(root / "metadata")
        yield SqliteMetadata(files, locks, grace=grace, undo=undo, now=now, may_vouch=may_vouch)
    finally:
        await files.aclose()


class _Reader:
    """A connection that reads, and is opened again once it has failed."""

    __slots__ = ("_connection", "_database")

    def __init__(self, database: Path) -> None:
        self._database = database
        self._connection: SqliteConnection | None = SqliteConnection(database, writes=False)

    def run(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do *work*."""
        connection = self._connection
        if connection is None:
            connection = self._connection = SqliteConnection(self._database, writes=False)
        try:
            return work(connection, *args, **kwargs)
        except apsw.Error as error:
            failure = connection.translated(error)
            # It remembers pages of a file that was damaged, and would go on to do so when the file
            # has been put right.
            self.close()
            raise failure from error

    def close(self) -> None:
        """Let go of the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _FileDatabase:
    """Reads on the loop, long reads beside it, writes by the writer."""

    def __init__(self, root: Path, timed: Callable[[float], object]) -> None:
        database = _database(root)
        self._database = database
        self._lock = WriteLock(root / "metadata" / "write.lock")
        self._reader = _Reader(database)
        self._surveyor = _Reader(database)
        self._surveying = threading.Lock()
        transactions = Transactions(partial(_connect_writer, database), timed)
        self._writer = Writer(transactions, self._lock)

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a short read on the event loop."""
        return self._reader.run(work, *args, **kwargs)

    async def survey(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a long read in a thread, one at a time."""

        def run() -> T:
            with self._surveying:
                return self._surveyor.run(work, *args, **kwargs)

        return await asyncio.to_thread(run)

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run *work* in a durable transaction of the writer."""
        found: T = await self._writer.do(lambda connection: work(connection, *args, **kwargs))
        return found

    def write_blocking(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run *work* in a durable transaction, in this thread if its turn comes."""
        found: T = self._writer.do_blocking(lambda connection: work(connection, *args, **kwargs))
        return found

    async def integrity(self) -> Sequence[str]:
        """What SQLite finds wrong with the file."""
        try:
            return await self.survey(_integrity)
        except StorageDamaged as error:
            return [str(error)]

    @asynccontextmanager
    async def copied(self) -> AsyncIterator["_PrivateDatabase"]:
        """A copy, made beside the event loop and without holding up writers."""

        async def copy(target: Path) -> None:
            await asyncio.to_thread(_copy_file, self._database, target)

        async with _copied(copy) as found:
            yield found

    async def aclose(self) -> None:
        """Finish what is waiting, then close everything."""
        self._reader.close()
        with self._surveying:
            self._surveyor.close()
        await self._writer.aclose()
        self._lock.close()


def _integrity(connection: Connection) -> list[str]:
    found = [str(row[0]) for row in connection.rows("PRAGMA quick_check")]
    return [] if found == ["ok"] else [f"the database is damaged: {each}" for each in found]


def _copy_file(database: Path, target: Path) -> None:
    connection = SqliteConnection(database, writes=True)
    try:
        _copy(connection, target)
    finally:
        connection.close()


def _copy(connection: SqliteConnection, target: Path) -> None:
    try:
        connection.run("VACUUM INTO ?", (str(target),))
    except apsw.FullError as error:
        # Not the disk of the registry, and pushes go on.
        raise StorageFull(
            f"{target.parent.parent} has no room for a copy of {connection.name}: "
            "let TMPDIR name a directory that has"
        ) from error
    except apsw.Error as error:
        raise connection.translated(error) from error


@asynccontextmanager
async def _copied(copy: Callable[[Path], Awaitable[None]]) -> AsyncIterator["_PrivateDatabase"]:
    with tempfile.TemporaryDirectory(prefix="lading-") as directory:
        target = Path(directory) / "copy.db"
        await copy(target)
        connection = SqliteConnection(target, writes=True)
        # Nobody needs it after a crash, but transactions that fail are still rolled back.
        connection.run("PRAGMA synchronous = OFF")
        connection.run("PRAGMA journal_mode = MEMORY")
        database = _PrivateDatabase(connection)
        try:
            yield database
        finally:
            database.close()


def _created_in_memory(at: datetime) -> "_PrivateDatabase":
    connection = SqliteConnection(None, writes=True, creates=True)
    migrate(connection, subject=connection.name, at=stamp(at))
    return _PrivateDatabase(connection)


class _PrivateDatabase:
    """One connection for everything, on the spot; no other process has the database."""

    def __init__(self, connection: SqliteConnection) -> None:
        self._connection = connection
        self._transactions = Transactions(lambda: self._connection)
        self._using = threading.Lock()

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a read."""
        with self._using:
            try:
                return work(self._connection, *args, **kwargs)
            except apsw.Error as error:
                raise self._connection.translated(error) from error

    survey = read

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run *work* in a transaction."""
        return self.write_blocking(work, *args, **kwargs)

    def write_blocking(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The same, in any thread."""
        task = Task(lambda connection: work(connection, *args, **kwargs))
        with self._using:
            self._transactions.transact([task])
        if task.error is not None:
            raise task.error
        found: T = task.outcome
        return found

    async def integrity(self) -> Sequence[str]:
        """What SQLite finds wrong with its pages."""
        return await self.read(_integrity)

    @asynccontextmanager
    async def copied(self) -> AsyncIterator["_PrivateDatabase"]:
        """A copy."""

        async def copy(target: Path) -> None:
            _copy(self._connection, target)

        async with _copied(copy) as found:
            yield found

    def close(self) -> None:
        """Let go of everything."""
        self._transactions.close()
        self._connection.close()
