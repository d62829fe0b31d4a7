"""Requests and responses as values, and the one shape of everything that handles them.

`Request` → `Response` is the server's face, every middleware, and a client's transport.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl

from lading.bodies import BlobContent, Bytes, Extent, FileSpan, Held, Inbound
from lading.errors import LadingError
from lading.wire.routes import Place


class Headers:
    """The fields of a message as they came: names in lower case, in order, repeats kept."""

    __slots__ = ("raw",)

    def __init__(self, raw: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self.raw = raw

    @classmethod
    def of(cls, fields: "Fields") -> Self:
        """The fields of a message that is on its way out, as its receiver finds them."""
        return cls(
            [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        )

    def get(self, name: bytes) -> str | None:
        """The first value of field *name* (in lower case), or ``None``."""
        for found, value in self.raw:
            if found == name:
                return value.decode("latin-1")
        return None

    def all(self, name: bytes) -> list[str]:
        """Every value of field *name* (in lower case), in order."""
        return [value.decode("latin-1") for found, value in self.raw if found == name]


@dataclass(slots=True)
class Request:
    """What somebody asks.

    ``path`` and ``query`` are as they came, still percent-encoded; ``peer`` is the address of the
    socket's other end, and ``client`` the address where the request began if there is a proxy in
    between that is trusted to know. ``base`` is the URL of the registry as the client knows it,
    without a slash at the end; ``id`` names this request in logs and answers; ``version`` is that
    of HTTP. ``place`` and ``user`` are noted by whoever finds out where the path leads and who
    asks, for those who tell of the request afterwards. ``vouched`` says that ``client`` comes from
    a proxy that the operator named, and not from whoever connected.
    """

    method: str
    path: str
    query: str = ""
    headers: Headers = field(default_factory=Headers)
    body: Inbound = field(default_factory=lambda: Bytes(b""))
    peer: str = ""
    id: str = ""
    client: str = ""
    base: str = ""
    version: str = "1.1"
    place: Place | None = None
    user: str = ""
    vouched: bool = False

    @property
    def caller(self) -> str:
        """Who answers for what is tried here, with a port: the client, if that is not made up."""
        return f"{self.client}:0" if self.vouched else self.peer

    def params(self, name: str) -> list[str]:
        """The values of query parameter *name*, decoded, in order."""
        if not self.query:
            return []
        if "%" not in self.query and "+" not in self.query:
            # Nothing is encoded, as in most requests; to find that out costs a tenth.
            fields = [each.partition("=") for each in self.query.split("&") if each]
            return [value for key, _, value in fields if key == name]
        # Broken percent-encoding becomes U+FFFD, which no grammar of ours allows.
        pairs = parse_qsl(self.query, keep_blank_values=True, errors="replace")
        return [value for key, value in pairs if key == name]

    def param(self, name: str) -> str | None:
        """The first value of query parameter *name*, or ``None``."""
        values = self.params(name)
        return values[0] if values else None


Fields = list[tuple[str, str]]
"""The fields of a message on its way out, in order."""


@dataclass(slots=True)
class Response:
    """What is answered.

    ``headers`` always include ``Content-Length`` where the status allows one; an answer to HEAD
    has the length of what GET would give and an empty body. Whoever sends the response closes a
    body that is `BlobContent`. With several ``parts`` in it, ``frames`` holds what goes before
    each part and after the last (``multipart/byteranges``). ``error`` is what the answer tells
    of, for logs.
    """

    status: int
    headers: Fields = field(default_factory=list)
    body: bytes | BlobContent = b""
    frames: Sequence[bytes] = ()
    error: LadingError | None = None

    def pieces(self) -> Iterator[bytes | Extent]:
        """What a body in parts is sent as, in order: frames as they are, parts by their place."""
        assert isinstance(self.body, Held | FileSpan)
        frames = iter(self.frames)
        for part in self.body.parts:
            if frame := next(frames, b""):
                yield frame
            yield part
        if frame := next(frames, b""):
            yield frame


Handler = Callable[[Request], Awaitable[Response]]
"""Anything that answers requests."""
