"""The face in front of a foreign server: what it is given, and what it gives."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lading.bodies import FileSpan, Held, read
from lading.errors import BodyIncomplete
from lading.http.asgi import application
from lading.wire.message import Request, Response

Message = dict[str, Any]


class Server:
    """A server's end of one request: it gives *messages* and keeps what it is told to send."""

    def __init__(self, *messages: Message) -> None:
        self.sent: list[Any] = []
        self._messages = list(messages)

    async def receive(self) -> Message:
        """The next message; then the client is gone."""
        return self._messages.pop(0) if self._messages else {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Keep it."""
        self.sent.append(message)

    @property
    def body(self) -> bytes:
        """All that was sent after the head."""
        assert [each["more_body"] for each in self.sent[1:]].count(False) == 1
        assert self.sent[-1]["more_body"] is False
        return b"".join(each["body"] for each in self.sent[1:])


def scope(method: str = "GET", *headers: tuple[bytes, bytes]) -> Message:
    """A request for a blob of a repository whose name is written oddly."""
    return {
        "type": "http",
        "method": method,
        "path": "/v2/a/b/blobs/x",
        "raw_path": b"/v2/a%2Fb/blobs/x",
        "query_string": b"n=1",
        "headers": list(headers),
        "client": ("192.0.2.1", 4711),
    }


def pieces(*data: bytes) -> Sequence[Message]:
    """A body that comes in *data*."""
    return [
        {"type": "http.request", "body": each, "more_body": number < len(data)}
        for number, each in enumerate(data, start=1)
    ]


async def test_request_arrives_as_it_was_sent() -> None:
    """The path is not decoded, the body comes whole, and the client's address is known."""
    seen: list[Request] = []
    bodies: list[bytes | None] = []

    async def handle(request: Request) -> Response:
        seen.append(request)
        bodies.append(await read(request.body, limit=100))
        return Response(204)

    server = Server(*pieces(b"some ", b"", b"content"))
    await application(handle)(scope("PUT", (b"content-length", b"12")), server.receive, server.send)

    [request] = seen
    assert (request.method, request.path, request.query) == ("PUT", "/v2/a%2Fb/blobs/x", "n=1")
    assert (request.peer, request.body.length) == ("192.0.2.1:4711", 12)
    assert bodies == [b"some content"]
    assert server.sent[0] == {"type": "http.response.start", "status": 204, "headers": []}


async def test_client_that_vanishes_leaves_its_body_incomplete() -> None:
    """Whoever reads the body learns that this was not its end."""

    async def handle(request: Request) -> Response:
        with pytest.raises(BodyIncomplete):
            await read(request.body, limit=100)
        return Response(400)

    server = Server({"type": "http.request", "body": b"half", "more_body": True})
    await application(handle)(scope("PUT"), server.receive, server.send)

    assert server.sent[0]["status"] == 400


async def test_file_is_sent_in_parts_and_closed(tmp_path: Path) -> None:
    """Each part follows its frame, and the descriptor is let go of afterwards."""
    (tmp_path / "blob").write_bytes(b"0123456789")
    file = os.open(tmp_path / "blob", os.O_RDONLY)

    async def handle(_request: Request) -> Response:
        body = FileSpan(file, ((0, 2), (7, 3)), 10)
        return Response(206, [("Content-Length", "11")], body, [b"<", b"|", b">"])

    server = Server()
    await application(handle)(scope(), server.receive, server.send)

    assert server.sent[0]["headers"] == [(b"content-length", b"11")]
    assert server.body == b"<01|789>"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file)


async def test_file_that_was_cut_is_not_sent_as_if_it_were_whole(tmp_path: Path) -> None:
    """The server learns of it before the last piece, and so breaks the connection."""
    (tmp_path / "blob").write_bytes(b"0123")
    file = os.open(tmp_path / "blob", os.O_RDONLY)

    async def handle(_request: Request) -> Response:
        return Response(200, [], FileSpan(file, ((0, 10),), 10))

    server = Server()
    with pytest.raises(BodyIncomplete):
        await application(handle)(scope(), server.receive, server.send)

    assert all(each["more_body"] for each in server.sent[1:])
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file)


@pytest.mark.parametrize(("method", "sent"), [("GET", b"234"), ("HEAD", b"")])
async def test_content_in_memory_is_sent_unless_only_the_head_was_asked_for(
    method: str, sent: bytes
) -> None:
    """What is held is cut to the part that was asked for."""

    async def handle(_request: Request) -> Response:
        return Response(206, [], Held(b"0123456789", ((2, 3),)))

    server = Server()
    await application(handle)(scope(method), server.receive, server.send)

    assert server.body == sent


async def test_server_that_announces_its_life_is_answered() -> None:
    """There is nothing to begin or to end: whoever opened the registry closes it."""

    async def handle(_request: Request) -> Response:
        raise AssertionError

    server = Server({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    await application(handle)({"type": "lifespan"}, server.receive, server.send)

    assert [each["type"] for each in server.sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
