"""The promises of a repository, held at the other end of a connection.

The protocol has no words for two of them; `RemoteContract` says what happens in place of those.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from lading.auth.anonymous import Anonymous
from lading.client.connections.transport import FaceTransport, Transport, open_transport
from lading.http.face import Face
from lading.interfaces.repository import Registry
from lading.metadata.sqlite import open_sqlite
from lading.registry.registry import LocalRegistry
from lading.storage.memory import open_memory
from tests.contracts.remotes import RemoteContract, apart, remote
from tests.peers.servers import Server, lading

URL = "http://registry.test"


def behind_face(registry: Registry) -> Transport:
    """The way to *registry*, behind a face in this process."""
    return FaceTransport({URL: Face(Anonymous(), registry.acting_for)})


@pytest.fixture
async def local() -> AsyncIterator[LocalRegistry]:
    """A registry that keeps everything in memory."""
    async with AsyncExitStack() as stack:
        blobs = await stack.enter_async_context(open_memory())
        metadata = await stack.enter_async_context(open_sqlite(None, grace=timedelta(hours=24)))
        yield LocalRegistry(blobs, metadata)


class TestInProcess(RemoteContract):
    """Through our face, without a socket."""

    @pytest.fixture
    def registry(self, local: LocalRegistry) -> Registry:
        """A registry behind a face."""
        return remote(behind_face(local), URL)


class TestRelayed(RemoteContract):
    """A registry whose repositories are those of another one: bodies stream through both."""

    @pytest.fixture
    def registry(self, local: LocalRegistry) -> Registry:
        """A registry behind a face, which has a registry behind a face."""
        return remote(behind_face(remote(behind_face(local), URL)), URL)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Our own server in a process of its own."""
    with lading(tmp_path_factory.mktemp("lading"), workers=1, access_log=False) as server:
        yield server


class TestOverSockets(RemoteContract):
    """Our client and our server, with a network between."""

    @pytest.fixture
    async def registry(self, server: Server) -> AsyncIterator[Registry]:
        """A part of the server that no other test uses."""
        async with open_transport() as transport:
            yield apart(remote(transport, server.url))
