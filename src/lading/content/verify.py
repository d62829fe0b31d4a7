"""Content that is checked while it is read: nobody has all of it before it is known to be right.

The last block is handed out only when digest and length are those that were expected, so whoever
wrote down everything that came has the content, and whoever got an error has less than that.
"""

from collections.abc import Iterator

from lading.bodies import Elsewhere, Place, Source, places_of, source_of
from lading.errors import BodyIncomplete, DigestInvalid, LadingError, RegistryError, SizeInvalid
from lading.interfaces.repository import ContentSource
from lading.oci.digest import Digest, Hasher


class Measured:
    """Content of a length that is known, and checked (a `Source`)."""

    def __init__(self, inner: Source, size: int, *, offset: int = 0) -> None:
        """*size* is that of the whole content, and *inner* begins at *offset* in it."""
        self._inner = inner
        self._size = size
        self._seen = offset
        self.length: int | None = size - offset

    async def ready(self) -> bool:
        """Whether there are bytes to take.

        Raises:
            BodyIncomplete: the content is shorter than was said.
        """
        if await self._inner.ready():
            return True
        if self._seen < self._size:
            raise BodyIncomplete(f"{self._seen} of {self._size} bytes came")
        return False

    def blocks(self) -> Iterator[memoryview]:
        """All that is there without a pause.

        Raises:
            SizeInvalid: the content is longer than was said.
        """
        for block in self._inner.blocks():
            self._seen += len(block)
            if self._seen > self._size:
                raise SizeInvalid(f"more than {self._size} bytes came")
            yield block

    def places(self) -> Iterator[Place] | None:
        """Where what is left is, if it is in files; see `Placed.places`."""
        inner = places_of(self._inner)
        return None if inner is None else self._counted(inner)

    def _counted(self, places: Iterator[Place]) -> Iterator[Place]:
        for place in places:
            self._seen += place[2]
            if self._seen > self._size:
                raise SizeInvalid(f"more than {self._size} bytes came")
            yield place

    async def again(self, at: int = 0) -> "Measured":
        """The bytes from *at* on."""
        start = self._size - (self.length or 0) + at
        return Measured(await self._inner.again(at), self._size, offset=start)

    async def aclose(self) -> None:
        """Let go of the content."""
        await self._inner.aclose()


class Verified:
    """Content that has to have the digest *expected*, and *size* bytes if that is known.

    A `Source`. Blocks are hashed in the thread that takes them.
    """

    def __init__(self, inner: Source, expected: Digest, size: int | None, *, skip: int = 0) -> None:
        """The first *skip* bytes are hashed and not handed out.

        Raises:
            DigestInvalid: nothing can be checked under such a digest here.
        """
        self._inner = inner
        self._expected = expected
        self._size = inner.length if size is None else size
        self._skip = skip
        self._hasher = Hasher(expected.algorithm)
        self._seen = 0
        self._right = False
        # Without a size, any block may be the last: each waits here for the one after it.
        self._held = b""

    @property
    def length(self) -> int | None:
        """How many bytes are handed out, if that is known."""
        return None if self._size is None else self._size - self._skip

    async def ready(self) -> bool:
        """Whether there are bytes to take.

        Raises:
            BodyIncomplete: the content is shorter than was said.
            DigestInvalid: it is other content.
        """
        if await self._inner.ready():
            return True
        if self._size is not None and self._seen < self._size:
            raise BodyIncomplete(f"{self._seen} of {self._size} bytes of {self._expected} came")
        if not self._right:
            self._judge()
        return len(self._held) > 0

    def blocks(self) -> Iterator[memoryview]:
        """All that is there without a pause, except what may be the last block.

        Raises:
            SizeInvalid: the content is longer than was said.
            DigestInvalid: it is other content.
        """
        if self._right and self._held:
            held, self._held = self._held, b""
            yield memoryview(held)
            return
        for block in self._inner.blocks():
            start = self._seen
            self._take(block)
            fresh = block[min(max(self._skip - start, 0), len(block)) :]
            if self._size is None:
                held, self._held = self._held, bytes(fresh)
                fresh = memoryview(held)
            if fresh:
                yield fresh

    def _take(self, block: memoryview) -> None:
        self._seen += len(block)
        if self._size is not None and self._seen > self._size:
            raise _wrong(SizeInvalid(f"{self._expected} has more than {self._size} bytes"))
        self._hasher.update(block)
        if self._seen == self._size:
            self._judge()

    def _judge(self) -> None:
        found = self._hasher.digest()
        if found != self._expected:
            raise _wrong(DigestInvalid(f"{self._expected} was asked for, {found} came"))
        self._right = True

    async def again(self, at: int = 0) -> "Verified":
        """The bytes from *at* on. Those before are read as well, since the digest is of all."""
        return Verified(await self._inner.again(), self._expected, self._size, skip=self._skip + at)

    def relayed(self) -> Source:
        """The same bytes with only their length checked, for a registry that checks the digest.

        What is returned takes the place of this one: only one of the two is closed.
        """
        return self._inner if self._size is None else Measured(self._inner, self._size)

    async def aclose(self) -> None:
        """Let go of the content."""
        await self._inner.aclose()


async def opened(source: ContentSource, digest: Digest, size: int | None = None) -> Verified:
    """The blob *digest* of *source*, verified once; whoever gets it closes it.

    Raises:
        BlobUnknown: *source* does not have it.
        SizeInvalid: it has not the *size* that somebody said.
        DigestInvalid: nothing can be checked under such a digest here.
    """
    content = await source.open_blob(digest)
    assert not isinstance(content, Elsewhere), "nobody said that a URL would do"
    body = source_of(content)
    try:
        if size is not None and content.total != size:
            raise SizeInvalid(f"{digest} has {content.total} bytes, not {size}")
        # What comes from a registry is hashed on its way already.
        return body if isinstance(body, Verified) else Verified(body, digest, content.total)
    except LadingError:
        await body.aclose()
        raise


def _wrong(error: RegistryError) -> RegistryError:
    """*error*, told to whoever asked for the content and not to whoever sent it."""
    error.advice = (
        "What came is not what was asked for, and was thrown away: try again, and tell the "
        "operator of that registry if it stays so."
    )
    return error
