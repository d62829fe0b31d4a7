"""Sockets to where an origin listens: names, addresses, what stops them. Blocks, in threads."""

import contextlib
import ipaddress
import socket
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from lading.client.connections.origin import Origin
from lading.client.connections.settings import Connection
from lading.errors import LadingError, UpstreamUnreachable
from lading.wire.challenges import basic_credentials

Watch = Callable[[socket.socket], None]
"""Told of each socket before it is connected, so that somebody else can shut it down."""


class Route(NamedTuple):
    """How to get to an origin; ``timeout`` is for each address of it, in seconds."""

    connection: Connection
    proxy: str | None
    timeout: float

    @property
    def forwards(self) -> bool:
        """Whether there is a proxy."""
        return self.proxy is not None

    @property
    def proxy_credentials(self) -> str | None:
        """What the proxy is shown, as its URL says."""
        parts = urlsplit(self.proxy or "")
        if parts.username is None:
            return None
        return basic_credentials(unquote(parts.username), unquote(parts.password or ""))


def address(origin: Origin, route: Route) -> tuple[str, int]:
    """The host and port to connect to for *origin*."""
    wanted = route.connection.resolve_to
    if wanted is None:
        return origin.host, origin.port
    parts = urlsplit(f"//{wanted}" if wanted.count(":") < 2 or "[" in wanted else f"//[{wanted}]")
    return parts.hostname or "", parts.port or origin.port


def connected(host: str, port: int, timeout: float, watch: Watch) -> socket.socket:
    """A socket connected to the first address of *host* that listens.

    Raises:
        OSError: none does, within *timeout* seconds for each.
    """
    failed: OSError = OSError("the name has no address")
    name = host.strip("[]")
    for family, kind, protocol, _, address in socket.getaddrinfo(
        # As text it would go through the rules for other scripts, which take time to load.
        name.encode() if name.isascii() else name,
        port,
        type=socket.SOCK_STREAM,
    ):
        sock = socket.socket(family, kind, protocol)
        try:
            watch(sock)
            sock.settimeout(timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _unpaced(sock, str(address[0]))
            sock.connect(address)
        except OSError as error:
            sock.close()
            failed = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failed


def _unpaced(sock: socket.socket, address: str) -> None:
    """Send as fast as may be to this machine, whatever congestion control the system prefers."""
    # Some pace what they send (bbr does), with a timer for each packet; nothing is congested here.
    with contextlib.suppress(OSError, ValueError):
        if ipaddress.ip_address(address).is_loopback:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")


def unreachable(origin: Origin, route: Route, error: Exception) -> LadingError:
    """What it means that *error* kept a connection from being made."""
    way = f" by way of the proxy {urlsplit(route.proxy).hostname}" if route.proxy else ""
    if isinstance(error, socket.gaierror):
        reason = "its name is not known"
    elif isinstance(error, TimeoutError):
        reason = "it does not answer"
    else:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
    unreachable = UpstreamUnreachable(f"{origin}{way}: {reason}")
    if route.proxy:
        unreachable.advice = "Check the proxy, or name the host in NO_PROXY."
    return unreachable
