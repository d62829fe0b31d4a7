"""The database on disk: what is refused, what is found damaged, how batches behave."""

import asyncio
import fcntl
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from lading.errors import (
    LadingError,
    ManifestUnknown,
    NameUnknown,
    StorageDamaged,
    StorageFailed,
    StorageUnfit,
)
from lading.interfaces.access import Occasion
from lading.interfaces.changes import BlobLinked, ManifestPut, RepositoryDeleted, TagDeleted
from lading.metadata import migrations
from lading.metadata.connection import Connection
from lading.metadata.migrations import Migration
from lading.metadata.retention import Retention
from lading.metadata.sqlite import SqliteMetadata, open_sqlite
from lading.metadata.sqlite_connection import SqliteConnection
from lading.metadata.sqlite_file import is_prepared, prepare_sqlite, recorded_retention
from lading.metadata.sqlite_writer import Task, Transactions, Writer
from lading.metadata.write_lock import WriteLock
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName, Tag
from lading.testing import samples

APP = RepositoryName("team/app")
GRACE = timedelta(hours=24)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteMetadata]:
    """An empty store on disk."""
    prepare_sqlite(tmp_path)
    async with open_sqlite(tmp_path, grace=GRACE) as store:
        yield store


def _database(root: Path) -> Path:
    return root / "metadata" / "registry.db"


def _tag(name: str) -> ManifestPut:
    return ManifestPut(APP, samples.index(), (Tag(name),))


async def test_everything_is_there_after_opening_again(tmp_path: Path) -> None:
    """What was committed outlives the process that did it."""
    prepare_sqlite(tmp_path)
    async with open_sqlite(tmp_path, grace=GRACE) as store:
        await store.commit(_tag("v1"), occasion=Occasion())

    async with open_sqlite(tmp_path, grace=GRACE) as store:
        assert await store.get_manifest(APP, Tag("v1")) == samples.index()


async def test_commit_is_seen_by_a_second_store_at_once(
    store: SqliteMetadata, tmp_path: Path
) -> None:
    """What one worker acknowledged, every other can read; ended tags are not remembered."""
    async with open_sqlite(tmp_path, grace=GRACE) as other:
        await store.commit(_tag("v1"), occasion=Occasion())
        found = await other.get_manifest(APP, Tag("v1"))
        await store.commit(TagDeleted(APP, Tag("v1")), occasion=Occasion())

        assert found == samples.index()
        with pytest.raises(ManifestUnknown):
            await other.get_manifest(APP, Tag("v1"))


def test_preparing_twice_changes_nothing(tmp_path: Path) -> None:
    """A restart finds the database as it was."""
    prepare_sqlite(tmp_path)
    before = _database(tmp_path).read_bytes()

    prepare_sqlite(tmp_path)

    assert _database(tmp_path).read_bytes() == before


def test_database_of_a_newer_version_is_refused_in_one_line(tmp_path: Path) -> None:
    """An older program does not touch what it does not understand, and says what to do."""
    prepare_sqlite(tmp_path)
    with closing(apsw.Connection(str(_database(tmp_path)))) as connection:
        connection.execute("INSERT INTO migrations VALUES (999, 'future', '', 0)")

    with pytest.raises(StorageUnfit) as caught:
        prepare_sqlite(tmp_path)

    assert "newer" in caught.value.subject
    assert "999" in caught.value.subject
    assert "\n" not in str(caught.value)


async def test_database_of_a_newer_version_is_not_opened(tmp_path: Path) -> None:
    """A worker finds out as well, with one read."""
    prepare_sqlite(tmp_path)
    with closing(apsw.Connection(str(_database(tmp_path)))) as connection:
        connection.execute("INSERT INTO migrations VALUES (999, 'future', '', 0)")

    with pytest.raises(StorageUnfit, match="newer"):
        async with open_sqlite(tmp_path, grace=GRACE):
            pass


async def test_database_of_an_older_version_is_prepared_and_never_opened_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening migrates nothing: a server of the older version may be at work on it."""
    prepare_sqlite(tmp_path)
    before = _database(tmp_path).read_bytes()
    more = Migration(99, "more", "CREATE TABLE more (id INTEGER)")
    both = [*migrations.known(), more]
    monkeypatch.setattr(migrations, "known", lambda: both)

    with pytest.raises(StorageUnfit, match="older"):
        async with open_sqlite(tmp_path, grace=GRACE):
            pass
    untouched = _database(tmp_path).read_bytes() == before
    found = is_prepared(tmp_path)
    prepare_sqlite(tmp_path)

    assert untouched
    assert (found, is_prepared(tmp_path)) == (False, True)
    async with open_sqlite(tmp_path, grace=GRACE):
        pass


async def test_database_that_was_never_prepared_is_not_opened(tmp_path: Path) -> None:
    """A crash in the very beginning leaves a file that is nothing yet."""
    prepare_sqlite(tmp_path)
    _database(tmp_path).unlink()
    with closing(apsw.Connection(str(_database(tmp_path)))) as connection:
        connection.execute("PRAGMA user_version = 1")

    with pytest.raises(StorageUnfit, match="prepared"):
        async with open_sqlite(tmp_path, grace=GRACE):
            pass


def test_what_the_server_was_told_is_written_down_once(tmp_path: Path) -> None:
    """The same again writes nothing, so that a server starts again on a full disk."""
    prepare_sqlite(tmp_path)
    never = recorded_retention(tmp_path)
    told = Retention(timedelta(hours=6), timedelta(days=7))
    prepare_sqlite(tmp_path, retention=told)
    before = _database(tmp_path).read_bytes()

    prepare_sqlite(tmp_path, retention=told)
    prepare_sqlite(tmp_path)

    assert never is None
    assert recorded_retention(tmp_path) == told
    assert _database(tmp_path).read_bytes() == before


def test_database_of_another_history_is_refused(tmp_path: Path) -> None:
    """A migration that was edited after its release would leave an unknown schema."""
    prepare_sqlite(tmp_path)
    with closing(apsw.Connection(str(_database(tmp_path)))) as connection:
        connection.execute("UPDATE migrations SET checksum = 'edited'")

    with pytest.raises(StorageUnfit):
        prepare_sqlite(tmp_path)


def test_database_of_another_program_is_refused(tmp_path: Path) -> None:
    """A file that happens to have our name is not written to."""
    _database(tmp_path).parent.mkdir()
    with closing(apsw.Connection(str(_database(tmp_path)))) as connection:
        connection.execute("CREATE TABLE theirs (id)")

    with pytest.raises(StorageUnfit, match="another program"):
        prepare_sqlite(tmp_path)


@pytest.mark.parametrize("content", [b"not a database at all, " * 300, b"\0" * 8192])
def test_file_that_is_no_database_is_damage(tmp_path: Path, content: bytes) -> None:
    """The error says where, and what to do."""
    _database(tmp_path).parent.mkdir()
    _database(tmp_path).write_bytes(content)

    with pytest.raises(StorageDamaged) as caught:
        prepare_sqlite(tmp_path)

    assert "registry.db" in caught.value.subject
    assert "lading restore" in caught.value.advice
    assert "fsck" not in caught.value.advice


def _destroy(root: Path, *names: str) -> None:
    """Overwrite the first page of each of these tables and indexes."""
    with closing(apsw.Connection(str(_database(root)))) as connection:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        pages = [
            connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).get
            for name in names
        ]
    with _database(root).open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * 4096)
            file.write(b"\xa5" * 4096)


async def test_damaged_database_is_damage_to_reads_writes_and_checks(tmp_path: Path) -> None:
    """Whatever meets a destroyed page says so in our words, and the rest goes on."""
    prepare_sqlite(tmp_path)
    async with open_sqlite(tmp_path, grace=GRACE) as store:
        await store.commit(_tag("v1"), occasion=Occasion())
    _destroy(tmp_path, "tags_live")

    async with open_sqlite(tmp_path, grace=GRACE) as store:
        found = await store.check()
        with pytest.raises(StorageDamaged) as read:
            await store.get_manifest(APP, Tag("v1"))
        with pytest.raises(StorageDamaged) as write:
            await store.commit(_tag("v2"), occasion=Occasion())
        by_digest = await store.get_manifest(APP, samples.index().digest)

    assert "lading restore" in found[0]
    assert "registry.db" in read.value.subject
    assert "registry.db" in write.value.subject
    assert by_digest == samples.index()


def test_damaged_schema_is_damage(tmp_path: Path) -> None:
    """A database that cannot tell its version is not opened."""
    prepare_sqlite(tmp_path)
    _destroy(tmp_path, "migrations")

    with pytest.raises(StorageDamaged):
        prepare_sqlite(tmp_path)


async def test_changed_body_of_a_manifest_is_found(store: SqliteMetadata, tmp_path: Path) -> None:
    """The check hashes every live manifest."""
    await store.commit(_tag("v1"), occasion=Occasion())
    with closing(apsw.Connection(str(_database(tmp_path)))) as connection:
        connection.execute("UPDATE bodies SET body = x'00'")

    (found,) = await store.check()

    assert str(samples.index().digest) in found


async def test_tag_that_leads_nowhere_is_found(store: SqliteMetadata, tmp_path: Path) -> None:
    """The check follows every live tag."""
    await store.commit(_tag("v1"), occasion=Occasion())
    with closing(apsw.Connection(str(_database(tmp_path)))) as connection:
        connection.execute("UPDATE manifests SET until = 1, until_at = 1")

    (found,) = await store.check()

    assert "tag v1 of team/app" in found


async def test_nothing_is_acknowledged_into_a_database_that_was_taken_away(
    store: SqliteMetadata, tmp_path: Path
) -> None:
    """A file without a name is gone with its last user, and so would be what was written to it."""
    await store.commit(_tag("before"), occasion=Occasion())
    _database(tmp_path).rename(tmp_path / "aside.db")

    with pytest.raises(StorageDamaged, match="removed or replaced"):
        await store.commit(_tag("meanwhile"), occasion=Occasion())

    (tmp_path / "aside.db").rename(_database(tmp_path))
    await store.commit(_tag("after"), occasion=Occasion())
    page = await store.list_tags(APP, after=None, limit=10)
    assert page.items == ["after", "before"]


async def test_refused_change_harms_no_other_of_its_batch(store: SqliteMetadata) -> None:
    """Changes that wait together share a commit and nothing else."""
    changes = [
        store.commit(change, occasion=Occasion())
        for number in range(50)
        for change in (_tag(f"v{number}"), RepositoryDeleted(RepositoryName("absent")))
    ]

    outcomes = await asyncio.gather(*changes, return_exceptions=True)

    assert all(isinstance(each, NameUnknown) for each in outcomes[1::2])
    assert len((await store.list_tags(APP, after=None, limit=100)).items) == 50
    assert [event.number for event in await store.events(after=0, limit=100)] == [*range(1, 51)]


async def test_cancelled_caller_waits_for_the_outcome_and_breaks_no_batch(
    store: SqliteMetadata,
) -> None:
    """Whoever holds a lock around a commit holds it until the commit is decided."""
    tasks = [
        asyncio.create_task(store.commit(_tag(f"v{number}"), occasion=Occasion()))
        for number in range(20)
    ]
    await asyncio.sleep(0)

    for task in tasks[::2]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    tags = {*(await store.list_tags(APP, after=None, limit=100)).items}
    assert all(isinstance(each, asyncio.CancelledError) for each in outcomes[::2])
    assert tags == {f"v{number}" for number in range(20)}


async def test_cancelled_caller_does_not_go_before_its_change_is_decided(
    store: SqliteMetadata, tmp_path: Path
) -> None:
    """While another process writes, a cancelled commit still waits, and then is made."""
    with (tmp_path / "metadata" / "write.lock").open("r+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        task = asyncio.create_task(store.commit(_tag("v1"), occasion=Occasion()))
        await asyncio.sleep(0)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        waiting = not task.done()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert waiting
    assert await store.get_manifest(APP, Tag("v1"))


async def test_what_another_process_changed_is_seen_at_once(
    store: SqliteMetadata, tmp_path: Path
) -> None:
    """An answer that was given a moment ago is not given again once it is no longer true."""
    async with open_sqlite(tmp_path, grace=timedelta(hours=24)) as other:
        for number in range(20):
            image = samples.index(samples.image(number).manifest)
            await other.commit(
                ManifestPut(APP, image, (Tag("latest"),), sparse=True), occasion=Occasion()
            )
            found = [await store.get_manifest(APP, Tag("latest")) for _ in range(3)]
            assert found == [image] * 3

        await other.commit(TagDeleted(APP, Tag("latest")), occasion=Occasion())

        with pytest.raises(ManifestUnknown):
            await store.get_manifest(APP, Tag("latest"))


@pytest.mark.parametrize("memory", [False, True])
async def test_closed_store_refuses_reads(tmp_path: Path, memory: bool) -> None:
    """A request that comes too late is answered with an error of ours."""
    prepare_sqlite(tmp_path)
    async with open_sqlite(None if memory else tmp_path, grace=GRACE) as store:
        pass

    with pytest.raises(StorageFailed, match="closed"):
        await store.get_manifest(APP, Tag("latest"))


async def test_error_of_a_programmer_reaches_the_caller_and_nobody_else(
    store: SqliteMetadata,
) -> None:
    """A bug in one change does not stop the writer."""
    broken = ManifestPut(APP, samples.index(), (None,))  # type: ignore[arg-type]  # wrong on purpose

    with pytest.raises(LadingError):
        await store.commit(broken, occasion=Occasion())
    await store.commit(_tag("v1"), occasion=Occasion())

    assert [*(await store.list_tags(APP, after=None, limit=10)).items] == ["v1"]


async def test_log_is_copied_into_the_database_as_it_grows(
    store: SqliteMetadata, tmp_path: Path
) -> None:
    """The write-ahead log stays small however much is written."""
    big = [
        samples.image_manifest(annotations={"seed": str(seed), "n": "n" * 1_000_000})
        for seed in range(40)
    ]

    for manifest in big:
        await store.commit(ManifestPut(APP, manifest, sparse=True), occasion=Occasion())

    log = tmp_path / "metadata" / "registry.db-wal"
    assert log.stat().st_size < 20 << 20


class WithLog(SqliteConnection):
    """A connection whose log is as long as a test says."""

    def __init__(self, database: Path) -> None:
        super().__init__(database, writes=True)
        self.pages = 0
        self.patient: list[bool] = []
        self.copied_by: list[str] = []

    def log_pages(self) -> int:
        """Let the test say it."""
        return self.pages

    def checkpoint(self, *, patient: bool) -> None:
        """Only note that it was asked for."""
        self.patient.append(patient)
        self.copied_by.append(threading.current_thread().name)


def test_reader_that_stays_is_not_waited_for_at_every_commit(tmp_path: Path) -> None:
    """A copy of a large database takes minutes, and pushes go on at their pace meanwhile."""
    prepare_sqlite(tmp_path)
    connection = WithLog(_database(tmp_path))
    transactions = Transactions(lambda: connection)
    transactions.transact([Task(lambda _: None)])

    for pages in (6_000, 16_500, 16_510, 20_400, 20_600, 6_000, 16_500):
        connection.pages = pages
        transactions.look()
        transactions.checkpoint()

    transactions.close()
    assert connection.patient == [False, True, False, False, True, False, True]


async def test_a_mistake_around_the_changes_does_not_end_the_writer(tmp_path: Path) -> None:
    """Everybody waits for this one thread: it answers with an error, and goes on."""
    prepare_sqlite(tmp_path)
    mistakes = iter([ValueError("a mistake")])

    def connect() -> SqliteConnection:
        for mistake in mistakes:
            raise mistake
        return SqliteConnection(_database(tmp_path), writes=True)

    writer = Writer(Transactions(connect), WriteLock(tmp_path / "write.lock"))
    with pytest.raises(StorageFailed, match="a mistake"):
        await writer.do(lambda connection: connection.row("SELECT 1"))

    assert await writer.do(lambda connection: connection.row("SELECT 1")) == (1,)

    await writer.aclose()


def _writer(root: Path, connection: SqliteConnection | None = None) -> Writer:
    def connect() -> SqliteConnection:
        return connection or SqliteConnection(_database(root), writes=True)

    return Writer(Transactions(connect), WriteLock(root / "write.lock"))


async def test_thread_that_asks_does_its_work_itself(tmp_path: Path) -> None:
    """Nobody has to be woken for it."""
    prepare_sqlite(tmp_path)
    writer = _writer(tmp_path)
    doers: list[threading.Thread] = []

    def work(_: Connection) -> None:
        doers.append(threading.current_thread())

    asking = threading.Thread(target=writer.do_blocking, args=(work,))
    asking.start()
    await asyncio.to_thread(asking.join)
    await writer.aclose()

    assert doers == [asking]


async def test_everybody_who_waits_for_a_turn_is_answered(tmp_path: Path) -> None:
    """Whoever has the turn does the work of all, wherever it was asked for."""
    prepare_sqlite(tmp_path)
    writer = _writer(tmp_path)
    busy, go_on = threading.Event(), threading.Event()

    def occupy(_: Connection) -> None:
        busy.set()
        go_on.wait(10)

    first = asyncio.ensure_future(writer.do(occupy))
    await asyncio.to_thread(busy.wait, 10)
    asked = [
        *(asyncio.to_thread(writer.do_blocking, lambda _: "in a thread") for _ in range(3)),
        *(writer.do(lambda _: "on the loop") for _ in range(3)),
    ]
    waiting = asyncio.gather(*asked)
    await asyncio.sleep(0)
    go_on.set()
    await first
    answers = await waiting
    await writer.aclose()

    assert answers == ["in a thread"] * 3 + ["on the loop"] * 3


async def test_refusal_in_a_thread_is_raised_there_and_leaves_nothing(tmp_path: Path) -> None:
    """Also when it is the only change of its transaction."""
    prepare_sqlite(tmp_path)
    writer = _writer(tmp_path)

    def refuse(connection: Connection) -> None:
        connection.run("INSERT INTO bodies (manifest, body) VALUES (7, x'')")
        raise NameUnknown("refused")

    with pytest.raises(NameUnknown):
        await asyncio.to_thread(writer.do_blocking, refuse)
    left = await writer.do(lambda connection: connection.row("SELECT COUNT(*) FROM bodies"))
    await writer.aclose()
    with pytest.raises(StorageFailed, match="closed"):
        await asyncio.to_thread(writer.do_blocking, refuse)

    assert left == (0,)


async def test_log_that_threads_made_long_is_copied_by_the_writers_own_thread(
    tmp_path: Path,
) -> None:
    """Whoever waits for an answer is not made to wait for that."""
    prepare_sqlite(tmp_path)
    connection = WithLog(_database(tmp_path))
    writer = _writer(tmp_path, connection)
    connection.pages = 6_000

    for _ in range(20):
        await asyncio.to_thread(writer.do_blocking, lambda _: None)
    await writer.aclose()

    # Once because it was long, and once at the end.
    assert connection.copied_by == ["metadata-writer"] * 2


class FailingCommit(SqliteConnection):
    """A connection whose disk fails at the end of a transaction."""

    def run(self, statement: str, values: object = ()) -> None:
        """Run all but ``COMMIT``."""
        if statement == "COMMIT":
            raise apsw.IOError("disk I/O error")
        super().run(statement)


def test_failed_commit_fails_its_whole_batch_and_the_next_one_begins_clean(tmp_path: Path) -> None:
    """Nothing of the batch stays, refusals that rested on it are not told, and work goes on."""
    prepare_sqlite(tmp_path)
    database = _database(tmp_path)
    connections = iter(
        [FailingCommit(database, writes=True), SqliteConnection(database, writes=True)]
    )
    transactions = Transactions(lambda: next(connections))

    def insert(connection: Connection) -> None:
        connection.run("INSERT INTO bodies (manifest, body) VALUES (7, x'')")

    def refuse(connection: Connection) -> None:
        raise NameUnknown("refused")

    failed = [Task(insert), Task(refuse)]
    transactions.transact(failed)
    done = [Task(insert), Task(refuse)]
    transactions.transact(done)
    transactions.finish()

    assert [type(task.error) for task in failed] == [StorageFailed] * 2
    assert failed[0].error is not failed[1].error
    assert [type(task.error) for task in done] == [type(None), NameUnknown]


@pytest.mark.parametrize("memory", [False, True])
async def test_closed_store_refuses_changes(tmp_path: Path, memory: bool) -> None:
    """Nobody waits for a writer that has ended."""
    prepare_sqlite(tmp_path)
    async with open_sqlite(None if memory else tmp_path, grace=GRACE) as store:
        pass

    with pytest.raises(StorageFailed, match="closed"):
        await store.commit(_tag("v1"), occasion=Occasion())


def written(root: Path) -> bytes:
    """All that was written to the database."""
    return _database(root).read_bytes() + Path(f"{_database(root)}-wal").read_bytes()


async def test_answer_is_no_promise_while_nothing_may_be_written(tmp_path: Path) -> None:
    """A directory that must not change is not changed by whoever asks what is in it."""
    prepare_sqlite(tmp_path)
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    may = [False]
    async with open_sqlite(
        tmp_path, grace=GRACE, now=lambda: clock[0], may_vouch=lambda: may[0]
    ) as store:
        blob = Descriptor("application/octet-stream", Digest.of(b"content"), 7)
        await store.commit(BlobLinked(APP, blob), occasion=Occasion())
        clock[0] += GRACE - timedelta(hours=1)
        before = written(tmp_path)
        await store.get_blob(APP, blob.digest, vouch=True)
        unwritten = written(tmp_path)
        may[0] = True
        await store.get_blob(APP, blob.digest, vouch=True)

        assert unwritten == before
        assert written(tmp_path) != before
