"""Where bytes are: the values that carry content between rooms.

Bytes on their way in have one shape, `Inbound`, whether they come from a socket, a file or
memory. Bytes on their way out are described, not moved: whoever sends them picks the fastest way
it has. Whoever sends a body closes it, once, whatever happened.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol, Self, assert_never, cast, runtime_checkable

from lading.errors import BodyIncomplete, RangeUnsatisfiable

BLOCK = 1 << 20
"""Bulk bytes move in blocks of this many bytes, where nothing speaks for others."""


_STRETCH = 8 * BLOCK
"""What the kernel sends moves in stretches of at most this many bytes, so that it can be watched."""


class Inbound(Protocol):
    """A body on its way in, read once from beginning to end.

    Whoever stores it alternates: ``while await body.ready(): await run(absorb, body)``, where
    ``absorb`` runs in a worker thread and drains ``blocks()``. So a sender that has nothing to
    give holds no thread. What can be `poured` needs none at all.
    """

    @property
    def length(self) -> int | None:
        """How many bytes were promised; ``None`` when the sender did not say."""
        ...

    async def ready(self) -> bool:
        """Wait until there are bytes to take; ``False`` at the end of the body.

        Raises:
            BodyIncomplete: the sender went away, or was silent for too long.
        """
        ...

    def blocks(self) -> Iterator[memoryview]:
        """All that is there without a pause, in blocks of a few mebibytes at most.

        Called in a worker thread; on the event loop only for short bodies, such as by `read`. Each
        block is valid until the next is asked for.

        Raises:
            BodyIncomplete: the sender went away.
        """
        ...


class Pourable(Inbound, Protocol):
    """A body whose bytes can be taken where they come in, on the event loop.

    It never gives more than its length.
    """

    async def pour(self, take: Callable[[memoryview], None]) -> None:
        """Give *take*, which must not wait, each block when it comes; in place of `blocks`.

        Until the end, or until the sender pauses or others have waited long enough: whether more is
        to come is for `ready` to tell, and that the sender went away. What *take* raises is raised
        here.
        """
        ...


def pourable(body: Inbound) -> Pourable | None:
    """*body*, if it can be poured."""
    # By its one name of its own: to ask whether it follows a protocol takes longer than a block.
    return cast("Pourable", body) if hasattr(body, "pour") else None


@runtime_checkable
class Source(Inbound, Protocol):
    """A body that can be read again, since it is known where its bytes come from.

    What has to be sent a second time (after a challenge, a redirect, a connection that was lost)
    has to be a source.
    """

    async def again(self, at: int = 0) -> "Source":
        """The same bytes from *at* on, as a body of its own; this one is not touched."""
        ...

    async def aclose(self) -> None:
        """Let go of what it reads from. Called exactly once, by whoever has it."""
        ...


Place = tuple[int, int, int]
"""Where bytes are in an open file: its descriptor, an offset in it, and how many there are."""


@runtime_checkable
class Placed(Protocol):
    """A body whose bytes may all be in files, from where the kernel can send them."""

    def places(self) -> Iterator[Place] | None:
        """What is left, in place of `Inbound.blocks`; ``None`` if it is not in files.

        Asking for the next place says that the one before it was taken.

        Raises (the iterator):
            BodyIncomplete: a file is shorter than it was.
        """
        ...


def places_of(body: Inbound) -> Iterator[Place] | None:
    """Where the rest of *body* is, if all of it is in files."""
    return body.places() if isinstance(body, Placed) else None


class Bytes:
    """A body that is already in memory (a `Source`)."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        self._rest = self._data
        self.length: int | None = len(self._data)

    async def again(self, at: int = 0) -> Self:
        """The bytes from *at* on."""
        return type(self)(self._data[at:])

    async def aclose(self) -> None:
        """Nothing has to be let go."""

    async def ready(self) -> bool:
        """Whether bytes are left."""
        return len(self._rest) > 0

    def blocks(self) -> Iterator[memoryview]:
        """What is left, in blocks."""
        while self._rest:
            block, self._rest = self._rest[:BLOCK], self._rest[BLOCK:]
            yield block

    async def pour(self, take: Callable[[memoryview], None]) -> None:
        """See `Pourable.pour`; all is there."""
        for block in self.blocks():
            take(block)


async def read(body: Inbound, *, limit: int) -> bytes | None:
    """Take *body* whole into memory; ``None`` if it is longer than *limit* bytes.

    For small bodies: it runs on the event loop, so *limit* bounds its time as well.

    Raises:
        BodyIncomplete: the sender went away.
    """
    if body.length is not None and body.length > limit:
        return None
    taken = bytearray()
    while await body.ready():
        for block in body.blocks():
            taken += block
            if len(taken) > limit:
                return None
    return bytes(taken)


class Span(NamedTuple):
    """A part of some content whose length is not known yet (RFC 9110, 14.1.2).

    ``Span(first, last)`` counts both ends in; ``last=None`` is everything from ``first`` on;
    ``Span(None, n)`` is the last *n* bytes.
    """

    first: int | None
    last: int | None = None

    def within(self, total: int) -> tuple[int, int] | None:
        """``(offset, length)`` in content of *total* bytes, or ``None`` if it lies outside."""
        if self.first is None:
            length = min(self.last or 0, total)
            return (total - length, length) if length else None
        last = total - 1 if self.last is None else min(self.last, total - 1)
        return (self.first, last - self.first + 1) if self.first <= last else None


Extent = tuple[int, int]
"""Offset and length of a part, in bytes."""


def extents(spans: Sequence[Span], total: int) -> tuple[Extent, ...]:
    """The parts of *total* bytes that *spans* ask for; all of it when they ask for nothing.

    Raises:
        RangeUnsatisfiable: spans were given, and none lies within the content.
    """
    if not spans:
        return ((0, total),)
    found = tuple(extent for span in spans if (extent := span.within(total)) is not None)
    if not found:
        raise RangeUnsatisfiable(total=total)
    return found


class Held(NamedTuple):
    """Content that is in memory; ``parts`` says which of its ``len(data)`` bytes were asked for."""

    data: bytes
    parts: tuple[Extent, ...]

    @property
    def total(self) -> int:
        """Length of the whole content in bytes."""
        return len(self.data)

    async def aclose(self) -> None:
        """Nothing has to be let go."""


class FileSpan(NamedTuple):
    """Content in an open file: it outlives a concurrent delete, and the kernel can send it.

    ``file`` is a descriptor that belongs to this value; ``parts`` says which of its ``total``
    bytes were asked for.
    """

    file: int
    parts: tuple[Extent, ...]
    total: int

    async def aclose(self) -> None:
        """Close the file. Called exactly once, by whoever sends the body."""
        os.close(self.file)


class FileSource:
    """Parts of an open file, one after the other, as a body (a `Source`).

    ``file`` is a descriptor that belongs to this value; *parts* are offsets and lengths in it.
    """

    def __init__(self, file: int, parts: Sequence[Extent]) -> None:
        self.file = file
        self.length: int | None = sum(length for _, length in parts)
        self._parts = tuple(parts)
        self._rest = [part for part in reversed(parts) if part[1]]

    async def ready(self) -> bool:
        """Whether bytes are left."""
        return bool(self._rest)

    def blocks(self) -> Iterator[memoryview]:
        """What is left, in blocks.

        Raises:
            BodyIncomplete: the file is shorter than its parts say.
        """
        buffer = memoryview(bytearray(BLOCK))
        while self._rest:
            offset, length = self._rest.pop()
            read = os.preadv(self.file, [buffer[: min(length, BLOCK)]], offset)
            if read == 0:
                raise BodyIncomplete(f"the file ends at {offset} bytes")
            if read < length:
                self._rest.append((offset + read, length - read))
            yield buffer[:read]

    def places(self) -> Iterator[Place]:
        """What is left, as it lies in the file; see `Placed.places`."""
        while self._rest:
            offset, length = self._rest.pop()
            taken = min(length, _STRETCH)
            if offset + taken > os.fstat(self.file).st_size:
                raise BodyIncomplete(f"the file ends before {offset + taken} bytes")
            if taken < length:
                self._rest.append((offset + taken, length - taken))
            yield self.file, offset, taken

    async def again(self, at: int = 0) -> Self:
        """The bytes from *at* on, from a descriptor of their own."""
        left: list[Extent] = []
        for offset, length in self._parts:
            skipped = min(at, length)
            at -= skipped
            left.append((offset + skipped, length - skipped))
        return type(self)(os.dup(self.file), left)

    async def aclose(self) -> None:
        """Close the file."""
        os.close(self.file)


class Stream(NamedTuple):
    """Content that has to be read to be had; ``source`` gives its parts, one after the other.

    ``parts`` says which of its ``total`` bytes were asked for.
    """

    source: Source
    parts: tuple[Extent, ...]
    total: int

    async def aclose(self) -> None:
        """Let go of the source. Called exactly once, by whoever reads it."""
        await self.source.aclose()


class Elsewhere(NamedTuple):
    """Content that can be fetched from a URL; given only to callers that said ``url_ok``."""

    url: str
    total: int

    async def aclose(self) -> None:
        """Nothing has to be let go."""


BlobContent = Held | FileSpan | Stream | Elsewhere
"""Where the bytes of a blob are."""


def source_of(content: Held | FileSpan | Stream) -> Source:
    """The parts of *content* as a body; closing the body closes the content."""
    match content:
        case Held(data, parts):
            view = memoryview(data)
            if len(parts) == 1:
                offset, length = parts[0]
                return Bytes(view[offset : offset + length])
            return Bytes(b"".join(view[offset : offset + length] for offset, length in parts))
        case FileSpan(file, parts):
            return FileSource(file, parts)
        case Stream(source):
            return source
        case _:
            assert_never(content)
