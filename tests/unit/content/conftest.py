"""Repositories in memory, to copy between."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest

from lading.interfaces.repository import Registry, Repository
from lading.metadata.sqlite import open_sqlite
from lading.registry.registry import LocalRegistry
from lading.storage.memory import open_memory
from lading.testing.places import NAME


@asynccontextmanager
async def registry() -> AsyncIterator[Registry]:
    """A registry of its own, which takes whole images only unless a put is sparse."""
    async with AsyncExitStack() as stack:
        blobs = await stack.enter_async_context(open_memory())
        metadata = await stack.enter_async_context(open_sqlite(None, grace=timedelta(hours=24)))
        yield LocalRegistry(blobs, metadata)


@pytest.fixture
async def source() -> AsyncIterator[Repository]:
    """Where things are copied from."""
    async with registry() as made:
        yield made.repository(NAME)


@pytest.fixture
async def target_registry() -> AsyncIterator[Registry]:
    """A registry into which things are copied."""
    async with registry() as made:
        yield made


@pytest.fixture
def target(target_registry: Registry) -> Repository:
    """Where things are copied to."""
    return target_registry.repository(NAME)
