"""A database that no other process has: in memory, or a copy of one, to try anything in."""

import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import apsw

from lading.metadata.connection import Connection
from lading.metadata.migrations import migrate
from lading.metadata.rows import stamp
from lading.metadata.sqlite_connection import SqliteConnection
from lading.metadata.sqlite_file import integrity_of
from lading.metadata.sqlite_writer import Task, Transactions

P = ParamSpec("P")
T = TypeVar("T")


def copy_for_a_while(connection: SqliteConnection, target: Path) -> None:
    """As `SqliteConnection.copy_to`, to a place among temporary files."""
    full = (
        f"{target.parent.parent} has no room for a copy of {connection.name}: "
        "let TMPDIR name a directory that has"
    )
    connection.copy_to(target, full=full)


@asynccontextmanager
async def copied(copy: Callable[[Path], Awaitable[None]]) -> AsyncIterator["PrivateDatabase"]:
    """The database that *copy* makes at a path; gone at the end."""
    with tempfile.TemporaryDirectory(prefix="lading-") as directory:
        target = Path(directory) / "copy.db"
        await copy(target)
        connection = SqliteConnection(target, writes=True)
        # Nobody needs it after a crash, but transactions that fail are still rolled back.
        connection.run("PRAGMA synchronous = OFF")
        connection.run("PRAGMA journal_mode = MEMORY")
        database = PrivateDatabase(connection)
        try:
            yield database
        finally:
            database.close()


def created_in_memory(at: datetime) -> "PrivateDatabase":
    """A new database in memory, made at the time *at*."""
    connection = SqliteConnection(None, writes=True, creates=True)
    migrate(connection, subject=connection.name, at=stamp(at))
    return PrivateDatabase(connection)


class PrivateDatabase:
    """One connection for everything, on the spot; no other process has the database."""

    def __init__(self, connection: SqliteConnection) -> None:
        self._connection = connection
        self._transactions = Transactions(lambda: self._connection)
        self._using = threading.Lock()

    def written(self) -> None:
        """Nobody counts: what is asked costs no system call here."""

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

    write_short = write

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
        return await self.read(integrity_of)

    @asynccontextmanager
    async def copied(self) -> AsyncIterator["PrivateDatabase"]:
        """A copy."""

        async def copy(target: Path) -> None:
            copy_for_a_while(self._connection, target)

        async with copied(copy) as found:
            yield found

    def close(self) -> None:
        """Let go of everything."""
        self._transactions.close()
        self._connection.close()
