"""An event for every request, with Distribution's names."""

import logging
from collections.abc import Mapping

import pytest

from lading.errors import ManifestUnknown, Unauthorized
from lading.http.events import RequestEvents, duration
from lading.wire import problems
from lading.wire.message import Handler, Headers, Request, Response
from lading.wire.routes import match

Told = tuple[int, str, Mapping[str, object]]


async def events(handler: Handler, request: Request) -> list[Told]:
    """What is told when *handler* answers *request*."""
    told: list[Told] = []
    request.place = match(request.path)
    await RequestEvents(handler, lambda *event: told.append(event))(request)
    return told


async def answered(_request: Request) -> Response:
    """A handler that is content with everything."""
    return Response(200, [("Content-Type", "text/plain"), ("Content-Length", "2")], b"ok")


async def test_answered_request_is_told_with_its_facts() -> None:
    """Dashboards that were made for Distribution's log find everything."""
    fields = Headers([(b"host", b"r.example"), (b"user-agent", b"crane"), (b"referer", b"x")])
    request = Request(
        "GET", "/v2/a/b/manifests/latest", "", fields, peer="192.0.2.1:4711", id="i-1"
    )

    [(level, event, facts)] = await events(answered, request)

    assert (level, event) == (logging.INFO, "response completed")
    took = dict(facts).pop("http.response.duration")
    assert str(took).endswith("s")
    assert {**facts, "http.response.duration": "T"} == {
        "http.request.host": "r.example",
        "http.request.id": "i-1",
        "http.request.method": "GET",
        "http.request.remoteaddr": "192.0.2.1:4711",
        "http.request.uri": "/v2/a/b/manifests/latest",
        "http.request.useragent": "crane",
        "http.request.referer": "x",
        "http.response.duration": "T",
        "http.response.status": 200,
        "http.response.written": 2,
        "http.response.contenttype": "text/plain",
        "vars.name": "a/b",
        "vars.reference": "latest",
    }


async def test_error_is_told_with_its_code() -> None:
    """What the client was told, the log says too, as an error."""

    async def unknown(_request: Request) -> Response:
        error = ManifestUnknown("latest")
        response = problems.encode(error)
        response.error = error
        return response

    [(level, event, facts)] = await events(unknown, Request("GET", "/v2/a/manifests/latest"))

    assert (level, event) == (logging.ERROR, "response completed with error")
    assert facts["err.code"] == "manifest unknown"
    assert facts["err.message"] == ManifestUnknown.summary
    assert facts["err.detail"] == "latest"


async def test_who_was_let_in_is_told_first() -> None:
    """With users, each request tells whose it was."""

    async def known(request: Request) -> Response:
        request.user = "ann"
        return await answered(request)

    told = await events(known, Request("GET", "/v2/"))

    assert [event for _, event, _ in told] == ["authorized request", "response completed"]
    assert told[0][2]["auth.user.name"] == "ann"


async def test_who_was_let_in_is_told_with_what_was_asked_for() -> None:
    """Whoever looks for what somebody did finds it in one line."""

    async def known(request: Request) -> Response:
        request.user = "ann"
        return await answered(request)

    (_, _, before), (_, _, after) = await events(known, Request("GET", "/v2/a/b/manifests/latest"))

    assert (before["vars.name"], before["vars.reference"]) == ("a/b", "latest")
    assert "http.response.status" not in before
    assert after["auth.user.name"] == "ann"


async def test_who_is_not_let_in_is_a_warning() -> None:
    """Every pull of Docker's begins with an answer of 401, which is no failure."""

    async def refused(_request: Request) -> Response:
        error = Unauthorized("it is no token")
        response = problems.encode(error)
        response.error = error
        return response

    [(level, event, facts)] = await events(refused, Request("GET", "/v2/a/manifests/latest"))

    assert level == logging.WARNING
    assert event == f"error authorizing context: {Unauthorized.summary}: it is no token"
    assert (facts["vars.name"], facts["vars.reference"]) == ("a", "latest")


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/nowhere"])
async def test_what_leads_to_no_route_of_the_api_is_not_told(path: str) -> None:
    """Load balancers ask every second, and nobody wants to read that."""
    assert await events(answered, Request("GET", path)) == []


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("/v2/a/blobs/sha256:00", "vars.digest", "sha256:00"),
        ("/v2/a/blobs/uploads/u-1", "vars.uuid", "u-1"),
        ("/v2/a/manifests/v1", "vars.reference", "v1"),
    ],
)
async def test_last_part_of_a_path_has_the_name_of_what_it_is(
    path: str, name: str, value: str
) -> None:
    """As Distribution calls the variables of its routes."""
    [(_, _, facts)] = await events(answered, Request("GET", path))

    assert facts[name] == value


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (17, "17ns"),
        (893_230, "893.23µs"),
        (5_078_895, "5.078895ms"),
        (1_500_000_000, "1.5s"),
        (2_000_000_000, "2s"),
        (1_000_000_001, "1.000000001s"),
    ],
)
def test_duration_is_written_as_go_does(nanoseconds: int, text: str) -> None:
    """Programs that parse one parse the other."""
    assert duration(nanoseconds) == text
