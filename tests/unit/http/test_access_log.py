"""One line for every answer, and what may not be in it."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.bodies import FileSpan
from lading.http.access_log import FORMS, AccessLog, body_size, target
from lading.wire.message import Headers, Request, Response

STAMP = re.compile(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]")


async def answered(request: Request) -> Response:
    """A handler that is content with everything."""
    return Response(200, [("Content-Length", "5"), ("X", request.id)], b"hello")


async def line(request: Request, form: str) -> str:
    """What the log says of *request*."""
    lines: list[bytes] = []
    log = AccessLog(answered, lines.append, form=form, now=lambda: 0.0)
    await log(request)
    log.flush()
    return b"".join(lines).decode()


async def test_combined_form_is_that_of_distribution() -> None:
    """Programs that read its log read ours: no port, no user, and nothing where nothing was sent."""
    agent = Headers([(b"user-agent", b"docker/27")])
    request = Request(
        "GET", "/v2/a/tags/list", "n=1", agent, peer="::1:4711", id="i-1", user="ann", version="1.0"
    )

    told = await line(request, "combined")

    assert STAMP.sub("[T]", told) == (
        '::1 - - [T] "GET /v2/a/tags/list?n=1 HTTP/1.0" 200 5 "" "docker/27"\n'
    )


@pytest.mark.parametrize(("vouched", "told"), [(False, "::1"), (True, "6.6.6.6")])
async def test_combined_form_names_nobody_on_the_word_of_anybody(vouched: bool, told: str) -> None:
    """Who is locked out by what stands there is not chosen by a stranger."""
    request = Request("GET", "/v2/", peer="::1:4711", client="6.6.6.6", vouched=vouched)

    found = await line(request, "combined")

    assert found.startswith(f"{told} - - [")


async def test_extended_form_adds_who_asked_how_long_it_took_and_the_id() -> None:
    """What operators look for first, on the same line."""
    request = Request("GET", "/v2/", peer="192.0.2.1:4711", id="i-1", user="ann b")

    told = await line(request, "extended")

    assert re.fullmatch(
        r'192\.0\.2\.1 - ann\\x20b \[T\] "GET /v2/ HTTP/1\.1" 200 5 "-" "-" \d+\.\d i-1\n',
        STAMP.sub("[T]", told),
    )


async def test_json_form_is_an_object_of_all_of_it() -> None:
    """Programs need no grammar of their own."""
    fields = Headers([(b"user-agent", b'a"b'), (b"referer", b"http://r/")])
    request = Request(
        "PUT", "/v2/a", "x=1", fields, peer="10.0.0.1:1", client="192.0.2.7", id="i", user="ann"
    )

    told = json.loads(await line(request, "json"))

    assert told.pop("milliseconds") >= 0
    assert told == {
        "time": "1970-01-01T00:00:00+00:00",
        "client": "192.0.2.7",
        "user": "ann",
        "method": "PUT",
        "uri": "/v2/a?x=1",
        "protocol": "HTTP/1.1",
        "status": 200,
        "size": 5,
        "referer": "http://r/",
        "agent": 'a"b',
        "request": "i",
    }


@pytest.mark.parametrize("form", FORMS)
async def test_no_secret_is_written_down(form: str) -> None:
    """Neither what proves who asks nor the state of an upload gets into a line."""
    fields = Headers([(b"authorization", b"Bearer hush"), (b"cookie", b"hush")])
    request = Request("PUT", "/v2/a/blobs/uploads/u", "_state=hush%3D&digest=d", fields)

    told = await line(request, form)

    assert "hush" not in told
    assert "/v2/a/blobs/uploads/u?_state=***&digest=d" in told


def test_state_is_found_anywhere_in_a_query() -> None:
    """A client may put it last; a name that only ends like it is left alone."""
    assert target(Request("PUT", "/u", "a=1&_state=x")) == "/u?a=1&_state=***"
    assert target(Request("PUT", "/u", "my_state=x")) == "/u?my_state=x"


def test_size_is_that_of_the_parts_that_are_sent(tmp_path: Path) -> None:
    """A range is as long as what was asked for, and an answer to HEAD has no body."""
    span = FileSpan(0, ((0, 10), (20, 5)), 100)

    assert body_size(Response(206, body=span, frames=(b"ab", b"c"))) == 18
    assert body_size(Response(200, [("Content-Length", "7")])) == 0


@given(
    st.text(st.characters(max_codepoint=255)),
    st.text(st.characters(max_codepoint=255)),
    st.sampled_from(sorted(FORMS)),
)
def test_nobody_can_write_lines_of_their_own(path: str, agent: str, form: str) -> None:
    """Whatever is asked for, one request is one line, and quotes stay between quotes."""
    fields = Headers([(b"user-agent", agent.encode("latin-1"))])

    text = asyncio.run(line(Request("GET", path, headers=fields), form))

    assert text.count("\n") == 1
    if form == "json":
        assert json.loads(text)["uri"] == path
    else:
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
    monkeypatch.setattr("lading.http.access_log._FLUSH_SECONDS", 0.0)
    log = AccessLog(answered, written.set_result)

    await log(Request("GET", "/v2/"))

    assert b'"GET /v2/' in await asyncio.wait_for(written, 5)
