"""Endpoints are reached as they are configured: by POST, with what they want to be sent along."""

import base64
import http.server
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from lading.app.config.notices import EndpointConfig, NotificationsConfig
from lading.app.notices import noticing, require_endpoints, subscribed
from lading.app.stores import utc_now
from lading.client.connections.transport import Proxies
from lading.errors import ConfigInvalid, UpstreamFailed
from lading.interfaces.access import Occasion
from lading.interfaces.notices import Deed, Notice
from lading.metadata.sqlite import open_sqlite
from lading.oci.names import RepositoryName
from lading.sinks.envelopes import Origin
from tests.peers.threads import at_work

HERE = Origin("host:5000", "an instance")
NOTICE = Notice(
    id="1",
    at=datetime(2026, 1, 1, tzinfo=UTC),
    deed=Deed.DELETE,
    repository=RepositoryName("team/app"),
    occasion=Occasion(),
)


class _Web:
    """A server whose answers depend on the path; notes what was asked."""

    def __init__(self) -> None:
        web = self
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {k.lower(): v for k, v in self.headers.items()}
                web.asked.append((self.command, self.path, headers, body))
                if self.path == "/silent":
                    web.over.wait(10)
                status, _, to = self.path.strip("/").partition("/")
                self.send_response(int(status) if status.isdigit() else 200)
                if to:
                    self.send_header("Location", to if to.startswith("http") else f"/{to}")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.over = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def web() -> Iterator[_Web]:
    """A server of the test's own."""
    found = _Web()
    with at_work(found.server):
        yield found
        found.over.set()


async def _tell(config: EndpointConfig) -> int:
    async with subscribed(config, origin=HERE, proxies=Proxies()) as found:
        return await found.sink.tell(NOTICE)


async def test_notice_is_posted_with_configured_headers(web: _Web) -> None:
    """A login in the URL is sent as one, and not as part of it."""
    url = web.url.replace("http://", "http://ann:s%3Acret@") + "/hook?x=1"
    config = EndpointConfig(name="a", url=url, headers={"X-Word": ("one", "tw\u014d")})

    status = await _tell(config)

    [(method, path, headers, body)] = web.asked
    assert (status, method, path) == (200, "POST", "/hook?x=1")
    assert headers["content-type"] == "application/vnd.docker.distribution.events.v2+json"
    assert headers["x-word"].encode("latin-1") in {b"one", "tw\u014d".encode()}
    assert headers["authorization"] == "Basic " + base64.b64encode(b"ann:s:cret").decode()
    assert b'"action": "delete"' in body


@pytest.mark.parametrize(
    ("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")]
)
async def test_redirects_are_followed(web: _Web, status: int, method: str) -> None:
    """As Go does it: the body is sent again where the status says so."""
    code = await _tell(EndpointConfig(name="a", url=f"{web.url}/{status}/200"))

    (_, _, _, sent), (again, path, _, body) = web.asked
    assert (code, again, path) == (200, method, "/200")
    assert body == (sent if method == "POST" else b"")


async def test_secrets_of_one_place_are_not_told_to_another(web: _Web) -> None:
    """Who can redirect does not learn what the endpoint is sent along."""
    other = web.url.replace("127.0.0.1", "localhost")
    config = EndpointConfig(
        name="a", url=f"{web.url}/307/{other}/200", headers={"Authorization": ("Bearer x",)}
    )

    await _tell(config)

    assert ["authorization" in headers for _, _, headers, _ in web.asked] == [True, False]


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_anything_but_success_is_a_failure(web: _Web, status: int) -> None:
    """The status is told, for those who count."""
    with pytest.raises(UpstreamFailed, match=str(status)) as caught:
        await _tell(EndpointConfig(name="a", url=f"{web.url}/{status}"))

    assert caught.value.status == status


@pytest.mark.parametrize("path", ["/307/307/307", "/silent"])
async def test_endpoint_that_leads_nowhere_is_a_failure(web: _Web, path: str) -> None:
    """It redirects without an end, or never answers."""
    config = EndpointConfig(name="a", url=web.url + path, timeout=timedelta(seconds=0.2))
    if path == "/silent":
        with pytest.raises(UpstreamFailed, match="no answer"):
            await _tell(config)
    else:
        assert await _tell(config) == 307


@pytest.mark.parametrize("url", ["", "ftp://x", "no url", "http://", "http://[::1"])
def test_url_that_is_none_is_refused_at_the_start(url: str) -> None:
    """And not when the first event is to be told."""
    config = NotificationsConfig(endpoints=(EndpointConfig(name="hook", url=url),))

    with pytest.raises(ConfigInvalid, match="hook"):
        require_endpoints(config)


@pytest.mark.parametrize("url", ["ftp://u:geheim@x/?k=geheim", "http://u:geheim@x y/?k=geheim"])
def test_refusal_of_a_url_does_not_say_what_opens_it(url: str) -> None:
    """It is in logs, and in what `lading doctor` says."""
    config = NotificationsConfig(endpoints=(EndpointConfig(name="hook", url=url),))

    with pytest.raises(ConfigInvalid, match="is not a URL") as caught:
        require_endpoints(config)

    assert "geheim" not in str(caught.value)


async def test_endpoint_that_is_disabled_need_not_have_a_url() -> None:
    """Files that were made from a form have such."""
    config = NotificationsConfig(endpoints=(EndpointConfig(name="hook", disabled=True),))

    require_endpoints(config)
    async with (
        open_sqlite(None, grace=timedelta(hours=1)) as metadata,
        noticing(config, metadata, listen="x:5000", now=utc_now) as found,
    ):
        assert found.endpoints() == [{"name": "hook", "url": "", "disabled": True}]


@pytest.mark.parametrize("names", [("a", "a"), ("a", "")])
def test_names_are_needed_and_different(names: tuple[str, str]) -> None:
    """How far an endpoint was told is kept by its name."""
    endpoints = tuple(EndpointConfig(name=name, url="http://localhost") for name in names)

    with pytest.raises(ConfigInvalid, match="name"):
        require_endpoints(NotificationsConfig(endpoints=endpoints))


@pytest.mark.parametrize(
    ("ignored", "pulls", "repeats"),
    [((), True, True), (("pull",), False, True), (("push", "mount"), True, False)],
)
async def test_nothing_is_noted_that_nobody_wants(
    ignored: tuple[str, ...], pulls: bool, repeats: bool
) -> None:
    """The way of a pull costs nothing when no endpoint is told of pulls."""
    endpoint = EndpointConfig(name="a", url="http://127.0.0.1:1", ignore_actions=ignored)
    async with (
        open_sqlite(None, grace=timedelta(hours=1)) as metadata,
        noticing(
            NotificationsConfig(endpoints=(endpoint,)), metadata, listen="x:5000", now=utc_now
        ) as found,
    ):
        assert (found.pulled is not None, found.repeats) == (pulls, repeats)


async def test_nobody_is_told_by_a_server_without_endpoints() -> None:
    """Nor by those that are disabled."""
    endpoint = EndpointConfig(
        name="a", url="http://u:secret@127.0.0.1:1/x?key=secret", disabled=True
    )
    async with (
        open_sqlite(None, grace=timedelta(hours=1)) as metadata,
        noticing(
            NotificationsConfig(endpoints=(endpoint,)), metadata, listen="x:5000", now=utc_now
        ) as found,
    ):
        assert found.pulled is None
        assert not found.repeats
        assert "secret" not in str(found.endpoints())
        assert not (await metadata.outlook()).deliveries
