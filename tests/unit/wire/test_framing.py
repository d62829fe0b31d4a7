"""The two framings of HTTP bodies."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import SizeInvalid
from lading.wire.framing import Chunked, Sized


def chunked(pieces: list[bytes], *, trailers: bytes = b"") -> bytes:
    """*pieces* as RFC 9112 frames them."""
    body = b"".join(b"%X;x=y\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece)
    return body + b"0\r\n" + trailers + b"\r\n"


def fed(framing: Chunked | Sized, data: bytes, cuts: list[int]) -> bytes:
    """What *framing* takes for payload when *data* comes cut in pieces; the rest is put aside."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    payload = b""
    for start, end in pairwise(places):
        if framing.done:
            framing.rest += data[start:end]
            continue
        view = memoryview(bytearray(data[start:end]))
        payload += bytes(view[: framing.feed(view)])
    return payload


@given(
    st.lists(st.binary(max_size=300), max_size=8),
    st.lists(st.integers(min_value=0), max_size=8),
    st.binary(max_size=20),
    st.sampled_from([b"", b"A: b\r\n", b"A: b\r\nC: d\r\n"]),
)
def test_chunks_are_joined_wherever_the_network_cuts_them(
    pieces: list[bytes], cuts: list[int], after: bytes, trailers: bytes
) -> None:
    """The payload does not depend on how the bytes arrive, and what follows is not touched."""
    framing = Chunked()

    payload = fed(framing, chunked(pieces, trailers=trailers) + after, cuts)

    assert payload == b"".join(pieces)
    assert framing.done
    assert framing.rest == after


@given(st.binary(max_size=300), st.lists(st.integers(min_value=0), max_size=8), st.binary())
def test_a_sized_body_ends_where_it_was_said_to(body: bytes, cuts: list[int], after: bytes) -> None:
    """No byte of the next request is taken for the body."""
    framing = Sized(len(body))

    payload = fed(framing, body + after, cuts)

    assert payload == body
    assert framing.done
    # An empty body is over before it is fed.
    assert framing.rest == after or not body


@pytest.mark.parametrize(
    "data",
    [
        b"zz\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b" 1\r\n",
        b"0x1\r\n",
        b"1_0\r\n",
        b"\r\n",
        b";x\r\n",
        b"1\nx\r\n",
        b"1\r\nxy\r\n",
        b"1\r\nx\n",
        b"1" * 17 + b"\r\n",
        b"1;" + b"x" * 5000,
        b"1;" + b"x" * 4000 + b"\r\na\r\n" + (b"1;" + b"x" * 4000 + b"\r\na\r\n") * 5,
        b"0\r\n" + b"A: " + b"b" * 3000 + b"\r\n" + (b"C: " + b"d" * 3000 + b"\r\n") * 6,
    ],
)
def test_what_is_no_chunk_is_refused(data: bytes) -> None:
    """Whatever two readers could understand differently ends the body with an error."""
    with pytest.raises(SizeInvalid):
        fed(Chunked(), data, [])


def test_a_sized_body_leaves_no_room_past_its_end() -> None:
    """A thread that receives into a buffer cannot take bytes of the next request."""
    framing = Sized(10)
    framing.feed(memoryview(bytearray(b"abcd")))

    assert framing.room(1 << 20) == 6


def test_chunks_may_be_read_as_far_as_there_is_room() -> None:
    """What comes after the end is handed back, so nothing has to be left in the socket."""
    assert Chunked().room(1 << 20) == 1 << 20


def test_chunk_extensions_may_not_outweigh_the_payload_without_end() -> None:
    """They mean nothing here, so a sender of nothing else is cut off; signed chunks are taken."""
    signed = memoryview(
        bytearray((b"400;signature=" + b"f" * 64 + b"\r\n" + b"x" * 1024 + b"\r\n") * 1000)
    )
    flood = memoryview(bytearray((b"1;" + b"f" * 4000 + b"\r\nx\r\n") * 10))

    assert Chunked().feed(signed) == 1024 * 1000
    with pytest.raises(SizeInvalid, match="extensions"):
        Chunked().feed(flood)
