"""A registry on real stores, in memory and on disk, whose time is moved by hand."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lading.interfaces.blobs import BlobStore
from lading.interfaces.metadata import MetadataStore
from lading.interfaces.repository import Repository
from lading.metadata.sqlite import open_sqlite
from lading.metadata.sqlite_file import prepare_sqlite
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName
from lading.registry.collected import Collected
from lading.registry.collector import Collector
from lading.registry.registry import LocalRegistry
from lading.registry.sweep import Sweep
from lading.storage.filesystem import open_filesystem
from lading.storage.memory import open_memory
from lading.testing import samples
from lading.testing.places import NAME

HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)


class Clock:
    """A clock that ticks a little at every look, and jumps when it is told to."""

    def __init__(self) -> None:
        # Files carry the time of the machine, so that is where this clock begins.
        self._time = datetime.now(UTC)

    def __call__(self) -> datetime:
        """The time, a little later at each look."""
        self._time += timedelta(microseconds=10)
        return self._time

    def pass_by(self, duration: timedelta) -> None:
        """Let *duration* go by."""
        self._time += duration


@dataclass
class House:
    """A registry, its stores, and everything that was heard from background work."""

    blobs: BlobStore
    metadata: MetadataStore
    clock: Clock
    registry: LocalRegistry = field(init=False)
    heard: list[Collected] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.registry = LocalRegistry(self.blobs, self.metadata)

    def repository(self, name: str = "team/app") -> Repository:
        """The repository of that name."""
        return self.registry.repository(RepositoryName.parse(name))

    def collector(self, grace: timedelta = DAY) -> Collector:
        """A collector with that grace."""
        return Collector(self.blobs, self.metadata, grace=grace, now=self.clock)

    def sweep(self, grace: timedelta = DAY, expiry: timedelta = DAY) -> Sweep:
        """A sweep with that grace and expiry."""
        return Sweep(self.blobs, self.metadata, grace=grace, expiry=expiry, now=self.clock)

    async def stored(self) -> set[Digest]:
        """Every digest whose bytes are there."""
        return {stored.digest async for stored in self.blobs.walk()}


@pytest.fixture(params=["memory", "disk"])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    """A registry on empty stores, with a grace of a day and nothing to undo."""
    clock = Clock()
    async with AsyncExitStack() as stack:
        if request.param == "memory":
            blobs: BlobStore = await stack.enter_async_context(open_memory(now=clock))
            root = None
        else:
            blobs = await stack.enter_async_context(open_filesystem(tmp_path))
            root = tmp_path
            prepare_sqlite(root)
        opened = open_sqlite(root, grace=DAY, undo=timedelta(0), now=clock)
        metadata = await stack.enter_async_context(opened)
        yield House(blobs, metadata, clock)


@pytest.fixture
async def inner() -> AsyncIterator[LocalRegistry]:
    """A registry that has an image, with a tag."""
    async with AsyncExitStack() as stack:
        blobs = await stack.enter_async_context(open_memory())
        metadata = await stack.enter_async_context(open_sqlite(None, grace=DAY))
        registry = LocalRegistry(blobs, metadata)
        await samples.put_image(registry.repository(NAME), tags=["v1"])
        yield registry
