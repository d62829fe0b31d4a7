"""A machine without configuration, registries that it reaches without sockets, and one on disk."""

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lading.app.clients import Client, ClientOptions, open_client
from lading.app.directory import prepare
from lading.app.surroundings import Surroundings
from lading.auth.anonymous import AllowAll, Anonymous
from lading.client.connections.transport import FaceTransport
from lading.http.face import Face
from lading.http.middleware import RequestIds, Wall
from lading.metadata.sqlite import open_sqlite
from lading.registry.guard import guarded
from lading.registry.registry import LocalRegistry
from lading.storage.memory import open_memory
from lading.wire.message import Handler, Request, Response
from tests.unit.app.directories import put


class Machine:
    """Somebody's machine, and the network that it is on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.environment: dict[str, str] = {}
        self.network: dict[str, Handler] = {}
        self.asked: list[tuple[str, Request]] = []

    def file(self, name: str, content: Any) -> Path:
        """A file below the machine's root; what is no text is written as JSON."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    @property
    def surroundings(self) -> Surroundings:
        """What a client looks at."""
        return Surroundings(
            environment=self.environment,
            home=self.home,
            system=self.folder / "etc",
            run=self.folder / "run",
        )

    def serve(self, url: str, handler: Handler) -> None:
        """Let *handler* answer at *url*, and note what is asked there."""

        async def noted(request: Request) -> Response:
            self.asked.append((url, request))
            return await handler(request)

        self.network[url] = noted

    def client(self, options: ClientOptions | None = None) -> AbstractAsyncContextManager[Client]:
        """A client on this machine."""
        return open_client(
            options=options or ClientOptions(),
            surroundings=self.surroundings,
            transport=FaceTransport(self.network),
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Nothing is configured, and nobody is on the network."""
    return Machine(tmp_path)


@pytest.fixture
async def local() -> AsyncIterator[LocalRegistry]:
    """A registry that keeps everything in memory."""
    async with AsyncExitStack() as stack:
        blobs = await stack.enter_async_context(open_memory())
        metadata = await stack.enter_async_context(open_sqlite(None, grace=timedelta(hours=1)))
        yield LocalRegistry(blobs, metadata)


@pytest.fixture
def face(local: LocalRegistry) -> Handler:
    """The same registry as it is served; everybody may do everything."""
    return RequestIds(Wall(Face(Anonymous(), guarded(local, AllowAll()))))


@pytest.fixture
async def root(tmp_path: Path) -> Path:
    """A registry with one image."""
    prepare(tmp_path / "data")
    await put(tmp_path / "data", "one", "v1")
    return tmp_path / "data"
