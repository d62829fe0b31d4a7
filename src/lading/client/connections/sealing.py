"""Connections that are encrypted, or that lead through a proxy. Blocks, in worker threads.

The one module that imports urllib3 and truststore.
"""

import socket
import ssl
from functools import lru_cache
from typing import Any

import truststore
from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from lading.client.connections.certificates import issuer
from lading.client.connections.origin import Origin
from lading.client.connections.settings import Connection
from lading.client.connections.sockets import Route, Watch, address, connected, unreachable
from lading.errors import LadingError, UpstreamUnreachable

_OTHER_NAME = {62, 64}
"""What OpenSSL says of a certificate for another host or address."""


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
        raise unreachable(origin, route, error) from None
    # The connection would close the socket when it is forgotten.
    sock, connection.sock = connection.sock, None
    return sock


def _connection(origin: Origin, route: Route, watch: Watch) -> HTTPConnection:
    host, port = address(origin, route)
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
            ssl_context=_context(route.connection),
            server_hostname=origin.host,
            proxy=proxy,
            proxy_config=ProxyConfig(_usual(), False, None, None) if sealed_proxy else None,
        )
        if proxy is not None:
            shown = route.proxy_credentials
            fields = {"Proxy-Authorization": shown} if shown else {}
            connection.set_tunnel(origin.host, origin.port, fields, proxy.scheme or "http")

    def dialled() -> socket.socket:
        return connected(host, port, route.timeout, watch)

    connection._new_conn = dialled  # type: ignore[method-assign]  # noqa: SLF001
    return connection


@lru_cache
def _usual() -> ssl.SSLContext:
    """What the system trusts, for proxies."""
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@lru_cache(maxsize=32)
def _context(wanted: Connection) -> ssl.SSLContext:
    """What is trusted, and what is shown.

    Raises:
        OSError: a file cannot be read or is not what it should be.
    """
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for file in wanted.ca_files:
        context.load_verify_locations(cafile=file)
    if wanted.client_cert:
        context.load_cert_chain(wanted.client_cert, wanted.client_key)
    if not wanted.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


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
    blind = route.connection._replace(ca_files=(), client_cert=None, verify=False)
    anything = route._replace(connection=blind)
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
