"""Bodies on their way in, and parts of content on their way out."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.bodies import (
    BLOCK,
    Bytes,
    Elsewhere,
    FileSource,
    FileSpan,
    Held,
    Place,
    Source,
    Span,
    Stream,
    extents,
    places_of,
    pourable,
    read,
    source_of,
)
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


def _file(folder: Path, content: bytes) -> int:
    path = folder / "content"
    path.write_bytes(content)
    return os.open(path, os.O_RDONLY)


async def _whole(source: Source) -> bytes:
    taken = bytearray()
    while await source.ready():
        for block in source.blocks():
            taken += block
    return bytes(taken)


def _at(place: Place) -> bytes:
    file, offset, length = place
    return os.pread(file, length, offset)


async def test_parts_of_a_file_come_one_after_the_other(tmp_path: Path) -> None:
    """In the order they were asked for, and empty ones give nothing."""
    content = samples.blob(3 * BLOCK)
    parts = [(5, 2 * BLOCK), (0, 0), (1, 3)]
    source = FileSource(_file(tmp_path, content), parts)

    taken = await _whole(source)

    assert source.length == 2 * BLOCK + 3
    assert taken == content[5 : 5 + 2 * BLOCK] + content[1:4]
    await source.aclose()


@pytest.mark.parametrize("at", [0, 1, 4, 5, 9, 10])
async def test_a_file_is_read_again_from_anywhere(tmp_path: Path, at: int) -> None:
    """From a descriptor of its own: closing the first body leaves the second readable."""
    first = FileSource(_file(tmp_path, b"0123456789abcdef"), [(10, 4), (0, 6)])

    second = await first.again(at)
    await first.aclose()

    assert second.length == 10 - at
    assert await _whole(second) == b"abcd012345"[at:]
    await second.aclose()


async def test_a_file_says_where_its_bytes_are(tmp_path: Path) -> None:
    """In stretches that can be watched; together they are what the blocks would have been."""
    content = samples.blob(20 * BLOCK)
    source = FileSource(_file(tmp_path, content), [(1, 19 * BLOCK), (0, 1)])

    places = list(source.places())

    assert b"".join(map(_at, places)) == content[1 : 19 * BLOCK + 1] + content[:1]
    assert all(length <= 8 * BLOCK for _, _, length in places)
    assert not await source.ready()
    await source.aclose()


@pytest.mark.parametrize("reads", ["blocks", "places"])
async def test_a_file_that_was_cut_short_is_an_error(tmp_path: Path, reads: str) -> None:
    """It is told before anybody takes what is there for the whole."""
    source = FileSource(_file(tmp_path, b"short"), [(0, 100)])

    with pytest.raises(BodyIncomplete):
        for _ in getattr(source, reads)():
            pass

    await source.aclose()


async def test_bytes_are_read_again_from_anywhere() -> None:
    """However much was taken before."""
    first = Bytes(b"0123456789")
    list(first.blocks())

    second = await first.again(4)

    assert second.length == 6
    assert await _whole(second) == b"456789"
    assert places_of(second) is None
    await first.aclose()


async def test_every_kind_of_content_is_a_source(tmp_path: Path) -> None:
    """In memory whole or in parts, in a file, or already one."""
    inner = Bytes(b"stream")
    kinds: dict[bytes, Held | FileSpan | Stream] = {
        b"23": Held(b"0123456789", ((2, 2),)),
        b"2389": Held(b"0123456789", ((2, 2), (8, 2))),
        b"file": FileSpan(_file(tmp_path, b"a file"), ((2, 4),), 6),
        b"stream": Stream(inner, ((0, 6),), 6),
    }

    for expected, content in kinds.items():
        source = source_of(content)

        assert isinstance(source, Source)
        assert await _whole(source) == expected
        await source.aclose()


async def test_closing_a_stream_closes_its_source(tmp_path: Path) -> None:
    """Whoever has the one has to close nothing else."""
    file = _file(tmp_path, b"content")

    await Stream(FileSource(file, [(0, 7)]), ((0, 7),), 7).aclose()

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file)


async def test_bytes_in_memory_are_poured_at_once() -> None:
    """From where they were taken to, and nothing is left."""
    poured, taken = pourable(await Bytes(b"some bytes").again(5)), bytearray()

    assert poured is not None
    await poured.pour(taken.extend)

    assert taken == b"bytes"
    assert not await poured.ready()


def test_body_that_can_only_be_waited_for_cannot_be_poured() -> None:
    """Its blocks are for a thread."""
    assert pourable(samples.inbound(b"content")) is None
