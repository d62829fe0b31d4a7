"""Requests, counted as Distribution counts them."""

import pytest

from lading.app.watching import metrics
from lading.app.watching.meters import Meters
from lading.app.watching.requests import CountedRequests, request_size
from lading.bodies import Held
from lading.wire.message import Headers, Request, Response
from lading.wire.routes import under

HEADERS = Headers(
    [(b"host", b"127.0.0.1:5801"), (b"user-agent", b"curl/7.88.1"), (b"accept", b"*/*")]
)


@pytest.fixture
def meters() -> Meters:
    """The numbers of one worker."""
    return Meters(metrics.table([]), 1)


def counted(meters: Meters, response: Response) -> CountedRequests:
    """A handler that always gives *response*."""

    async def answer(_request: Request) -> Response:
        return response

    return CountedRequests(answer, meters.of(0))


async def test_request_is_counted_by_status_handler_and_method(meters: Meters) -> None:
    """The labels are those of Distribution."""
    handler = counted(meters, Response(404, body=b"no"))

    for _ in range(2):
        await handler(Request("HEAD", "/v2/a/manifests/latest"))
    await handler(Request("BREW", "/v2/a/blobs/uploads/"))

    found = {each.labels: each.numbers[0] for each in meters.read(metrics.REQUESTS)}
    assert found == {
        ("404", "manifest", "head"): 2.0,
        ("404", "blob_upload", "unknown"): 1.0,
    }


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/elsewhere"])
async def test_what_leads_to_no_route_of_the_api_is_not_counted(meters: Meters, path: str) -> None:
    """Distribution counts routed requests only."""
    await counted(meters, Response(200))(Request("GET", path))

    assert list(meters.read(metrics.REQUESTS)) == []


async def test_requests_below_a_prefix_are_counted(meters: Meters) -> None:
    """Where the registry stands makes no difference to what is asked of it."""

    async def answer(_request: Request) -> Response:
        return Response(200)

    handler = CountedRequests(answer, meters.of(0), under("/reg"))

    await handler(Request("GET", "/reg/v2/_catalog"))
    await handler(Request("GET", "/v2/_catalog"))

    assert [each.labels for each in meters.read(metrics.REQUESTS)] == [("200", "catalog", "get")]


async def test_sizes_are_those_that_go_programs_tell(meters: Meters) -> None:
    """The head without separators, the body as announced; of an answer what is sent of its body."""
    asked = Request("GET", "/v2/a/blobs/x", headers=HEADERS)

    await counted(meters, Response(206, body=Held(b"0123456789", ((2, 3),))))(asked)

    [answered] = meters.read(metrics.RESPONSE_SIZE)
    assert answered.numbers[-1] == 3.0
    # What the real one says of the same request, with curl.
    assert request_size(Request("GET", "/v2/", headers=HEADERS)) == 59
    long = Headers([(b"content-length", b"1000")])
    assert request_size(Request("PUT", "/v2/", "a=b", headers=long)) == 1000 + 4 + 4 + 3 + 8 + 18


async def test_request_that_fails_is_in_flight_no_more(meters: Meters) -> None:
    """A level that only grows would say nothing."""

    async def broken(_request: Request) -> Response:
        raise RuntimeError("inside")

    handler = CountedRequests(broken, meters.of(0))

    with pytest.raises(RuntimeError):
        await handler(Request("GET", "/v2/"))

    assert {each.numbers for each in meters.read(metrics.IN_FLIGHT)} == {(0.0,)}


async def test_strange_methods_take_no_memory(meters: Meters) -> None:
    """A client may make up any number of them."""
    handler = counted(meters, Response(405))

    for number in range(100):
        await handler(Request(f"M{number}", "/v2/"))

    assert len(handler._known) == 0
    assert [each.numbers for each in meters.read(metrics.REQUESTS)] == [(100.0,)]
