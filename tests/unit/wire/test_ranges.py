"""Ranges of blobs and of uploads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.bodies import Span, extents
from lading.errors import RangeUnsatisfiable, RequestInvalid
from lading.wire import ranges
from lading.wire.ranges import Chunk

NUMBERS = st.integers(min_value=0, max_value=10**17)
SPANS = st.one_of(
    st.builds(Span, NUMBERS, NUMBERS),
    NUMBERS.map(Span),
    st.builds(lambda last: Span(None, last), NUMBERS),
)


@given(st.lists(SPANS, min_size=1, max_size=20))
def test_range_field_reads_back_as_the_spans_it_was_made_of(spans: list[Span]) -> None:
    """Every set of spans can be written and read."""
    assert list(ranges.spans(ranges.asked(spans))) == spans


@given(NUMBERS, st.integers(min_value=1, max_value=10**6), NUMBERS)
def test_content_range_reads_back_as_the_part_it_was_made_of(
    offset: int, length: int, more: int
) -> None:
    """A client learns offset, length and total from it."""
    total = offset + length + more

    field = ranges.content_range((offset, length), total)

    assert ranges.parse_content_range(field) == ((offset, length), min(total, 10**18))


@given(NUMBERS, NUMBERS)
def test_chunk_reads_back_as_it_was_written(first: int, last: int) -> None:
    """Ranges of uploads have no unit."""
    assert Chunk.parse(str(Chunk(first, last))) == Chunk(first, last)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=1-2,",
        "bytes=1--2",
        "bytes=-1-2",
        "lines=0-1",
        "bytes=\u0661-\u0662",
        "bytes=0x1-2",
        "bytes=+1-2",
        "bytes=1_0-20",
        "bytes=" + ",".join(["0-0"] * 1025),
    ],
)
def test_range_that_cannot_be_understood_is_ignored(value: str | None) -> None:
    """The whole content is a right answer to any range (RFC 9110, 14.2)."""
    assert ranges.spans(value) == ()


def test_as_many_parts_as_clients_ask_for_are_taken() -> None:
    """Podman asks for up to 1,024 parts at once."""
    assert len(ranges.spans("bytes=" + ",".join(["0-0"] * 1024))) == 1024


def test_part_that_ends_before_it_begins_lies_outside_of_everything() -> None:
    """``bytes=500-0`` is answered as a range that cannot be satisfied (trap T12)."""
    spans = ranges.spans("bytes=500-0")

    with pytest.raises(RangeUnsatisfiable):
        extents(spans, 2048)


def test_endless_numbers_are_large_numbers() -> None:
    """Python refuses to read numbers of many thousand digits; they lie outside of everything."""
    spans = ranges.spans("bytes=" + "9" * 6000 + "-")

    with pytest.raises(RangeUnsatisfiable):
        extents(spans, 2048)


def test_leading_zeros_change_nothing() -> None:
    """A number is a number, however long it is written."""
    assert ranges.spans("bytes=" + "0" * 6000 + "1-2") == [Span(1, 2)]


@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(1, 100)), min_size=1, max_size=30),
)
def test_bounded_parts_cover_what_was_asked_for_and_no_more_than_the_content(
    asked: list[tuple[int, int]],
) -> None:
    """Overlapping parts cannot make an answer larger than the content."""
    total = 100
    parts = [(offset, min(length, total - offset)) for offset, length in asked]

    bounded = ranges.bounded(parts, total)

    def covered(found: object) -> set[int]:
        assert isinstance(found, list | tuple)
        return {at for offset, length in found for at in range(offset, offset + length)}

    assert covered(bounded) == covered(parts)
    assert sum(length for _, length in bounded) <= total


def test_parts_that_do_not_overlap_keep_their_order() -> None:
    """Clients match the parts of an answer by position."""
    assert ranges.bounded([(50, 10), (0, 10)], 100) == ((50, 10), (0, 10))


@pytest.mark.parametrize("text", ["0-1023", " 0-1023 ", "bytes 0-1023/2048", "bytes 0-1023/*"])
def test_chunk_is_read_in_every_form_that_is_not_ambiguous(text: str) -> None:
    """The form of the spec, and the form of HTTP."""
    assert Chunk.parse(text) == Chunk(0, 1023)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "0-",
        "-5",
        "0--1",
        "a-b",
        "bytes=0-1",
        "0-1-2",
        "\u0661-\u0662",
        "1 - 2",
        "bytes */5",
    ],
)
def test_malformed_chunk_is_refused(text: str) -> None:
    """Bytes are never put where nobody is sure they belong."""
    with pytest.raises(RequestInvalid):
        Chunk.parse(text)


@pytest.mark.parametrize(("offset", "field"), [(0, "0-0"), (1, "0-0"), (1024, "0-1023")])
def test_range_of_an_upload_tells_its_last_byte(offset: int, field: str) -> None:
    """An empty session says ``0-0``: ``0--1`` breaks docker (trap T6)."""
    assert ranges.received(offset) == field


@pytest.mark.parametrize("text", ["bytes */5", "bytes 5-2/9", "0-1/2", "bytes 0-1", ""])
def test_content_range_without_a_part_tells_of_none(text: str) -> None:
    """Only ``bytes first-last/total`` names a part; the total may be unknown."""
    expected = ((0, 2), None) if text == "bytes 0-1" else None

    assert ranges.parse_content_range(text) == expected


def test_frames_enclose_every_part() -> None:
    """One frame before each part, one after the last (RFC 9110, 15.3.7.2)."""
    frames = ranges.frames([(0, 2), (5, 1)], 10, "x")

    assert frames == [
        b"--x\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes 0-1/10\r\n\r\n",
        b"\r\n--x\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes 5-5/10\r\n\r\n",
        b"\r\n--x--\r\n",
    ]
