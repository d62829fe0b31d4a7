"""A database that has no disk to wait for: short changes are made on the event loop."""

import asyncio
import fcntl
import threading
from collections.abc import AsyncIterator, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import apsw
import pytest

from lading.interfaces.access import Occasion
from lading.interfaces.changes import (
    Change,
    ManifestDeleted,
    ManifestPut,
    RepositoryDeleted,
    TagDeleted,
)
from lading.metadata.connection import Connection
from lading.metadata.sqlite import SqliteMetadata, open_sqlite
from lading.metadata.sqlite_connection import SqliteConnection
from lading.metadata.sqlite_file import path_of, prepare_sqlite
from lading.metadata.sqlite_writer import Transactions, Writer
from lading.metadata.write_lock import WriteLock
from lading.oci.names import RepositoryName, Tag
from lading.testing import samples

APP = RepositoryName("team/app")
GRACE = timedelta(hours=24)
Result = TypeVar("Result")
SHORT = ManifestPut(APP, samples.index(), (Tag("latest"),))


def _writer(root: Path, kind: type[SqliteConnection] = SqliteConnection) -> Writer:
    prepare_sqlite(root)
    transactions = Transactions(lambda: kind(path_of(root), writes=True))
    return Writer(transactions, WriteLock(root / "write.lock"))


async def _begun(work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """*work*, which has had some turns of the loop."""
    task = asyncio.create_task(work)
    for _ in range(3):
        await asyncio.sleep(0)
    return task


@pytest.fixture
def committers() -> list[int]:
    """The threads that committed something."""
    return []


@pytest.fixture
async def store(tmp_path: Path, committers: list[int]) -> AsyncIterator[SqliteMetadata]:
    """A store that was told that it has no disk."""
    prepare_sqlite(tmp_path)

    def note(_: float) -> None:
        committers.append(threading.get_ident())

    async with open_sqlite(tmp_path, grace=GRACE, timed=note, diskless=True) as store:
        yield store


async def test_short_change_is_made_on_the_event_loop(
    store: SqliteMetadata, committers: list[int]
) -> None:
    """The way to a thread and back would take longer; the first opens the database, which takes long."""
    # When this is back, nobody has the turn any more.
    await asyncio.to_thread(store.commit_blocking, SHORT, occasion=Occasion())
    committers.clear()

    await store.commit(TagDeleted(APP, Tag("latest")), occasion=Occasion())

    assert committers == [threading.get_ident()]


@pytest.mark.parametrize(
    "change",
    [
        ManifestPut(
            APP, samples.index(annotations={"long": "x" * 70_000}), (Tag("long"),), sparse=True
        ),
        ManifestDeleted(APP, SHORT.manifest.digest),
        RepositoryDeleted(APP),
    ],
    ids=lambda change: type(change).__name__,
)
async def test_change_of_many_rows_is_left_to_a_thread(
    store: SqliteMetadata, committers: list[int], change: Change
) -> None:
    """While it is made, others are answered."""
    await store.commit(SHORT, occasion=Occasion())
    committers.clear()

    await store.commit(change, occasion=Occasion())

    assert len(committers) == 1
    assert threading.get_ident() not in committers


async def test_other_process_that_writes_is_not_waited_for_on_the_event_loop(
    store: SqliteMetadata, committers: list[int], tmp_path: Path
) -> None:
    """It may be about to copy the whole log: a thread waits, and reads go on."""
    await store.commit(SHORT, occasion=Occasion())
    committers.clear()
    with (tmp_path / "metadata" / "write.lock").open("r+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        deleting = TagDeleted(APP, Tag("latest"))
        committing = await _begun(store.commit(deleting, occasion=Occasion()))
        waiting = not committing.done()
        assert await store.get_manifest(APP, Tag("latest")) == SHORT.manifest

    assert await committing is not None
    assert waiting
    assert threading.get_ident() not in committers


async def test_thread_that_has_its_turn_is_not_waited_for(tmp_path: Path) -> None:
    """Nothing is done then, and the caller is told so."""
    writer = _writer(tmp_path)
    busy, go_on = threading.Event(), threading.Event()
    done: list[str] = []

    def occupy(_: Connection) -> None:
        busy.set()
        assert go_on.wait(10)

    occupied = asyncio.create_task(asyncio.to_thread(writer.do_blocking, occupy))
    await asyncio.to_thread(busy.wait, 10)
    meanwhile = writer.do_at_once(lambda _: done.append("meanwhile"))
    go_on.set()
    await occupied
    after = writer.do_at_once(lambda _: done.append("after"))
    await writer.aclose()

    assert meanwhile is None
    assert after is not None
    assert done == ["after"]


async def test_long_change_that_waits_is_not_made_on_the_event_loop(tmp_path: Path) -> None:
    """It was asked for first, and comes first."""
    writer = _writer(tmp_path)
    busy, go_on = threading.Event(), threading.Event()

    def occupy(_: Connection) -> int:
        busy.set()
        assert go_on.wait(10)
        return threading.get_ident()

    first = asyncio.create_task(asyncio.to_thread(writer.do_blocking, occupy))
    await asyncio.to_thread(busy.wait, 10)
    waiting = asyncio.create_task(writer.do(lambda _: threading.get_ident()))
    await asyncio.sleep(0)
    meanwhile = writer.do_at_once(lambda _: None)
    go_on.set()

    assert meanwhile is None
    assert threading.get_ident() not in {await first, await waiting}
    await writer.aclose()


async def test_log_that_the_event_loop_made_long_is_copied_by_the_writers_own_thread(
    tmp_path: Path,
) -> None:
    """Nobody is kept waiting for that."""
    copied_by: list[str] = []

    class WithLongLog(SqliteConnection):
        def log_pages(self) -> int:
            return 6_000

        def checkpoint(self, *, patient: bool) -> None:
            copied_by.append(threading.current_thread().name)

    writer = _writer(tmp_path, WithLongLog)

    for _ in range(20):
        await asyncio.to_thread(writer.do_blocking, lambda _: None)
        writer.do_at_once(lambda _: None)
    await writer.aclose()

    assert set(copied_by) == {"metadata-writer"}
    assert len(copied_by) >= 2


async def test_change_is_made_though_nobody_can_tell_how_long_the_log_is(tmp_path: Path) -> None:
    """It is committed by then."""

    class WithoutLog(SqliteConnection):
        def log_pages(self) -> int:
            raise apsw.IOError("disk I/O error")

    writer = _writer(tmp_path, WithoutLog)

    answers = [await writer.do(lambda _: "made") for _ in range(40)]
    await writer.aclose()

    assert answers == ["made"] * 40


async def test_short_change_is_made_by_a_thread_where_there_is_a_disk(
    tmp_path: Path, committers: list[int]
) -> None:
    """A sync may take as long as it likes."""
    prepare_sqlite(tmp_path)

    def note(_: float) -> None:
        committers.append(threading.get_ident())

    async with open_sqlite(tmp_path, grace=GRACE, timed=note) as store:
        await store.commit(SHORT, occasion=Occasion())

    assert len(committers) == 1
    assert threading.get_ident() not in committers


async def test_program_that_is_not_ours_is_not_waited_for_on_the_event_loop(
    store: SqliteMetadata, committers: list[int], tmp_path: Path
) -> None:
    """It does not know of our locks, and may hold that of the database for long."""
    await store.commit(SHORT, occasion=Occasion())
    committers.clear()
    foreign = apsw.Connection(str(path_of(tmp_path)))
    foreign.execute("BEGIN IMMEDIATE")

    change = ManifestPut(APP, samples.index(), (Tag("v2"),))
    committing = await _begun(store.commit(change, occasion=Occasion()))
    waiting = not committing.done()
    foreign.execute("ROLLBACK")
    foreign.close()

    assert await committing is not None
    assert waiting
    assert threading.get_ident() not in committers
