"""Every statement that answers a request or makes a change is a search in an index."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import pytest

from lading.interfaces.access import Occasion
from lading.interfaces.changes import (
    BlobLinked,
    BlobUnlinked,
    Change,
    ManifestDeleted,
    ManifestPut,
    RepositoryDeleted,
    TagDeleted,
)
from lading.interfaces.metadata import Delivery, Pull
from lading.metadata import audit, changes, collection, deliveries, marking, reading, untagged
from lading.metadata.cache import Memory
from lading.metadata.collection import Horizon
from lading.metadata.connection import Row, Value
from lading.metadata.migrations import migrate
from lading.metadata.rows import Entry
from lading.metadata.sqlite_connection import SqliteConnection
from lading.oci import media_types
from lading.oci.manifest import Manifest
from lading.oci.names import RepositoryName, Tag
from lading.testing import samples

APP, OTHER = RepositoryName("team/app"), RepositoryName("team/other")
AT = datetime(2026, 1, 1, tzinfo=UTC)
HORIZON = Horizon(
    now=3_000_000_000_000_000,
    before=3_000_000_000_000_000,
    ended=3_000_000_000_000_000,
    undo=1,
)
WHOLE_TABLE_WANTED = ("FROM doomed ORDER BY digest", "FROM deliveries ORDER BY endpoint")


class _Noting:
    """A connection that notes which statements are run on it."""

    def __init__(self, connection: SqliteConnection) -> None:
        self.connection = connection
        self.statements: dict[str, int] = {}

    def _note(self, statement: str, values: Sequence[Value]) -> None:
        self.statements[statement] = len(values)

    def row(self, statement: str, values: Sequence[Value] = ()) -> Row | None:
        self._note(statement, values)
        return self.connection.row(statement, values)

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        self._note(statement, values)
        return self.connection.rows(statement, values)

    def each(
        self, statement: str, values: Sequence[Value] = ()
    ) -> AbstractContextManager[Iterable[Row]]:
        self._note(statement, values)
        return self.connection.each(statement, values)

    def run(self, statement: str, values: Sequence[Value] = ()) -> None:
        self._note(statement, values)
        self.connection.run(statement, values)

    def run_counted(self, statement: str, values: Sequence[Value] = ()) -> int:
        self._note(statement, values)
        return self.connection.run_counted(statement, values)

    def run_each(self, statement: str, many: Iterable[Sequence[Value]]) -> None:
        for values in many:
            self._note(statement, values)
            self.connection.run(statement, values)


@pytest.fixture
def noting() -> Iterator[_Noting]:
    """An empty database whose statements are noted."""
    connection = SqliteConnection(None, writes=True, creates=True)
    migrate(connection, subject="memory", at=0)
    yield _Noting(connection)
    connection.close()


def _change_everything(noting: _Noting) -> None:
    image = samples.image()
    blobs = [samples.described(blob, media_types.OCTETS) for blob in image.blobs]
    artifact = samples.artifact(image.manifest)
    lone = samples.image(2).manifest
    index = samples.index(image.manifest)
    renamed = Manifest(index.body, media_types.DOCKER_LIST, index.digest)
    made: list[Change] = [
        *(BlobLinked(APP, blob) for blob in blobs),
        BlobLinked(APP, samples.described(samples.EMPTY, media_types.OCTETS)),
        BlobLinked(OTHER, blobs[0], source=APP),
        ManifestPut(APP, image.manifest, (Tag("v1"),)),
        ManifestPut(APP, lone, (Tag("v1"),), sparse=True),
        ManifestPut(APP, artifact),
        ManifestPut(APP, index, (Tag("v2"),)),
        ManifestPut(APP, renamed, (Tag("v2"),)),
        TagDeleted(APP, Tag("v1")),
        BlobUnlinked(OTHER, blobs[0].digest),
        ManifestDeleted(APP, lone.digest, untagged_before=datetime(2030, 1, 1, tzinfo=UTC)),
        ManifestDeleted(APP, image.manifest.digest),
    ]
    for change in made:
        changes.commit(noting, Entry.of(change, Occasion(), AT))


def _not_remembering() -> Memory:
    return Memory(lambda: None)


def _read_everything(noting: _Noting) -> None:
    memory = _not_remembering()
    index = samples.index(samples.image().manifest)
    blob = samples.described(samples.image().blobs[0], media_types.OCTETS)
    reading.find_manifest(noting, memory, APP, Tag("v2"))
    reading.find_manifest(noting, _not_remembering(), APP, index.digest)
    reading.resolve_digest(noting, memory, APP, index.digest)
    reading.find_blob(noting, memory, APP, blob.digest)
    reading.holders(noting, blob.digest, 10)
    reading.list_tags(noting, APP, Tag("a"), 10)
    reading.list_repositories(noting, APP, 10)
    for artifact_type in (None, "application/x"):
        reading.list_referrers(noting, APP, index.digest, artifact_type, None)
    reading.tag_history(noting, APP, Tag("v1"))
    reading.events(noting, 3, 10)
    collection.vouch_blob(noting, APP, blob.digest, AT)
    collection.vouch_manifest(noting, APP, index.digest, AT)
    collection.record_pulls(noting, [Pull(APP, index.digest, Tag("v2"), AT)])
    collection.still_doomed(noting, blob.digest)
    untagged.untagged(noting, HORIZON.before, HORIZON.ended, 10, None)
    marking.marked(noting, APP, None, 10)
    audit.blobs(noting, None, 10)
    audit.unknown(noting, [blob.digest])


def _collect_everything(noting: _Noting) -> None:
    changes.commit(noting, Entry.of(RepositoryDeleted(APP), Occasion(), AT))
    collection.condemn(noting, HORIZON, 100)
    collection.bury(noting, samples.image().manifest.digest)
    deliveries.settle(noting, [Delivery("a", 1)])
    deliveries.urge(noting, "a", 2)
    deliveries.outlook(noting)
    deliveries.settle(noting, [Delivery("behind", -9)])
    deliveries.forget_events(noting, AT, 3, 10, ["a"])
    audit.mislay(noting, samples.image().manifest.digest)


def test_no_statement_scans_a_table_or_sorts(noting: _Noting) -> None:
    """Time does not grow with the number of tags, repositories or manifests."""
    _change_everything(noting)
    _read_everything(noting)
    _collect_everything(noting)

    slow = [
        (statement, plan[3])
        for statement, values in noting.statements.items()
        if not any(wanted in statement for wanted in WHOLE_TABLE_WANTED)
        for plan in noting.connection.rows(f"EXPLAIN QUERY PLAN {statement}", [None] * values)
        if "SCAN" in plan[3] or "TEMP B-TREE" in plan[3]
    ]

    assert slow == []
    assert len(noting.statements) > 50


def test_hot_reads_are_one_statement(noting: _Noting) -> None:
    """A remembered manifest and a blob are found by a single search each."""
    _change_everything(noting)
    memory = _not_remembering()
    blob = samples.described(samples.image().blobs[0], media_types.OCTETS)
    reading.find_manifest(noting, memory, APP, Tag("v2"))
    noting.statements.clear()

    reading.find_manifest(noting, memory, APP, Tag("v2"))
    reading.find_blob(noting, memory, APP, blob.digest)

    assert list(noting.statements) == [reading.BY_TAG, reading.BLOB]
