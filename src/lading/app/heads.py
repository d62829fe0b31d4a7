"""Heads of requests: read with httptools, which sees nothing else, and distrusted.

Where a head ends is found by the connection, which bounds its size; here it is read whole. What
two readers could understand differently is refused: that is how requests are smuggled past
proxies (RFC 9112, 11.2).
"""

import re
from dataclasses import dataclass

import httptools

from lading.wire.framing import Chunked, Framing, Sized

_LENGTH_DIGITS = 18
_HOST = re.compile(rb"[A-Za-z0-9!$&'()*+,;=._~%:\[\]-]*")
"""What a host and its port are written with (RFC 3986, 3.2.2), or nothing."""
_VERSIONS = frozenset({"1.0", "1.1"})


class HeadInvalid(ValueError):
    """These bytes are not the head of one request."""


@dataclass(slots=True)
class Head:
    """What a head says. ``fields`` have names in lower case; the target is split at its ``?``."""

    method: str
    path: str
    query: str
    fields: list[tuple[bytes, bytes]]
    framing: Framing
    keep_alive: bool
    old: bool
    """HTTP/1.0, whose clients want to be told that a connection is kept."""

    @property
    def expects_continue(self) -> bool:
        """Whether the sender waits for ``100 Continue`` before it sends its body."""
        return (b"expect", b"100-continue") in (
            (name, value.lower()) for name, value in self.fields
        )


class HeadReader:
    """Reads one head after the other."""

    __slots__ = ("_count", "_fields", "_keep_alive", "_parser", "_target")

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._count = 0
        self._keep_alive = False
        self._target = b""
        self._fields: list[tuple[bytes, bytes]] = []

    def read(self, data: bytes) -> Head:
        """The head that *data* is.

        Raises:
            HeadInvalid: it is none, or more than one, or says two things about its body.
        """
        self._count, self._target, self._fields = 0, b"", []
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # An offer to switch protocols may be ignored (RFC 9110, 7.8).
            pass
        except httptools.HttpParserError:
            self._count = 0
        if self._count != 1:
            # No head, or two where we see one: somebody reads line ends differently.
            raise HeadInvalid("the head of the request cannot be understood")
        version = self._parser.get_http_version()
        if version not in _VERSIONS:
            raise HeadInvalid("only HTTP/1.1 and HTTP/1.0 are spoken here")
        target = self._target.decode("latin-1")
        path, _, query = (target if target[:1] == "/" else _origin_form(target)).partition("?")
        parser = self._parser
        head = Head(
            parser.get_method().decode("latin-1"),
            path,
            query,
            self._fields,
            self._framing(old=version == "1.0"),
            self._keep_alive,
            version == "1.0",
        )
        if not head.framing.done or parser.should_upgrade():
            # This parser now expects a body that it will not be shown.
            self._parser = httptools.HttpRequestParser(self)
        return head

    def on_url(self, url: bytes) -> None:
        """The parser found a piece of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser found a field."""
        self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The parser found the end of a head."""
        self._count += 1
        # Asked later, it would answer for the next message.
        self._keep_alive = self._parser.should_keep_alive()

    def _framing(self, *, old: bool) -> Framing:
        length: bytes | None = None
        codings: list[bytes] = []
        hosts: list[bytes] = []
        for name, value in self._fields:
            if name == b"host":
                hosts.append(value)
            elif name == b"content-length":
                length = value
            elif name == b"transfer-encoding":
                codings.append(value.strip().lower())
        _check_host(hosts, old=old)
        if codings:
            if codings != [b"chunked"] or length is not None:
                raise HeadInvalid("the transfer coding is not understood")
            return Chunked()
        if length is None:
            return Sized(0)
        if not length.isdigit() or len(length) > _LENGTH_DIGITS:
            raise HeadInvalid("Content-Length is not a number of bytes")
        return Sized(int(length))


def _check_host(hosts: list[bytes], *, old: bool) -> None:
    if len(hosts) > 1 or not (hosts or old):
        # A proxy may have gone by the other one (RFC 9112, 3.2).
        raise HeadInvalid("there is not one Host")
    if hosts and _HOST.fullmatch(hosts[0]) is None:
        raise HeadInvalid("Host is no name of a host")


def _origin_form(target: str) -> str:
    """The path and query of a target, which proxies may send with the host (RFC 9112, 3.2.2)."""
    scheme, found, rest = target.partition("://")
    if not found or scheme.lower() not in {"http", "https"}:
        return target
    return "/" + rest.partition("/")[2]
