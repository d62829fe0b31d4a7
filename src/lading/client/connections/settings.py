"""How connections are made: values that are configured, by origin."""

import ipaddress
from typing import NamedTuple

from lading.client.connections.origin import Origin


class Connection(NamedTuple):
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


class Proxies(NamedTuple):
    """Which proxy a request goes through, by URL; ``no_proxy`` lists who is asked directly.

    Its entries are names (with everything below them), addresses, networks such as
    ``10.0.0.0/8``, each perhaps with a port, or ``*``. This machine is always asked directly.
    """

    http: str | None = None
    https: str | None = None
    no_proxy: tuple[str, ...] = ()

    def to(self, origin: Origin) -> str | None:
        """The proxy on the way to *origin*, or ``None`` if there is none."""
        proxy = self.https if origin.scheme == "https" else self.http
        if not proxy or origin.is_loopback:
            return None
        if any(_covers(entry.strip().lower(), origin) for entry in self.no_proxy):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"


def _covers(entry: str, origin: Origin) -> bool:
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(origin.host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        name, _, port = entry.rpartition(":")
    if not name or not port.isdigit():
        name = entry
    elif int(port) != origin.port:
        return False
    name = name.strip("[]").removeprefix("*").removeprefix(".")
    return bool(name) and (origin.host == name or origin.host.endswith(f".{name}"))


class Timeouts(NamedTuple):
    """How long to wait, in seconds.

    ``connect`` for a connection to each address, and each step of its encryption; ``silence``
    between two bytes either way; ``answer`` for the whole head of an answer after the request was
    sent, since a registry may have to hash what it got before it says anything.
    """

    connect: float = 10.0
    silence: float = 60.0
    answer: float = 300.0
