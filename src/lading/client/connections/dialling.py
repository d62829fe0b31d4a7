"""Making connections, whatever they lead through. Blocks, in worker threads.

A plain connection is a socket and nothing else. What takes encryption or a proxy is in
``sealing.py``, whose libraries are loaded only for it, since they take time.
"""

from typing import Any
from urllib.parse import urlsplit

from lading.client.connections.origin import Origin
from lading.client.connections.sockets import Route, Watch, address, connected, unreachable
from lading.errors import UpstreamUnreachable


def dial(origin: Origin, route: Route, watch: Watch) -> Any:
    """A socket on which *origin* listens, encrypted if its scheme says so.

    Raises:
        UpstreamUnreachable: there is none; the subject says why, the advice what to do.
    """
    if not _is_proxy(route.proxy):
        # It is not shown: it may hold a password.
        unusable = UpstreamUnreachable(f"{origin}: what is set as its proxy is no URL of HTTP")
        unusable.advice = "Correct HTTPS_PROXY or HTTP_PROXY, or name the host in NO_PROXY."
        raise unusable
    if origin.scheme != "http" or route.forwards:
        from lading.client.connections import sealing  # noqa: PLC0415 - its libraries take time to load

        return sealing.dial(origin, route, watch)
    host, port = address(origin, route)
    try:
        return connected(host, port, route.timeout, watch)
    except OSError as error:
        raise unreachable(origin, route, error) from None


def _is_proxy(url: str | None) -> bool:
    if url is None:
        return True
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
