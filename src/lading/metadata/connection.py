"""The seam between statements and the database that runs them.

Statements are written once, with ``?`` for values and in SQL that SQLite and PostgreSQL share. A
driver gives a `Connection` for one thread at a time and a `Database` that knows which thread.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

Value = int | str | bytes | None
"""What a column may hold; times are microseconds since 1970 in UTC."""

Row = tuple[Any, ...]
"""One row of an answer."""

P = ParamSpec("P")
T = TypeVar("T")


class Connection(Protocol):
    """Runs statements, and leaves nothing open behind them."""

    def row(self, statement: str, values: Sequence[Value] = ()) -> Row | None:
        """The first row of the answer, if there is one."""
        ...

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """The whole answer."""
        ...

    def each(
        self, statement: str, values: Sequence[Value] = ()
    ) -> AbstractContextManager[Iterable[Row]]:
        """The answer row by row, for those that may be too large to hold."""
        ...

    def run(self, statement: str, values: Sequence[Value] = ()) -> None:
        """Run a statement that has no answer."""
        ...

    def run_counted(self, statement: str, values: Sequence[Value] = ()) -> int:
        """As `run`; return how many rows were written."""
        ...

    def run_each(self, statement: str, many: Iterable[Sequence[Value]]) -> None:
        """Run a statement once for each of *many*."""
        ...


class Database(Protocol):
    """Runs work on a connection. Foreign errors come out as `StorageFailed` and its kinds."""

    def written(self) -> int | None:
        """A number that is another one once any process has written anything.

        ``None`` while one may be writing, and where nobody counts.
        """
        ...

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a short read; it may run on the event loop and must not take long."""
        ...

    async def survey(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a read that may take long, beside the event loop."""
        ...

    async def write_short(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `write`, for work that does not take long: it may run on the event loop."""
        ...

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run *work* in a transaction that is durable when this returns.

        When *work* raises, nothing of it stays. Once begun it is never left half way: a caller
        that is cancelled waits for the outcome first.
        """
        ...

    def write_blocking(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `write`, in a thread that is not that of the event loop."""
        ...

    async def integrity(self) -> Sequence[str]:
        """What the database itself finds wrong with its files."""
        ...

    def copied(self) -> AbstractAsyncContextManager["Database"]:
        """A private copy of all that is committed now; gone at the end."""
        ...
