"""Request ids, the wall and the access log."""

import asyncio
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.http.middleware import AccessLog, RequestIds, Wall
from lading.wire.message import Headers, Request, Response


async def answered(request: Request) -> Response:
    """A handler that is content with everything."""
    return Response(200, [("Content-Length", "5"), ("X", request.id)], b"hello")


async def test_every_answer_has_an_id_of_its_own() -> None:
    """Whoever reports a failure can name it."""
    handler = RequestIds(answered)

    answers = [await handler(Request("GET", "/v2/")) for _ in range(3)]

    ids = [dict(answer.headers)["X-Request-Id"] for answer in answers]
    assert len(set(ids)) == 3
    assert ids == [dict(answer.headers)["X"] for answer in answers]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"abc-1.2_X", True),
        (b"", False),
        (b"a b", False),
        (b'a"', False),
        (b"\xe9", False),
        (b"x" * 65, False),
        (b"a\n", False),
    ],
)
async def test_id_of_a_client_is_kept_if_it_is_plain(sent: bytes, *, kept: bool) -> None:
    """It ends up in logs and answers, so it may not be just anything."""
    request = Request("GET", "/v2/", headers=Headers([(b"x-request-id", sent)]))

    answer = await RequestIds(answered)(request)

    assert (dict(answer.headers)["X-Request-Id"] == sent.decode("latin-1")) is kept


async def test_access_log_tells_of_every_answer() -> None:
    """The combined form without a version, then milliseconds and the id of the request."""
    lines: list[bytes] = []
    log = AccessLog(answered, lines.append, now=lambda: 0.0)
    agent = Headers([(b"user-agent", b"docker/27")])
    request = Request("GET", "/v2/a/tags/list", "n=1", agent, peer="192.0.2.1", id="i-1")

    await log(request)
    log.flush()

    start, _, rest = lines[0].decode().partition('" 200 5 "-" "docker/27" ')
    assert start == '192.0.2.1 - - [01/Jan/1970:00:00:00 +0000] "GET /v2/a/tags/list?n=1'
    milliseconds, request_id = rest.split()
    assert float(milliseconds) >= 0
    assert request_id == "i-1"


@given(st.text(st.characters(max_codepoint=255)), st.text(st.characters(max_codepoint=255)))
def test_nobody_can_write_lines_of_their_own(path: str, agent: str) -> None:
    """Whatever is asked for, one request is one line, and quotes stay between quotes."""
    lines: list[bytes] = []

    async def ask() -> None:
        log = AccessLog(answered, lines.append)
        fields = Headers([(b"user-agent", agent.encode("latin-1"))])
        await log(Request("GET", path, headers=fields))
        log.flush()

    asyncio.run(ask())

    text = b"".join(lines).decode()
    assert text.count("\n") == 1
    assert text[:-1].isprintable()
    assert re.sub(r"\\.", "", text).count('"') == 6


async def test_lines_are_written_many_at_a_time() -> None:
    """One write carries what a second or 64 KiB brought."""
    lines: list[bytes] = []
    log = AccessLog(answered, lines.append)

    for _ in range(1500):
        await log(Request("GET", "/v2/" + "x" * 100))
    log.flush()
    log.flush()

    assert sum(block.count(b"\n") for block in lines) == 1500
    assert 2 <= len(lines) <= 10


async def test_lines_that_wait_are_written_by_a_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quiet server tells of its last request as well."""
    written: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    monkeypatch.setattr("lading.http.middleware._FLUSH_SECONDS", 0.0)
    log = AccessLog(answered, written.set_result)

    await log(Request("GET", "/v2/"))

    assert b'"GET /v2/' in await asyncio.wait_for(written, 5)


async def test_a_mistake_in_the_program_is_answered_with_its_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The client learns nothing of the inside, and the operator finds the request in the log."""

    async def mistaken(_request: Request) -> Response:
        raise RuntimeError("a secret of the inside")

    response = await RequestIds(Wall(mistaken))(Request("GET", "/v2/"))

    assert response.status == 500
    assert isinstance(response.body, bytes)
    told = json.loads(response.body)["errors"][0]
    assert told["code"] == "UNKNOWN"
    assert dict(response.headers)["X-Request-Id"] in told["detail"]
    assert b"secret" not in response.body
    assert "a secret of the inside" in caplog.text
