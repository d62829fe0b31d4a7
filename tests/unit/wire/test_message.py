"""Requests and responses as values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.bodies import Extent, Held
from lading.wire.message import Headers, Request, Response


def test_fields_keep_their_order_and_repeats() -> None:
    """A field that comes twice is read as a client meant it."""
    headers = Headers([(b"accept", b"a"), (b"range", b"bytes=0-1"), (b"accept", b"b")])

    assert headers.get(b"accept") == "a"
    assert headers.all(b"accept") == ["a", "b"]
    assert headers.get(b"if-range") is None
    assert headers.all(b"if-range") == []


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("", []),
        ("n=1", ["1"]),
        ("last=x&n=", [""]),
        ("n=1&n=2", ["1", "2"]),
        ("n=a%2Fb%20c", ["a/b c"]),
        ("n=%FF", ["\ufffd"]),
        ("N=1", []),
    ],
)
def test_parameters_are_decoded_and_in_order(query: str, values: list[str]) -> None:
    """What cannot be decoded becomes a character that no grammar allows."""
    request = Request("GET", "/v2/", query)

    assert request.params("n") == values
    assert request.param("n") == (values[0] if values else None)


@given(st.text(max_size=200))
def test_any_query_can_be_read(query: str) -> None:
    """Nothing that a client writes behind the question mark is an error by itself."""
    assert isinstance(Request("GET", "/v2/", query).params("n"), list)


@pytest.mark.parametrize(
    ("frames", "pieces"),
    [
        ((), [(0, 2), (4, 1)]),
        ((b"first", b"second", b"end"), [b"first", (0, 2), b"second", (4, 1), b"end"]),
    ],
)
def test_parts_come_between_their_frames(
    frames: tuple[bytes, ...], pieces: list[bytes | Extent]
) -> None:
    """Whoever sends a body in parts needs no knowledge of multipart."""
    response = Response(206, [], Held(b"abcdef", ((0, 2), (4, 1))), frames)

    assert list(response.pieces()) == pieces


def test_fields_that_go_out_are_found_as_those_that_came() -> None:
    """In lower case, in order, repeats kept."""
    headers = Headers.of([("Link", "<a>"), ("X-Note", "caf\xe9"), ("link", "<b>")])

    assert headers.all(b"link") == ["<a>", "<b>"]
    assert headers.get(b"x-note") == "caf\xe9"
    assert headers.get(b"missing") is None
