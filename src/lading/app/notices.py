"""Who is told what happened: endpoints as they are configured, and the way to them.

Every worker has a `Noticing`. Changes are told by whichever worker has the right to; pulls by the
worker in which they happened.
"""

import asyncio
import itertools
import logging
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

from lading.app.beside import beside
from lading.app.config.notices import EndpointConfig, NotificationsConfig
from lading.app.config.options import unusable
from lading.app.surroundings import Surroundings
from lading.app.urls import parted, shown
from lading.app.versions import version
from lading.bodies import Bytes
from lading.client.connections.origin import Origin as Place
from lading.client.connections.origin import resolved
from lading.client.connections.transport import Proxies, Timeouts, Transport, open_transport
from lading.errors import ConfigInvalid, ManifestUnknown, ReferenceInvalid, UpstreamFailed
from lading.http.call import occasion_of
from lading.interfaces.access import Principal
from lading.interfaces.metadata import MetadataStore, Names
from lading.interfaces.notices import Deed, Meter, Notice
from lading.oci.descriptor import Descriptor
from lading.oci.media_types import OCTETS
from lading.oci.names import RepositoryName, Tag
from lading.registry.feed import Feed, Subscription
from lading.registry.hearsay import Hearsay
from lading.registry.notices import pull_of
from lading.sinks.envelopes import ENVELOPES, Origin
from lading.sinks.http import HttpSink
from lading.wire.headers import utf8
from lading.wire.message import Headers, Request

log = logging.getLogger(__name__)

INSTANCE = str(uuid.uuid4())
"""This run of the server: made before it forks, so that all workers say the same."""

_MOST_REDIRECTS = 10
_THREADS = 2
"""For each endpoint: one tells changes, one tells pulls."""


_ENDPOINTS = "notifications.endpoints"


def require_endpoints(config: NotificationsConfig) -> None:
    """Make sure that everybody who is to be told can be told apart, and be found.

    Raises:
        ConfigInvalid: two have one name, one has none, or a URL is none.
    """
    for mistake in mistaken_endpoints(config):
        raise mistake


def mistaken_endpoints(config: NotificationsConfig) -> Iterator[ConfigInvalid]:
    """All that `require_endpoints` has to say; nothing is asked of any network."""
    names = [each.name for each in config.endpoints]
    for name in dict.fromkeys(names):
        if not name or names.count(name) > 1:
            yield unusable(
                _ENDPOINTS,
                f"{name or 'an endpoint'} needs a name of its own, "
                "by which is remembered what it was told",
            )
    for each in config.endpoints:
        if not each.disabled:
            try:
                _destination(each)
            except ConfigInvalid as error:
                yield error


class Noticing:
    """What a worker notes for those who are told.

    ``pulled`` is ``None`` when nobody wants to know, and costs nothing then; ``repeats`` says whether
    anybody wants to know of pushes that change nothing.
    """

    def __init__(
        self,
        hearsay: Hearsay,
        names: Names,
        endpoints: Sequence[Mapping[str, object]],
        *,
        pulls: bool,
        repeats: bool,
        references: bool,
        now: Callable[[], datetime],
    ) -> None:
        self._hearsay = hearsay
        self._names = names
        self._endpoints = endpoints
        self._references = references
        self._now = now
        # What was pulled twice in one moment was pulled twice.
        self._seed = uuid.uuid4().hex
        self._count = itertools.count()
        self.pulled = self._pulled if pulls else None
        self.repeats = repeats

    def endpoints(self) -> Sequence[Mapping[str, object]]:
        """Who is told, without anything secret."""
        return self._endpoints

    def _pulled(self, request: Request, descriptor: Descriptor, tag: Tag | None) -> None:
        """*request* fetched what *descriptor* names."""
        self._hearsay.note(partial(self._pull, self._now(), request, descriptor, tag))

    async def _pull(
        self, at: datetime, request: Request, descriptor: Descriptor, tag: Tag | None
    ) -> list[Notice]:
        assert request.place is not None
        name = RepositoryName(request.place.name)
        occasion = occasion_of(request, Principal(request.user))
        manifest = None
        if self._references and descriptor.media_type != OCTETS:
            with suppress(ManifestUnknown):
                manifest = await self._names.get_manifest(name, descriptor.digest)
        told = pull_of(
            at, occasion, name, descriptor, tag=tag, seed=self._next(), manifest=manifest
        )
        return [told]

    def _next(self) -> str:
        return f"{self._seed}/{next(self._count)}"


@asynccontextmanager
async def noticing(
    config: NotificationsConfig,
    metadata: MetadataStore,
    *,
    listen: str,
    now: Callable[[], datetime],
    relative: bool = False,
    may_write: Callable[[], bool] = lambda: True,
    meter: Meter | None = None,
) -> AsyncIterator[Noticing]:
    """Tell all endpoints of *config* what happens, as long as this lasts.

    *listen* is the address of the server as it is configured; *relative* names what happened by
    paths. Nothing is written while *may_write* says no. *meter* counts what is told.

    Raises:
        StorageFailed: it cannot be found out how far the endpoints have got.
    """
    async with AsyncExitStack() as stack:
        told = [
            await stack.enter_async_context(
                subscribed(each, origin=_origin(listen, relative=relative))
            )
            for each in config.endpoints
            if not each.disabled
        ]
        feed = Feed(
            metadata,
            told,
            paused=[each.name for each in config.endpoints if each.disabled],
            references=config.include_references,
            give_up=config.give_up,
            keep=config.keep,
            now=now,
            may_write=may_write,
            meter=meter,
        )
        await feed.begin()
        hearsay = Hearsay(told, meter=meter)
        if told:
            await stack.enter_async_context(hearsay.telling())
        await stack.enter_async_context(beside(feed.run()))
        yield Noticing(
            hearsay,
            metadata,
            [
                {"name": each.name, "url": shown(each.url), "disabled": each.disabled}
                for each in config.endpoints
            ],
            pulls=any(Deed.PULL not in each.ignored for each in told),
            repeats=any(not each.ignored >= {Deed.PUSH, Deed.MOUNT} for each in told),
            references=config.include_references,
            now=now,
        )


@asynccontextmanager
async def subscribed(
    config: EndpointConfig, *, origin: Origin, proxies: Proxies | None = None
) -> AsyncIterator[Subscription]:
    """An endpoint as it is configured, with a way to it that it shares with nobody.

    Raises:
        ConfigInvalid: its URL is none.
    """
    url, headers = _destination(config)
    seconds = config.timeout.total_seconds()
    async with open_transport(
        proxies=Surroundings.here().proxies if proxies is None else proxies,
        timeouts=Timeouts(connect=seconds, silence=seconds, answer=seconds),
        threads=_THREADS,
    ) as transport:
        yield Subscription(
            name=config.name,
            sink=HttpSink(
                Posting(transport, timeout=seconds),
                url,
                envelope=ENVELOPES[config.format],
                origin=origin,
                headers=headers,
            ),
            ignored_types=frozenset(config.ignore_media_types),
            ignored=frozenset(map(Deed, config.ignore_actions)),
            threshold=config.threshold,
            backoff=config.backoff,
        )


def _destination(config: EndpointConfig) -> tuple[str, Sequence[tuple[str, str]]]:
    """The URL without a login, and the headers, the login among them.

    Raises:
        ConfigInvalid: it is no URL that events can be posted to.
    """
    url, login = parted(config.url)
    try:
        Place.parse(url)
        parts = urlsplit(url)
    except (ReferenceInvalid, ValueError):
        raise unusable(
            _ENDPOINTS,
            f"{config.name or 'an endpoint'}: {shown(config.url)!r} is not "
            "a URL that begins with https:// or http://",
        ) from None
    headers = [(name, utf8(value)) for name, values in config.headers.items() for value in values]
    if login is not None:
        headers.append(("Authorization", login))
    return parts._replace(path=parts.path or "/").geturl(), headers


def _origin(listen: str, *, relative: bool) -> Origin:
    host, (_, _, port) = socket.gethostname(), listen.rpartition(":")
    return Origin(f"{host}:{port}" if port.isdigit() else host, INSTANCE, relative)


class Posting:
    """Sends bodies over *transport*, for *timeout* seconds at most; see `lading.sinks.http.Post`."""

    def __init__(self, transport: Transport, *, timeout: float) -> None:
        self._transport = transport
        self._timeout = timeout
        self._agent = f"lading/{version()}"

    async def __call__(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> int:
        """POST *body* to *url*; the status of the last answer.

        Raises:
            UpstreamFailed: there was none.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await self._posted(url, headers, body)
        except TimeoutError:
            raise UpstreamFailed(f"no answer within {self._timeout:g} s") from None
        except ReferenceInvalid as error:
            raise UpstreamFailed(f"it redirects to where nobody can be: {error.subject}") from None

    async def _posted(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> int:
        method, first = "POST", Place.parse(url)
        for _ in range(_MOST_REDIRECTS):
            place = Place.parse(url)
            # What is a secret of one place is not told to another.
            own = headers if place == first else headers[:1]
            status, location = await self._asked(method, place, url, own, body)
            if location is None or status not in {301, 302, 303, 307, 308}:
                return status
            url = resolved(url, location)
            if status in {301, 302, 303}:
                method, body = "GET", b""
        raise UpstreamFailed(f"more than {_MOST_REDIRECTS} redirects")

    async def _asked(
        self,
        method: str,
        place: Place,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
    ) -> tuple[int, str | None]:
        parts = urlsplit(url)
        fields = [
            (b"user-agent", self._agent.encode()),
            *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers),
        ]
        request = Request(
            method, parts.path or "/", parts.query, Headers(fields), Bytes(body), id=""
        )
        response = await self._transport.to(place)(request)
        assert not isinstance(response.body, bytes)
        await response.body.aclose()
        return response.status, Headers.of(response.headers).get(b"location")
