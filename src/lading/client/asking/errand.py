"""A call on its way to one endpoint: what is sent, how often it may be, and what became of it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

from lading.bodies import Bytes, Inbound, Place, Source, places_of
from lading.client.asking.calls import Call
from lading.client.connections.origin import Origin
from lading.client.hosts.host import Endpoint
from lading.errors import UpstreamFailed, UpstreamUnreachable

_READING = {"GET", "HEAD"}
_REPEATABLE = _READING | {"PUT", "DELETE", "OPTIONS"}


class Errand:
    """One call at one endpoint, through all its tries."""

    def __init__(self, call: Call, endpoint: Endpoint) -> None:
        self.call = call
        self.endpoint = endpoint
        self.foreign: Exception | None = None
        """What the body itself failed with, which is no fault of the registry's."""
        self.scopes = tuple(
            scope._replace(name=endpoint.name(scope.name)) if scope.kind == "repository" else scope
            for scope in call.scopes
        )
        self._begun = False

    @property
    def is_reading(self) -> bool:
        """Whether nothing is changed by it."""
        return self.call.method in _READING

    @property
    def idempotent(self) -> bool:
        """Whether asking twice is as good as once."""
        said = self.call.idempotent
        return self.call.method in _REPEATABLE if said is None else said

    def may_go_again(self, failure: UpstreamFailed) -> bool:
        """Whether another try may go better, and cannot do what the first has done already."""
        if isinstance(failure, UpstreamUnreachable):
            return not needs_somebody(failure)
        # An answer that came was understood, and would come again.
        return self.idempotent and failure.status == 0

    def url(self, origin: Origin) -> str:
        """What is asked at the endpoint while it is served at *origin*."""
        query = list(self.call.query)
        if self.call.url is not None:
            url = self.call.url
        else:
            url = f"{origin}{self.endpoint.path(self.call.path)}"
            query = [
                (name, self.endpoint.name(value) if name == "from" else value)
                for name, value in query
            ]
            if self.endpoint.namespace:
                query.append(("ns", self.endpoint.namespace))
        if not query:
            return url
        return f"{url}{'&' if '?' in url else '?'}{urlencode(query, safe=':/')}"

    @asynccontextmanager
    async def body(self) -> AsyncIterator[Inbound]:
        """What is sent: first the body itself, afterwards copies of it."""
        source = self.call.body
        if source is None:
            yield Bytes(b"")
            return
        if not self._begun:
            self._begun = True
            yield _Watched(source, self)
            return
        copy = await source.again()
        try:
            yield _Watched(copy, self)
        finally:
            await copy.aclose()


def needs_somebody(failure: UpstreamFailed) -> bool:
    """Whether waiting does not help: somebody has to do what the error itself advises."""
    return isinstance(failure, UpstreamUnreachable) and failure.advice != type(failure).advice


class _Watched:
    """A body whose failures are told from those of whoever takes it."""

    def __init__(self, source: Source, errand: Errand) -> None:
        self.length = source.length
        self._source = source
        self._errand = errand

    async def ready(self) -> bool:
        try:
            return await self._source.ready()
        except Exception as error:
            self._errand.foreign = error
            raise

    def blocks(self) -> Iterator[memoryview]:
        try:
            yield from self._source.blocks()
        except Exception as error:
            self._errand.foreign = error
            raise

    def places(self) -> Iterator[Place] | None:
        """Where what is left is, if it is in files; see `Placed.places`."""
        inner = places_of(self._source)
        return None if inner is None else self._noted(inner)

    def _noted(self, places: Iterator[Place]) -> Iterator[Place]:
        try:
            yield from places
        except Exception as error:
            self._errand.foreign = error
            raise
