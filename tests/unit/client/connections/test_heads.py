"""Heads of answers: what can be understood is, and nothing is read without end."""

import io

import pytest

from lading.client.connections.heads import Head, NotHTTP, read_head


def _read(said: bytes, method: str = "GET") -> Head:
    found = read_head(io.BytesIO(said), method)
    assert found is not None
    return found


def test_a_head_has_a_status_and_fields() -> None:
    """Names come in lower case, values without what stands around them, both in their order."""
    head = _read(b"HTTP/1.1 404 Not Found\r\nX-One:  a b \r\nx-two:c:d\r\nX-ONE: e\r\n\r\n")

    assert head.status == 404
    assert head.fields == [("x-one", "a b"), ("x-two", "c:d"), ("x-one", "e")]


@pytest.mark.parametrize("said", [b"HTTP/1.1 200\r\n\r\n", b"HTTP/1.0 200 \r\n\r\n"])
def test_a_status_needs_no_reason(said: bytes) -> None:
    """Many servers give none."""
    assert _read(said).status == 200


def test_a_head_ends_with_an_empty_line() -> None:
    """What follows is left for whoever reads the body, also where lines end by one character."""
    reader = io.BytesIO(b"HTTP/1.1 200 OK\nA: b\n\nbody")

    head = read_head(reader, "GET")

    assert head is not None
    assert head.fields == [("a", "b")]
    assert reader.read() == b"body"


def test_a_folded_value_is_one_line() -> None:
    """Old servers break long values."""
    assert _read(b"HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\n  d\r\n\r\n").fields == [("a", "b c d")]


def test_what_is_no_field_says_nothing() -> None:
    """One line that is wrong does not take the others away."""
    head = _read(b"HTTP/1.1 200 OK\r\n folded\r\nwrong\r\nContent-Length: 3\r\n\r\n")

    assert head.fields == [("content-length", "3")]
    assert head.length == 3


def test_what_is_said_meanwhile_is_passed_over() -> None:
    """Hints and leave to go on are no answers."""
    head = _read(
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nA: b\r\n\r\n"
    )

    assert (head.status, head.fields) == (201, [("a", "b")])


@pytest.mark.parametrize(
    ("method", "said", "length", "chunked"),
    [
        ("GET", b"200 OK\r\nContent-Length: 7", 7, False),
        ("GET", b"200 OK\r\nContent-Length: seven", None, False),
        ("GET", b"200 OK\r\nContent-Length: -7", None, False),
        ("GET", b"200 OK\r\nA: b", None, False),
        ("GET", b"200 OK\r\nTransfer-Encoding: Chunked", None, True),
        ("GET", b"200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked", None, True),
        ("HEAD", b"200 OK\r\nContent-Length: 7", 0, False),
        ("HEAD", b"200 OK\r\nTransfer-Encoding: chunked", 0, False),
        ("GET", b"204 No Content\r\nContent-Length: 7", 0, False),
        ("GET", b"304 Not Modified\r\nContent-Length: 7", 0, False),
    ],
)
def test_a_head_says_how_long_its_body_is(
    method: str, said: bytes, length: int | None, chunked: bool
) -> None:
    """Some answers have none, whatever their fields say (RFC 9112, 6.3)."""
    head = _read(b"HTTP/1.1 " + said + b"\r\n\r\n", method)

    assert (head.length, head.chunked) == (length, chunked)


@pytest.mark.parametrize(
    ("said", "keeps"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, Close", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x\r\nConnection: close", False),
        (b"HTTP/1.1 200 OK", False),
        (b"HTTP/1.1 204 No Content", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive", True),
    ],
)
def test_a_head_says_whether_its_connection_goes_on(said: bytes, keeps: bool) -> None:
    """A body that ends with its connection leaves none (RFC 9112, 9.3)."""
    assert _read(said + b"\r\n\r\n").keeps is keeps


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["nothing", "interim"]
)
def test_a_connection_that_ends_before_an_answer_has_no_head(said: bytes) -> None:
    """A connection that is closed before an answer is another matter than one that is wrong."""
    assert read_head(io.BytesIO(said), "GET") is None


@pytest.mark.parametrize(
    "said",
    [
        b"\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 099 Low\r\n\r\n",
        b"HTTP/1.1 2000 High\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n",
        b"HTTP/1.1 200 OK\r\nA: b",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 1000 + b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
    ],
    ids=[
        "empty",
        "2",
        "099",
        "2000",
        "cut",
        "cut line",
        "interim for ever",
        "many",
        "long",
    ],
)
def test_what_is_no_head_is_refused(said: bytes) -> None:
    """Nothing is guessed of it."""
    with pytest.raises(NotHTTP):
        _read(said)
