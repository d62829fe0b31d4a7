"""Bodies on their way out: lent for one request, or cut into several."""

from collections.abc import Awaitable, Callable, Iterator

from lading.bodies import Inbound, Place, Source, places_of
from lading.errors import UpstreamFailed


class Lent:
    """A body as one request has it (a `Source`).

    ``failed`` is the error of the body itself, which no registry is to blame for. Closing it does
    nothing, since it belongs to whoever lent it.

    Args:
        inner: the body.
        stands: asked before anything is sent again, and answers how many bytes of it the registry
            has kept; only from its very beginning can a request be repeated.
    """

    def __init__(self, inner: Inbound, stands: Callable[[], Awaitable[int]]) -> None:
        self.length = inner.length
        self.taken = 0
        self.failed: Exception | None = None
        self._inner = inner
        self._stands = stands

    async def ready(self) -> bool:
        """Whether there are bytes to take."""
        try:
            return await self._inner.ready()
        except Exception as error:
            self.failed = error
            raise

    def blocks(self) -> Iterator[memoryview]:
        """All that is there without a pause."""
        blocks = self._inner.blocks()
        while True:
            try:
                block = next(blocks, None)
            except Exception as error:
                self.failed = error
                raise
            if block is None:
                return
            self.taken += len(block)
            yield block

    def places(self) -> Iterator[Place] | None:
        """Where what is left is, if it is in files; see `Placed.places`."""
        inner = places_of(self._inner)
        return None if inner is None else self._given(inner)

    def _given(self, places: Iterator[Place]) -> Iterator[Place]:
        while True:
            try:
                place = next(places, None)
            except Exception as error:
                self.failed = error
                raise
            if place is None:
                return
            self.taken += place[2]
            yield place

    async def again(self, at: int = 0) -> Source:
        """The same bytes for another try.

        Raises:
            UpstreamFailed: some are gone, because nobody can give them twice, or because the
                registry has them already and would take them for others.
        """
        if not self.taken and at == 0:
            return self
        if not isinstance(self._inner, Source):
            raise UpstreamFailed("a part of the body was sent, and it cannot be sent again")
        if self.taken and (kept := await self._stands()):
            raise UpstreamFailed(f"the registry has kept {kept} bytes of what was sent")
        return await self._inner.again(at)

    async def aclose(self) -> None:
        """Nothing: the body was lent."""


class Cut:
    """A body that is handed out in pieces, one after the other, each with its own end."""

    def __init__(self, inner: Inbound) -> None:
        self._inner = inner
        self._blocks: Iterator[memoryview] | None = None
        self._left = b""
        self.rest = inner.length
        """How many bytes are left, if that is known."""

    def piece(self, size: int) -> "Piece":
        """The next *size* bytes, or as many as are left; the one before it has been read."""
        length = None if self.rest is None else min(size, self.rest)
        return Piece(self, length, size)

    async def ready(self) -> bool:
        """Whether there are bytes for this piece or the next."""
        return bool(self._left) or self._blocks is not None or await self._inner.ready()

    def take(self, most: int) -> Iterator[memoryview]:
        """Up to *most* bytes of what is there without a pause."""
        while most:
            block = self._next()
            if block is None:
                return
            if len(block) > most:
                # The block is valid only until the next is asked for.
                self._left = bytes(block[most:])
                block = block[:most]
            most -= len(block)
            if self.rest is not None:
                self.rest -= len(block)
            yield block
        if self.rest is None and not self._left:
            # Whether another piece follows has to be known before it is begun.
            self._left = bytes(self._next() or b"")

    def _next(self) -> memoryview | None:
        if self._left:
            kept, self._left = self._left, b""
            return memoryview(kept)
        if self._blocks is None:
            self._blocks = self._inner.blocks()
        block = next(self._blocks, None)
        if block is None:
            self._blocks = None
        return block


class Piece:
    """A part of a body, as a body (an `Inbound`)."""

    def __init__(self, whole: Cut, length: int | None, most: int) -> None:
        self.length = length
        self._whole = whole
        self._left = most if length is None else length

    async def ready(self) -> bool:
        """Whether there are bytes to take."""
        return self._left > 0 and await self._whole.ready()

    def blocks(self) -> Iterator[memoryview]:
        """All that is there without a pause."""
        for block in self._whole.take(self._left):
            self._left -= len(block)
            yield block
