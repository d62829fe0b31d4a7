"""A lean HTTP/1.1 client on a raw socket, so that the client is not what is measured."""

import hashlib
import io
import json
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO, Self

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_OCTETS = "application/octet-stream"
_RECEIVE = 1 << 20
_BUFFERED = 64 << 10
_PATIENCE_SECONDS = 600
# What docker sends: Go copies a body in pieces of this size, and each becomes one chunk.
_CHUNK = 32 << 10
_CHUNKS_AT_ONCE = 256


class UnexpectedAnswer(Exception):
    """The server answered something else than the load needs."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; *headers* have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def digest_of(content: bytes | memoryview) -> str:
    """The sha256 digest of *content*, as the image spec writes it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Connection:
    """One keep-alive connection to a server."""

    def __init__(self, address: str) -> None:
        """Connect to ``host:port``."""
        host, _, port = address.rpartition(":")
        self.address = address
        self.socket = socket.create_connection((host, int(port)))
        # The kernel's own timeout costs nothing; Python's would poll before every call.
        patience = struct.pack("ll", _PATIENCE_SECONDS, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = io.BufferedReader(socket.SocketIO(self.socket, "r"), _BUFFERED)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._reader.close()
        self.socket.close()

    def send_head(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Send a request head; the body is the caller's."""
        self.socket.sendall(self._head(method, path, headers))

    def request(
        self,
        method: str,
        path: str,
        *,
        expected: int,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a whole request and read the answer; raise `UnexpectedAnswer` for another status."""
        fields = dict(headers or {})
        if content or method in {"POST", "PUT", "PATCH"}:
            fields["Content-Length"] = str(len(content))
        head = self._head(method, path, fields)
        if len(content) < _CHUNK:
            self.socket.sendall(head + content)
        else:
            self.socket.sendall(head)
            self.socket.sendall(content)
        return self.answer(method, expected=expected)

    def answer(self, method: str, *, expected: int) -> Answer:
        """Read one whole answer to a request with *method*."""
        status, headers = self.answer_head()
        if method == "HEAD" or status in {204, 304}:
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = b"".join(self._chunks())
        else:
            body = self._reader.read(int(headers.get("content-length", "0")))
        if status != expected:
            raise UnexpectedAnswer(f"{method}: {status} in place of {expected}: {body[:300]!r}")
        return Answer(status, headers, body)

    def answer_head(self) -> tuple[int, dict[str, str]]:
        """Read the head of an answer."""
        line = self._reader.readline()
        if not line:
            raise UnexpectedAnswer("the server closed the connection")
        headers: dict[str, str] = {}
        while (field := self._reader.readline()) not in {b"\r\n", b""}:
            name, _, value = field.partition(b":")
            headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
        return int(line.split(None, 2)[1]), headers

    def discard(self, path: str) -> int:
        """GET *path*, throw its body away, and return its length in bytes."""
        self.send_head("GET", path, {})
        status, headers = self.answer_head()
        if status != 200:
            raise UnexpectedAnswer(f"GET {path}: {status}")
        length = int(headers["content-length"])
        # What the reader holds already was received with the head.
        left = length - len(self._reader.read1(min(length, _BUFFERED)))
        buffer = memoryview(bytearray(_RECEIVE))
        while left:
            received = self.socket.recv_into(buffer, min(left, _RECEIVE))
            if not received:
                raise UnexpectedAnswer(f"GET {path}: the body ended {left} bytes early")
            left -= received
        return length

    def send_chunked(self, content: memoryview) -> None:
        """Send *content* in the chunked transfer coding."""
        size_line = f"{_CHUNK:x}\r\n".encode()
        whole = len(content) // _CHUNK
        for first in range(0, whole, _CHUNKS_AT_ONCE):
            pieces: list[bytes | memoryview] = []
            for number in range(first, min(first + _CHUNKS_AT_ONCE, whole)):
                pieces += (size_line, content[number * _CHUNK : (number + 1) * _CHUNK], b"\r\n")
            self._send_pieces(pieces)
        rest = content[whole * _CHUNK :]
        if len(rest):
            self._send_pieces([f"{len(rest):x}\r\n".encode(), rest, b"\r\n"])
        self.socket.sendall(b"0\r\n\r\n")

    def _send_pieces(self, pieces: list[bytes | memoryview]) -> None:
        sent = self.socket.sendmsg(pieces)
        for piece in pieces:
            if sent >= len(piece):
                sent -= len(piece)
                continue
            self.socket.sendall(memoryview(piece)[sent:])
            sent = 0

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._reader.readline().partition(b";")[0], 16):
            yield self._reader.read(size)
            self._reader.readline()
        self._reader.readline()

    def _head(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{method} {path} HTTP/1.1\r\nHost: {self.address}\r\n{fields}\r\n".encode("latin-1")

    def begin_upload(self, repository: str) -> str:
        """Begin an upload, and return its location as path and query."""
        answer = self.request("POST", f"/v2/{repository}/blobs/uploads/", expected=202)
        return self._path(answer)

    def _path(self, answer: Answer) -> str:
        location = answer.headers["location"]
        return location.removeprefix(f"http://{self.address}")

    def push_blob(self, repository: str, content: bytes, digest: str) -> None:
        """Push a small blob the way clients do: ask, begin, send all in one PUT."""
        self.request("HEAD", f"/v2/{repository}/blobs/{digest}", expected=404)
        self.put_blob(repository, content, digest)

    def put_blob(self, repository: str, content: bytes, digest: str) -> None:
        """Push a blob without asking for it first."""
        location = closing(self.begin_upload(repository), digest)
        self.request(
            "PUT", location, expected=201, content=content, headers={"Content-Type": _OCTETS}
        )

    def patch_whole(self, location: str, content: memoryview) -> str:
        """Send *content* as one chunked PATCH, and return the next location."""
        fields = {"Transfer-Encoding": "chunked", "Content-Type": _OCTETS}
        self.send_head("PATCH", location, fields)
        self.send_chunked(content)
        return self._path(self.answer("PATCH", expected=202))

    def patch_part(self, location: str, file: BinaryIO, start: int, length: int) -> str:
        """Send *length* bytes of *file* from *start* on, and return the next location."""
        fields = {
            "Content-Length": str(length),
            "Content-Range": f"{start}-{start + length - 1}",
            "Content-Type": _OCTETS,
        }
        self.send_head("PATCH", location, fields)
        self.socket.sendfile(file, start, length)
        return self._path(self.answer("PATCH", expected=202))

    def put_manifest(
        self, repository: str, reference: str, content: bytes, *, media_type: str = MANIFEST
    ) -> None:
        """Store a manifest under *reference*."""
        path = f"/v2/{repository}/manifests/{reference}"
        fields = {"Content-Type": media_type}
        self.request("PUT", path, expected=201, content=content, headers=fields)


def closing(location: str, digest: str) -> str:
    """The upload's *location* with the digest that closes it."""
    return f"{location}{'&' if '?' in location else '?'}digest={digest}"


def manifest_of(blobs: list[tuple[str, int]], **extra: Any) -> bytes:
    """An image manifest whose config is the first of *blobs* (digest and size)."""
    types = ["application/vnd.oci.image.config.v1+json"]
    types += ["application/vnd.oci.image.layer.v1.tar"] * (len(blobs) - 1)
    config, *layers = (
        {"mediaType": media_type, "digest": digest, "size": size}
        for media_type, (digest, size) in zip(types, blobs, strict=True)
    )
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
    return json.dumps({**document, **extra}).encode()
