"""Where a registry stands, as its clients know it: its paths, its URL, and who is behind a proxy.

The face knows nothing of proxies and prefixes. What it says of places is put into the words of
whoever asked.
"""

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin

from lading.wire import forwarded
from lading.wire.message import Handler, Request, Response

ANYBODY = "any"
"""Trusts whoever connects, and whoever they name."""

LOCAL = "unix"
"""Trusts whoever connects to a local socket."""

_REMEMBERED = 256
_MEMORABLE = 1024
_HOST = b"host"
_SAID = frozenset(
    {
        _HOST,
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-real-ip",
    }
)


class Trust:
    """Whose word is taken for where requests come from.

    Args:
        trusted: addresses, networks, `LOCAL` or `ANYBODY`.

    Raises:
        ValueError: one of them is nothing of that kind.
    """

    def __init__(self, trusted: Collection[str]) -> None:
        self.anybody = ANYBODY in trusted
        self._local = LOCAL in trusted
        self._networks = [
            ipaddress.ip_network(each, strict=False)
            for each in trusted
            if each not in {ANYBODY, LOCAL}
        ]
        self._known: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return self.anybody or self._local or bool(self._networks)

    def peer(self, peer: str) -> bool:
        """Whether *peer*, as a `Request` has it, is believed."""
        return self.address(peer.rpartition(":")[0])

    def address(self, address: str) -> bool:
        """Whether *address* is believed; an empty one is that of a local socket."""
        if self.anybody:
            return True
        if not address:
            return self._local
        found = self._known.get(address)
        if found is None:
            _make_room(self._known)
            found = self._known[address] = self._within(address)
        return found

    def _within(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
        return any((mapped or found) in each for each in self._networks)


NOBODY = Trust(())
"""Takes nobody's word."""


def host_asked(request: Request, trust: Trust) -> str:
    """The URL of the host in the ``Host`` field of *request*; empty, if that is none.

    Its scheme is https unless somebody trusted names another: what stands beside a registry at its
    host is joined to it by a proxy, and those speak https to their clients.
    """
    said = request.headers.get(b"x-forwarded-proto") if trust.peer(request.peer) else None
    scheme = forwarded.scheme(_first(said or "")) or "https"
    host = forwarded.host(request.headers.get(_HOST) or "")
    return f"{scheme}://{host}" if host else ""


class Site:
    """Gives every request its ``base`` and its ``client``, and puts answers into their words.

    Args:
        inner: who answers, and knows nothing of prefixes and proxies.
        prefix: what the paths of the API begin with (see `lading.wire.routes.under`).
        root: the URL that locations begin with, up to its last slash, whatever requests say.
        relative: answer locations without a host, unless there is a *root*.
        trust: whose word is taken about what requests came to.
        sealed: connections are encrypted.
    """

    def __init__(
        self,
        inner: Handler,
        *,
        prefix: str = "",
        root: str = "",
        relative: bool = True,
        trust: Trust = NOBODY,
        sealed: bool = False,
    ) -> None:
        self._inner = inner
        self._prefix = prefix
        self._root = urljoin(root, "v2/").removesuffix("/v2/") if root else ""
        self._relative = relative and not root
        self._rewrites = not self._relative or bool(prefix)
        self._trust = trust
        self._trusting = bool(trust)
        # Anybody is believed as in Distribution, which takes an address and nothing else. Proxies
        # that are named may add the port.
        self._address = forwarded.bare_address if trust.anybody else forwarded.address
        self._scheme = "https" if sealed else "http"
        self._bases: dict[tuple[str, str], str] = {}
        self._heard: dict[tuple[tuple[bytes, bytes], ...], tuple[str, str]] = {}

    async def __call__(self, request: Request) -> Response:
        """Pass *request* on with what is known of where it came to, and answer in those words."""
        if self._trusting and self._trust.peer(request.peer):
            self._believe(request)
        else:
            request.base = self._root or self._base(self._scheme, request.headers.get(_HOST) or "")
        response = await self._inner(request)
        if self._rewrites:
            self._moved(request, response)
        return response

    def _believe(self, request: Request) -> None:
        """Take the word of whoever passed *request* on."""
        said: dict[bytes, bytes] = {}
        for name, value in request.headers.raw:
            if name in _SAID:
                # Repeated fields are one list, but for that of a host, which is no list.
                if name not in said:
                    said[name] = value
                elif name != _HOST:
                    said[name] += b", " + value
        key = tuple(said.items())
        found = self._heard.get(key)
        if found is None:
            found = self._understood({name: text.decode("latin-1") for name, text in key})
            # Most requests of a client say the same, and reading it costs as much as a manifest.
            if sum(len(text) for _, text in key) <= _MEMORABLE:
                _make_room(self._heard)
                self._heard[key] = found
        request.base, request.client = found
        request.vouched = bool(request.client) and not self._trust.anybody

    def _understood(self, said: Mapping[bytes, str]) -> tuple[str, str]:
        """The base and the client of a request, by what was *said* of it."""
        element = self._element(said)
        if b"forwarded" in said:
            scheme, host = element.get("proto", ""), element.get("host", "")
        else:
            scheme = _first(said.get(b"x-forwarded-proto", ""))
            host = _first(said.get(b"x-forwarded-host", ""))
        base = self._root or self._base(
            forwarded.scheme(scheme) or self._scheme,
            forwarded.host(host) or said.get(_HOST, ""),
        )
        return base, self._client(said, element)

    def _element(self, said: Mapping[bytes, str]) -> Mapping[str, str]:
        """What the outermost of the proxies that are believed said in ``Forwarded``."""
        found = forwarded.elements(said.get(b"forwarded", ""))
        senders = [forwarded.address(each.get("for", "")) for each in found]
        return found[self._outermost(senders)] if found else {}

    def _client(self, said: Mapping[bytes, str], element: Mapping[str, str]) -> str:
        """Where the request began, as far as whoever is believed knows; empty if they do not say.

        Proxies add to what they were sent, so what stands in front may be made up: the last that is
        not itself trusted is the client.
        """
        through = said.get(b"x-forwarded-for", "").split(",")
        senders = [self._address(each.strip()) for each in through]
        return (
            senders[self._outermost(senders)]
            or self._address(said.get(b"x-real-ip", "").strip())
            or forwarded.address(element.get("for", ""))
            or ""
        )

    def _outermost(self, senders: Sequence[str | None]) -> int:
        if self._trust.anybody:
            return 0
        for index in range(len(senders) - 1, 0, -1):
            sender = senders[index]
            if sender is None or not self._trust.address(sender):
                return index
        return 0

    def _base(self, scheme: str, host: str) -> str:
        found = self._bases.get((scheme, host))
        if found is None:
            # What is no host stays out of every answer: locations are relative then.
            if forwarded.host(host) is None:
                return ""
            _make_room(self._bases)
            found = self._bases[scheme, host] = f"{scheme}://{host}{self._prefix}"
        return found

    def _moved(self, request: Request, response: Response) -> None:
        """Put the places that *response* names into the words of the client."""
        for index, (name, value) in enumerate(response.headers):
            if name == "Location" and value.startswith("/"):
                front = self._prefix if self._relative else request.base or self._prefix
                response.headers[index] = (name, front + value)
            elif name == "Link" and value.startswith("</"):
                response.headers[index] = (name, f"<{self._prefix}{value[1:]}")


def _make_room(known: dict[Any, Any]) -> None:
    """Forget everything once it is much: strangers can come with any number of names."""
    if len(known) >= _REMEMBERED:
        known.clear()


def _first(value: str) -> str:
    return value.partition(",")[0].strip()
