"""Where a body ends: the two framings of HTTP/1.1, decoded in place (RFC 9112, 6 and 7.1).

Both ends of big bodies are found in worker threads as well as on the event loop, so a framing is
a small machine without I/O: it is shown what came, moves the payload to the front of it, and says
how long that is. What came after the body is in ``rest``.
"""

from typing import Protocol

from lading.errors import SizeInvalid

_LINE_LIMIT = 4096
_TRAILERS_LIMIT = 16 * 1024
_EXTENSIONS_LIMIT = 16 * 1024
_SIZE_DIGITS = 15
_HEX = frozenset(b"0123456789abcdefABCDEF")


class Framing(Protocol):
    """Tells payload from framing, and finds the end of a body."""

    length: int | None
    """How many bytes of payload were promised, if that is known."""
    done: bool
    """Whether the body has ended."""
    broken: bool
    """Whether it was not framed as was said, and nothing more on the connection has a meaning."""
    rest: bytes
    """What came after the end."""

    def room(self, space: int) -> int:
        """How much of *space* bytes may be received without reading past what is needed."""
        ...

    def feed(self, came: memoryview) -> int:
        """Move the payload in *came* to its front and return how many bytes it has.

        Raises:
            SizeInvalid: this is no such framing; nothing after it can be understood.
        """
        ...


class Sized:
    """A body of ``Content-Length`` bytes."""

    __slots__ = ("_left", "broken", "done", "length", "rest")

    def __init__(self, length: int) -> None:
        self.length: int | None = length
        self._left = length
        self.done = length == 0
        self.broken = False
        self.rest = b""

    def room(self, space: int) -> int:
        """Never more than is left of the body."""
        return min(space, self._left)

    def feed(self, came: memoryview) -> int:
        """All of it is payload, up to the promised length."""
        taken = min(len(came), self._left)
        self._left -= taken
        if self._left == 0:
            self.done = True
            self.rest = bytes(came[taken:])
        return taken


class Chunked:
    """A body in chunks, as docker pushes every layer."""

    __slots__ = (
        *("_excess", "_left", "_line", "_seen", "_trailers"),
        *("broken", "done", "length", "rest"),
    )

    def __init__(self) -> None:
        self.length: int | None = None
        self._left = 0
        self._excess = 0
        # Within a chunk ``_line`` is None; between two it gathers the next line, beginning with
        # the CRLF that ends the chunk before.
        self._line: bytearray | None = bytearray()
        self._seen = False
        self._trailers = -1
        self.done = False
        self.broken = False
        self.rest = b""

    def room(self, space: int) -> int:
        """Everything: what comes after the end is handed back in ``rest``."""
        return space

    def feed(self, came: memoryview) -> int:
        """Join the payload of all chunks at the front of *came*."""
        try:
            return self._feed(came)
        except SizeInvalid:
            self.broken = True
            raise

    def _feed(self, came: memoryview) -> int:
        at = written = 0
        while at < len(came) and not self.done:
            if self._line is None:
                taken = min(self._left, len(came) - at)
                if written != at:
                    came[written : written + taken] = came[at : at + taken]
                at += taken
                written += taken
                self._left -= taken
                if self._left == 0:
                    self._line = bytearray()
            else:
                at = self._read_line(came, at, self._line)
        if self.done:
            self.rest = bytes(came[at:])
        return written

    def _read_line(self, came: memoryview, at: int, line: bytearray) -> int:
        """Take one line, or as much of it as there is; return where to go on."""
        window = bytes(came[at : at + _LINE_LIMIT])
        found = window.find(b"\n")
        line += window if found < 0 else window[: found + 1]
        if len(line) > _LINE_LIMIT:
            raise SizeInvalid("a chunk line is too long")
        if found < 0:
            return at + len(window)
        if not line.endswith(b"\r\n"):
            raise SizeInvalid("a chunk line does not end with CRLF")
        self._end_of_line(bytes(line[:-2]))
        return at + found + 1

    def _end_of_line(self, line: bytes) -> None:
        self._line = bytearray()
        if self._trailers >= 0:
            self._trailers += len(line)
            if self._trailers > _TRAILERS_LIMIT:
                raise SizeInvalid("the trailers are too long")
            self.done = not line
        elif self._seen:
            # The CRLF that ends a chunk's payload.
            if line:
                raise SizeInvalid("a chunk is longer than its size")
            self._seen = False
        else:
            size, _, extensions = line.partition(b";")
            size = size.rstrip(b" \t")
            if not size or len(size) > _SIZE_DIGITS or not _HEX.issuperset(size):
                raise SizeInvalid("a chunk has no valid size")
            self._left = int(size, 16)
            if extensions:
                # They mean nothing here, and are no way to send without an end.
                self._excess = max(0, self._excess + len(extensions) - self._left)
                if self._excess > _EXTENSIONS_LIMIT:
                    raise SizeInvalid("the chunk extensions are too long")
            if self._left:
                self._seen = True
                self._line = None
            else:
                self._trailers = 0
