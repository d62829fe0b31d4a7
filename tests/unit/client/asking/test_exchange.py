"""One registry, asked: who we are there, what is tried again, and where it may lead us."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from lading.app.sealing import PLAIN
from lading.bodies import BLOCK, Bytes, read
from lading.client.asking.exchange import Call, Exchange
from lading.client.connections.origin import Origin
from lading.client.connections.transport import FaceTransport
from lading.client.hosts.host import READING, Endpoint, Host
from lading.client.logins.credentials import Login, StaticKeyring
from lading.errors import (
    BlobUnknown,
    BodyIncomplete,
    DigestInvalid,
    LadingError,
    ManifestUnknown,
    RequestInvalid,
    TooManyRequests,
    Unauthorized,
    Unsupported,
    UploadTooLarge,
    UpstreamFailed,
    UpstreamUnreachable,
)
from lading.testing.personalities import TokenRealm, basic_login
from lading.wire import problems
from lading.wire.challenges import Scope
from lading.wire.message import Handler, Request, Response

URL = "https://registry.example"
ADA = Login(username="ada", password="lovelace", came_from="a test")
PULL = (Scope("repository", "a", ("pull",)),)
PUSH = (Scope("repository", "a", ("pull", "push")),)
MANIFEST = Call("GET", "/v2/a/manifests/latest", scopes=PULL)


class Stage:
    """Handlers by origin, the requests that reached each, and an exchange with the first."""

    def __init__(self, handlers: dict[str, Handler], *, login: Login | None = ADA) -> None:
        self.asked: list[tuple[str, Request]] = []
        self.waits: list[float] = []
        self.warnings: list[str] = []
        self.clock = 1000.0
        self.transport = FaceTransport(
            {url: self._watched(url, handler) for url, handler in handlers.items()}
        )
        self.keyring = StaticKeyring(login) if login else StaticKeyring(Login())
        self.exchange = self.at(Host.at(next(iter(handlers))))

    def at(self, host: Host) -> Exchange:
        """An exchange with *host* that sleeps at no time at all."""
        return Exchange(
            host,
            self.transport,
            self.keyring,
            sleep=self._sleep,
            now=lambda: self.clock,
            random=lambda: 1.0,
            on_warning=self.warnings.append,
        )

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock += seconds
        await asyncio.sleep(0)

    def _watched(self, url: str, handler: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            self.asked.append((url, request))
            return await handler(request)

        return handle

    def authorizations(self, url: str) -> list[str | None]:
        """What the requests to *url* showed, in order."""
        return [
            request.headers.get(b"authorization") for place, request in self.asked if place == url
        ]


def said(status: int = 200, body: bytes = b"{}", *fields: tuple[str, str]) -> Handler:
    """A handler with one answer for everybody."""

    async def handle(_request: Request) -> Response:
        length = ("Content-Length", str(len(body)))
        return Response(status, [length, *fields], body)

    return handle


def in_turn(*handlers: Handler) -> Handler:
    """Each of *handlers* once, the last for ever."""
    left = list(handlers)

    async def handle(request: Request) -> Response:
        handler = left.pop(0) if len(left) > 1 else left[0]
        return await handler(request)

    return handle


async def hanging_up(_request: Request) -> Response:
    """A connection that is lost before an answer."""
    raise BodyIncomplete("hung up")


async def echo(request: Request) -> Response:
    """What was sent, as it came."""
    body = await read(request.body, limit=BLOCK) or b""
    return Response(201, [("Content-Length", str(len(body)))], body)


def to(url: str, status: int = 307) -> Handler:
    """Sends everybody to *url*."""
    return said(status, b"", ("Location", url))


async def test_what_is_expected_is_handed_out() -> None:
    """With its fields, its body, and where it came from."""
    stage = Stage({URL: said(200, b"[1]", ("X-Y", "z"))})

    answer = await stage.exchange.send(Call("GET", "/v2/_catalog", [("n", "10"), ("last", "a/b")]))

    assert (answer.status, answer.headers.get(b"x-y")) == (200, "z")
    assert answer.url == answer.asked == f"{URL}/v2/_catalog?n=10&last=a/b"
    assert await answer.read() == b"[1]"
    assert stage.asked[0][1].headers.get(b"accept-encoding") == "identity"
    assert stage.authorizations(URL) == [None]


async def test_a_body_that_is_too_long_is_not_kept() -> None:
    """Documents are short; whoever sends more is broken or means harm."""
    stage = Stage({URL: said(200, b"x" * 100)})

    answer = await stage.exchange.send(MANIFEST)

    with pytest.raises(UpstreamFailed, match="more than 99"):
        await answer.read(99)


async def test_a_name_and_a_password_are_shown_when_they_are_asked_for() -> None:
    """Once a registry has asked, it is told at once."""
    stage = Stage({URL: basic_login("ada", "lovelace")(said())})

    for _ in range(2):
        await (await stage.exchange.send(MANIFEST)).aclose()

    shown = "Basic YWRhOmxvdmVsYWNl"
    assert stage.authorizations(URL) == [None, shown, shown]


async def test_a_wrong_password_is_shown_once() -> None:
    """More would lock an account; the error says what to type, and where."""
    login = Login(username="ada", password="wrong")
    stage = Stage({URL: basic_login("ada", "lovelace")(said())}, login=login)

    with pytest.raises(Unauthorized) as caught:
        await stage.exchange.send(MANIFEST)

    assert len(stage.asked) == 2
    assert "lading login registry.example" in caught.value.advice
    assert caught.value.where == "registry.example"


async def test_without_a_login_a_challenge_is_answered_with_nothing() -> None:
    """And not tried twice."""
    stage = Stage({URL: basic_login("ada", "lovelace")(said())}, login=None)

    with pytest.raises(Unauthorized):
        await stage.exchange.send(MANIFEST)

    assert len(stage.asked) == 1


def guarded(realm: TokenRealm, handler: Handler, **handlers: Handler) -> Stage:
    """A registry with tokens, whose realm is at another origin."""
    return Stage({URL: realm(handler), "https://auth.example": realm(handler), **handlers})


@pytest.fixture
def realm() -> TokenRealm:
    """Tokens for ada, by a clock of their own."""
    return TokenRealm(lambda: "https://auth.example/token")


async def test_a_token_is_fetched_once_and_used_until_it_ends(realm: TokenRealm) -> None:
    """The registry's own challenge says where; four fifths of its life it is good."""
    stage = guarded(realm, said())

    for _ in range(3):
        await (await stage.exchange.send(MANIFEST)).aclose()
    stage.clock += 0.8 * realm.lifetime
    await (await stage.exchange.send(MANIFEST)).aclose()

    assert realm.given == 2
    assert len(stage.authorizations(URL)) == 5
    assert stage.authorizations("https://auth.example") == ["Basic YWRhOmxvdmVsYWNl"] * 2


async def test_tasks_that_want_the_same_token_wait_for_one(realm: TokenRealm) -> None:
    """A copy begins with many requests at once."""
    stage = guarded(realm, said())
    await (await stage.exchange.send(MANIFEST)).aclose()
    push = Call("PUT", "/v2/a/manifests/x", scopes=PUSH)

    answers = await asyncio.gather(*(stage.exchange.send(push) for _ in range(10)))

    assert [answer.status for answer in answers] == [200] * 10
    assert realm.given == 2


async def test_a_token_that_is_refused_is_replaced(realm: TokenRealm) -> None:
    """Registries restart, and forget what they gave."""
    stage = guarded(realm, said())
    await (await stage.exchange.send(MANIFEST)).aclose()
    realm.expire()

    answer = await stage.exchange.send(MANIFEST)

    assert answer.status == 200
    assert realm.given == 2


async def test_a_wider_scope_that_the_registry_names_is_asked_for(realm: TokenRealm) -> None:
    """The caller named less than it takes; ``insufficient_scope`` says what it does take."""
    stage = guarded(realm, said(201))
    call = Call("PUT", "/v2/a/manifests/x", scopes=PULL, expect=frozenset({201}))

    for _ in range(2):
        await (await stage.exchange.send(call)).aclose()

    assert realm.given == 1
    assert len(stage.authorizations(URL)) == 3


async def test_all_scopes_of_a_call_are_asked_for_together(realm: TokenRealm) -> None:
    """A mount takes the right to pull from one repository and to push to the other."""
    stage = guarded(realm, said(201))
    scopes = (*PUSH, Scope("repository", "b", ("pull",)))
    call = Call("POST", "/v2/a/blobs/uploads/", scopes=scopes, expect=frozenset({201}))

    await (await stage.exchange.send(call)).aclose()

    asked = next(request for place, request in stage.asked if place == "https://auth.example")
    assert asked.params("scope") == ["repository:a:pull,push", "repository:b:pull"]


async def test_an_identity_token_is_traded_for_a_token(realm: TokenRealm) -> None:
    """By the OAuth2 form; it is never shown to the registry itself."""
    refresh = realm.refresh_token("ada")
    stage = guarded(realm, said())
    stage.keyring = StaticKeyring(Login(identity_token=refresh))
    exchange = stage.at(Host.at(URL))

    await (await exchange.send(MANIFEST)).aclose()

    assert all(refresh not in (each or "") for each in stage.authorizations(URL))
    assert [r.method for place, r in stage.asked if place == "https://auth.example"] == ["POST"]


async def test_a_realm_that_refuses_a_login_says_whose_it_was(realm: TokenRealm) -> None:
    """And where it was found."""
    login = Login(username="ada", password="wrong", came_from="/home/ada/config.json")
    stage = guarded(realm, said())
    stage.keyring = StaticKeyring(login)

    with pytest.raises(Unauthorized, match=r"/home/ada/config\.json") as caught:
        await stage.at(Host.at(URL)).send(MANIFEST)

    assert "wrong" not in str(caught.value)


async def test_a_password_is_not_sent_to_a_realm_in_the_open() -> None:
    """Whoever answers in the registry's place could name any realm."""
    challenge = ("WWW-Authenticate", 'Bearer realm="http://evil.example/token",service="s"')
    stage = Stage({URL: said(401, b"", challenge), "http://evil.example": said()})

    with pytest.raises(Unauthorized, match="unencrypted"):
        await stage.exchange.send(MANIFEST)

    assert stage.authorizations("http://evil.example") == []


@pytest.mark.parametrize("realm_url", ["nonsense", "ftp://x/", "file:///etc/passwd"])
async def test_a_realm_that_cannot_be_asked_is_an_error(realm_url: str) -> None:
    """Of the registry's, which would say the same again."""
    challenge = ("WWW-Authenticate", f'Bearer realm="{realm_url}"')
    stage = Stage({URL: said(401, b"", challenge)})

    with pytest.raises(UpstreamFailed):
        await stage.exchange.send(MANIFEST)

    assert stage.waits == []


@pytest.mark.parametrize("body", [b"<html>Welcome!</html>", b"{}", b""])
async def test_a_realm_that_gives_no_token_is_asked_once(realm: TokenRealm, body: bytes) -> None:
    """What it answers is no trouble that passes."""
    stage = Stage({URL: realm(said()), "https://auth.example": said(200, body)})

    with pytest.raises(UpstreamFailed, match="gave no token"):
        await stage.exchange.send(MANIFEST)

    assert stage.waits == []
    assert [place for place, _ in stage.asked] == [URL, "https://auth.example"]


async def test_a_realm_that_stumbles_is_asked_again(realm: TokenRealm) -> None:
    """As a registry is."""
    stage = Stage({URL: realm(said()), "https://auth.example": in_turn(said(503), realm(said()))})

    answer = await stage.exchange.send(MANIFEST)

    assert answer.status == 200
    assert len(stage.waits) == 1


async def test_a_token_can_be_had_for_use_elsewhere(realm: TokenRealm) -> None:
    """Where none are given out there is none."""
    stage = guarded(realm, said())

    token = await stage.exchange.token(PULL)

    assert token
    assert await Stage({URL: said()}).exchange.token(PULL) is None


async def test_a_redirect_gets_no_credentials() -> None:
    """Storage refuses requests that carry two kinds, and other hosts have no business with ours."""
    login = basic_login("ada", "lovelace")
    stage = Stage(
        {URL: login(to("https://s3.example/bucket?signature=1")), "https://s3.example": said()}
    )
    call = Call("GET", "/v2/a/blobs/sha256:0", headers=[("Range", "bytes=5-")])

    answer = await stage.exchange.send(call)

    assert answer.url == "https://s3.example/bucket?signature=1"
    assert answer.asked == f"{URL}/v2/a/blobs/sha256:0"
    assert stage.authorizations("https://s3.example") == [None]
    assert stage.asked[-1][1].headers.get(b"range") == "bytes=5-"


async def test_a_redirect_within_the_registry_keeps_credentials() -> None:
    """An explicit default port is no other origin (trap T46)."""
    login = basic_login("ada", "lovelace")
    stage = Stage({URL: login(in_turn(to(f"{URL}:443/other"), said()))})

    await (await stage.exchange.send(MANIFEST)).aclose()

    assert stage.authorizations(URL)[-1] == "Basic YWRhOmxvdmVsYWNl"


@pytest.mark.parametrize("place", ["/v2/a/manifests/latest", "https://other.example/"])
async def test_redirects_in_circles_end(place: str) -> None:
    """Whether they come back at once or later."""
    stage = Stage({URL: to(place), "https://other.example": to(f"{URL}/v2/a/manifests/latest")})

    with pytest.raises(UpstreamFailed, match="circles"):
        await stage.exchange.send(MANIFEST)

    assert len(stage.asked) <= 2


async def test_redirects_without_end_end() -> None:
    """After five."""
    number = 0

    async def further(_request: Request) -> Response:
        nonlocal number
        number += 1
        return Response(302, [("Location", f"/{number}"), ("Content-Length", "0")])

    with pytest.raises(UpstreamFailed, match="circles"):
        await Stage({URL: further}).exchange.send(MANIFEST)

    assert number == 6


@pytest.mark.parametrize(
    "location", [None, "ftp://x/", "http://other.example/", "https://u:p@x/", "https://["]
)
async def test_a_redirect_to_nowhere_is_an_error(location: str | None) -> None:
    """As is one out of encryption."""
    fields = [("Location", location)] if location else []
    stage = Stage({URL: said(307, b"", *fields)})

    with pytest.raises(UpstreamFailed):
        await stage.exchange.send(MANIFEST)


async def test_a_registry_that_forgot_its_encryption_is_asked_with_it() -> None:
    """Behind a proxy that takes encryption away, registries name themselves wrongly (trap T23)."""
    stage = Stage(
        {URL: said(202, b"", ("Location", "http://registry.example/v2/a/blobs/uploads/1"))}
    )
    call = Call("POST", "/v2/a/blobs/uploads/", expect=frozenset({202}))

    answer = await stage.exchange.send(call)

    assert answer.location() == f"{URL}/v2/a/blobs/uploads/1"


@pytest.mark.parametrize("status", [307, 308])
async def test_a_body_follows_a_redirect(status: int) -> None:
    """It is read again, from its beginning."""
    stage = Stage({URL: to("https://other.example/x", status), "https://other.example": echo})
    call = Call("PUT", "/v2/a/manifests/x", body=Bytes(b"abc"), expect=frozenset({201}))

    answer = await stage.exchange.send(call)

    assert await answer.read() == b"abc"


async def test_a_redirect_that_would_lose_a_body_is_not_followed() -> None:
    """301 and 302 make a GET of everything, by custom."""
    stage = Stage({URL: to("https://other.example/x", 302)})

    with pytest.raises(UpstreamFailed, match="302"):
        await stage.exchange.send(Call("PUT", "/v2/a/manifests/x", body=Bytes(b"abc")))


async def test_a_body_is_sent_again_after_a_challenge(realm: TokenRealm) -> None:
    """A registry that did not want it without a token has taken part of it already."""
    stage = guarded(realm, echo)
    call = Call(
        "PUT", "/v2/a/manifests/x", body=Bytes(b"abc"), scopes=PUSH, expect=frozenset({201})
    )

    answer = await stage.exchange.send(call)

    assert await answer.read() == b"abc"


async def test_copies_of_a_body_are_closed_and_the_body_is_not() -> None:
    """The body belongs to the caller."""
    closed: list[str] = []

    class Named(Bytes):
        async def again(self, at: int = 0) -> "Named":
            copy = Named(b"abc"[at:])
            copy.name = "copy"
            return copy

        name = "original"

        async def aclose(self) -> None:
            closed.append(self.name)

    stage = Stage({URL: in_turn(said(503), hanging_up, echo)})
    call = Call("PUT", "/v2/a/manifests/x", body=Named(b"abc"), expect=frozenset({201}))

    answer = await stage.exchange.send(call)

    assert await answer.read() == b"abc"
    assert closed == ["copy", "copy"]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 522])
async def test_trouble_that_may_pass_is_waited_out(status: int) -> None:
    """Four times, longer each time."""
    stage = Stage({URL: in_turn(*[said(status)] * 4, said())})

    answer = await stage.exchange.send(MANIFEST)

    assert answer.status == 200
    assert stage.waits == [0.25, 0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        (said(500), UpstreamFailed),
        (said(502, b"<html>", ("Content-Type", "text/html")), UpstreamFailed),
        (said(503, b'{"errors": [{"code": "UNSUPPORTED", "message": "busy"}]}'), UpstreamFailed),
        (said(429), TooManyRequests),
        (hanging_up, UpstreamFailed),
    ],
)
async def test_after_five_tries_the_trouble_is_told(
    handler: Handler, kind: type[LadingError]
) -> None:
    """As what it is."""
    stage = Stage({URL: handler})

    with pytest.raises(kind) as caught:
        await stage.exchange.send(MANIFEST)

    assert len(stage.asked) == 5
    assert caught.value.where == "registry.example"


async def test_a_registry_that_says_how_long_is_left_alone_so_long() -> None:
    """Seconds, or a date."""
    date = ("Retry-After", "Thu, 01 Jan 1970 00:17:10 GMT")
    stage = Stage(
        {URL: in_turn(said(429, b"", ("Retry-After", "7")), said(503, b"", date), said())}
    )

    await (await stage.exchange.send(MANIFEST)).aclose()

    assert stage.waits == [7.0, 1030.0 - 1007.0]


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 501])
async def test_other_errors_are_not_tried_again(status: int) -> None:
    """They would come again."""
    stage = Stage({URL: said(status)})

    with pytest.raises(LadingError):
        await stage.exchange.send(MANIFEST)

    assert len(stage.asked) == 1


@pytest.mark.parametrize(("first", "tries"), [(said(500), 1), (said(503), 2), (hanging_up, 1)])
async def test_what_may_have_been_done_is_not_done_twice(first: Handler, tries: int) -> None:
    """A PATCH whose answer was lost may have been kept; 503 says that nothing was."""
    stage = Stage({URL: in_turn(first, said(202))})
    call = Call("PATCH", "/v2/a/blobs/uploads/1", body=Bytes(b"x"), expect=frozenset({202}))

    if tries == 1:
        with pytest.raises(UpstreamFailed):
            await stage.exchange.send(call)
    else:
        await stage.exchange.send(call)

    assert len(stage.asked) == tries


async def test_nobody_there_is_tried_again() -> None:
    """Nothing was sent, so that it is safe for every method."""
    stage = Stage({URL: said()})

    with pytest.raises(UpstreamUnreachable):
        await stage.at(Host.at("https://nobody.example")).send(Call("POST", "/v2/a/blobs/uploads/"))

    assert len(stage.waits) == 4


async def test_a_body_that_fails_is_no_fault_of_the_registry() -> None:
    """It is not tried again, and the registry is not named."""

    class Broken(Bytes):
        def blocks(self) -> Iterator[memoryview]:
            raise UpstreamFailed("the other registry")

    stage = Stage({URL: echo})

    with pytest.raises(UpstreamFailed, match="the other registry") as caught:
        await stage.exchange.send(Call("PUT", "/v2/a/manifests/x", body=Broken(b"abc")))

    assert len(stage.asked) == 1
    assert caught.value.where == ""


def errors(code: str, message: str = "") -> bytes:
    """An error as the spec has it."""
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


@pytest.mark.parametrize(
    ("method", "path", "status", "body", "kind"),
    [
        ("GET", "/v2/a/manifests/x", 404, errors("MANIFEST_UNKNOWN", "x"), ManifestUnknown),
        ("HEAD", "/v2/a/manifests/x", 404, b"", ManifestUnknown),
        ("HEAD", "/v2/a/blobs/sha256:0", 404, b"", BlobUnknown),
        ("PUT", "/v2/a/blobs/uploads/1", 400, errors("DIGEST_INVALID"), DigestInvalid),
        ("PATCH", "/v2/a/blobs/uploads/1", 413, b"<html>nginx", UploadTooLarge),
        ("PUT", "/v2/a/manifests/x", 200, b"", UpstreamFailed),
        ("DELETE", "/v2/a/manifests/x", 405, errors("UNSUPPORTED"), Unsupported),
    ],
)
async def test_errors_are_the_same_classes_as_locally(
    method: str, path: str, status: int, body: bytes, kind: type[LadingError]
) -> None:
    """With or without words of the registry's own; a note tells the request."""
    stage = Stage({URL: said(status, body)})

    with pytest.raises(kind) as caught:
        await stage.exchange.send(Call(method, path, expect=frozenset({201})))

    assert f"{method} {URL}{path}" in f"{caught.value} {getattr(caught.value, '__notes__', '')}"


async def test_an_upload_that_a_proxy_cuts_says_what_to_do() -> None:
    """The registry itself never saw it."""
    stage = Stage({URL: said(413, b"<html>", ("Server", "nginx/1.27"))})

    with pytest.raises(UploadTooLarge, match=r"nginx/1\.27") as caught:
        await stage.exchange.send(Call("PATCH", "/v2/a/blobs/uploads/1"))

    assert "client_max_body_size" in caught.value.advice


@pytest.mark.parametrize("status", [418, 431])
async def test_a_status_that_is_not_known_is_told(status: int) -> None:
    """It is all that there is to go by."""
    stage = Stage({URL: said(status, b"")})

    with pytest.raises(LadingError, match=f"GET {URL}/v2/a/manifests/latest: answered {status}"):
        await stage.exchange.send(MANIFEST)

    assert stage.waits == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([], b"Client sent an HTTP request to an HTTPS server.\n"),
        ([("Server", "nginx")], b"<center>The plain HTTP request was sent to HTTPS port</center>"),
        ([("Content-Type", "application/json")], None),
    ],
)
@pytest.mark.parametrize(
    ("place", "advice"),
    [
        ("http://h", "leave out --plain-http"),
        ("http://localhost:5000", "certs.d/localhost:5000"),
        ("https://h", None),
    ],
)
async def test_a_server_that_wants_encryption_is_told_from_a_wrong_request(
    place: str, advice: str | None, fields: list[tuple[str, str]], words: bytes | None
) -> None:
    """Servers say so by 400, in words of their own: those of Go, of nginx and ours."""
    refused = problems.refused(400, PLAIN).body
    assert isinstance(refused, bytes)
    told = refused if words is None else words

    async def upset(request: Request) -> Response:
        return Response(400, fields, b"" if request.method == "HEAD" else told)

    stage = Stage({place: upset})

    for method in ("GET", "HEAD"):
        with pytest.raises(LadingError) as found:
            await stage.exchange.send(Call(method, MANIFEST.path))
        assert (type(found.value) is UpstreamFailed) == (advice is not None)
        assert advice is None or advice in found.value.advice


async def test_a_registry_that_refuses_a_question_is_not_taken_for_one_that_wants_encryption() -> (
    None
):
    """It says that it is one."""
    fields = [("Docker-Distribution-Api-Version", "registry/2.0")]
    stage = Stage({"http://h": said(400, b"", *fields)})

    with pytest.raises(RequestInvalid):
        await stage.exchange.send(Call("HEAD", MANIFEST.path))


async def test_a_web_page_is_no_manifest() -> None:
    """Captive portals and web sites answer 200 to everything."""
    stage = Stage({URL: said(200, b"<html>", ("Content-Type", "text/html; charset=utf-8"))})

    with pytest.raises(UpstreamFailed, match="web page"):
        await stage.exchange.send(MANIFEST)


async def test_signatures_are_not_told() -> None:
    """An error is printed and logged; what signs a URL is as good as a password."""
    stage = Stage(
        {URL: to("https://s3.example/x?signature=s3cret"), "https://s3.example": said(403)}
    )

    with pytest.raises(LadingError) as caught:
        await stage.exchange.send(MANIFEST)

    assert "s3cret" not in f"{caught.value} {caught.value.__notes__}"


async def test_warnings_are_heard_once_each() -> None:
    """R65: they are shown and never acted on."""
    stage = Stage(
        {URL: said(200, b"", ("Warning", '299 - "the end \\"is\\" near"'), ("Warning", "110 x"))}
    )

    for _ in range(2):
        await (await stage.exchange.send(MANIFEST)).aclose()

    assert stage.warnings == ['the end "is" near']


async def test_a_location_at_another_host_gets_no_credentials() -> None:
    """An upload may go on elsewhere; who we are is nobody's business there."""
    stage = Stage({URL: basic_login("ada", "lovelace")(said()), "https://up.example": echo})
    await (await stage.exchange.send(MANIFEST)).aclose()
    call = Call(
        "PUT",
        query=[("digest", "sha256:0")],
        body=Bytes(b"x"),
        url="https://up.example/u?state=1",
        expect=frozenset({201}),
    )

    answer = await stage.exchange.send(call)

    assert answer.url == "https://up.example/u?state=1&digest=sha256:0"
    assert stage.authorizations("https://up.example") == [None]


def mirrored(**settings: object) -> Host:
    """A registry behind a mirror for reading."""
    mirror = Endpoint(
        origin=Origin.parse("https://mirror.example"),
        capabilities=READING,
        known_as="mirror.example",
        **settings,  # type: ignore[arg-type]  # any of them
    )
    return Host("registry.example", (mirror, *Host.at(URL).endpoints))


async def test_a_mirror_is_asked_first_and_only_for_reading() -> None:
    """By the names it has for things."""
    stage = Stage({URL: said(201), "https://mirror.example": said()})
    exchange = stage.at(mirrored(renamed=("", "hub"), namespace="registry.example"))

    await (await exchange.send(MANIFEST)).aclose()
    await (await exchange.send(Call("PUT", "/v2/a/manifests/x", expect=frozenset({201})))).aclose()

    first, second = stage.asked
    assert first[0] == "https://mirror.example"
    assert (first[1].path, first[1].query) == ("/v2/hub/a/manifests/latest", "ns=registry.example")
    assert (second[0], second[1].path) == (URL, "/v2/a/manifests/x")


@pytest.mark.parametrize("handler", [said(404), said(401), said(500), hanging_up])
async def test_what_a_mirror_does_not_give_is_asked_of_the_registry(handler: Handler) -> None:
    """Whatever the reason."""
    stage = Stage({URL: said(200, b"it"), "https://mirror.example": handler})

    answer = await stage.at(mirrored()).send(MANIFEST)

    assert await answer.read() == b"it"


async def test_a_mirror_that_failed_is_left_alone_for_a_while() -> None:
    """A pull of many blobs does not wait for it with each."""
    stage = Stage({URL: said(), "https://mirror.example": hanging_up})
    exchange = stage.at(mirrored())

    for _ in range(3):
        await (await exchange.send(MANIFEST)).aclose()
    stage.clock += 61
    await (await exchange.send(MANIFEST)).aclose()

    asked = [place for place, _ in stage.asked]
    assert asked.count("https://mirror.example") == 4


async def test_encryption_is_given_up_only_where_that_is_configured() -> None:
    """And then for good."""
    plain = Origin.parse("http://registry.example")
    stage = Stage({"http://registry.example": said()})

    exchange = stage.at(Host.at(URL, plain=plain))
    for _ in range(2):
        await (await exchange.send(MANIFEST)).aclose()

    assert len(stage.asked) == 2
    with pytest.raises(UpstreamUnreachable):
        await stage.at(Host.at(URL)).send(MANIFEST)


async def test_nobody_to_push_to_is_unsupported() -> None:
    """A mirror alone takes no changes."""
    host = Host("m", (mirrored().endpoints[0],))

    with pytest.raises(Unsupported):
        await Stage({URL: said()}).at(host).send(Call("PUT", "/v2/a/manifests/x"))
