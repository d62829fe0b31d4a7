"""Registries as people meet them: what each does otherwise, in front of any handler.

A personality is a `Handler` → `Handler`, and changes nothing but how the registry behaves.
"""

import asyncio
import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlsplit

from lading.bodies import Bytes, Inbound, read
from lading.testing.trouble import Clock, refusal
from lading.wire import challenges, problems
from lading.wire.challenges import Scope, merged
from lading.wire.message import Handler, Headers, Request, Response
from lading.wire.routes import Route, match

Personality = Callable[[Handler], Handler]
"""Makes a registry behave like another one."""

_FORM_LIMIT = 64 * 1024
_SIGNATURE = "X-Amz-Signature"

_Right = tuple[str, str, str]
"""Kind, name and action."""


@dataclass(slots=True)
class _Token:
    rights: frozenset[_Right]
    ends: float


@dataclass
class TokenRealm:
    """Logins by bearer tokens, as Docker Hub, GHCR, Harbor and GitLab have them.

    *url* gives the address where tokens are to be had; a request for its path is answered in
    place, also when it goes to another host than the registry. Nobody gets a token for names that
    *exists* denies, and whoever is not in *logins* only to pull from what is in *public*. A token
    lives *lifetime* seconds by *clock*. Without *oauth2*, tokens are to be had by GET alone.
    """

    url: Callable[[], str]
    service: str = "registry.example.com"
    logins: Mapping[str, str] = field(default_factory=lambda: {"ada": "lovelace"})
    exists: Callable[[str], bool] = lambda _name: True
    public: Callable[[str], bool] = lambda _name: True
    lifetime: int = 300
    clock: Clock = field(default_factory=Clock)
    oauth2: bool = True
    given: int = 0
    """How many tokens were given out."""
    _tokens: dict[str, _Token] = field(default_factory=dict, repr=False)
    _refresh: dict[str, str] = field(default_factory=dict, repr=False)

    def __call__(self, handler: Handler) -> Handler:
        """*handler*, for those with a token alone."""

        async def guarded(request: Request) -> Response:
            if request.path == _path(self.url()):
                return await self._give(request)
            wanted = _rights(request)
            shown = challenges.shown(request.headers.get(b"authorization"))
            if shown is None or shown[0] != "bearer":
                return self._challenge(wanted, None)
            token = self._tokens.get(shown[1])
            if token is None or token.ends <= self.clock():
                return self._challenge(wanted, "invalid_token")
            if not wanted <= token.rights:
                return self._challenge(wanted, "insufficient_scope")
            return await handler(request)

        return guarded

    def expire(self) -> None:
        """Let every token that was given out be refused from now on."""
        self._tokens.clear()

    def refresh_token(self, name: str) -> str:
        """An identity token of *name*, with which access tokens are to be had."""
        token = secrets.token_urlsafe()
        self._refresh[token] = name
        return token

    async def _give(self, request: Request) -> Response:
        if request.method == "POST":
            if not self.oauth2:
                return refusal(405)
            form = parse_qs((await read(request.body, limit=_FORM_LIMIT) or b"").decode())
            name = self._by_form(form)
            scopes = form.get("scope", [])
        else:
            name = self._by_password(request.headers)
            scopes = request.params("scope")
        if name is None:
            return refusal(401)
        self.given += 1
        token = secrets.token_urlsafe()
        asked = [scope for text in scopes for scope in Scope.parse_all(text)]
        rights = frozenset(right for right in _each(asked) if self._allows(name, right))
        self._tokens[token] = _Token(rights, self.clock() + self.lifetime)
        key = "access_token" if request.method == "POST" else "token"
        body = json.dumps({key: token, "expires_in": self.lifetime}).encode()
        fields = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        return Response(200, fields, body)

    def _allows(self, login: str, right: _Right) -> bool:
        kind, name, action = right
        if kind == "repository" and not self.exists(name):
            return False
        return bool(login) or (action == "pull" and self.public(name))

    def _by_password(self, headers: Headers) -> str | None:
        """Who asks: a name, nobody (an empty one), or ``None`` for a wrong password."""
        shown = challenges.shown(headers.get(b"authorization"))
        if shown is None:
            return ""
        found = challenges.name_and_password(shown[1]) if shown[0] == "basic" else None
        if found is None or self.logins.get(found[0]) != found[1]:
            return None
        return found[0]

    def _by_form(self, form: Mapping[str, Sequence[str]]) -> str | None:
        said = {key: values[0] for key, values in form.items()}
        if said.get("grant_type") == "refresh_token":
            return self._refresh.get(said.get("refresh_token", ""))
        name = said.get("username", "")
        return name if name and self.logins.get(name) == said.get("password") else None

    def _challenge(self, wanted: frozenset[_Right], error: str | None) -> Response:
        scopes = merged(Scope(kind, name, (action,)) for kind, name, action in wanted)
        return _challenged(challenges.bearer(self.url(), self.service, scopes, error))


def basic_login(name: str, password: str) -> Personality:
    """Everything only for *name* with *password*, by Basic authentication."""

    def personality(handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            shown = challenges.shown(request.headers.get(b"authorization"))
            if shown is not None and shown[0] == "basic":
                found = challenges.name_and_password(shown[1])
                if found == (name, password):
                    return await handler(request)
            return _challenged(challenges.basic("test"))

        return guarded

    return personality


def page_limit(most: int = 1000) -> Personality:
    """Lists in pages of at most *most*; to ask for more is an error, as at ECR."""

    def personality(handler: Handler) -> Handler:
        async def limited(request: Request) -> Response:
            wanted = request.param("n") or ""
            if wanted.isdigit() and int(wanted) > most:
                return refusal(400)
            return await handler(request)

        return limited

    return personality


def body_limit(most: int) -> Personality:
    """Bodies of at most *most* bytes: what is longer is stopped by a proxy in front.

    It answers 413 with a page of HTML, as nginx does, and the registry hears nothing of it.
    """

    def personality(handler: Handler) -> Handler:
        async def limited(request: Request) -> Response:
            if (request.body.length or 0) > most:
                return _too_large()
            if request.body.length is None:
                whole = await _buffered(request.body, most)
                if whole is None:
                    return _too_large()
                request.body = Bytes(whole)
            return await handler(request)

        return limited

    return personality


def without(*methods: str, routes: Sequence[Route] = ()) -> Personality:
    """A registry that lacks *methods*, everywhere or on *routes* alone (GHCR has no DELETE)."""

    def personality(handler: Handler) -> Handler:
        async def lacking(request: Request) -> Response:
            place = match(request.path)
            if request.method in methods and (not routes or (place and place.route in routes)):
                return problems.not_allowed(request.method, ["GET", "HEAD"])
            return await handler(request)

        return lacking

    return personality


def without_referrers(handler: Handler) -> Handler:
    """A registry from before the referrers API: 404 there, and no ``OCI-Subject``."""

    async def older(request: Request) -> Response:
        place = match(request.path)
        if place is not None and place.route is Route.REFERRERS:
            page = b"404 page not found\n"
            fields = [("Content-Type", "text/plain"), ("Content-Length", str(len(page)))]
            return Response(404, fields, page)
        return _lacking(await handler(request), "OCI-Subject")

    return older


def without_digests(handler: Handler) -> Handler:
    """A registry that never says ``Docker-Content-Digest``, as the spec once allowed."""

    async def silent(request: Request) -> Response:
        return _lacking(await handler(request), "Docker-Content-Digest")

    return silent


def without_ranges(handler: Handler) -> Handler:
    """A registry that always gives the whole of a blob, whatever part was asked for."""

    async def whole(request: Request) -> Response:
        fields = [each for each in request.headers.raw if each[0] not in {b"range", b"if-range"}]
        return await handler(replace(request, headers=Headers(fields)))

    return whole


def absolute_locations(url: Callable[[], str]) -> Personality:
    """Every ``Location`` as a whole URL that begins with *url*, as Artifactory gives them."""

    def personality(handler: Handler) -> Handler:
        async def absolute(request: Request) -> Response:
            response = await handler(request)
            response.headers = [
                (name, url() + value if name == "Location" and value.startswith("/") else value)
                for name, value in response.headers
            ]
            return response

        return absolute

    return personality


@dataclass
class Redirects:
    """Blobs at another address, by signed URLs, as registries on S3 or a CDN give them.

    *url* gives the address of the storage; a request there is answered in place. Like S3, it
    refuses requests that carry credentials, and URLs older than *lifetime* seconds by *clock*.
    """

    url: Callable[[], str]
    lifetime: float = 300.0
    clock: Clock = field(default_factory=Clock)
    _signed: dict[str, tuple[str, float]] = field(default_factory=dict, repr=False)

    def __call__(self, handler: Handler) -> Handler:
        """*handler*, which sends whoever wants a blob elsewhere."""

        async def redirecting(request: Request) -> Response:
            place = match(request.path)
            blob = place is not None and place.route is Route.BLOB
            if request.method != "GET" or not blob:
                return await handler(request)
            asked = Request("HEAD", request.path, headers=request.headers)
            found = await handler(asked)
            if found.status != 200:
                return await handler(request)
            signature = secrets.token_urlsafe()
            self._signed[signature] = (request.path, self.clock() + self.lifetime)
            target = f"{self.url()}/bucket{request.path}?{_SIGNATURE}={signature}"
            return Response(307, [("Content-Length", "0"), ("Location", target)])

        return self.beside(redirecting, handler)

    def beside(self, registry: Handler, blobs: Handler) -> Handler:
        """*registry*, and beside it, past whatever guards it, the storage of what *blobs* has."""

        async def either(request: Request) -> Response:
            signature = request.param(_SIGNATURE)
            if signature is None:
                return await registry(request)
            return await self._stored(request, signature, blobs)

        return either

    def expire(self) -> None:
        """Let every URL that was given out be refused from now on."""
        self._signed.clear()

    async def _stored(self, request: Request, signature: str, handler: Handler) -> Response:
        if request.headers.get(b"authorization") is not None:
            return refusal(400)
        path, ends = self._signed.get(signature, ("", 0.0))
        if not path or ends <= self.clock():
            return refusal(403)
        response = await handler(
            Request(request.method, path, "", request.headers, request.body, request.peer)
        )
        return _lacking(response, "Docker-Content-Digest", "Docker-Distribution-API-Version")


def _lacking(response: Response, *names: str) -> Response:
    hidden = {name.lower() for name in names}
    response.headers = [each for each in response.headers if each[0].lower() not in hidden]
    return response


def _challenged(challenge: str) -> Response:
    return refusal(401, [("WWW-Authenticate", challenge)])


def _too_large() -> Response:
    page = b"<html><head><title>413 Request Entity Too Large</title></head></html>\n"
    fields = [("Server", "nginx"), ("Content-Type", "text/html")]
    return Response(413, [*fields, ("Content-Length", str(len(page)))], page)


async def _buffered(body: Inbound, most: int) -> bytes | None:
    """All of *body*, or ``None`` if it is longer than *most* bytes."""
    taken = bytearray()
    while await body.ready():
        # Its sender may be on this very event loop.
        taken += await asyncio.to_thread(_some, body, most + 1 - len(taken))
        if len(taken) > most:
            return None
    return bytes(taken)


def _some(body: Inbound, enough: int) -> bytes:
    taken = bytearray()
    for block in body.blocks():
        taken += block
        if len(taken) >= enough:
            break
    return bytes(taken)


def _path(url: str) -> str:
    return urlsplit(url).path


def _rights(request: Request) -> frozenset[_Right]:
    """What *request* needs."""
    place = match(request.path)
    if place is None or not place.name:
        catalog = place is not None and place.route is Route.CATALOG
        return frozenset({("registry", "catalog", "*")} if catalog else ())
    if request.method in {"GET", "HEAD"}:
        actions = ["pull"]
    elif request.method == "DELETE" and place.route is not Route.UPLOAD:
        actions = ["delete"]
    else:
        actions = ["pull", "push"]
    return frozenset(("repository", place.name, action) for action in actions)


def _each(scopes: Iterable[Scope]) -> Iterable[_Right]:
    return ((scope.kind, scope.name, action) for scope in scopes for action in scope.actions)
