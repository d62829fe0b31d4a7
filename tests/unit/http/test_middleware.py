"""Request ids and the wall."""

import json

import pytest

from lading.http.middleware import RequestIds, Wall
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
