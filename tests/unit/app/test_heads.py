"""Heads of requests: what they say, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.app.heads import HeadInvalid, HeadReader
from lading.wire.framing import Chunked, Sized

_TOKEN = "!#$%&'*+-.^_`|~abcXYZ019"
names = st.text(_TOKEN, min_size=1, max_size=20).filter(
    # These mean something for the message itself, and are tried one by one below.
    lambda name: name.lower() not in {"content-length", "transfer-encoding", "upgrade", "host"}
)
values = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=60
).map(str.strip)
paths = st.text("abc/._-~%:@!$&'()*+,;=09", max_size=40).map(lambda rest: "/" + rest)
queries = st.text("abc/._-~%:@!$&'()*+,;=09?", max_size=40)
methods = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])


def head(start: str, *fields: str) -> bytes:
    """A head as it is sent; of HTTP/1.1, with a host."""
    if start.endswith("HTTP/1.1") and not any(each.startswith("Host:") for each in fields):
        fields = (*fields, "Host: a")
    return "\r\n".join([start, *fields, "", ""]).encode("latin-1")


@given(methods, paths, queries, st.lists(st.tuples(names, values), max_size=8))
def test_a_head_is_read_as_it_was_written(
    method: str, path: str, query: str, fields: list[tuple[str, str]]
) -> None:
    """Nothing is decoded, joined, sorted or left out."""
    target = f"{path}?{query}" if query else path
    lines = [f"{name}: {value}" for name, value in fields]

    found = HeadReader().read(head(f"{method} {target} HTTP/1.1", *lines))

    assert (found.method, found.path, found.query) == (method, path, query)
    *others, host = found.fields
    assert host == (b"host", b"a")
    assert others == [(name.lower().encode(), value.encode("latin-1")) for name, value in fields]
    assert isinstance(found.framing, Sized)
    assert found.framing.done
    assert not found.old


@given(st.binary(max_size=300))
def test_any_bytes_are_a_head_or_refused(data: bytes) -> None:
    """There is one error for whatever somebody sends."""
    reader = HeadReader()

    for _ in range(2):
        try:
            found = reader.read(data)
        except HeadInvalid:
            reader = HeadReader()
        else:
            assert found.method


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_a_length_is_the_length_of_the_body(length: int) -> None:
    """Also one of which no byte has come yet."""
    found = HeadReader().read(head("PUT /a HTTP/1.1", f"Content-Length: {length}"))

    assert isinstance(found.framing, Sized)
    assert found.framing.length == length
    assert found.framing.done == (length == 0)


def test_a_reader_does_not_wait_for_a_body_that_it_is_not_shown() -> None:
    """The connection takes bodies elsewhere; the next thing a reader sees is a head."""
    reader = HeadReader()

    found = [
        reader.read(head("PUT /a HTTP/1.1", "Content-Length: 5")).framing,
        reader.read(head("PUT /b HTTP/1.1", "Transfer-Encoding: Chunked")).framing,
        reader.read(head("GET /c HTTP/1.1", "Connection: upgrade", "Upgrade: h2c")).framing,
        reader.read(head("GET /d HTTP/1.1")).framing,
    ]

    assert [type(each) for each in found] == [Sized, Chunked, Sized, Sized]


@pytest.mark.parametrize(
    "fields",
    [
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: gzip",),
        ("Transfer-Encoding: xchunked",),
        ("Content-Length: -1",),
        ("Content-Length: +1",),
        ("Content-Length: 1, 1",),
        ("Content-Length: 0x1",),
        ("Content-Length: 1000000000000000000",),
        ("Content-Length: " + "9" * 40,),
        ("Content-Length:",),
    ],
)
def test_a_body_of_which_two_things_could_be_believed_is_refused(fields: tuple[str, ...]) -> None:
    """That is how a request is smuggled past a proxy (RFC 9112, 11.2)."""
    with pytest.raises(HeadInvalid):
        HeadReader().read(head("PUT /a HTTP/1.1", *fields))


@pytest.mark.parametrize(
    "data",
    [
        b"GET /a HTTP/1.1\r\n",
        head("GET /a HTTP/1.1") + head("GET /b HTTP/1.1"),
        head("GET /a HTTP/1.2"),
        head("GET /a HTTPS/1.1"),
        head("GET /a HTTP/1.1", "no colon"),
        head("GET /a HTTP/1.1", "Host: a", "Host: b"),
        head("GET /a HTTP/1.1", "Host: a b"),
        head("GET /a HTTP/1.0", "Host: a/b"),
        b"GET /a HTTP/1.1\r\nHosts: a\r\n\r\n",
        head("GET /a HTTP/1.1", "Name : value"),
        head("GET /a HTTP/1.1", "Name: va\x00lue"),
        head("GOT /a HTTP/1.1"),
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
def test_what_is_not_one_head_is_refused(data: bytes) -> None:
    """Half a head, two of them, another protocol, or one that readers disagree about."""
    with pytest.raises(HeadInvalid):
        HeadReader().read(data)


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("http://registry.example.org/v2/?n=1", "/v2/", "n=1"),
        ("HTTPS://registry.example.org", "/", ""),
        ("*", "*", ""),
    ],
)
def test_a_target_may_come_with_its_host(target: str, path: str, query: str) -> None:
    """Proxies send the absolute form (RFC 9112, 3.2.2)."""
    found = HeadReader().read(head(f"OPTIONS {target} HTTP/1.1"))

    assert (found.path, found.query) == (path, query)


@pytest.mark.parametrize(
    ("version", "field", "kept"),
    [
        ("1.1", "Accept: a", True),
        ("1.1", "Connection: close", False),
        ("1.0", "Accept: a", False),
        ("1.0", "Connection: keep-alive", True),
    ],
)
def test_a_connection_is_kept_as_its_client_wants(version: str, field: str, kept: bool) -> None:
    """By version, unless the client says otherwise (RFC 9112, 9.3)."""
    found = HeadReader().read(head(f"GET /a HTTP/{version}", field))

    assert found.keep_alive is kept
    assert found.old == (version == "1.0")


@pytest.mark.parametrize(
    ("field", "expected"),
    [("Expect: 100-Continue", True), ("Expect: 200-ok", False), ("Accept: a", False)],
)
def test_a_sender_that_waits_is_recognised(field: str, expected: bool) -> None:
    """It sends its body only after it was told to go on."""
    found = HeadReader().read(head("PUT /a HTTP/1.1", field, "Content-Length: 5"))

    assert found.expects_continue is expected
