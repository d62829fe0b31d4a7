"""Bytes on the wire that nobody means well: an answer to each, and nothing outside of the root."""

import contextlib
import hashlib
import http.client
import json
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.faults.running import PATIENCE, Server, digest

MIB = 1 << 20
MOST_GROWTH = 64 * MIB
"""By how much a worker may grow, whatever its clients do."""

SECRET = b"nobody may read this over the network"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two workers and little patience, which in the end was never surprised."""
    around = tmp_path_factory.mktemp("around")
    for each in (around, around.parent):
        (each / "secret").write_bytes(SECRET)
    impatient = {
        "HTTP__HEAD_TIMEOUT": "1s",
        "HTTP__BODY_TIMEOUT": "1s",
        "HTTP__DISCARD_LIMIT": str(MIB),
    }
    with Server(around / "data", "--workers", "2", settings=impatient) as running:
        with running.client() as ask:
            assert ask.push("a", b"{}").status == 201
        yield running
        assert "Traceback" not in running.log.read_text()
        assert running.said("worker died") == []


@pytest.fixture
def bounded(server: Server) -> Iterator[Server]:
    """A server whose workers, files and neighbours are the same before and after."""
    before, around = server.memory(), outside(server)
    yield server
    for pid, size in server.memory().items():
        assert size - before[pid] < MOST_GROWTH
    assert outside(server) == around


def outside(server: Server) -> dict[str, bytes]:
    """Every file beside the root, and what may be right below it."""
    top = server.root.parent
    found = {
        str(file): file.read_bytes()
        for file in top.rglob("*")
        if file.is_file() and server.root not in file.parents and file.suffix != ".log"
    }
    return found | {str(each): b"" for each in server.root.iterdir()}


def connect(server: Server) -> socket.socket:
    """A connection without any manners."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)


class Reply(http.client.HTTPResponse):
    """An answer that was read whole, with its body in ``data``."""

    data: bytes


def reply(sock: socket.socket, method: str = "GET") -> Reply:
    """The next answer on *sock*."""
    answer = Reply(sock, method=method)
    try:
        answer.begin()
        answer.data = answer.read()
    finally:
        answer.close()
    return answer


def exchange(server: Server, method: bytes, data: bytes) -> Reply:
    """What is answered to *data* on a connection of its own."""
    with connect(server) as sock:
        sock.sendall(data)
        return reply(sock, method.decode("latin-1"))


def everything(sock: socket.socket) -> bytes:
    """All that comes until the server hangs up."""
    came = b""
    with contextlib.suppress(ConnectionError):
        while block := sock.recv(65536):
            came += block
    return came


# Requests of every shape.

DIGEST = digest(b"{}")
TRAVERSALS = [
    "..",
    "%2e%2e",
    "%2E%2E",
    ".%2e",
    "..%2f",
    "%2e%2e%2f",
    "..%5c",
    "..\\",
    "..;",
    "..;/",
    "%252e%252e",
    "%252e%252e%252f",
    "%c0%ae%c0%ae",
    "\xc0\xae\xc0\xae",
    "%c0%ae%c0%ae%c0%af",
    "%e0%80%ae%e0%80%ae",
    "%uff0e%uff0e",
    "..%00",
    "%00",
    "\x00",
    "..\x00",
    "....//",
    "..%ff",
    "/etc",
    "//",
    "./.",
    "~",
    "C:",
]
NASTY = st.one_of(
    st.sampled_from(
        [
            *TRAVERSALS,
            "a",
            "a/b",
            "A",
            "_lading",
            "_oci",
            "a" * 255,
            "a" * 20_000,
            "-",
            "a..b",
            "latest",
            "t" * 129,
            DIGEST,
            "sha256:",
            "sha256:" + "g" * 64,
            "sha512:" + "0" * 128,
            "sha256:" + "../" * 21 + "a",
            "md5:" + "0" * 32,
            "blobs",
            "uploads",
            "manifests",
            "\u00e9",
        ]
    ),
    st.text(st.characters(max_codepoint=255, exclude_characters=" \r\n"), max_size=12),
)
ROUTES = st.sampled_from(
    [
        "/",
        "/v2",
        "/v2/",
        "/v2/_catalog",
        "/v2/_oci/ext/discover",
        "/v2/{}/manifests/{}",
        "/v2/{}/blobs/{}",
        "/v2/{}/blobs/uploads",
        "/v2/{}/blobs/uploads/",
        "/v2/{}/blobs/uploads/{}",
        "/v2/{}/tags/list",
        "/v2/{}/referrers/{}",
        "/v2/{}/_oci/ext/discover",
        "/v2/{}/_lading/",
        "/healthz",
        "/readyz",
        "/{}",
        "{}",
        "*",
        "http://example.org/v2/{}/blobs/{}",
    ]
)
METHODS = st.sampled_from(
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PRI", "get", "CONNECT"]
)
VALUES = st.one_of(
    NASTY,
    st.sampled_from(
        [
            "",
            "0",
            "-1",
            "1e9",
            "9" * 400,
            "0x10",
            "bytes=0-",
            "bytes=-1",
            "bytes=5-1",
            "bytes=" + ",".join("0-0" for _ in range(2000)),
            "bytes=" + "9" * 4000 + "-",
            "0-1",
            "5-4",
            "0-" + "9" * 30,
            "application/vnd.oci.image.manifest.v1+json",
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            'multipart/mixed; boundary="',
            "*/*;q=" + "9" * 500,
            "Basic !!!",
            "Bearer",
            f'"{DIGEST}"',
            'W/"*"',
        ]
    ),
)
FIELDS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "Range",
                "Content-Range",
                "Content-Type",
                "Accept",
                "Authorization",
                "If-None-Match",
                "If-Range",
                "If-Match",
                "Expect",
                "X-Request-Id",
                "Upgrade",
                "Content-Encoding",
                "X-Forwarded-For",
                "Docker-Upload-UUID",
                "Cookie",
            ]
        ),
        VALUES,
    ),
    max_size=4,
)
QUERIES = st.lists(
    st.tuples(
        st.sampled_from(
            ["n", "last", "digest", "mount", "from", "tag", "artifactType", "digest-algorithm", "_"]
        ),
        VALUES,
    ),
    max_size=3,
).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs).replace(" ", "+"))


def _document(**changes: object) -> bytes:
    image: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": DIGEST,
            "size": 2,
        },
        "layers": [],
    }
    return json.dumps(image | changes).encode()


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)
BODIES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            _document(),
            _document(subject="x"),
            _document(schemaVersion=10**400),
            _document(schemaVersion=2.0),
            _document(layers={}),
            _document(layers=[None]),
            _document(layers=[{"digest": DIGEST, "size": -1, "mediaType": "a"}]),
            _document(layers=[{"digest": DIGEST, "size": 10**30, "mediaType": "a"}]),
            _document(layers=[{"digest": "../../secret", "size": 1, "mediaType": "a/b"}]),
            _document(annotations=[]),
            _document(annotations={"a": 1}),
            _document(artifactType="\x00"),
            _document(manifests=[]),
            _document(Layers=[]),
            _document()[:-1] + b',"layers":[]}',
            _document()[:-1],
            _document().decode().encode("utf-16"),
            b"\xef\xbb\xbf" + _document(),
            b"[" * 100_000,
            b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
            b'{"schemaVersion":' + b"9" * 100_000 + b"}",
            b'{"schemaVersion":1e999999999}',
            b'{"schemaVersion":NaN}',
            b'"\\ud800"',
            b'{"annotations":{"\\ud800":"\\udfff"}}',
        ]
    ),
    st.tuples(
        st.sampled_from(
            ["schemaVersion", "mediaType", "config", "layers", "subject", "annotations"]
        ),
        JSONS,
    ).map(lambda change: _document(**{change[0]: change[1]})),
)


@settings(
    max_examples=700,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(METHODS, ROUTES, st.lists(NASTY, min_size=2, max_size=2), QUERIES, FIELDS, BODIES)
def test_every_request_is_answered_and_never_with_a_fault_of_the_server(
    server: Server,
    method: str,
    route: str,
    names: list[str],
    query: str,
    fields: list[tuple[str, str]],
    body: bytes,
) -> None:
    """Any path, query, header and body: an answer below 500, which never shows a secret."""
    target = route.format(*names) + (f"?{query}" if query else "")
    lines = [f"{method} {target} HTTP/1.1", "Host: a", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in fields]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")

    answer = exchange(server, method.encode(), head + body)

    assert 200 <= answer.status < 500, (head, answer.status)
    assert SECRET not in answer.data


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["latest", "digest"]), BODIES, st.booleans())
def test_every_document_is_taken_or_refused(
    server: Server, reference: str, body: bytes, index: bool
) -> None:
    """Whatever is pushed as a manifest: 201 for what is one, else 400; what is taken is served."""
    reference = reference if reference == "latest" else digest(body)
    kind = f"application/vnd.oci.image.{'index' if index else 'manifest'}.v1+json"
    with server.client() as ask:
        path = f"/v2/a/manifests/{reference}"
        answer = ask("PUT", path, body, {"Content-Type": kind})

        assert answer.status in {201, 400}, answer
        if answer.status == 201:
            assert ask("GET", path).body == body


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"])
def test_no_path_leads_out_of_the_root(bounded: Server, method: str) -> None:
    """Dots in every disguise, at every place of a path and in every parameter."""
    for form in TRAVERSALS:
        deep = "/".join([form] * 8)
        for route in (
            f"/{deep}/secret",
            f"/v2/{deep}/secret",
            f"/v2/{deep}/blobs/{DIGEST}",
            f"/v2/a/blobs/{deep}/secret",
            f"/v2/a/blobs/sha256:{form}/{form}/secret",
            f"/v2/a/blobs/uploads/{form}%2fsecret?digest={DIGEST}",
            f"/v2/a/blobs/uploads/{deep}/secret?digest={DIGEST}",
            f"/v2/a/blobs/uploads/?digest={form}/secret",
            f"/v2/a/blobs/uploads/?mount={DIGEST}&from={deep}",
            f"/v2/a/blobs/uploads/?digest-algorithm={form}/secret",
            f"/v2/a/manifests/{form}%2f{form}%2fsecret",
            f"/v2/{form}/_lading/",
        ):
            head = f"{method} {route} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"
            answer = exchange(bounded, method.encode(), head.encode("latin-1") + b"{}")

            assert 200 <= answer.status < 500, (route, answer.status)
            assert SECRET not in answer.data


# Heads and bodies that do not end, or end wrongly.

ENDLESS = {
    "request line": (b"GET /v2/", b"a" * 65536),
    "one header": (b"GET /v2/ HTTP/1.1\r\nA: ", b"a" * 65536),
    "many headers": (b"GET /v2/ HTTP/1.1\r\n", b"A: b\r\n" * 10_000),
    "a folded header": (b"GET /v2/ HTTP/1.1\r\nA: b\r\n", b" c\r\n" * 10_000),
    "spaces": (b"GET ", b" " * 65536),
    "zeros": (b"", b"\0" * 65536),
    "a length": (b"GET /v2/ HTTP/1.1\r\nContent-Length: ", b"0" * 65536),
    "the size of a chunk": (
        b"POST /v2/a/blobs/uploads/?digest=%s HTTP/1.1\r\nHost: a\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n" % DIGEST.encode(),
        b"0" * 65536,
    ),
    "what is said about a chunk": (
        b"POST /v2/a/blobs/uploads/?digest=%s HTTP/1.1\r\nHost: a\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n5;" % DIGEST.encode(),
        b"a" * 65536,
    ),
    "trailers": (
        b"POST /v2/a/blobs/uploads/?digest=%s HTTP/1.1\r\nHost: a\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n" % DIGEST.encode(),
        b"A: b\r\n" * 10_000,
    ),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_request_of_100_mb_that_is_no_body_is_cut_off_early(bounded: Server, kind: str) -> None:
    """A hundred megabytes of anything but a body: the connection ends long before."""
    first, more = ENDLESS[kind]
    sent = 0
    with connect(bounded) as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(first)
            while sent < 100 * MIB:
                sock.sendall(more)
                sent += len(more)
        came = everything(sock)

    # A reset may overtake the answer when its receiver goes on sending.
    assert came == b"" or came.startswith(b"HTTP/1.1 4")
    assert sent < 16 * MIB
    assert exchange(bounded, b"GET", b"GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n").status == 200


def test_heads_that_trickle_are_given_up(bounded: Server) -> None:
    """A byte now and then does not keep a connection: the head as a whole has its time."""
    with contextlib.ExitStack() as held:
        socks = [held.enter_context(connect(bounded)) for _ in range(50)]
        for each in socks:
            each.sendall(b"GET /v2/ HTTP/1.1\r\nA: ")
        end = time.monotonic() + PATIENCE
        open_ = list(socks)
        while open_:
            assert time.monotonic() < end
            time.sleep(0.05)
            for each in list(open_):
                with contextlib.suppress(ConnectionError):
                    each.sendall(b"a")
                    continue
                open_.remove(each)


@pytest.mark.parametrize("size", [1000, 2 * MIB])
def test_body_that_is_longer_than_said_is_not_taken_for_more(bounded: Server, size: int) -> None:
    """The blob is what was announced; what follows is another request, and none that makes sense."""
    data = hashlib.shake_128(b"longer").digest(size)
    head = f"POST /v2/a/blobs/uploads/?digest={digest(data)} HTTP/1.1\r\nHost: a\r\n"
    with connect(bounded) as sock:
        sock.sendall(head.encode() + f"Content-Length: {size}\r\n\r\n".encode() + data)
        sock.sendall(b"\x01too much\r\n\r\n")
        came = everything(sock)

    assert came.startswith(b"HTTP/1.1 201")
    assert came.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 400" in came
    with bounded.client() as ask:
        assert ask("GET", f"/v2/a/blobs/{digest(data)}").body == data


def test_body_that_is_shorter_than_said_is_no_blob(bounded: Server) -> None:
    """Its sender falls silent: the connection is given up, and nothing was published."""
    bodies = [hashlib.shake_128(b"%d" % size).digest(size) for size in (900, 90_000, 900_000)]
    socks = []
    with contextlib.ExitStack() as held:
        for data in bodies:
            head = f"POST /v2/a/blobs/uploads/?digest={digest(data)} HTTP/1.1\r\nHost: a\r\n"
            for framing in (
                f"Content-Length: {len(data)}\r\n\r\n",
                f"Transfer-Encoding: chunked\r\n\r\n{len(data):x}\r\n",
            ):
                for missing in (1, 3, len(data) // 2, len(data)):
                    socks.append(held.enter_context(connect(bounded)))
                    socks[-1].sendall((head + framing).encode() + data[:-missing])

        for each in socks:
            came = everything(each)
            assert came == b"" or came.startswith(b"HTTP/1.1 4")

    with bounded.client() as ask:
        for data in bodies:
            assert ask("HEAD", f"/v2/a/blobs/{digest(data)}").status == 404


MUDDLED = [
    b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: gzip\r\n\r\n",
    b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"Content-Length: +2\r\n\r\n{}",
    b"Content-Length: -2\r\n\r\n{}",
    b"Content-Length: 0x2\r\n\r\n{}",
    b"Content-Length: 2, 2\r\n\r\n{}",
    b"Content-Length: " + b"9" * 40 + b"\r\n\r\n{}",
    b"Content-Length: \r\n\r\n{}",
    b"Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n{}",
    b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("muddled", MUDDLED, ids=repr)
def test_body_whose_length_is_unclear_is_refused(bounded: Server, muddled: bytes) -> None:
    """What two readers may understand differently is understood by none: 400, and good-bye."""
    head = f"POST /v2/a/blobs/uploads/?digest={DIGEST} HTTP/1.1\r\nHost: a\r\n".encode()
    with connect(bounded) as sock:
        sock.sendall(head + muddled)

        assert 400 <= reply(sock, "POST").status < 500
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(1) == b""


def test_clients_that_vanish_leave_nothing_behind(bounded: Server) -> None:
    """In the middle of heads, bodies and answers, politely or not: files and memory come back."""
    big = hashlib.shake_128(b"big").digest(8 * MIB)
    with bounded.client() as ask:
        assert ask.push("a", big).status == 201
    upload = f"POST /v2/a/blobs/uploads/?digest={DIGEST} HTTP/1.1\r\nHost: a\r\n"
    requests = [
        b"GET /v2/a/bl",
        f"GET /v2/a/blobs/{digest(big)} HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        f"{upload}Content-Length: 1000\r\n\r\nabc".encode(),
        f"{upload}Content-Length: 1000000\r\n\r\nabc".encode(),
        f"{upload}Content-Length: 1000000\r\n\r\n".encode() + bytes(700_000),
        f"{upload}Transfer-Encoding: chunked\r\n\r\n5\r\nab".encode(),
        f"{upload}Transfer-Encoding: chunked\r\n\r\nfffff\r\n".encode() + bytes(700_000),
        f"{upload}Content-Length: 10\r\nExpect: 100-continue\r\n\r\n".encode(),
    ]
    before = _files(bounded)
    for number in range(160):
        sock = connect(bounded)
        sock.sendall(requests[number % len(requests)])
        if number % 3 == 0:
            sock.recv(100, socket.MSG_DONTWAIT) if _readable(sock) else None
        if number % 2:
            # Closing with a linger time of nothing sends a reset.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    end = time.monotonic() + PATIENCE
    while _files(bounded) > before + 4:
        assert time.monotonic() < end, "descriptors are not given back"
        time.sleep(0.05)
    with bounded.client() as ask:
        assert ask("GET", f"/v2/a/blobs/{digest(big)}").body == big


def _readable(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        sock.settimeout(PATIENCE)


def _files(server: Server) -> int:
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in server.workers)
