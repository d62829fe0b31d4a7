"""What the face does before and after its endpoints."""

import base64
import json
import logging
from collections.abc import Callable, Sequence

import pytest

from lading.auth.anonymous import Anonymous
from lading.errors import StorageBusy, StorageFull
from lading.http.call import Terms
from lading.http.face import ENDPOINTS, Face
from lading.interfaces.access import ANONYMOUS, Access, Credentials, Occasion, Principal
from lading.interfaces.repository import Registry
from lading.wire.message import Headers, Request, Response
from lading.wire.routes import Route, path, under


class Remembering(Anonymous):
    """An authenticator that knows everybody by what they show, and remembers it."""

    def __init__(self) -> None:
        self.shown: list[Credentials | None] = []
        self.peers: list[str] = []

    async def authenticate(
        self, credentials: Credentials | None, *, wanted: Sequence[Access], peer: str
    ) -> Principal:
        """Somebody of that name."""
        self.shown.append(credentials)
        self.peers.append(peer)
        return Principal(credentials.value) if credentials else ANONYMOUS


def refusing(occasions: list[Occasion]) -> Callable[[Occasion], Registry]:
    """Admits nobody, and remembers who tried."""

    def admit(occasion: Occasion) -> Registry:
        occasions.append(occasion)
        raise StorageFull("/srv/data")

    return admit


def told(response: Response) -> dict[str, str]:
    """The first error of an answer."""
    assert isinstance(response.body, bytes)
    found: dict[str, str] = json.loads(response.body)["errors"][0]
    return found


async def test_passwords_are_tried_by_the_caller() -> None:
    """Whoever finds out who asks is told the client behind a proxy, if that is known."""
    door = Remembering()
    face = Face(door, refusing([]))

    await face(Request("GET", "/v2/", peer="10.0.0.1:1"))
    await face(Request("GET", "/v2/", peer="10.0.0.1:1", client="192.0.2.1", vouched=True))

    assert door.peers == ["10.0.0.1:1", "192.0.2.1:0"]


@pytest.mark.parametrize("route", list(Route))
async def test_every_route_has_methods_and_tells_them(route: Route) -> None:
    """Another method is 405, and ``Allow`` says what there is (RFC 9110, 15.5.6)."""
    face = Face(Remembering(), refusing([]))

    response = await face(Request("BREW", path(route, "a", "x")))

    assert response.status == 405
    assert dict(response.headers)["Allow"] == ", ".join(sorted(ENDPOINTS[route]))
    assert told(response)["code"] == "UNSUPPORTED"


@pytest.mark.parametrize("target", ["/v2/a/b", "/favicon.ico", "", "*", "/v2/\u00e9", "//"])
async def test_unknown_path_is_answered_in_json(target: str) -> None:
    """Clients parse what they get."""
    response = await Face(Remembering(), refusing([]))(Request("GET", target))

    assert response.status == 404
    assert told(response)["code"] == "UNSUPPORTED"


async def test_change_is_made_on_an_occasion_that_tells_who_and_how() -> None:
    """The store keeps it with the change, so a client cannot make it long."""
    occasions: list[Occasion] = []
    face = Face(Remembering(), refusing(occasions))
    fields = Headers(
        [
            (b"authorization", b"Basic somebody"),
            (b"host", b"x"),
            (b"user-agent", b"docker" + b"!" * 300),
        ]
    )

    await face(
        Request(
            "PUT",
            "/v2/a/manifests/v1",
            "",
            fields,
            peer="192.0.2.1",
            id="i",
            base="https://r.example",
        )
    )
    await face(Request("GET", "/v2/a/manifests/v1", "", fields))

    assert occasions[0].principal.name == "somebody"
    assert occasions[0].facts == {
        "address": "192.0.2.1",
        "host": "x",
        "method": "PUT",
        "agent": "docker" + "!" * 250,
        "request": "i",
        "base": "https://r.example",
    }
    assert occasions[1].facts == {}


@pytest.mark.parametrize(
    ("shown", "claimed"),
    [
        (b"Basic Ym9iOnB3", "bob"),
        (b"Basic " + base64.b64encode(b"b" * 300 + b":pw"), "b" * 256),
        (b"Basic OnB3", None),
        (b"Basic !!", None),
        (b"Bearer Ym9iOnB3", None),
        (b"", None),
    ],
)
async def test_name_that_nobody_asked_for_is_kept_as_what_somebody_claims(
    shown: bytes, claimed: str | None
) -> None:
    """It gives no right, and its password is kept nowhere."""
    occasions: list[Occasion] = []
    face = Face(Anonymous(), refusing(occasions))

    fields = Headers([(b"authorization", shown)])
    await face(Request("PUT", "/v2/a/manifests/v1", "", fields))

    assert occasions[0].principal == ANONYMOUS
    assert occasions[0].facts.get("claimed") == claimed
    assert "pw" not in str(occasions)


async def test_failure_of_storage_is_told_without_saying_where(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log has the path, the client has a code, advice and when to come back."""
    face = Face(Remembering(), refusing([]))

    with caplog.at_level(logging.ERROR, "lading.http"):
        response = await face(Request("GET", "/v2/a/tags/list", id="i-1"))

    assert response.status == 507
    assert dict(response.headers)["Retry-After"] == "5"
    assert told(response)["code"] == "UNAVAILABLE"
    assert "/srv" not in str(response.body)
    (record,) = caplog.records
    assert record.__dict__["request"] == "i-1"
    assert "/srv/data" in record.__dict__["reason"]


async def test_answer_to_head_has_no_body() -> None:
    """Not even that of an error, though its headers are the same."""
    response = await Face(Remembering(), refusing([]))(Request("HEAD", "/v2/a/manifests/v1"))

    assert response.status == 507
    assert response.body == b""
    assert int(dict(response.headers)["Content-Length"]) > 0


async def test_credentials_are_shown_to_the_authenticator_only_where_they_matter() -> None:
    """Health is nobody's secret."""
    authenticator = Remembering()
    face = Face(authenticator, lambda _occasion: None)  # type: ignore[arg-type, return-value]  # unused

    await face(Request("GET", "/healthz"))
    response = await face(Request("GET", "/v2/", "", Headers([(b"authorization", b"Bearer abc")])))

    assert response.status == 200
    assert authenticator.shown == [Credentials("bearer", "abc")]


async def test_registry_that_cannot_serve_is_not_ready() -> None:
    """A load balancer takes it out, though the process lives."""

    async def ready() -> None:
        raise StorageBusy("locked")

    face = Face(Remembering(), lambda _occasion: None, Terms(ready=ready))  # type: ignore[arg-type, return-value]  # unused

    assert (await face(Request("GET", "/readyz"))).status == 503
    assert (await face(Request("GET", "/healthz"))).status == 200


async def test_options_are_told_to_whoever_asks() -> None:
    """Browsers ask before they send credentials, and go on only after 200."""
    authenticator = Remembering()

    response = await Face(authenticator, refusing([]))(Request("OPTIONS", "/v2/a/manifests/v1"))

    assert response.status == 200
    assert dict(response.headers)["Allow"] == "DELETE, GET, HEAD, PUT"
    assert authenticator.shown == []


@pytest.mark.parametrize(
    ("method", "target", "added"),
    [
        ("GET", "/v2/a/manifests/v1", True),
        ("OPTIONS", "/v2/a/manifests/v1", True),
        ("BREW", "/v2/a/manifests/v1", True),
        ("GET", "/v2/nowhere", False),
        ("GET", "/healthz", False),
    ],
)
async def test_fields_are_added_to_every_answer_of_the_api(
    method: str, target: str, added: bool
) -> None:
    """Errors are answers too; what is no path of the API has none of them."""
    terms = Terms(fields=[("X-A", "1"), ("X-A", "2")])

    response = await Face(Remembering(), refusing([]), terms)(Request(method, target))

    assert [value for name, value in response.headers if name == "X-A"] == ["1", "2"] * added


async def test_every_answer_of_the_api_says_so_wherever_it_is() -> None:
    """Old clients recognise a registry by that (R8)."""
    face = Face(Remembering(), refusing([]), match=under("/reg"))

    found = {
        target: "Docker-Distribution-Api-Version"
        in dict((await face(Request("GET", target))).headers)
        for target in ("/reg/v2/a/tags/list", "/v2/a/tags/list", "/healthz")
    }

    assert found == {"/reg/v2/a/tags/list": True, "/v2/a/tags/list": True, "/healthz": False}
