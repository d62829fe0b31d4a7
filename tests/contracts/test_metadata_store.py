"""The promises of a metadata store, held by SQLite on disk and in memory."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path

from lading.interfaces.metadata import MetadataStore
from lading.metadata.sqlite import open_sqlite
from lading.metadata.sqlite_file import prepare_sqlite
from lading.testing.metadata_store import MetadataStoreContract


class TestSqliteOnDisk(MetadataStoreContract):
    """In files that processes share."""

    def opened(
        self, place: Path, *, grace: timedelta, undo: timedelta, now: Callable[[], datetime]
    ) -> AbstractAsyncContextManager[MetadataStore]:
        """A store in files."""
        prepare_sqlite(place)
        return open_sqlite(place, grace=grace, undo=undo, now=now)


class TestSqliteWithoutADisk(MetadataStoreContract):
    """In files that need no disk: short changes are made on the event loop."""

    def opened(
        self, place: Path, *, grace: timedelta, undo: timedelta, now: Callable[[], datetime]
    ) -> AbstractAsyncContextManager[MetadataStore]:
        """A store in files."""
        prepare_sqlite(place)
        return open_sqlite(place, grace=grace, undo=undo, now=now, diskless=True)


class TestSqliteInMemory(MetadataStoreContract):
    """For tests and for embedding."""

    def opened(
        self, place: Path, *, grace: timedelta, undo: timedelta, now: Callable[[], datetime]
    ) -> AbstractAsyncContextManager[MetadataStore]:
        """A store that leaves no file."""
        return open_sqlite(None, grace=grace, undo=undo, now=now)
