"""A registry in memory, its face, what goes wrong in front of it, and our client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from lading.auth.anonymous import Anonymous
from lading.client.asking.exchange import Exchange
from lading.client.connections.transport import FaceTransport
from lading.client.hosts.host import Host
from lading.client.logins.credentials import NoKeyring
from lading.client.registry import RemoteRegistry
from lading.client.repository import RemoteRepository
from lading.content.steps import Step
from lading.http.call import Terms
from lading.http.face import Face
from lading.interfaces.repository import Repository
from lading.metadata.sqlite import open_sqlite
from lading.registry.registry import LocalRegistry
from lading.storage.memory import open_memory
from lading.testing.personalities import Personality
from lading.testing.places import NAME
from lading.testing.trouble import Trouble
from lading.wire.message import Handler, Headers, Request, Response

URL = "http://registry.test"
ELSEWHERE = "http://elsewhere.test"


@dataclass
class Connected:
    """Both ends: ``there`` is the registry, ``here`` what our client makes of it.

    What is planned in ``trouble`` comes between the two; ``elsewhere`` sees what is asked of
    another host, ``steps`` what was told, ``waits`` how long would have been waited.
    """

    there: LocalRegistry
    here: RemoteRegistry
    trouble: Trouble
    elsewhere: Trouble
    steps: list[Step]
    waits: list[float]

    @property
    def repository(self) -> RemoteRepository:
        """The repository of most tests, as our client has it."""
        return self.here.repository(NAME)

    @property
    def real(self) -> Repository:
        """The same repository at its own registry."""
        return self.there.repository(NAME)


@asynccontextmanager
async def connected(
    *personalities: Personality, chunk_size: int | None = None, **terms: object
) -> AsyncIterator[Connected]:
    """Our client, connected to a registry with these *personalities*, the last one outermost."""
    trouble, elsewhere = Trouble(), Trouble()
    steps: list[Step] = []
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with (
        open_sqlite(None, grace=timedelta(hours=1)) as rows,
        open_memory() as blobs,
    ):
        there = LocalRegistry(blobs, rows)
        face: Handler = Face(Anonymous(), there.acting_for, Terms(**terms))  # type: ignore[arg-type]  # whatever the test asks for
        for personality in personalities:
            face = personality(face)
        transport = FaceTransport({URL: trouble(face), ELSEWHERE: elsewhere(face)})
        exchange = Exchange(Host.at(URL), transport, NoKeyring(), sleep=sleep)
        here = RemoteRegistry(exchange, chunk_size=chunk_size, listener=steps.append, sleep=sleep)
        yield Connected(there, here, trouble, elsewhere, steps, waits)


def without_fields(*names: str) -> Personality:
    """A registry whose answers lack some fields."""
    hidden = {name.lower() for name in names}

    def personality(handler: Handler) -> Handler:
        async def forgetful(request: Request) -> Response:
            response = await handler(request)
            response.headers = [each for each in response.headers if each[0].lower() not in hidden]
            return response

        return forgetful

    return personality


def without_ranges(handler: Handler) -> Handler:
    """A registry that gives the whole whatever part is asked for."""

    async def whole(request: Request) -> Response:
        kept = [each for each in request.headers.raw if each[0] != b"range"]
        return await handler(replace(request, headers=Headers(kept)))

    return whole
