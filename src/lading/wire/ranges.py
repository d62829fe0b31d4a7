"""Parts of content on the wire: ``Range`` and ``Content-Range`` of blobs, and those of uploads.

Blobs speak RFC 9110, section 14. Uploads speak the distribution spec, whose ranges have no unit.
"""

from collections.abc import Sequence
from typing import NamedTuple

from lading.bodies import Extent, Span
from lading.errors import RequestInvalid

MOST_PARTS = 1024
"""More parts than this are not served one by one: the request is answered whole."""

_HUGE = 10**18
_DIGITS = frozenset("0123456789")


def number(text: str) -> int | None:
    """*text* as a number, or ``None`` if it is anything but ASCII digits.

    Numbers beyond any length of content stay beyond it, but become no larger than 10**18.
    """
    if not text or not _DIGITS.issuperset(text):
        return None
    significant = text.lstrip("0")
    return int(significant or "0") if len(significant) <= 18 else _HUGE


def spans(value: str | None) -> Sequence[Span]:
    """The parts of a blob that a ``Range`` field asks for; nothing if it is to be ignored.

    Other units, broken syntax and more than `MOST_PARTS` parts are ignored, as RFC 9110 allows. A
    part that ends before it begins is kept: it lies within no content, and is answered so (T12).
    """
    if value is None:
        return ()
    unit, _, listed = value.partition("=")
    if unit.strip().lower() != "bytes" or listed.count(",") >= MOST_PARTS:
        return ()
    found: list[Span] = []
    for each in listed.split(","):
        span = _span(each.strip())
        if span is None:
            return ()
        found.append(span)
    return found


def _span(text: str) -> Span | None:
    before, dash, after = text.partition("-")
    first = number(before) if before else None
    last = number(after) if after else None
    if not dash or (before and first is None) or (after and last is None):
        return None
    if first is None and last is None:
        return None
    return Span(first, last)


def asked(spans: Sequence[Span]) -> str:
    """The ``Range`` field that asks for *spans*; the opposite of `spans`."""
    return "bytes=" + ",".join(
        f"{'' if span.first is None else span.first}-{'' if span.last is None else span.last}"
        for span in spans
    )


def bounded(parts: Sequence[Extent], total: int) -> tuple[Extent, ...]:
    """*parts* as they are answered: never more bytes in all than the content has.

    Parts that overlap so much are merged, and then come in the order of the content (RFC 9110,
    15.3.7.2). Others stay as they were asked for: clients match them by position.
    """
    if sum(length for _, length in parts) <= total:
        return tuple(parts)
    merged: list[Extent] = []
    for offset, length in sorted(parts):
        if merged and offset <= sum(merged[-1]):
            start, before = merged[-1]
            merged[-1] = (start, max(before, offset + length - start))
        else:
            merged.append((offset, length))
    return tuple(merged)


def content_range(part: Extent, total: int) -> str:
    """The ``Content-Range`` of a part that is served."""
    offset, length = part
    return f"bytes {offset}-{offset + length - 1}/{total}"


def parse_content_range(value: str) -> tuple[Extent, int | None] | None:
    """The part, and the total if it is told; ``None`` for anything else. See `content_range`."""
    unit, _, rest = value.strip().partition(" ")
    span, _, total = rest.partition("/")
    first, _, last = span.partition("-")
    start, end = number(first), number(last)
    if unit != "bytes" or start is None or end is None or end < start:
        return None
    return (start, end - start + 1), number(total)


def unsatisfiable(total: int) -> str:
    """The ``Content-Range`` of an answer that no part of the content fits."""
    return f"bytes */{total}"


def frames(parts: Sequence[Extent], total: int, boundary: str) -> list[bytes]:
    """What goes before each part and after the last in ``multipart/byteranges``."""
    found = [
        f"--{boundary}\r\nContent-Type: application/octet-stream\r\n"
        f"Content-Range: {content_range(part, total)}\r\n\r\n"
        for part in parts
    ]
    framed = [found[0], *(f"\r\n{each}" for each in found[1:]), f"\r\n--{boundary}--\r\n"]
    return [each.encode("ascii") for each in framed]


class Chunk(NamedTuple):
    """Where a chunk of an upload lies in the whole, both ends counted in."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """How many bytes it must have; not positive if it ends before it begins."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    @classmethod
    def parse(cls, text: str) -> "Chunk":
        """Read the ``Content-Range`` of a chunk, such as ``0-1023`` (R23).

        The form of downloads, ``bytes 0-1023/2048``, can mean nothing else and is read as well.

        Raises:
            RequestInvalid: it is neither.
        """
        bare = text.strip()
        if bare.startswith("bytes "):
            bare = bare.removeprefix("bytes ").partition("/")[0].strip()
        before, _, after = bare.partition("-")
        first, last = number(before), number(after)
        if first is None or last is None:
            raise RequestInvalid(f"Content-Range {text[:64]!r} is not <first>-<last>")
        return cls(first, last)


def received(offset: int) -> str:
    """The ``Range`` of an upload that has *offset* bytes.

    An empty one is ``0-0`` by custom (T6): clients read no length out of that.
    """
    return f"0-{max(offset - 1, 0)}"
