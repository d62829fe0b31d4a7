"""A registry for tests: real, in this process, and bad on cue.

`lading.fixtures` gives it to tests of pytest; others enter `stand_in`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from lading.app.background import background
from lading.app.connection import Bounds
from lading.app.connections import Connections
from lading.app.wiring import open_registry
from lading.auth.anonymous import AllowAll, Anonymous
from lading.bodies import Inbound, Source, Stream
from lading.client.asking.exchange import Exchange
from lading.client.connections.origin import Origin
from lading.client.connections.transport import FaceTransport, Transport
from lading.client.hosts.host import Endpoint, Host
from lading.client.logins.credentials import Keyring, NoKeyring
from lading.client.registry import RemoteRegistry
from lading.client.repository import RemoteRepository
from lading.content.pages import every
from lading.http.face import Face
from lading.http.middleware import RequestIds, Wall
from lading.interfaces.repository import Receipt, Registry
from lading.oci.names import RepositoryName
from lading.registry.guard import guarded
from lading.testing import personalities, samples
from lading.testing.personalities import Personality, Redirects, TokenRealm
from lading.testing.samples import Image
from lading.testing.trouble import Clock, Trouble
from lading.wire.message import Handler, Request, Response

T = TypeVar("T")

HOST = "registry.test"
"""What a stand-in is called while it does not listen; nothing on any network is."""

_STORAGE = "https://bucket.storage.test"
_BOUNDS = Bounds(
    head_size=64 * 1024,
    head_time=30.0,
    idle_time=300.0,
    body_pause=60.0,
    write_pause=60.0,
    lane_from=64 * 1024,
    drain_size=8 << 20,
)


class StandIn:
    """A registry in this process, with a thread of its own to live in.

    It is empty at first, takes only whole images, and everybody may do everything.

    Attributes:
        trouble: what will go wrong, and what was asked.
        clock: what tokens and signed URLs are timed by.
        realm: where tokens come from, once it has become a registry that has such a place.
        storage: where blobs are, once it has become a registry that keeps them elsewhere.
    """

    def __init__(self, stack: ExitStack) -> None:
        """It lives as long as *stack*."""
        self.trouble = Trouble()
        self.clock = Clock()
        self.realm: TokenRealm | None = None
        self.storage: Redirects | None = None
        self._port = 0
        self._stack = stack
        self._background = stack.enter_context(background("lading-stand-in"))
        self._registry = stack.enter_context(self._background.entered(open_registry()))
        self._bare = _faced(self._registry)
        self._handler = self.trouble(self._bare)

    @property
    def host(self) -> str:
        """What stands before the name of a repository: ``127.0.0.1:PORT`` if it listens."""
        return f"127.0.0.1:{self._port}" if self._port else HOST

    @property
    def url(self) -> str:
        """The URL of its root, without a slash at the end."""
        return f"http://{self.host}" if self._port else f"https://{HOST}"

    def become(self, *manners: str | Personality) -> None:
        """Behave like another registry: by name, or as the given personalities do, from outside in.

        Names are ``docker-hub``, ``ecr``, ``ghcr``, ``artifactory``, ``s3`` (blobs behind
        redirects) and ``old`` (no referrers API). What it became before is forgotten.

        Raises:
            ValueError: there is no registry of that name here.
        """
        self.realm = self.storage = None
        handler = self._bare
        for manner in reversed(manners):
            handler = self._personality(manner)(handler)
        if self.storage is not None:
            handler = self.storage.beside(handler, self._bare)
        self._handler = self.trouble(handler)

    def listen(self) -> str:
        """Listen on a loopback port, from now to the end of the test; ``127.0.0.1:PORT``."""
        if not self._port:
            listening = self._background.entered(_listening(self.handle))
            self._port = self._stack.enter_context(listening)
        return self.host

    def repository(self, name: str, *, keyring: Keyring | None = None) -> RemoteRepository:
        """A repository of it as a client has it: over the wire, but without a socket."""
        return self.registry(keyring=keyring).repository(RepositoryName.parse(name))

    def registry(
        self,
        *,
        keyring: Keyring | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> RemoteRegistry:
        """It as a client has it: over the wire, but without a socket.

        The client logs in by *keyring*, and *sleep* is how it waits before it tries again.
        """
        endpoint = Endpoint(origin=Origin.parse(self.url), known_as=self.host)
        exchange = Exchange(
            Host(self.host, (endpoint,)), self.transport(), keyring or NoKeyring(), sleep=sleep
        )
        return RemoteRegistry(exchange, sleep=sleep)

    def transport(self) -> Transport:
        """The way to it for clients in this process; nobody else is found there."""
        return _Way(self)

    def addresses(self) -> set[str]:
        """Every origin under which it answers clients in this process."""
        found = {self.url, f"https://{HOST}", self._elsewhere(_STORAGE)}
        if self.realm is not None:
            found.add(self.realm.url())
        if self.storage is not None:
            found.add(self.storage.url())
        return found

    async def handle(self, request: Request) -> Response:
        """Answer *request*, from whatever event loop it comes."""
        here = asyncio.get_running_loop()
        if here is self._background.loop:
            return await self._handler(request)
        inside = replace(request, body=_Across(request.body, here))

        async def answered() -> Response:
            return await self._handler(inside)

        response = await _at(self._background.loop, answered())
        if isinstance(response.body, Stream):
            source = _AcrossSource(response.body.source, self._background.loop)
            response.body = response.body._replace(source=source)
        return response

    def run(self, work: Callable[[Registry], Coroutine[Any, Any, T]]) -> T:
        """Do *work* with the registry itself, past everything that can go wrong, and wait for it.

        For tests that want to put something there or to see what came, without being asked
        themselves: nothing of it is in ``trouble.asked``.
        """
        return self._background.run(lambda: work(self._registry))

    def put_image(
        self, name: str, *, tags: tuple[str, ...] = ("latest",), image: Image | None = None
    ) -> Receipt:
        """Put *image*, or else the sample of seed 0, into the repository *name*; see `run`."""

        async def put(registry: Registry) -> Receipt:
            repository = registry.repository(RepositoryName.parse(name))
            return await samples.put_image(repository, image, tags=tags)

        return self.run(put)

    def tags(self, name: str) -> list[str]:
        """The tags that the repository *name* has; see `run`."""

        async def found(registry: Registry) -> list[str]:
            repository = registry.repository(RepositoryName.parse(name))
            return [tag async for tag in every(lambda after: repository.tags(after=after))]

        return self.run(found)

    def _elsewhere(self, url: str) -> str:
        """*url*, or if it listens, another origin that leads here as well."""
        return f"http://localhost:{self._port}" if self._port else url

    def _personality(self, manner: str | Personality) -> Personality:
        if not isinstance(manner, str):
            if isinstance(manner, TokenRealm):
                self.realm = manner
            elif isinstance(manner, Redirects):
                self.storage = manner
            return manner
        if manner not in _MANNERS:
            raise ValueError(f"no registry here behaves like {manner!r}")
        return _MANNERS[manner](self)

    def _docker_hub(self) -> Personality:
        self.realm = TokenRealm(
            lambda: f"{self._elsewhere('https://auth.docker.io')}/token",
            service="registry.docker.io",
            exists=lambda name: "/" in name,
            clock=self.clock,
        )
        return self.realm

    def _ghcr(self) -> Personality:
        self.realm = realm = TokenRealm(
            lambda: f"{self.url}/token", service="ghcr.io", clock=self.clock
        )
        return lambda handler: realm(personalities.without("DELETE")(handler))

    def _s3(self) -> Personality:
        self.storage = Redirects(lambda: self._elsewhere(_STORAGE), clock=self.clock)
        return self.storage


_MANNERS: Mapping[str, Callable[[StandIn], Personality]] = {
    "docker-hub": StandIn._docker_hub,  # noqa: SLF001 - its own table
    "ecr": lambda _: personalities.page_limit(1000),
    "ghcr": StandIn._ghcr,  # noqa: SLF001 - its own table
    "artifactory": lambda it: personalities.absolute_locations(lambda: it.url),
    "s3": StandIn._s3,  # noqa: SLF001 - its own table
    "old": lambda _: personalities.without_referrers,
}


class _Way:
    """A transport that asks for the addresses each time, since they may change."""

    def __init__(self, it: StandIn) -> None:
        self._it = it

    def to(self, origin: Origin) -> Handler:
        handlers = dict.fromkeys(self._it.addresses(), self._it.handle)
        return FaceTransport(handlers).to(origin)


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """An empty registry, as long as the context."""
    with ExitStack() as stack:
        yield StandIn(stack)


def _faced(registry: Registry) -> Handler:
    """*registry* as it is served."""
    return RequestIds(Wall(Face(Anonymous(), guarded(registry, AllowAll()))))


@asynccontextmanager
async def _listening(handler: Handler) -> AsyncIterator[int]:
    """The port on which *handler* answers."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(8, "lading-send") as threads:
        connections = Connections(handler, threads, _BOUNDS)
        server = await loop.create_server(connections, "127.0.0.1", 0)
        time = asyncio.create_task(connections.keep_time())
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await connections.drain(deadline=1.0)
            time.cancel()
            await asyncio.wait([time])


async def _at(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """Do *work* on *loop*."""
    if asyncio.get_running_loop() is loop:
        return await work
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))


class _Across:
    """A body whose bytes are waited for on the loop that it comes from."""

    def __init__(self, inner: Inbound, home: asyncio.AbstractEventLoop) -> None:
        self._inner = inner
        self._home = home

    @property
    def length(self) -> int | None:
        return self._inner.length

    async def ready(self) -> bool:
        return await _at(self._home, self._inner.ready())

    def blocks(self) -> Iterator[memoryview]:
        return self._inner.blocks()


class _AcrossSource(_Across):
    """A source that is closed and opened again on the loop that it comes from."""

    def __init__(self, inner: Source, home: asyncio.AbstractEventLoop) -> None:
        super().__init__(inner, home)
        self._source = inner

    async def again(self, at: int = 0) -> Source:
        return _AcrossSource(await _at(self._home, self._source.again(at)), self._home)

    async def aclose(self) -> None:
        await _at(self._home, self._source.aclose())
