"""Requests on their way to registries: over connections, or to a face in this process.

A transport gives a `Handler` for each origin. Bodies stream both ways: what is sent is read in a
thread of the transport, what comes is read in the thread of whoever wants it, and neither passes
through the event loop. The libraries that make connections are imported with the first of them.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from lading.client.origin import Origin
from lading.errors import UpstreamUnreachable
from lading.wire.message import Handler


class Transport(Protocol):
    """A way to registries."""

    def to(self, origin: Origin) -> Handler:
        """What answers for *origin*.

        A request's ``path`` and ``query`` are sent as they are. With a body of known ``length``
        it has a ``Content-Length``, else it is chunked. The body of an answer is always a
        `Stream`, whose source has ``length`` ``None`` (and ``total`` 0) if the sender did not say
        it; whoever gets the answer closes it. An answer that comes while the body is still being
        sent ends the sending. Neither redirects nor statuses mean anything here.

        Raises (the handler):
            UpstreamUnreachable: no connection could be made, and nothing was sent.
            UpstreamFailed: the connection was lost, or the other end was silent for too long,
                after something was sent; or the answer is not HTTP. The same is raised by the
                ``blocks()`` of an answer's body that ends early.
        """
        ...


@dataclass(frozen=True, slots=True)
class Connection:
    """How an origin is connected to.

    ``ca_files`` are trusted beside what the system trusts. Without ``verify`` any certificate is
    taken. ``resolve_to`` is an address to connect to in place of what the name resolves to,
    perhaps with a port.
    """

    ca_files: tuple[str, ...] = ()
    client_cert: str | None = None
    client_key: str | None = None
    verify: bool = True
    resolve_to: str | None = None


@dataclass(frozen=True, slots=True)
class Proxies:
    """Which proxy a request goes through, by URL; ``no_proxy`` lists who is asked directly.

    Its entries are names (with everything below them), addresses, networks such as
    ``10.0.0.0/8``, each perhaps with a port, or ``*``. This machine is always asked directly.
    """

    http: str | None = None
    https: str | None = None
    no_proxy: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds.

    ``connect`` for a connection, its encryption included; ``silence`` between two bytes either
    way; ``answer`` for the whole head of an answer after the request was sent, since a registry
    may have to hash what it got before it says anything.
    """

    connect: float = 10.0
    silence: float = 60.0
    answer: float = 300.0


@asynccontextmanager
async def open_transport(
    *,
    settings: Callable[[Origin], Connection] = lambda _origin: Connection(),
    proxies: Proxies = Proxies(),  # noqa: B008 - frozen
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
    threads: int = 16,
) -> AsyncIterator[Transport]:
    """A transport over TCP, with at most *threads* requests on their way out at a time."""
    raise NotImplementedError
    yield


class FaceTransport:
    """The way to faces in this process, without sockets; keys are like ``http://host:port``."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = {Origin.parse(url): handler for url, handler in handlers.items()}

    def to(self, origin: Origin) -> Handler:
        """What answers for *origin*; see `Transport.to`."""
        raise UpstreamUnreachable(origin)
