"""Making connections: names, proxies and encryption. Blocks, in worker threads.

The one module that imports urllib3 and truststore.
"""

import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import unquote, urlsplit

import truststore
from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from lading.client.certificates import issuer
from lading.client.origin import Origin
from lading.client.settings import Connection
from lading.errors import LadingError, UpstreamUnreachable
from lading.wire.challenges import basic_credentials

Watch = Callable[[socket.socket], None]
"""Told of each socket before it is connected, so that somebody else can shut it down."""

_OTHER_NAME = {62, 64}
"""What OpenSSL says of a certificate for another host or address."""


@dataclass(frozen=True)
class Route:
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

    @cached_property
    def context(self) -> ssl.SSLContext:
        """What is trusted, and what is shown.

        Raises:
            OSError: a file cannot be read or is not what it should be.
        """
        wanted = self.connection
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        for file in wanted.ca_files:
            context.load_verify_locations(cafile=file)
        if wanted.client_cert:
            context.load_cert_chain(wanted.client_cert, wanted.client_key)
        if not wanted.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def dial(origin: Origin, route: Route, watch: Watch) -> Any:
    """A socket on which *origin* listens, encrypted if its scheme says so.

    Raises:
        UpstreamUnreachable: there is none; the subject says why, the advice what to do.
    """
    try:
        connection = _connection(origin, route, watch)
        connection.connect()
    except ssl.SSLCertVerificationError as error:
        raise _distrusted(origin, route, error) from None
    except ssl.SSLError as error:
        raise _unsealed(origin, error) from None
    except (OSError, HTTPError) as error:
        raise _unreachable(origin, route, error) from None
    # The connection would close the socket when it is forgotten.
    sock, connection.sock = connection.sock, None
    return sock


def _connection(origin: Origin, route: Route, watch: Watch) -> HTTPConnection:
    host, port = _address(origin, route)
    proxy = parse_url(route.proxy) if route.proxy else None
    sealed_proxy = proxy is not None and proxy.scheme == "https"
    if proxy is not None:
        host, port = proxy.host or "", proxy.port or (443 if sealed_proxy else 80)
    host = host.strip("[]")
    connection: HTTPConnection
    if origin.scheme == "http" and not sealed_proxy:
        connection = HTTPConnection(host, port, timeout=route.timeout)
    elif origin.scheme == "http":
        connection = HTTPSConnection(host, port, timeout=route.timeout, ssl_context=_usual())
    else:
        connection = HTTPSConnection(
            host,
            port,
            timeout=route.timeout,
            ssl_context=route.context,
            server_hostname=origin.host,
            proxy=proxy,
            proxy_config=ProxyConfig(_usual(), False, None, None) if sealed_proxy else None,
        )
        if proxy is not None:
            shown = route.proxy_credentials
            fields = {"Proxy-Authorization": shown} if shown else {}
            connection.set_tunnel(origin.host, origin.port, fields, proxy.scheme or "http")

    def connected() -> socket.socket:
        return _connected(host, port, route.timeout, watch)

    connection._new_conn = connected  # type: ignore[method-assign]  # noqa: SLF001
    return connection


def _usual() -> ssl.SSLContext:
    """What the system trusts, for proxies."""
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _address(origin: Origin, route: Route) -> tuple[str, int]:
    wanted = route.connection.resolve_to
    if wanted is None:
        return origin.host, origin.port
    parts = urlsplit(f"//{wanted}" if wanted.count(":") < 2 or "[" in wanted else f"//[{wanted}]")
    return parts.hostname or "", parts.port or origin.port


def _connected(host: str, port: int, timeout: float, watch: Watch) -> socket.socket:
    failed: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host.strip("[]"), port, type=socket.SOCK_STREAM
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


def _unreachable(origin: Origin, route: Route, error: Exception) -> LadingError:
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


def _unsealed(origin: Origin, error: ssl.SSLError) -> LadingError:
    unreachable = UpstreamUnreachable(f"{origin}: {error.reason or error.strerror or error}")
    if error.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}:
        unreachable = UpstreamUnreachable(f"{origin}: it does not speak TLS")
        unreachable.advice = (
            f"{origin.netloc} speaks plain HTTP: use --plain-http, or set insecure for it in "
            "registries.conf."
        )
    return unreachable


def _distrusted(origin: Origin, route: Route, error: ssl.SSLCertVerificationError) -> LadingError:
    if error.verify_code in _OTHER_NAME:
        unreachable = UpstreamUnreachable(f"{origin}: its certificate is for another name")
        unreachable.advice = "Use the name that the certificate is for, or have it renewed."
        return unreachable
    name = _issuer_at(origin, route)
    by = f", issued by {name}" if name else ""
    unreachable = UpstreamUnreachable(
        f"{origin}: its certificate{by} is not trusted: {error.verify_message}"
    )
    unreachable.advice = (
        "If you trust who issued it, put the certificate of that authority into "
        f"/etc/docker/certs.d/{origin.netloc}/ca.crt, or name it with --ca-file FILE."
    )
    return unreachable


def _issuer_at(origin: Origin, route: Route) -> str:
    """Who issued the certificate there; asked on a connection of its own that carries nothing."""
    blind = replace(route.connection, ca_files=(), client_cert=None, verify=False)
    anything = replace(route, connection=blind)
    try:
        connection = _connection(origin, anything, lambda _sock: None)
        connection.connect()
        try:
            sock: Any = connection.sock
            return issuer(sock.getpeercert(True) or b"")
        finally:
            connection.close()
    except (OSError, HTTPError):
        return ""
