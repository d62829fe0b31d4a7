"""What is true of the API as a whole (end-1, errors, warnings)."""

from collections.abc import Callable, Sequence

import pytest

from lading.auth.anonymous import Anonymous
from lading.errors import Unauthorized
from lading.http.face import ENDPOINTS
from lading.interfaces.access import Access, Credentials, Principal
from lading.oci.digest import Digest
from lading.wire.routes import Route, path
from tests.protocol.exchange import Exchange

Serve = Callable[..., Exchange]

DIGEST = str(Digest.of(b"x"))


class Strict(Anonymous):
    """Lets in nobody who shows nothing."""

    async def authenticate(
        self, credentials: Credentials | None, *, wanted: Sequence[Access], peer: str
    ) -> Principal:
        """Whoever showed something."""
        if credentials is None:
            raise Unauthorized("this registry")
        return Principal(credentials.value)


@pytest.mark.parametrize("target", ["/v2/", "/v2", "/v2/?ns=docker.io"])
async def test_registry_says_that_it_is_one(ask: Exchange, target: str) -> None:
    """200, JSON, and the header that old clients look for (R8, R9)."""
    answer = await ask("GET", target)

    assert (answer.status, answer.json) == (200, {})
    assert answer["Docker-Distribution-Api-Version"] == "registry/2.0"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_stranger_is_challenged(serve: Serve, method: str) -> None:
    """401 with a challenge, on HEAD as well (R9)."""
    ask = serve(authenticator=Strict())

    answer = await ask(method, "/v2/")
    known = await ask(method, "/v2/", fields={"Authorization": "Basic eDp5"})

    assert answer.status == 401
    assert answer["WWW-Authenticate"] == 'Basic realm="lading"'
    assert known.status == 200


@pytest.mark.parametrize("route", list(Route))
async def test_every_endpoint_of_every_category_is_here(ask: Exchange, route: Route) -> None:
    """Pull, push, discovery and management: nothing is answered as if it did not exist (R5)."""
    target = path(route, "a", DIGEST)

    for method in ENDPOINTS[route]:
        answer = await ask(method, target, fields={"Content-Type": "application/json"})
        assert answer.status != 405
        if method != "HEAD" and answer.status == 404:
            assert answer.codes != ["UNSUPPORTED"]


async def test_wrong_method_is_405_and_tells_the_right_ones(ask: Exchange) -> None:
    """As HTTP has it where the spec is silent (R6)."""
    answer = await ask("PATCH", f"/v2/a/blobs/{DIGEST}")

    assert (answer.status, answer.codes) == (405, ["UNSUPPORTED"])
    assert answer["Allow"] == "DELETE, GET, HEAD"


async def test_errors_have_code_message_and_advice(ask: Exchange) -> None:
    """The code is the spec's, the message names the subject, the detail is a string (R64)."""
    answer = await ask("GET", "/v2/a/manifests/v1")

    assert answer.json == {
        "errors": [
            {
                "code": "MANIFEST_UNKNOWN",
                "message": "manifest unknown: v1",
                "detail": "List the tags of the repository to see what is there.",
            }
        ]
    }


async def test_no_answer_carries_a_warning(ask: Exchange) -> None:
    """There is nothing to warn of, so nobody has to show it (R65)."""
    image = await ask.push_image("a", "v1")

    found = [
        await ask("GET", "/v2/"),
        await ask("GET", "/v2/a/manifests/v1"),
        await ask("GET", f"/v2/a/referrers/{image.digest}"),
        await ask("GET", "/v2/a/manifests/v2"),
    ]

    assert not any("Warning" in answer for answer in found)


async def test_whoever_waits_is_told_how_long(serve: Serve) -> None:
    """429 with Retry-After, when as many uploads are open as are allowed (R66)."""
    ask = serve()
    for _ in range(100):
        await ask.begin("a")

    answer = await ask("POST", "/v2/a/blobs/uploads/")

    assert (answer.status, answer.codes) == (429, ["TOOMANYREQUESTS"])
    assert int(answer["Retry-After"]) > 0
