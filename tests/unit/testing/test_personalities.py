"""Registries as people meet them: each differs where its like differs, and nowhere else."""

import json
from urllib.parse import urlencode, urlsplit

import pytest

from lading.bodies import Bytes
from lading.testing import personalities, samples
from lading.testing.personalities import Redirects, TokenRealm
from lading.wire.challenges import basic_credentials
from lading.wire.message import Headers, Request, Response
from lading.wire.routes import Route

REALM = "https://auth.test/token"


class Registry:
    """A handler that answers everything, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, request: Request) -> Response:
        """Answer with a location and a digest."""
        self.asked.append(f"{request.method} {request.path}")
        taken = bytearray()
        while await request.body.ready():
            taken += b"".join(bytes(block) for block in request.body.blocks())
        fields = [
            ("Location", "/v2/a/b/blobs/uploads/1?x=y"),
            ("Docker-Content-Digest", "sha256:00"),
            ("OCI-Subject", "sha256:11"),
        ]
        return Response(200, fields, bytes(taken))


def asking(method: str, path: str, query: str = "", *, shows: str | None = None) -> Request:
    """A request, perhaps with ``Authorization``."""
    raw = [] if shows is None else [(b"authorization", shows.encode())]
    return Request(method, path, query, Headers(raw))


def challenge(response: Response) -> str:
    """What has to be shown."""
    assert response.status == 401
    return dict(response.headers)["WWW-Authenticate"]


def token_in(response: Response) -> str:
    """The token that a realm gave."""
    assert response.status == 200
    assert isinstance(response.body, bytes)
    found = json.loads(response.body)
    return f"Bearer {found.get('token') or found['access_token']}"


@pytest.fixture
def registry() -> Registry:
    """What is behind the personality."""
    return Registry()


@pytest.fixture
def realm() -> TokenRealm:
    """A realm that has not given out anything."""
    return TokenRealm(lambda: REALM, public=lambda name: name != "team/secret")


async def test_a_realm_is_named_and_gives_what_it_is_asked_for(
    registry: Registry, realm: TokenRealm
) -> None:
    """First a challenge, then a token, then the answer."""
    handler = realm(registry)

    refused = await handler(asking("GET", "/v2/team/app/manifests/v1"))
    given = await handler(asking("GET", "/token", "scope=repository:team/app:pull"))
    answered = await handler(asking("GET", "/v2/team/app/manifests/v1", shows=token_in(given)))

    assert challenge(refused) == (
        f'Bearer realm="{REALM}",service="registry.example.com",scope="repository:team/app:pull"'
    )
    assert answered.status == 200
    assert registry.asked == ["GET /v2/team/app/manifests/v1"]
    assert realm.given == 1


async def test_a_token_is_good_for_its_scopes_alone(registry: Registry, realm: TokenRealm) -> None:
    """A wider one is asked for by ``insufficient_scope``."""
    handler = realm(registry)
    given = await handler(asking("GET", "/token", "scope=repository:team/app:pull"))

    refused = await handler(asking("POST", "/v2/team/app/blobs/uploads/", shows=token_in(given)))

    assert 'scope="repository:team/app:pull,push",error="insufficient_scope"' in challenge(refused)


async def test_strangers_get_tokens_to_pull_what_is_public(
    registry: Registry, realm: TokenRealm
) -> None:
    """And nothing else; whoever logs in gets what they ask for."""
    handler = realm(registry)
    scopes = "scope=repository:team/app:pull,push%20repository:team/secret:pull"
    login = basic_credentials("ada", "lovelace")

    stranger = token_in(await handler(asking("GET", "/token", scopes)))
    known = token_in(await handler(asking("GET", "/token", scopes, shows=login)))
    wrong = await handler(asking("GET", "/token", shows=basic_credentials("ada", "x")))

    asked = [("HEAD", "/v2/team/app/tags/list"), ("PUT", "/v2/team/app/manifests/a")]
    asked.append(("GET", "/v2/team/secret/tags/list"))
    by_stranger = [(await handler(asking(*each, shows=stranger))).status for each in asked]
    by_known = [(await handler(asking(*each, shows=known))).status for each in asked]
    assert by_stranger == [200, 401, 401]
    assert by_known == [200, 200, 200]
    assert wrong.status == 401


async def test_tokens_end(registry: Registry, realm: TokenRealm) -> None:
    """By the clock, or all at once."""
    handler = realm(registry)
    first = token_in(await handler(asking("GET", "/token")))

    realm.clock.advance(realm.lifetime)
    old = await handler(asking("GET", "/v2/", shows=first))
    second = token_in(await handler(asking("GET", "/token")))
    fresh = await handler(asking("GET", "/v2/", shows=second))
    realm.expire()
    ended = await handler(asking("GET", "/v2/", shows=second))

    assert 'error="invalid_token"' in challenge(old)
    assert fresh.status == 200
    assert ended.status == 401


@pytest.mark.parametrize("kind", ["password", "refresh_token", "stranger"])
async def test_tokens_are_to_be_had_by_a_form(
    registry: Registry, realm: TokenRealm, kind: str
) -> None:
    """OAuth2: with a name and a password, or with an identity token."""
    forms = {
        "password": {"grant_type": "password", "username": "ada", "password": "lovelace"},
        "refresh_token": {
            "grant_type": "refresh_token",
            "refresh_token": realm.refresh_token("ada"),
        },
        "stranger": {"grant_type": "refresh_token", "refresh_token": "x"},
    }
    form = urlencode({**forms[kind], "scope": "repository:a/b:push"})
    handler = realm(registry)

    response = await handler(Request("POST", "/token", body=Bytes(form.encode())))

    assert response.status == (401 if kind == "stranger" else 200)


async def test_a_realm_may_have_no_form(registry: Registry) -> None:
    """Then a client has to ask the old way."""
    handler = TokenRealm(lambda: REALM, oauth2=False)(registry)

    response = await handler(Request("POST", "/token", body=Bytes(b"grant_type=password")))

    assert response.status == 405


async def test_the_catalog_has_a_scope_of_its_own(registry: Registry, realm: TokenRealm) -> None:
    """It is no repository; and deleting is a right beside pushing."""
    handler = realm(registry)

    catalog = await handler(asking("GET", "/v2/_catalog"))
    delete = await handler(asking("DELETE", "/v2/a/b/manifests/v1"))
    cancel = await handler(asking("DELETE", "/v2/a/b/blobs/uploads/1"))

    assert 'scope="registry:catalog:*"' in challenge(catalog)
    assert 'scope="repository:a/b:delete"' in challenge(delete)
    assert 'scope="repository:a/b:pull,push"' in challenge(cancel)


async def test_a_name_that_does_not_exist_is_nobodys(registry: Registry) -> None:
    """As at Docker Hub, where official images are under ``library/``."""
    handler = TokenRealm(lambda: REALM, exists=lambda name: "/" in name)(registry)
    query = "scope=repository:alpine:pull&scope=repository:library/alpine:pull"

    token = token_in(await handler(asking("GET", "/token", query)))
    short = await handler(asking("GET", "/v2/alpine/tags/list", shows=token))
    long = await handler(asking("GET", "/v2/library/alpine/tags/list", shows=token))

    assert "insufficient_scope" in challenge(short)
    assert long.status == 200


@pytest.mark.parametrize(
    ("shows", "status"),
    [
        (None, 401),
        ("Bearer x", 401),
        ("Basic ???", 401),
        (basic_credentials("ada", "x"), 401),
        (basic_credentials("ada", "lovelace"), 200),
    ],
)
async def test_a_password_opens_everything(
    registry: Registry, shows: str | None, status: int
) -> None:
    """Nothing else does."""
    handler = personalities.basic_login("ada", "lovelace")(registry)

    response = await handler(asking("GET", "/v2/", shows=shows))

    assert response.status == status


async def test_pages_are_bounded(registry: Registry) -> None:
    """Whoever asks for more gets an error, and not less than they asked for."""
    handler = personalities.page_limit(1000)(registry)

    statuses = [
        (await handler(asking("GET", "/v2/a/tags/list", query))).status
        for query in ["", "n=1000", "n=1001", "n=x"]
    ]

    assert statuses == [200, 200, 400, 200]


async def test_a_proxy_takes_no_long_bodies(registry: Registry) -> None:
    """Whether or not their length was said; the registry hears nothing of it."""
    handler = personalities.body_limit(100)(registry)

    short = await handler(Request("PUT", "/a", body=samples.inbound(bytes(100), said=False)))
    said = await handler(Request("PUT", "/b", body=samples.inbound(bytes(101))))
    unsaid = await handler(Request("PUT", "/c", body=samples.inbound(bytes(300), said=False)))

    assert short.body == bytes(100)
    assert (said.status, unsaid.status) == (413, 413)
    assert ("Content-Type", "text/html") in said.headers
    assert registry.asked == ["PUT /a"]


async def test_methods_can_be_missing(registry: Registry) -> None:
    """Everywhere, or on some routes alone."""
    everywhere = personalities.without("DELETE")(registry)
    somewhere = personalities.without("DELETE", routes=[Route.BLOB])(registry)
    blob, manifest = "/v2/a/blobs/sha256:00", "/v2/a/manifests/v1"

    statuses = [
        (await handler(asking("DELETE", path))).status
        for handler in (everywhere, somewhere)
        for path in (blob, manifest)
    ]

    assert statuses == [405, 405, 405, 200]


async def test_an_old_registry_knows_no_referrers(registry: Registry) -> None:
    """404 in words of its own, and it does not say that it saw a subject."""
    handler = personalities.without_referrers(registry)

    missing = await handler(asking("GET", "/v2/a/referrers/sha256:00"))
    pushed = await handler(asking("PUT", "/v2/a/manifests/v1"))

    assert missing.status == 404
    assert "OCI-Subject" not in dict(pushed.headers)
    assert "Docker-Content-Digest" in dict(pushed.headers)


async def test_digests_can_be_left_out(registry: Registry) -> None:
    """As the spec once allowed."""
    handler = personalities.without_digests(registry)

    response = await handler(asking("HEAD", "/v2/a/manifests/v1"))

    assert "Docker-Content-Digest" not in dict(response.headers)


async def test_ranges_can_be_passed_over(registry: Registry) -> None:
    """A client that goes on in the middle gets everything once more."""
    seen: list[str | None] = []

    async def behind(request: Request) -> Response:
        seen.append(request.headers.get(b"range"))
        return await registry(request)

    handler = personalities.without_ranges(behind)

    await handler(Request("GET", "/v2/a/blobs/b", headers=Headers([(b"range", b"bytes=1-")])))

    assert seen == [None]


async def test_locations_can_be_whole_urls(registry: Registry) -> None:
    """With what the registry believes to be its own address."""
    handler = personalities.absolute_locations(lambda: "https://art.test")(registry)

    response = await handler(asking("POST", "/v2/a/b/blobs/uploads/"))

    assert dict(response.headers)["Location"] == "https://art.test/v2/a/b/blobs/uploads/1?x=y"


async def test_blobs_can_be_elsewhere(registry: Registry) -> None:
    """Signed for a while; the storage takes no credentials and knows nothing of digests."""
    storage = Redirects(lambda: "https://bucket.test")
    handler = storage(registry)
    path = "/v2/a/b/blobs/sha256:00"

    redirect = await handler(asking("GET", path))
    parts = urlsplit(dict(redirect.headers)["Location"])
    found = await handler(asking("GET", parts.path, parts.query))
    shown = await handler(asking("GET", parts.path, parts.query, shows="Bearer x"))
    storage.clock.advance(storage.lifetime)
    late = await handler(asking("GET", parts.path, parts.query))

    assert redirect.status == 307
    assert (parts.scheme, parts.netloc) == ("https", "bucket.test")
    assert found.status == 200
    assert "Docker-Content-Digest" not in dict(found.headers)
    assert (shown.status, late.status) == (400, 403)
    assert registry.asked == [f"HEAD {path}", f"GET {path}"]


async def test_signed_urls_can_end_at_once(registry: Registry) -> None:
    """What is no blob is never elsewhere."""
    storage = Redirects(lambda: "https://bucket.test")
    handler = storage(registry)
    redirect = await handler(asking("GET", "/v2/a/b/blobs/sha256:00"))
    parts = urlsplit(dict(redirect.headers)["Location"])

    storage.expire()
    late = await handler(asking("GET", parts.path, parts.query))
    manifest = await handler(asking("GET", "/v2/a/b/manifests/v1"))

    assert late.status == 403
    assert manifest.status == 200
