"""What is asked of a registry, and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from lading.bodies import Source, Stream
from lading.client.asking.judging import shown
from lading.client.connections.origin import Origin, resolved
from lading.content.threads import collect
from lading.errors import ReferenceInvalid, UpstreamFailed
from lading.wire.challenges import Scope
from lading.wire.message import Headers, Response

_LONGEST_ERROR = 1 << 20


class Call(NamedTuple):
    """What is asked of a registry.

    Attributes:
        method: of HTTP.
        path: as `routes.path` builds it, from ``/v2/`` on; an endpoint with a prefix of its own
            puts that in place of ``/v2``.
        query: is percent-encoded, and appended to that of ``url``.
        headers: fields beside those that follow from the rest.
        body: is sent; the exchange closes neither it nor what it was made from, only the copies
            that it makes with ``again()``. Each try after the first sends such a copy.
        scopes: the rights that are needed, of the repositories that have a part in it.
        url: what a ``Location`` or ``Link`` of this registry named, resolved against the URL of
            its answer; asked in place of ``path``. At another origin it gets no credentials.
        idempotent: whether asking twice is as good as once; unset, it follows from the method
            (RFC 9110, 9.2.2). What is not is tried again only when it was not understood: 401,
            408, 429, 503, or no connection.
        expect: the statuses that are good. Every other one is raised as an error.
    """

    method: str
    path: str = ""
    query: Sequence[tuple[str, str]] = ()
    headers: Sequence[tuple[str, str]] = ()
    body: Source | None = None
    scopes: tuple[Scope, ...] = ()
    url: str | None = None
    idempotent: bool | None = None
    expect: frozenset[int] = frozenset({200})


@dataclass(slots=True)
class Answer:
    """What a registry answered; ``url`` is where the answer came from, after all redirects.

    ``asked`` is the URL at the registry itself, which is what to ask again: those behind a
    redirect are signed for a moment. Whoever gets it closes it.
    """

    status: int
    headers: Headers
    body: Stream
    url: str
    asked: str
    _closed: bool = False

    async def read(self, limit: int = 4 << 20) -> bytes:
        """The body in memory; the answer is closed then.

        Raises:
            UpstreamFailed: it is longer than *limit* bytes, or the connection was lost.
        """
        try:
            body = await collect(self.body.source, limit=limit)
        finally:
            await self.aclose()
        if body is None:
            raise UpstreamFailed(
                f"{shown(self.url)}: more than {limit} bytes came", status=self.status
            )
        return body

    async def read_some(self) -> bytes:
        """The body if it is short and comes whole, else nothing; the answer is closed then."""
        try:
            return await self.read(_LONGEST_ERROR)
        except UpstreamFailed:
            return b""

    def location(self, field: bytes = b"location") -> str:
        """The URL that *field* names, resolved (RFC 9110, 10.2.2).

        A proxy that takes encryption away makes a registry name itself without it (trap T23);
        what was encrypted stays so, and is never sent on in the open to anybody else.

        Raises:
            UpstreamFailed: it is missing, no URL, or leads out of encryption.
        """
        said = self.headers.get(field)
        if said is None:
            raise UpstreamFailed(
                f"{shown(self.url)}: answered {self.status} without {field.decode()}",
                status=self.status,
            )
        here = Origin.parse(self.url)
        try:
            url = resolved(self.url, said)
        except ReferenceInvalid as error:
            raise UpstreamFailed(
                f"{shown(self.url)}: leads to {error.subject}", status=self.status
            ) from None
        there = Origin.parse(url)
        if here.scheme == "http" or there.is_safe:
            return url
        if there.host == here.host and there.port in {80, here.port}:
            return urlsplit(url)._replace(scheme="https", netloc=here.netloc).geturl()
        raise UpstreamFailed(
            f"{shown(self.url)}: leads to {there}, which is not encrypted", status=self.status
        )

    async def aclose(self) -> None:
        """Let go of the body. Called at least once; closing again does nothing."""
        if not self._closed:
            self._closed = True
            await self.body.aclose()


async def collected(response: Response, *, limit: int) -> bytes | None:
    """The body of *response*, which is closed then; ``None`` if it has more than *limit* bytes.

    Raises:
        UpstreamFailed: the connection was lost.
    """
    assert isinstance(response.body, Stream)
    try:
        return await collect(response.body.source, limit=limit)
    finally:
        await response.body.aclose()
