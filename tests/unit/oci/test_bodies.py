"""Bodies on their way in, and parts of content on their way out."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.bodies import BLOCK, Bytes, Elsewhere, FileSpan, Held, Span, extents, read
from lading.errors import BodyIncomplete, RangeUnsatisfiable
from lading.testing import samples

_POSITIONS = st.integers(0, 30)
_SPANS = st.builds(Span, st.none() | _POSITIONS, st.none() | _POSITIONS)


@given(span=_SPANS, total=st.integers(0, 30))
def test_part_of_content_is_what_slicing_gives(span: Span, total: int) -> None:
    """RFC 9110, 14.1.2: both ends count, and the last part may begin before the beginning."""
    content = bytes(range(total))
    if span.first is None:
        expected = content[max(total - (span.last or 0), 0) :] if span.last else b""
    else:
        expected = content[span.first : None if span.last is None else span.last + 1]

    part = span.within(total)

    assert (content[part[0] : sum(part)] if part else b"") == expected
    assert part is None or (part[1] > 0 and part[0] >= 0 and sum(part) <= total)


@given(spans=st.lists(_SPANS, min_size=1), total=st.integers(0, 30))
def test_parts_that_lie_outside_are_left_out(spans: list[Span], total: int) -> None:
    """In the order asked for; when none is left, that is an error that knows the length."""
    inside = [part for part in (span.within(total) for span in spans) if part is not None]

    if inside:
        assert list(extents(spans, total)) == inside
    else:
        with pytest.raises(RangeUnsatisfiable) as caught:
            extents(spans, total)
        assert caught.value.total == total


@pytest.mark.parametrize("total", [0, 10])
def test_without_spans_all_is_asked_for(total: int) -> None:
    """Also of content that is empty."""
    assert extents((), total) == ((0, total),)


async def test_bytes_come_in_blocks_of_bounded_size() -> None:
    """Content in memory is a body like any other, and ends."""
    content = samples.blob(2 * BLOCK + 5)
    body = Bytes(content)

    sizes: list[int] = []
    taken = bytearray()
    while await body.ready():
        for block in body.blocks():
            sizes.append(block.nbytes)
            taken += block

    assert sizes == [BLOCK, BLOCK, 5]
    assert bytes(taken) == content
    assert body.length == len(content)
    assert not await body.ready()


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("size", [0, 1, 99, 100])
async def test_small_body_is_read_whole(said: bool, size: int) -> None:
    """Up to the limit itself, in whatever pieces it comes."""
    content = samples.blob(size)

    assert await read(samples.inbound(content, said=said), limit=100) == content


@pytest.mark.parametrize("said", [True, False])
async def test_body_beyond_the_limit_is_not_read(said: bool) -> None:
    """One byte is enough, whether or not the length was said."""
    assert await read(samples.inbound(samples.blob(101), said=said), limit=100) is None


async def test_body_that_says_too_much_is_refused_unread() -> None:
    """Nothing is taken from a sender who announces more than is wanted."""
    body = Bytes(samples.blob(101))

    assert await read(body, limit=100) is None
    assert b"".join(body.blocks()) == samples.blob(101)


async def test_body_whose_sender_leaves_is_an_error() -> None:
    """Half of a body is never taken for the whole."""
    with pytest.raises(BodyIncomplete):
        await read(samples.inbound(samples.blob(50), breaks_after=20), limit=100)


async def test_content_can_be_closed_wherever_it_is(tmp_path: Path) -> None:
    """Closing a file span closes its descriptor; the others have nothing to close."""
    path = tmp_path / "content"
    path.write_bytes(b"0123456789")
    file = os.open(path, os.O_RDONLY)

    await Held(b"0123", ((0, 4),)).aclose()
    await Elsewhere("https://blobs.example/1", 4).aclose()
    await FileSpan(file, ((0, 10),), 10).aclose()

    assert Held(b"0123", ((0, 1),)).total == 4
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file)
