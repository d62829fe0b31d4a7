"""Requests over connections: what is sent, what comes back, and what goes wrong on the way."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from lading.bodies import Bytes, FileSpan, Source, Stream
from lading.client.connections.origin import Origin
from lading.client.connections.transport import (
    Connection,
    FaceTransport,
    Proxies,
    Timeouts,
    Transport,
    open_transport,
)
from lading.content.threads import in_thread
from lading.errors import (
    BodyIncomplete,
    SizeInvalid,
    StorageFailed,
    UpstreamFailed,
    UpstreamUnreachable,
)
from lading.layout.workers import Workers
from lading.wire.message import Headers, Request, Response
from tests.unit.client.scripted import Authority, Scripted, Talk, make_authority

pytestmark = pytest.mark.enable_socket

MANY = b"0123456789abcdef" * (1 << 18)


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """A transport that loses patience soon."""
    async with open_transport(timeouts=Timeouts(connect=5, silence=2, answer=2)) as transport:
        yield transport


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that no system knows."""
    return make_authority(tmp_path_factory.mktemp("authority"))


async def _ask(transport: Transport, url: str, request: Request) -> tuple[Response, bytes]:
    response = await transport.to(Origin.parse(url))(request)
    return response, await _read(response)


async def _read(response: Response) -> bytes:
    assert isinstance(response.body, Stream)
    try:
        return await _drained(response.body.source)
    finally:
        await response.body.aclose()


async def _drained(source: Source) -> bytes:
    taken = b""
    while await source.ready():
        taken += await asyncio.to_thread(lambda: b"".join(map(bytes, source.blocks())))
    return taken


def _hang_up(_talk: Talk) -> None:
    """A script that says nothing."""


def _second_after(said: bytes) -> Callable[[Talk], None]:
    """A script that says *said* first, and answers ``second`` from then on."""

    def script(talk: Talk) -> None:
        talk.head()
        talk.say(said)
        while talk.head():
            talk.answer(body=b"second")

    return script


class Slow(Bytes):
    """A body that comes in two halves of unknown length."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.length = None
        self._halves = [data[: len(data) // 2], data[len(data) // 2 :]]

    async def ready(self) -> bool:
        """Whether a half is left."""
        return bool(self._halves)

    def blocks(self) -> Iterator[memoryview]:
        """The next half."""
        yield memoryview(self._halves.pop(0))


async def test_an_answer_comes_with_its_status_fields_and_body(transport: Transport) -> None:
    """Names of fields are in lower case; repeats are kept."""

    def script(talk: Talk) -> None:
        talk.head()
        talk.answer(404, b"gone", "X-One: 1", "x-one: 2")

    with Scripted(script) as server:
        response, body = await _ask(transport, server.url, Request("GET", "/v2/", "n=1"))

    assert response.status == 404
    assert [value for name, value in response.headers if name == "x-one"] == ["1", "2"]
    assert body == b"gone"
    assert server.heads[0].startswith("GET /v2/?n=1 HTTP/1.1\r\nHost: localhost:")


async def test_a_connection_is_used_again_when_its_answer_was_read(transport: Transport) -> None:
    """Two requests, one connection; the body of HEAD is none, whatever its length says."""
    head_alone = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"

    with Scripted(_second_after(head_alone)) as server:
        _, first = await _ask(transport, server.url, Request("HEAD", "/"))
        _, second = await _ask(transport, server.url, Request("GET", "/"))

        assert (first, second) == (b"", b"second")
        assert len(server.talks) == 1


async def test_a_connection_that_was_closed_meanwhile_is_replaced(transport: Transport) -> None:
    """Registries close idle connections; nobody hears of it."""
    closed = threading.Event()

    def script(talk: Talk) -> None:
        talk.head()
        talk.answer(body=b"%d" % talk.number)
        if talk.number == 0:
            talk.sock.shutdown(socket.SHUT_RDWR)
            closed.set()

    with Scripted(script) as server:
        _, first = await _ask(transport, server.url, Request("GET", "/"))
        await asyncio.to_thread(closed.wait)
        _, second = await _ask(transport, server.url, Request("GET", "/"))

    assert (first, second) == (b"0", b"1")


async def test_a_reading_goes_out_again_when_an_old_connection_dies_on_it(
    transport: Transport,
) -> None:
    """The registry may close a connection at the very moment in which it is used."""

    def script(talk: Talk) -> None:
        talk.head()
        talk.answer(body=b"%d" % talk.number)
        if talk.number == 0:
            talk.head()

    with Scripted(script) as server:
        await _ask(transport, server.url, Request("GET", "/"))
        _, second = await _ask(transport, server.url, Request("GET", "/"))

    assert second == b"1"


@pytest.mark.parametrize("ending", [b"", b"Trailer: 1\r\n"])
async def test_a_chunked_answer_has_no_length_and_is_read_whole(
    transport: Transport, ending: bytes
) -> None:
    """Its source says so, and what follows the last chunk is not content."""

    def script(talk: Talk) -> None:
        talk.head()
        talk.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        talk.say(b"3\r\nabc\r\n5;x=y\r\ndefgh\r\n0\r\n" + ending + b"\r\n")
        talk.head()

    with Scripted(script) as server:
        response = await transport.to(Origin.parse(server.url))(Request("GET", "/"))
        assert isinstance(response.body, Stream)
        length = response.body.source.length
        body = await _read(response)

    assert (length, body) == (None, b"abcdefgh")


async def test_a_connection_that_said_more_than_its_answer_is_not_used_again(
    transport: Transport,
) -> None:
    """What was not asked for must not be taken for the next answer."""
    too_much = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nmore"

    with Scripted(_second_after(too_much)) as server:
        await _ask(transport, server.url, Request("GET", "/"))
        await _ask(transport, server.url, Request("GET", "/"))

        assert len(server.talks) == 2


async def test_an_answer_without_a_length_ends_with_its_connection(transport: Transport) -> None:
    """As HTTP/1.0 has it."""

    def script(talk: Talk) -> None:
        talk.head()
        talk.say(b"HTTP/1.0 200 OK\r\n\r\nabc")

    with Scripted(script) as server:
        _, body = await _ask(transport, server.url, Request("GET", "/"))

    assert body == b"abc"


async def test_a_body_of_known_length_is_sent_as_it_is(transport: Transport) -> None:
    """One request, with its length."""
    received: list[bytes] = []

    def script(talk: Talk) -> None:
        talk.head()
        received.append(talk.body(len(MANY)))
        talk.answer(201)

    with Scripted(script) as server:
        response, _ = await _ask(transport, server.url, Request("PUT", "/", body=Bytes(MANY)))

    assert response.status == 201
    assert f"Content-Length: {len(MANY)}" in server.heads[0]
    assert received == [MANY]


async def test_a_body_of_unknown_length_is_chunked(transport: Transport) -> None:
    """What comes goes out, piece by piece."""
    received: list[bytes] = []

    def script(talk: Talk) -> None:
        talk.head()
        received.append(talk.body(len(b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n")))
        talk.answer(202)

    with Scripted(script) as server:
        await _ask(transport, server.url, Request("PATCH", "/", body=Slow(b"abcdef")))

    assert "Transfer-Encoding: chunked" in server.heads[0]
    assert received == [b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"]


@pytest.mark.parametrize("sealed", [False, True])
async def test_an_answer_ends_the_sending_of_a_body(authority: Authority, sealed: bool) -> None:
    """A registry that refuses says so at once and reads no more; its words are not lost."""

    def script(talk: Talk) -> None:
        talk.head()
        talk.answer(401, b"who are you?")
        # Reads nothing more, and stays until the client has left.
        done.wait(30)

    done = threading.Event()
    context = authority.context() if sealed else None
    connection = Connection(ca_files=(str(authority.ca),))
    async with open_transport(settings=lambda _origin: connection) as transport:
        with Scripted(script, context) as server:
            request = Request("PUT", "/", body=Bytes(MANY * 8))
            response, body = await _ask(transport, server.url, request)
            done.set()

    assert response.status == 401
    assert body == b"who are you?"


async def test_an_answer_is_heard_though_the_connection_broke_on_the_body(
    transport: Transport,
) -> None:
    """The registry answers and hangs up in the middle of a body."""

    def script(talk: Talk) -> None:
        talk.head()
        talk.answer(413, b"too much")

    with Scripted(script) as server:
        response, body = await _ask(transport, server.url, Request("PUT", "/", body=Bytes(MANY)))

    assert (response.status, body) == (413, b"too much")


async def test_a_connection_on_which_a_body_was_broken_off_is_not_used_again(
    transport: Transport,
) -> None:
    """The rest of the body would be read as another request."""

    def script(talk: Talk) -> None:
        talk.head()
        talk.answer(307 if talk.number == 0 else 200)
        talk.head()

    with Scripted(script) as server:
        await _ask(transport, server.url, Request("PUT", "/", body=Bytes(MANY * 8)))
        response, _ = await _ask(transport, server.url, Request("POST", "/"))

    assert response.status == 200
    assert len(server.talks) == 2


async def test_a_body_that_is_shorter_than_it_says_fails_by_itself(transport: Transport) -> None:
    """It is no fault of the registry's."""
    body = Bytes(b"abc")
    body.length = 4

    def script(talk: Talk) -> None:
        talk.head()
        talk.body(4)

    with Scripted(script) as server, pytest.raises(BodyIncomplete):
        await _ask(transport, server.url, Request("PUT", "/", body=body))


async def test_a_body_that_is_longer_than_it_says_fails_by_itself(transport: Transport) -> None:
    """What is too much would be read as another request."""
    body = Bytes(b"abc")
    body.length = 2

    with Scripted(_hang_up) as server, pytest.raises(SizeInvalid):
        await _ask(transport, server.url, Request("PUT", "/", body=body))


async def test_an_error_of_a_body_is_handed_on_as_it_is(transport: Transport) -> None:
    """Whoever copies has to know which side failed."""

    class Broken(Bytes):
        def blocks(self) -> Iterator[memoryview]:
            yield memoryview(b"ab")
            raise StorageFailed("the disk")

    def script(talk: Talk) -> None:
        talk.head()
        talk.body(8)

    with Scripted(script) as server, pytest.raises(StorageFailed):
        await _ask(transport, server.url, Request("PUT", "/", body=Broken(b"abcdefgh")))


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"<html>hello",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 70_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\n" + (b"X: " + b"y" * 60_000 + b"\r\n") * 200,
    ],
    ids=["nothing", "html", "no status", "endless status", "many fields", "long fields"],
)
async def test_what_is_no_http_is_an_error_of_the_registry(
    transport: Transport, said: bytes
) -> None:
    """None of it is kept in memory without end."""

    def script(talk: Talk) -> None:
        talk.head()
        talk.say(said)

    with Scripted(script) as server, pytest.raises(UpstreamFailed) as caught:
        await _ask(transport, server.url, Request("POST", "/"))

    assert not isinstance(caught.value, UpstreamUnreachable)
    assert server.url in str(caught.value)


@pytest.mark.parametrize("drip", [b"", b"x"], ids=["silent", "dripping"])
async def test_a_head_that_does_not_end_is_not_waited_for(drip: bytes) -> None:
    """One byte now and then does not keep a client for ever."""
    left = threading.Event()

    def script(talk: Talk) -> None:
        talk.head()
        talk.say(b"HTTP/1.1 200 OK\r\nX: ")
        while not left.wait(0.02):
            talk.say(drip)

    async with open_transport(timeouts=Timeouts(answer=0.3)) as transport:
        with Scripted(script) as server:
            with pytest.raises(UpstreamFailed, match="too long"):
                await _ask(transport, server.url, Request("GET", "/"))
            left.set()


@pytest.mark.parametrize(
    "said",
    [
        b"Content-Length: 100\r\n\r\nabc",
        b"Content-Length: 10\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nhello\r\n",
    ],
)
async def test_a_body_that_breaks_off_is_not_taken_for_whole(
    transport: Transport, said: bytes
) -> None:
    """The error comes from the blocks, in whichever way the length was told."""

    def script(talk: Talk) -> None:
        talk.head()
        talk.say(b"HTTP/1.1 200 OK\r\n" + said)

    with Scripted(script) as server, pytest.raises(UpstreamFailed):
        await _ask(transport, server.url, Request("GET", "/"))


async def test_a_body_that_falls_silent_is_not_waited_for() -> None:
    """A connection may die without a sign."""
    left = threading.Event()

    def script(talk: Talk) -> None:
        talk.head()
        talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        left.wait()

    async with open_transport(timeouts=Timeouts(silence=0.2)) as transport:
        with Scripted(script) as server:
            with pytest.raises(UpstreamFailed, match="too long"):
                await _ask(transport, server.url, Request("GET", "/"))
            left.set()


async def test_whoever_does_not_read_a_body_can_close_it(transport: Transport) -> None:
    """The connection ends with it, and the next request has another."""

    def script(talk: Talk) -> None:
        talk.head()
        talk.answer(body=MANY * 4)

    with Scripted(script) as server:
        response = await transport.to(Origin.parse(server.url))(Request("GET", "/"))
        assert isinstance(response.body, Stream)
        await response.body.aclose()
        with pytest.raises(UpstreamFailed):
            await response.body.source.again()
        other, _ = await _ask(transport, server.url, Request("GET", "/"))

    assert other.status == 200


async def test_closing_a_body_ends_its_reading(transport: Transport) -> None:
    """Whoever is cancelled closes what another thread still waits for."""
    asked = threading.Event()

    def script(talk: Talk) -> None:
        talk.head()
        talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        asked.set()
        talk.head()

    with Scripted(script) as server:
        response = await transport.to(Origin.parse(server.url))(Request("GET", "/"))
        assert isinstance(response.body, Stream)
        blocks = response.body.source.blocks()
        first = await asyncio.to_thread(lambda: bytes(next(blocks)))
        waiting = asyncio.get_running_loop().run_in_executor(None, next, blocks, None)
        await response.body.aclose()

        assert first == b"abc"
        with pytest.raises(UpstreamFailed):
            await waiting


@pytest.mark.parametrize("runner", ["content", "layout", "client"])
async def test_cancelling_ends_what_is_done_with_a_body(runner: str) -> None:
    """Also while the registry is silent, and whoever takes the body has its thread elsewhere."""
    workers, begun = Workers(), threading.Event()

    def script(talk: Talk) -> None:
        talk.head()
        talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        talk.head()

    def relay(talk: Talk) -> None:
        talk.head()
        talk.body(3)
        begun.set()
        talk.head()

    async with open_transport(timeouts=Timeouts(silence=3600)) as transport:
        with Scripted(script) as server, Scripted(relay) as target:
            response = await transport.to(Origin.parse(server.url))(Request("GET", "/"))
            assert isinstance(response.body, Stream)
            source = response.body.source

            def take() -> None:
                for _ in source.blocks():
                    begun.set()

            work: dict[str, Callable[[], Awaitable[object]]] = {
                "content": lambda: in_thread(take),
                "layout": lambda: workers.run(take),
                "client": lambda: transport.to(Origin.parse(target.url))(
                    Request("PUT", "/", body=source)
                ),
            }
            doing = asyncio.ensure_future(work[runner]())
            await asyncio.to_thread(begun.wait)
            doing.cancel()
            done, _ = await asyncio.wait([doing], timeout=10)
            await response.body.aclose()

        assert done == {doing}
    workers.close()


async def test_cancelling_ends_a_request_at_once() -> None:
    """The thread is waited for, and has nothing to wait for any more."""
    asked = threading.Event()

    def script(talk: Talk) -> None:
        talk.head()
        asked.set()
        talk.head()

    async with open_transport() as transport:
        with Scripted(script) as server:
            doing = asyncio.create_task(_ask(transport, server.url, Request("GET", "/")))
            await asyncio.to_thread(asked.wait)
            doing.cancel()

            with pytest.raises(asyncio.CancelledError):
                await doing


async def test_many_requests_share_few_threads() -> None:
    """Those that find no thread wait their turn."""

    def script(talk: Talk) -> None:
        while talk.head():
            talk.answer(body=b"x")

    async with open_transport(threads=2) as transport:
        with Scripted(script) as server:
            asking = [_ask(transport, server.url, Request("GET", "/")) for _ in range(20)]
            answers = await asyncio.gather(*asking)

    assert [body for _, body in answers] == [b"x"] * 20


async def test_nobody_at_an_address_is_an_error_of_its_own(transport: Transport) -> None:
    """Nothing was sent, so that trying again is safe."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(UpstreamUnreachable, match="refused"):
        await _ask(transport, f"http://127.0.0.1:{port}", Request("POST", "/"))


async def test_a_name_that_nobody_knows_is_an_error_of_its_own(transport: Transport) -> None:
    """Names below .invalid do not exist (RFC 6761)."""
    with pytest.raises(UpstreamUnreachable, match="name"):
        await _ask(transport, "http://registry.invalid", Request("GET", "/"))


async def test_a_field_cannot_smuggle_another(transport: Transport) -> None:
    """What comes from elsewhere may hold a line break."""
    request = Request("GET", "/", headers=Headers([(b"accept", b"a\r\nEvil: 1")]))

    with Scripted(_hang_up) as server, pytest.raises(UpstreamFailed):
        await _ask(transport, server.url, request)

    assert server.heads == []


async def test_an_authority_that_is_named_is_trusted(authority: Authority) -> None:
    """Bodies go both ways through encryption."""

    def script(talk: Talk) -> None:
        while head := talk.head():
            talk.answer(body=talk.body(len(MANY)) if head.startswith("PUT") else b"hello")

    connection = Connection(ca_files=(str(authority.ca),))
    async with open_transport(settings=lambda _origin: connection) as transport:
        with Scripted(script, authority.context()) as server:
            _, first = await _ask(transport, server.url, Request("GET", "/"))
            _, second = await _ask(transport, server.url, Request("PUT", "/", body=Bytes(MANY)))

            assert first == b"hello"
            assert second == MANY
            assert len(server.talks) == 1


async def test_a_certificate_of_an_unknown_authority_names_it(
    transport: Transport, authority: Authority
) -> None:
    """And says where its certificate would have to be put."""
    with Scripted(_hang_up, authority.context()) as server:
        with pytest.raises(UpstreamUnreachable, match="Harbour Office") as caught:
            await _ask(transport, server.url, Request("GET", "/"))

        assert f"/etc/docker/certs.d/localhost:{server.port}/ca.crt" in caught.value.advice


async def test_a_certificate_for_another_name_is_refused(authority: Authority) -> None:
    """An authority vouches for a name, and for no other."""
    connection = Connection(ca_files=(str(authority.ca),), resolve_to="127.0.0.1")
    async with open_transport(settings=lambda _origin: connection) as transport:
        with Scripted(_hang_up, authority.context()) as server:
            url = f"https://registry.example:{server.port}"
            with pytest.raises(UpstreamUnreachable, match="another name"):
                await _ask(transport, url, Request("GET", "/"))


async def test_certificates_are_not_looked_at_where_that_is_wanted(authority: Authority) -> None:
    """As with --insecure, and with another address for the name."""

    def script(talk: Talk) -> None:
        talk.head()
        talk.answer()

    connection = Connection(verify=False, resolve_to="127.0.0.1")
    async with open_transport(settings=lambda _origin: connection) as transport:
        with Scripted(script, authority.context()) as server:
            url = f"https://registry.example:{server.port}"
            response, _ = await _ask(transport, url, Request("GET", "/"))

    assert response.status == 200


async def test_a_server_without_encryption_is_recognised(transport: Transport) -> None:
    """The most common mistake of all is answered with what to type."""

    def script(talk: Talk) -> None:
        talk.sock.recv(1024)
        talk.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with Scripted(script) as server, pytest.raises(UpstreamUnreachable) as caught:
        await _ask(transport, f"https://localhost:{server.port}", Request("GET", "/"))

    assert "--plain-http" in caught.value.advice


async def test_a_proxy_gets_the_whole_url_of_what_is_not_encrypted() -> None:
    """And the name and password that its own URL has, which nobody else gets."""

    def script(talk: Talk) -> None:
        talk.head()
        talk.answer(body=b"by proxy")

    with Scripted(script) as proxy:
        proxies = Proxies(http=f"http://me:s3cret@localhost:{proxy.port}")
        async with open_transport(proxies=proxies) as transport:
            request = Request("GET", "/v2/", "a=b")
            _, body = await _ask(transport, "http://registry.example", request)

    assert body == b"by proxy"
    assert proxy.heads[0].startswith("GET http://registry.example/v2/?a=b HTTP/1.1\r\n")
    assert "Host: registry.example\r\n" in proxy.heads[0]
    assert "Proxy-Authorization: Basic bWU6czNjcmV0" in proxy.heads[0]


async def test_a_proxy_makes_a_tunnel_for_what_is_encrypted(authority: Authority) -> None:
    """It sees the name of the host and nothing else."""

    def relay(talk: Talk) -> None:
        talk.head()
        with socket.create_connection(("127.0.0.1", server.port)) as inner:
            talk.say(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=_pump, args=(inner, talk.sock))
            back.start()
            _pump(talk.sock, inner)
            back.join()

    def script(talk: Talk) -> None:
        talk.head()
        talk.answer(body=b"through")

    # Nothing goes through a proxy to this machine, so the registry has another name here.
    connection = Connection(verify=False)
    with Scripted(script, authority.context()) as server, Scripted(relay) as proxy:
        proxies = Proxies(https=f"localhost:{proxy.port}")
        async with open_transport(
            settings=lambda _origin: connection, proxies=proxies
        ) as transport:
            _, body = await _ask(transport, "https://registry.example", Request("GET", "/v2/"))

    assert body == b"through"
    assert proxy.heads[0].startswith("CONNECT registry.example:443 ")
    assert "GET /v2/" in server.heads[0]


def _pump(inward: socket.socket, outward: socket.socket) -> None:
    try:
        while data := inward.recv(65536):
            outward.sendall(data)
        outward.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.mark.parametrize("proxy", ["socks5://u:secret@localhost:1", "localhost:99999", "http://["])
async def test_a_proxy_that_cannot_be_spoken_to_is_told(proxy: str) -> None:
    """By what to do about it, and without what it may hold."""
    proxies = Proxies(http=proxy, https=proxy)

    async with open_transport(proxies=proxies) as transport:
        for url in ("http://registry.example", "https://registry.example"):
            with pytest.raises(UpstreamUnreachable, match="no URL of HTTP") as caught:
                await _ask(transport, url, Request("GET", "/"))
            assert "NO_PROXY" in caught.value.advice
            assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "url", "goes"),
    [
        ("", "http://registry.example", True),
        ("*", "http://registry.example", False),
        ("example", "http://registry.example", False),
        (".example", "http://registry.example", False),
        ("*.example", "http://registry.example", False),
        ("ample", "http://registry.example", True),
        ("registry.example:80", "http://registry.example", False),
        ("registry.example:81", "http://registry.example", True),
        ("10.0.0.0/8", "http://10.1.2.3:5000", False),
        ("10.0.0.0/8", "http://11.1.2.3:5000", True),
        ("fd00::/8", "http://[fd00::1]", False),
        ("10.1.2.3", "http://10.1.2.3:5000", False),
        ("", "http://localhost:5000", False),
        ("", "http://127.0.0.1", False),
    ],
)
def test_who_is_asked_without_a_proxy(entry: str, url: str, goes: bool) -> None:
    """Names stand for everything below them; networks for all their addresses."""
    proxies = Proxies(http="proxy.example:3128", no_proxy=(entry,))

    assert (proxies.to(Origin.parse(url)) is not None) == goes


def test_libraries_for_connections_are_not_loaded_before_there_are_any() -> None:
    """Most of what a command does at its start has nothing to do with them."""
    libraries = "{'urllib3', 'truststore', 'http.client'}"
    code = f"import sys, lading.client.asking.exchange; print({libraries} & {{*sys.modules}})"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "set()\n"


async def test_a_face_in_this_process_is_asked_in_the_same_way() -> None:
    """No socket, the same seam: bodies come as streams."""

    async def face(request: Request) -> Response:
        assert request.headers.get(b"host") == "registry.example"
        return Response(200, [("Content-Length", "3")], b"abc")

    transport = FaceTransport({"http://registry.example:80": face})

    response, body = await _ask(transport, "http://registry.example", Request("GET", "/"))

    assert (response.status, body) == (200, b"abc")
    with pytest.raises(UpstreamUnreachable):
        await _ask(transport, "http://other.example", Request("GET", "/"))


@pytest.mark.parametrize("body", [b"abc", b""])
async def test_a_face_that_breaks_off_looks_like_a_lost_connection(body: bytes) -> None:
    """Tests without sockets meet the same errors."""

    async def face(_request: Request) -> Response:
        return Response(200, [("Content-Length", "9")], body)

    with pytest.raises(UpstreamFailed):
        await _ask(FaceTransport({"http://a": face}), "http://a", Request("GET", "/"))


async def test_a_face_that_hangs_up_looks_like_a_lost_connection() -> None:
    """Before the head of its answer."""

    async def face(_request: Request) -> Response:
        raise BodyIncomplete("hung up")

    with pytest.raises(UpstreamFailed):
        await _ask(FaceTransport({"http://a": face}), "http://a", Request("GET", "/"))


async def test_a_file_is_streamed_from_a_face(tmp_path: Path) -> None:
    """Parts of it, between the frames of an answer in several parts."""
    file = tmp_path / "blob"
    file.write_bytes(b"0123456789")

    async def face(_request: Request) -> Response:
        span = FileSpan(os.open(file, os.O_RDONLY), ((0, 2), (5, 3)), 10)
        return Response(206, [], span, (b"<", b"|", b">"))

    _, body = await _ask(FaceTransport({"http://a": face}), "http://a", Request("GET", "/"))

    assert body == b"<01|567>"


async def test_a_closed_transport_says_that_its_client_is_closed() -> None:
    """Whoever still holds something of a client is told what is wrong."""
    async with open_transport() as transport:
        pass

    with pytest.raises(RuntimeError, match="this client is closed"):
        await transport.to(Origin.parse("http://127.0.0.1:1"))(Request("GET", "/v2/"))
