"""One registry, asked: every request authorised, tried again, and followed where it leads.

Credentials go to the registry's own origin and to the realm its own challenge names, and nowhere
else. What comes back is either what the caller expects or an error of the one tree.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from lading.bodies import Source, Stream
from lading.client.credentials import Keyring
from lading.client.hosts import Host
from lading.client.retry import Retry
from lading.client.transport import Transport
from lading.wire.challenges import Scope
from lading.wire.message import Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
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

    async def read(self, limit: int = 4 << 20) -> bytes:
        """The body in memory; the answer is closed then.

        Raises:
            UpstreamFailed: it is longer than *limit* bytes, or the connection was lost.
        """
        raise NotImplementedError

    def location(self, field: bytes = b"location") -> str:
        """The URL that *field* names, resolved.

        Raises:
            UpstreamFailed: it is missing or no URL.
        """
        raise NotImplementedError

    async def aclose(self) -> None:
        """Let go of the body. Called at least once; closing again does nothing."""
        raise NotImplementedError


class Exchange:
    """Requests to one registry.

    Args:
        host: where it is to be found.
        transport: the way there.
        keyring: who we are there.
        retry: how often is tried, and when.
        sleep: waits so many seconds.
        now: the time in seconds since 1970.
        random: a number from 0 to 1.
        on_warning: hears each text of ``Warning: 299`` once.
        on_retry: hears what failed each time before it is tried again.
    """

    def __init__(
        self,
        host: Host,
        transport: Transport,
        keyring: Keyring,
        *,
        retry: Retry = Retry(),  # noqa: B008 - frozen
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] | None = None,
        random: Callable[[], float] | None = None,
        on_warning: Callable[[str], None] | None = None,
        on_retry: Callable[[str], None] | None = None,
    ) -> None:
        raise NotImplementedError

    @property
    def host(self) -> Host:
        """The registry that is asked."""
        raise NotImplementedError

    async def send(self, call: Call) -> Answer:
        """The answer to *call*, whose status is one it expects.

        Raises:
            RegistryError: what the registry says is wrong, as the class it would be locally; its
                subject also names the request, and ``where`` the registry.
            UpstreamFailed: the registry did not answer as the protocol says, or kept failing.
            UpstreamUnreachable: it could not be asked.
        """
        raise NotImplementedError

    async def token(self, scopes: tuple[Scope, ...]) -> str | None:
        """A bearer token for *scopes*, for use elsewhere; ``None`` where none are given out.

        Raises:
            Unauthorized: the registry does not take our credentials.
        """
        raise NotImplementedError
