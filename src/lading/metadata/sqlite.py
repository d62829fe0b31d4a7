"""The embedded default: rows in one SQLite file that all processes of a machine share.

Reads run on the event loop by one connection of the process; writes are gathered by one thread of
the process, or by whoever asks (`sqlite_writer`), under a lock of all processes. Files under the root:
``metadata/registry.db`` (and its ``-wal`` and ``-shm``), ``metadata/write.lock``,
``metadata/background.lock``, ``metadata/delivering.lock`` and ``metadata/locks/00`` to ``ff``. The
root has to lie on a local file system.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import apsw

from lading.errors import StorageDamaged, StorageFailed
from lading.metadata.connection import Connection
from lading.metadata.locks import FileLocks, ProcessLocks
from lading.metadata.sqlite_connection import SqliteConnection
from lading.metadata.sqlite_file import configure, integrity_of, path_of, require_ours, utc_now
from lading.metadata.sqlite_private import (
    PrivateDatabase,
    copied,
    copy_for_a_while,
    created_in_memory,
)
from lading.metadata.sqlite_writer import Transactions, Writer, untimed
from lading.metadata.store import RowStore
from lading.metadata.write_lock import WriteLock

P = ParamSpec("P")
T = TypeVar("T")


class SqliteMetadata(RowStore):
    """A `MetadataStore` in SQLite; see `open_sqlite`."""


def _connect_writer(database: Path) -> SqliteConnection:
    connection = SqliteConnection(database, writes=True)
    try:
        configure(connection)
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
    now: Callable[[], datetime] = utc_now,
    timed: Callable[[float], object] = untimed,
    may_vouch: Callable[[], bool] = lambda: True,
    diskless: bool = False,
) -> AsyncIterator[SqliteMetadata]:
    """A metadata store under *root*, or in memory without one.

    A directory has been prepared by `prepare_sqlite`. In memory it lives as long as the context,
    in one process. *grace*, *undo* and *may_vouch* are as for `RowStore`. *timed* is told, in any
    thread, how many seconds each commit to a file took. *diskless* says that *root* has no disk
    to wait for: then short changes are made on the event loop. Open it after a fork, never before.

    Raises:
        StorageUnfit: the database is not ours, or of another version.
        StorageDamaged: the file is not a database any more.
        StorageFailed: it cannot be read or written.
    """
    if root is None:
        memory = created_in_memory(now())
        try:
            yield SqliteMetadata(
                memory, ProcessLocks(), grace=grace, undo=undo, now=now, may_vouch=may_vouch
            )
        finally:
            memory.close()
        return
    files = _FileDatabase(root, timed, diskless=diskless)
    try:
        await files.read(require_ours, str(path_of(root)))
        locks = FileLocks(root / "metadata")
        yield SqliteMetadata(files, locks, grace=grace, undo=undo, now=now, may_vouch=may_vouch)
    finally:
        await files.aclose()


class _Reader:
    """A connection that reads, and is opened again once it has failed."""

    __slots__ = ("_connection", "_database", "_ended")

    def __init__(self, database: Path) -> None:
        self._database = database
        self._ended = False
        self._connection: SqliteConnection | None = SqliteConnection(database, writes=False)

    def run(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do *work*."""
        connection = self._connection
        if connection is None:
            if self._ended:
                raise StorageFailed("the metadata store is closed")
            connection = self._connection = SqliteConnection(self._database, writes=False)
        try:
            return work(connection, *args, **kwargs)
        except apsw.Error as error:
            failure = connection.translated(error)
            # It remembers pages of a file that was damaged, and would go on to do so when the file
            # has been put right.
            self._let_go()
            raise failure from error

    def close(self) -> None:
        """Let go of the database for good."""
        self._ended = True
        self._let_go()

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _FileDatabase:
    """Reads on the loop, long reads beside it, writes by the writer."""

    def __init__(self, root: Path, timed: Callable[[float], object], *, diskless: bool) -> None:
        database = path_of(root)
        self._diskless = diskless
        self._database = database
        self._lock = WriteLock(root / "metadata" / "write.lock")
        self._reader = _Reader(database)
        self._surveyor = _Reader(database)
        self._surveying = threading.Lock()
        transactions = Transactions(partial(_connect_writer, database), timed)
        self._writer = Writer(transactions, self._lock)

    def written(self) -> int | None:
        """What the lock of all writers says."""
        return self._lock.written()

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

    async def write_short(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `write`; on the event loop if neither a disk nor another writer is waited for."""
        found: T
        if self._diskless:
            done = self._writer.do_at_once(lambda connection: work(connection, *args, **kwargs))
            if done is not None:
                found = done.result()
                return found
        found = await self.write(work, *args, **kwargs)
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
            found = await self.survey(integrity_of)
        except StorageDamaged as error:
            found = [str(error)]
        return [f"{each}; restore the last backup (`lading restore`)" for each in found]

    @asynccontextmanager
    async def copied(self) -> AsyncIterator["PrivateDatabase"]:
        """A copy, made beside the event loop and without holding up writers."""

        async def copy(target: Path) -> None:
            await asyncio.to_thread(_copy_file, self._database, target)

        async with copied(copy) as found:
            yield found

    async def aclose(self) -> None:
        """Finish what is waiting, then close everything."""
        self._reader.close()
        with self._surveying:
            self._surveyor.close()
        await self._writer.aclose()
        self._lock.close()


def _copy_file(database: Path, target: Path) -> None:
    connection = SqliteConnection(database, writes=True)
    try:
        copy_for_a_while(connection, target)
    finally:
        connection.close()
