"""The promises of a repository, held by every way to put one together here."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from lading.auth.anonymous import AllowAll
from lading.interfaces.access import Occasion, Principal
from lading.interfaces.blobs import UploadId
from lading.interfaces.repository import Registry, Repository, Upload
from lading.metadata.sqlite import open_sqlite
from lading.metadata.sqlite_file import prepare_sqlite
from lading.oci.descriptor import Descriptor
from lading.oci.digest import CANONICAL
from lading.oci.names import RepositoryName
from lading.registry.forwarding import (
    ForwardingRegistry,
    ForwardingRepository,
    ForwardingUpload,
)
from lading.registry.guard import GuardedRegistry
from lading.registry.registry import LocalRegistry
from lading.storage.filesystem import open_filesystem
from lading.storage.memory import open_memory
from lading.testing.repository import RepositoryContract

_GRACE = timedelta(hours=24)


@pytest.fixture
async def in_memory() -> AsyncIterator[LocalRegistry]:
    """A registry that keeps everything in memory."""
    async with AsyncExitStack() as stack:
        blobs = await stack.enter_async_context(open_memory())
        metadata = await stack.enter_async_context(open_sqlite(None, grace=_GRACE))
        yield LocalRegistry(blobs, metadata)


class TestMemory(RepositoryContract):
    """Everything in memory: what an embedder without a directory gets."""

    @pytest.fixture
    def registry(self, in_memory: LocalRegistry) -> Registry:
        """The registry itself."""
        return in_memory


class TestDisk(RepositoryContract):
    """Blobs in files and names in SQLite: what is served by default."""

    @pytest.fixture
    async def registry(self, tmp_path: Path) -> AsyncIterator[Registry]:
        """A registry on disk."""
        prepare_sqlite(tmp_path)
        async with AsyncExitStack() as stack:
            blobs = await stack.enter_async_context(open_filesystem(tmp_path))
            metadata = await stack.enter_async_context(open_sqlite(tmp_path, grace=_GRACE))
            yield LocalRegistry(blobs, metadata)


class TestWithoutADisk(RepositoryContract):
    """The same where files lie in memory."""

    @pytest.fixture
    async def registry(self, tmp_path: Path) -> AsyncIterator[Registry]:
        """A registry whose short work is done on the event loop."""
        prepare_sqlite(tmp_path)
        async with AsyncExitStack() as stack:
            blobs = await stack.enter_async_context(open_filesystem(tmp_path, diskless=True))
            metadata = await stack.enter_async_context(
                open_sqlite(tmp_path, grace=_GRACE, diskless=True)
            )
            yield LocalRegistry(blobs, metadata)


class TestGuarded(RepositoryContract):
    """Behind a guard that lets everybody do everything: what the face talks to."""

    @pytest.fixture
    def registry(self, in_memory: LocalRegistry) -> Registry:
        """The registry as somebody with a name sees it."""
        return GuardedRegistry(in_memory, AllowAll(), Occasion(Principal("ada")))


class TestBounded(RepositoryContract):
    """With limits that nothing here reaches, which count all the same."""

    @pytest.fixture
    async def registry(self) -> AsyncIterator[Registry]:
        """A registry with every limit set."""
        async with AsyncExitStack() as stack:
            blobs = await stack.enter_async_context(open_memory())
            metadata = await stack.enter_async_context(open_sqlite(None, grace=_GRACE))
            yield LocalRegistry(blobs, metadata, blob_limit=3_000_000, open_uploads=10)


class _WrappedRepository(ForwardingRepository):
    """Passes everything on, uploads included."""

    async def start_upload(
        self, *, algorithm: str = CANONICAL, expected: Descriptor | None = None
    ) -> Upload:
        return ForwardingUpload(await super().start_upload(algorithm=algorithm, expected=expected))

    async def resume_upload(self, upload_id: UploadId) -> Upload:
        return ForwardingUpload(await super().resume_upload(upload_id))


class _WrappedRegistry(ForwardingRegistry):
    """Passes everything on."""

    def repository(self, name: RepositoryName) -> Repository:
        return _WrappedRepository(super().repository(name))


class TestForwarding(RepositoryContract):
    """Two wrappers deep: a wrapper that changes nothing breaks no promise."""

    @pytest.fixture
    def registry(self, in_memory: LocalRegistry) -> Registry:
        """The registry in two layers of paper."""
        return _WrappedRegistry(_WrappedRegistry(in_memory)).acting_for(Occasion())
