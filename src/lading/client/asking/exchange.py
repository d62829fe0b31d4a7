"""One registry, asked: every request authorised, tried again, and followed where it leads.

Credentials go to the registry's own origin and to the realm its own challenge names, and nowhere
else. What comes back is either what the caller expects or an error of the one tree.
"""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from lading.bodies import Stream
from lading.client.asking.authority import Authority, Shown, Told
from lading.client.asking.calls import Answer, Call, collected
from lading.client.asking.errand import Errand, needs_somebody
from lading.client.asking.judging import judged, page_of_html, shown
from lading.client.asking.retry import NOT_BEGUN, TRY_AGAIN, Retry, retry_after
from lading.client.connections.origin import Origin
from lading.client.connections.transport import Transport
from lading.client.hosts.host import Capability, Endpoint, Host
from lading.client.logins.credentials import Keyring
from lading.errors import (
    LadingError,
    RegistryError,
    Unauthorized,
    Unsupported,
    UpstreamFailed,
    UpstreamUnreachable,
)
from lading.wire.challenges import Scope, parse
from lading.wire.message import Headers, Request
from lading.wire.routes import Route, match

__all__ = ["Answer", "Call", "Exchange"]

_USUAL = Retry()
_REDIRECTS = {301, 302, 303, 307, 308}
_KEEPING_THE_METHOD = {307, 308}
_MOST_REDIRECTS = 5
_MOST_CHALLENGES = 2
_TRIES_AT_MIRROR = 2
_AVOIDED = 60.0
"""For how many seconds a mirror that failed is not asked."""
_MOST_WARNINGS = 100
_WARNING = re.compile(r'\s*299\s+\S+\s+"((?:[^"\\]|\\.)*)"')
_AT_MIRRORS = {Route.BLOB, Route.REFERRERS, Route.TAGS}
_AGENT = "lading"
_LONGEST_ERROR = 1 << 20


class Exchange:
    """Requests to one registry.

    Args:
        host: where it is to be found.
        transport: the way there.
        keyring: who we are there.
        retry: how often is tried, and when.
        sleep: waits so many seconds.
        now: the time in seconds since 1970.
        random: a number from 0 to 1.
        on_warning: hears each text of ``Warning: 299`` once.
        on_retry: hears what failed each time before it is tried again, and in how many seconds.
    """

    def __init__(
        self,
        host: Host,
        transport: Transport,
        keyring: Keyring,
        *,
        retry: Retry = _USUAL,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.time,
        random: Callable[[], float] = random.random,
        on_warning: Callable[[str], None] | None = None,
        on_retry: Callable[[str, float], None] | None = None,
    ) -> None:
        self._host = host
        self._transport = transport
        self._retry = retry
        self._sleep = sleep
        self._now = now
        self._random = random
        self._on_warning = on_warning
        self._on_retry = on_retry
        self._warned: set[str] = set()
        self._origins = {endpoint: endpoint.origin for endpoint in host.endpoints}
        self._avoided: dict[Endpoint, float] = {}
        self._authorities = {
            endpoint: Authority(
                endpoint.known_as or endpoint.origin.netloc,
                keyring,
                transport,
                self._told_patiently,
                now,
            )
            for endpoint in host.endpoints
        }

    @property
    def host(self) -> Host:
        """The registry that is asked."""
        return self._host

    async def send(self, call: Call) -> Answer:
        """The answer to *call*, whose status is one it expects.

        Raises:
            RegistryError: what the registry says is wrong, as the class it would be locally;
                ``where`` names the registry, and a note the request.
            Unsupported: no endpoint of the registry may be asked for that.
            UpstreamFailed: the registry did not answer as the protocol says, or kept failing.
            UpstreamUnreachable: it could not be asked.
        """
        *mirrors, last = self._endpoints(call)
        for mirror in mirrors:
            try:
                return await self._asked(mirror, call, tries=_TRIES_AT_MIRROR)
            except (UpstreamFailed, RegistryError) as error:
                if isinstance(error, UpstreamFailed):
                    self._avoided[mirror] = self._now() + _AVOIDED
                self._heard_of(f"mirror {mirror.origin}: {error}", 0.0)
        return await self._asked(last, call, tries=self._retry.tries)

    async def token(self, scopes: tuple[Scope, ...]) -> str | None:
        """A bearer token for *scopes*, for use elsewhere; ``None`` where none are given out.

        Raises:
            Unauthorized: the registry does not take our credentials.
        """
        endpoint = self._host.endpoints[-1]
        origin = self._origins[endpoint]
        authority = self._authorities[endpoint]
        request = Request("GET", endpoint.path("/v2/"), headers=Headers.of([*endpoint.headers]))
        response = await self._transport.to(origin)(request)
        await collected(response, limit=_LONGEST_ERROR)
        if response.status == 401:
            authority.challenged(Headers.of(response.headers), scopes, Shown())
        try:
            found = await authority.shown(origin, scopes)
        except LadingError as error:
            self._place(error, endpoint)
            raise
        bearer, _, value = (found.value or "").partition(" ")
        return value if bearer == "Bearer" else None

    def _endpoints(self, call: Call) -> list[Endpoint]:
        if call.url is not None:
            return [self._owner(Origin.parse(call.url)) or self._host.endpoints[-1]]
        found = self._host.able(_capability(call))
        if not found:
            raise Unsupported(f"no endpoint of {self._host.name} is there for {call.method}")
        now = self._now()
        usable = [each for each in found if self._avoided.get(each, 0.0) <= now]
        return usable if usable and usable[-1] is found[-1] else [*usable, found[-1]]

    def _owner(self, origin: Origin) -> Endpoint | None:
        owners = (each for each in self._host.endpoints if self._origins[each] == origin)
        return next(owners, None)

    async def _asked(self, endpoint: Endpoint, call: Call, *, tries: int) -> Answer:
        errand = Errand(call, endpoint)
        try:
            return await self._tried(errand, tries)
        except LadingError as error:
            if errand.foreign is None:
                self._place(error, endpoint)
            raise

    async def _tried(self, errand: Errand, tries: int) -> Answer:
        failures = 0
        while True:
            asked: float | None = None
            try:
                answer = await self._followed(errand)
                if errand.foreign is not None:
                    await answer.aclose()
                    raise errand.foreign
                if (error := await self._fault(errand, answer)) is None:
                    return answer
                asked = retry_after(answer.headers.get(b"retry-after"), self._now())
                passing = answer.status in (TRY_AGAIN if errand.idempotent else NOT_BEGUN)
            except UpstreamFailed as failure:
                if errand.foreign is not None:
                    raise
                if self._unsealed(errand.endpoint, failure):
                    continue
                error = failure
                passing = errand.may_go_again(failure)
            failures += 1
            wait = self._retry.wait(failures, asked, self._random()) if failures < tries else None
            if not passing or wait is None:
                raise error
            self._heard_of(str(error), wait)
            await self._sleep(wait)

    async def _told_patiently(self, ask: Callable[[], Awaitable[Told]]) -> Told:
        failures = 0
        while True:
            failed: UpstreamFailed | None = None
            told: Told | None = None
            asked: float | None = None
            try:
                told = await ask()
                asked = retry_after(told.headers.get(b"retry-after"), self._now())
            except UpstreamFailed as error:
                failed = error
            if told is not None and told.status not in TRY_AGAIN:
                return told
            failures += 1
            wait = self._retry.wait(failures, asked, self._random())
            if failed is not None and (wait is None or needs_somebody(failed)):
                raise failed
            if wait is None:
                assert told is not None
                return told
            await self._sleep(wait)

    async def _followed(self, errand: Errand) -> Answer:
        """The answer to one try, after all redirects."""
        endpoint, call = errand.endpoint, errand.call
        url = asked = errand.url(self._origins[endpoint])
        seen = {url}
        while True:
            answer = await self._authorised(errand, url)
            answer.asked = asked
            if answer.status in call.expect or answer.status not in _REDIRECTS:
                return answer
            await answer.read_some()
            if not errand.is_reading and answer.status not in _KEEPING_THE_METHOD:
                raise UpstreamFailed(
                    f"{call.method} {shown(url)}: sent on by {answer.status}, which a body cannot "
                    "follow",
                    status=answer.status,
                )
            url = answer.location()
            if url in seen or len(seen) > _MOST_REDIRECTS:
                raise UpstreamFailed(
                    f"{call.method} {shown(asked)}: redirected in circles", status=answer.status
                )
            seen.add(url)

    async def _authorised(self, errand: Errand, url: str) -> Answer:
        """The answer of *url*, which is shown who we are if it is the registry itself."""
        endpoint, origin = errand.endpoint, Origin.parse(url)
        if origin != self._origins[endpoint]:
            return await self._once(errand, url, origin, [])
        authority = self._authorities[endpoint]
        credentials = await authority.shown(origin, errand.scopes)
        for left in range(_MOST_CHALLENGES, -1, -1):
            fields = list(endpoint.headers)
            if credentials.value is not None:
                fields.append(("Authorization", credentials.value))
            answer = await self._once(errand, url, origin, fields)
            refused = answer.status == 401 or (answer.status == 403 and _wants_more(answer.headers))
            more = refused and authority.challenged(answer.headers, errand.scopes, credentials)
            if not (left and more):
                break
            try:
                before, credentials = credentials, await authority.shown(origin, errand.scopes)
            except BaseException:
                await answer.aclose()
                raise
            if credentials.value == before.value:
                break
            await answer.read_some()
        return answer

    async def _once(
        self, errand: Errand, url: str, origin: Origin, fields: Sequence[tuple[str, str]]
    ) -> Answer:
        parts = urlsplit(url)
        headers = Headers.of([*_always(), *errand.call.headers, *fields])
        async with errand.body() as body:
            request = Request(errand.call.method, parts.path, parts.query, headers, body)
            response = await self._transport.to(origin)(request)
        assert isinstance(response.body, Stream)
        found = Headers.of(response.headers)
        self._warn(found)
        return Answer(response.status, found, response.body, url, url)

    async def _fault(self, errand: Errand, answer: Answer) -> LadingError | None:
        """What is wrong with *answer*, which is closed then; ``None`` if it is what is expected."""
        call = errand.call
        path = call.path if call.url is None else urlsplit(call.url).path
        if answer.status in call.expect:
            error = page_of_html(call.method, answer.url, path, answer.status, answer.headers)
            if error is not None:
                await answer.aclose()
            return error
        body = await answer.read_some()
        error = judged(
            call.method, answer.url, path, answer.status, headers=answer.headers, body=body
        )
        if isinstance(error, Unauthorized):
            error.advice = f"Log in with `lading login {self._host.name}`."
        return error

    def _unsealed(self, endpoint: Endpoint, failure: UpstreamFailed) -> bool:
        """Whether to go on without encryption, which the configuration has to allow."""
        plain = endpoint.plain
        if plain is None or self._origins[endpoint] == plain:
            return False
        if not isinstance(failure, UpstreamUnreachable):
            return False
        self._origins[endpoint] = plain
        return True

    def _warn(self, headers: Headers) -> None:
        for field in headers.all(b"warning"):
            found = _WARNING.match(field)
            if found is None or self._on_warning is None or len(self._warned) >= _MOST_WARNINGS:
                continue
            if found[1] not in self._warned:
                self._warned.add(found[1])
                self._on_warning(re.sub(r"\\(.)", r"\1", found[1]))

    def _heard_of(self, trouble: str, wait: float) -> None:
        if self._on_retry is not None:
            self._on_retry(trouble, wait)

    def _place(self, error: LadingError, endpoint: Endpoint) -> None:
        mine = endpoint is self._host.endpoints[-1]
        error.where = error.where or (self._host.name if mine else endpoint.origin.netloc)


def _capability(call: Call) -> Capability:
    if call.method not in {"GET", "HEAD"}:
        return Capability.PUSH
    place = match(call.path)
    if place is None:
        return Capability.PUSH
    if place.route is Route.MANIFEST:
        return Capability.PULL if ":" in place.last else Capability.RESOLVE
    return Capability.PULL if place.route in _AT_MIRRORS else Capability.PUSH


def _wants_more(headers: Headers) -> bool:
    return any(
        each.parameters.get("error") == "insufficient_scope"
        for each in parse(headers.all(b"www-authenticate"))
    )


def _always() -> Sequence[tuple[str, str]]:
    # Bytes are wanted as they are: their digest is of them (trap T2).
    return [("User-Agent", _AGENT), ("Accept-Encoding", "identity")]
