"""The contract of `MetadataStore`, as tests: an implementation that passes it is supported.

::

    class TestTapeMetadata(MetadataStoreContract):
        def opened(self, place, *, grace, undo, now):
            return open_tape(place, grace=grace, undo=undo, now=now)

The suite drives time by a clock of its own. The tests are coroutines; pytest-asyncio runs them in
its automatic mode. They are in the modules `metadata_content` and those beside it, one for each
subject, and come along.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lading.interfaces.metadata import MetadataStore
from lading.testing.metadata_audit import AuditContract
from lading.testing.metadata_collection import CollectionContract
from lading.testing.metadata_content import ContentContract
from lading.testing.metadata_deleting import DeletingContract
from lading.testing.metadata_deliveries import DeliveriesContract
from lading.testing.metadata_exclusion import ExclusionContract
from lading.testing.metadata_history import HistoryContract
from lading.testing.metadata_lists import ListsContract
from lading.testing.metadata_untagged import UntaggedContract
from lading.testing.metadata_writing import GRACE, Clock


class MetadataStoreContract(
    ContentContract,
    ListsContract,
    DeletingContract,
    HistoryContract,
    DeliveriesContract,
    CollectionContract,
    UntaggedContract,
    AuditContract,
    ExclusionContract,
):
    """Every promise of `MetadataStore`. Subclass it and provide `opened`."""

    def opened(
        self, place: Path, *, grace: timedelta, undo: timedelta, now: Callable[[], datetime]
    ) -> AbstractAsyncContextManager[MetadataStore]:
        """A new store, which may keep its files under *place*."""
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> Clock:
        """The time of the stores."""
        return Clock()

    @pytest.fixture
    async def store(self, tmp_path: Path, clock: Clock) -> AsyncIterator[MetadataStore]:
        """A store without an undo window."""
        undo = timedelta(0)
        async with self.opened(tmp_path / "store", grace=GRACE, undo=undo, now=clock) as store:
            yield store

    @pytest.fixture
    async def undoing(self, tmp_path: Path, clock: Clock) -> AsyncIterator[MetadataStore]:
        """A store in which everything can be undone for three days."""
        undo = timedelta(days=3)
        async with self.opened(tmp_path / "undoing", grace=GRACE, undo=undo, now=clock) as store:
            yield store
