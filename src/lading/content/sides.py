"""Whose fault it was: a copy has two ends, and an error says at which one it happened."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lading.bodies import Place, Source, places_of
from lading.errors import LadingError, StorageFailed

SOURCE = "source"
TARGET = "target"


def blame(error: LadingError, side: str) -> None:
    """Let ``error.where`` begin with *side*, unless a side is named there already."""
    if not error.where.startswith((SOURCE, TARGET)):
        error.where = f"{side} {error.where}".rstrip()


@contextmanager
def at(side: str) -> Iterator[None]:
    """What fails in here failed at *side*."""
    try:
        yield
    except LadingError as error:
        blame(error, side)
        raise


class Trace:
    """What happened to one body on its way, however often it was begun again.

    ``failure`` is why it could not be read, if so; whoever was being fed may have named that
    again. ``tell`` hears how many bytes were taken, in the thread that takes them.
    """

    __slots__ = ("failure", "tell")

    def __init__(self, tell: Callable[[int], None]) -> None:
        self.tell = tell
        self.failure: LadingError | None = None


class Traced:
    """A body out of the source of a copy, whose failures are the source's (a `Source`)."""

    def __init__(self, inner: Source, trace: Trace, *, offset: int = 0) -> None:
        self._inner = inner
        self._trace = trace
        self._first = offset
        self._taken = offset
        self.length = inner.length

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except LadingError as error:
            blame(error, SOURCE)
            self._trace.failure = error
            raise
        except OSError as error:
            # A file that could be opened, and not be read to its end.
            failure = StorageFailed(error.strerror or error)
            blame(failure, SOURCE)
            self._trace.failure = failure
            raise failure from error

    async def ready(self) -> bool:
        """Whether there are bytes to take."""
        with self._watched():
            return await self._inner.ready()

    def blocks(self) -> Iterator[memoryview]:
        """All that is there without a pause."""
        with self._watched():
            for block in self._inner.blocks():
                yield block
                # Asking for the next block says that this one was taken.
                self._taken += len(block)
                self._trace.tell(self._taken)

    def places(self) -> Iterator[Place] | None:
        """Where what is left is, if it is in files; see `Placed.places`."""
        inner = places_of(self._inner)
        return None if inner is None else self._followed(inner)

    def _followed(self, places: Iterator[Place]) -> Iterator[Place]:
        with self._watched():
            for place in places:
                yield place
                self._taken += place[2]
                self._trace.tell(self._taken)

    async def again(self, at: int = 0) -> "Traced":
        """The bytes from *at* on, as if nothing had happened yet."""
        self._trace.failure = None
        with self._watched():
            inner = await self._inner.again(at)
        return Traced(inner, self._trace, offset=self._first + at)

    async def aclose(self) -> None:
        """Let go of the body."""
        await self._inner.aclose()
