"""The contract of `BlobStore`, held against every store there is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lading.interfaces.blobs import BlobStore
from lading.storage.filesystem import open_filesystem
from lading.storage.memory import open_memory
from lading.testing.blob_store import BlobStoreContract
from lading.testing.faults import Faults, faulty


class TestFilesystemBlobs(BlobStoreContract):
    """Two stores over one directory, as two workers have it."""

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[BlobStore]:
        """The store under test."""
        async with open_filesystem(tmp_path) as store:
            yield store

    @pytest.fixture
    async def other(self, store: BlobStore, tmp_path: Path) -> AsyncIterator[BlobStore]:
        """A second one over the same directory."""
        async with open_filesystem(tmp_path) as other:
            yield other


class TestFilesystemBlobsWithoutMemory(BlobStoreContract):
    """Nothing is kept in memory, and bodies share two threads."""

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[BlobStore]:
        """The store under test."""
        async with open_filesystem(tmp_path, cache=0, threads=1, transfers=2) as store:
            yield store


class TestFilesystemBlobsWithoutADisk(BlobStoreContract):
    """Small ones are published on the event loop."""

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[BlobStore]:
        """The store under test."""
        async with open_filesystem(tmp_path, diskless=True) as store:
            yield store

    @pytest.fixture
    async def other(self, store: BlobStore, tmp_path: Path) -> AsyncIterator[BlobStore]:
        """A second one over the same directory."""
        async with open_filesystem(tmp_path, diskless=True) as other:
            yield other


class TestMemoryBlobs(BlobStoreContract):
    """Dictionaries."""

    @pytest.fixture
    async def store(self) -> AsyncIterator[BlobStore]:
        """The store under test."""
        async with open_memory() as store:
            yield store


class TestFaultyBlobs(BlobStoreContract):
    """A store that could fail, and is not told to."""

    @pytest.fixture
    async def store(self) -> AsyncIterator[BlobStore]:
        """The store under test."""
        async with open_memory() as store:
            yield faulty(store, Faults())
