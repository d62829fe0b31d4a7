"""Blobs as files, for callers that block: to be read from, and made of what is read."""

import io
import os
from collections.abc import Iterator
from typing import BinaryIO

from lading.bodies import BLOCK, Bytes, Elsewhere, Source, Span, source_of
from lading.content.verify import opened
from lading.interfaces.repository import ContentSource
from lading.oci.digest import CANONICAL, Digest, Hasher
from lading.sync.loop import Loop


class BlobReader(io.RawIOBase):
    """The content of a blob, as a file that is open for reading.

    It is hashed on its way, and `DigestInvalid` is raised in place of its last bytes if they are
    not what they are called; so only whoever reads to the end knows. Unless it is *unverified*:
    then it can be read from any place, and each jump is one request. ``size`` is in bytes.

    To be used by one thread at a time.
    """

    def __init__(
        self,
        loop: Loop,
        repository: ContentSource,
        digest: Digest,
        *,
        unverified: bool = False,
    ) -> None:
        super().__init__()
        self.digest = digest
        self._loop = loop
        self._repository = repository
        self._unverified = unverified
        self._at = 0
        self._source: Source | None = None
        self._blocks: Iterator[memoryview] = iter(())
        self._rest = memoryview(b"")
        if unverified:
            self.size = loop.run(lambda: repository.stat_blob(digest)).size
        else:
            self._source, self.size = loop.run(self._whole)

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """Only what is not verified is: a digest is of all the bytes, in their order."""
        return self._unverified

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go on at another place.

        Raises:
            io.UnsupportedOperation: it is verified.
        """
        self._check()
        if not self._unverified:
            raise io.UnsupportedOperation("a blob that is verified is read from its beginning")
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise ValueError(f"nothing is before the beginning: {start + offset}")
        if start + offset != self._at:
            self._let_go()
            self._at = start + offset
        return self._at

    def readinto(self, buffer: memoryview | bytearray, /) -> int:  # type: ignore[override]  # wider
        """Read up to so many bytes; 0 at the end.

        Raises:
            DigestInvalid: the content is not what it is called.
            SizeInvalid: it is shorter or longer than was said.
            UpstreamFailed: the registry let us down.
        """
        self._check()
        wanted = memoryview(buffer).cast("B")
        while not self._rest:
            if not self._advance():
                return 0
        taken = self._rest[: len(wanted)]
        wanted[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        self._at += len(taken)
        return len(taken)

    def readall(self) -> bytes:
        """All that is left."""
        pieces = bytearray()
        buffer = memoryview(bytearray(BLOCK))
        while taken := self.readinto(buffer):
            pieces += buffer[:taken]
        return bytes(pieces)

    def close(self) -> None:
        """Let go of the connection or the file that it is read from."""
        if not self.closed:
            self._let_go()
        super().close()

    def _advance(self) -> bool:
        """Have the next block at hand; ``False`` at the end."""
        if self._source is None:
            if self._at >= self.size:
                return False
            self._source = self._loop.run(self._part)
        # Blocks come in the thread that wants them, so that bytes do not pass through the loop.
        self._rest = next(self._blocks, memoryview(b""))
        if not self._rest:
            if not self._loop.run(self._source.ready):
                return False
            self._blocks = self._source.blocks()
        return True

    def _let_go(self) -> None:
        source, self._source = self._source, None
        self._rest, self._blocks = memoryview(b""), iter(())
        if source is not None and not self._loop.is_over:
            self._loop.run(source.aclose)

    def _check(self) -> None:
        if self.closed:
            raise ValueError("the blob is closed")

    async def _whole(self) -> tuple[Source, int]:
        source = await opened(self._repository, self.digest)
        return source, source.length or 0

    async def _part(self) -> Source:
        if self._at == 0 and self.size == 0:
            return Bytes(b"")
        content = await self._repository.open_blob(self.digest, spans=[Span(self._at)])
        assert not isinstance(content, Elsewhere), "nobody said that a URL would do"
        return source_of(content)


class Pouring:
    """What is left in an open file, hashed as it goes (an `Inbound`).

    For what cannot be read twice, such as a pipe; its length is not known.
    """

    def __init__(self, file: BinaryIO, *, algorithm: str = CANONICAL) -> None:
        self.length: int | None = None
        self.hasher = Hasher(algorithm)
        self._file = file
        self._done = False

    async def ready(self) -> bool:
        """Whether the file has not ended."""
        return not self._done

    def blocks(self) -> Iterator[memoryview]:
        """All of it, as it comes."""
        while block := self._file.read(BLOCK):
            self.hasher.update(block)
            yield memoryview(block)
        self._done = True
