"""Lines on their way out of the process, past readers that may stand still.

Whoever writes to a pipe waits for its reader: a terminal that was stopped, a log collector that
hangs. Serving must not, so the writing is done in a thread, and what finds no room is dropped.
"""

import contextlib
import logging
import os
import select
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

MOST = 1 << 20
"""How many bytes wait for a reader at most."""

_LAST_WAIT = 1.0
_LINGER = 0.02
_AT_ONCE = 64 * 1024


class Outlet:
    """Writes lines to the descriptor *file*, later and in order; up to *most* bytes wait.

    One write carries what came within a moment: waking the thread costs more than the line.

    Nobody may be reading any more; that is no reason to stop serving, and not told either.
    """

    def __init__(self, file: int, *, most: int = MOST) -> None:
        self._file = file
        self._most = most
        self._lines: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="lading-outlet", daemon=True)
        self._thread.start()

    def write(self, lines: bytes) -> None:
        """Take *lines*, or drop them when there is no room. Never waits for the reader."""
        with self._changed:
            if self._size + len(lines) > self._most:
                self._dropped += lines.count(b"\n")
                return
            self._lines.append(lines)
            self._size += len(lines)
            if len(self._lines) == 1 or self._size >= _AT_ONCE:
                self._changed.notify()

    def close(self) -> None:
        """Write what waits, unless the reader stands still."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(_LAST_WAIT)

    def _run(self) -> None:
        while (lines := self._next()) is not None:
            with contextlib.suppress(OSError):
                self._write_out(lines)
            with self._changed:
                self._size -= len(lines)
                dropped, self._dropped = self._dropped, 0
            if dropped:
                log.warning("lines were dropped, since nobody read them", extra={"lines": dropped})

    def _next(self) -> bytes | None:
        with self._changed:
            while not self._lines and not self._closing:
                self._changed.wait()
            if self._size < _AT_ONCE:
                self._changed.wait_for(lambda: self._closing or self._size >= _AT_ONCE, _LINGER)
            found = b""
            while self._lines and (not found or len(found) + len(self._lines[0]) <= _AT_ONCE):
                found += self._lines.popleft()
            return found or None

    def _write_out(self, lines: bytes) -> None:
        rest = memoryview(lines)
        while rest:
            try:
                rest = rest[os.write(self._file, rest) :]
            except BlockingIOError:
                # Whoever started us has made it so for all who share it.
                select.select((), (self._file,), ())


class _Text:
    """An outlet as the stream of a log handler."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet

    def write(self, text: str) -> None:
        """Take the lines of *text*."""
        self._outlet.write(text.encode("utf-8", "backslashreplace"))

    def flush(self) -> None:
        """Nothing: it is written as soon as its reader takes it."""


class _Willing:
    """The file *number* as the stream of a log handler; drops what its reader would have to take."""

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        """The number of the file."""
        return self._number

    def write(self, text: str) -> None:
        """Write *text*, up to where it would have to wait."""
        rest = memoryview(text.encode("utf-8", "backslashreplace"))
        # Who is ready takes at least that much.
        while rest and select.select((), (self._number,), (), 0)[1]:
            rest = rest[os.write(self._number, rest[: select.PIPE_BUF]) :]

    def flush(self) -> None:
        """Nothing is kept."""


def log_without_waiting() -> None:
    """From now on, logs that go to a file or a stream never wait for their reader.

    For processes that fork, in which no thread may do the writing.
    """
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            with contextlib.suppress(OSError):
                handler.setStream(_Willing(handler.stream.fileno()))


@contextmanager
def logging_beside() -> Iterator[None]:
    """Within this, logs that go to a file or a stream are written beside the event loop.

    For processes that do not fork any more.
    """
    with contextlib.ExitStack() as stack:
        for handler in logging.getLogger().handlers:
            if not isinstance(handler, logging.StreamHandler):
                continue
            # A stream that is no file of the system keeps nobody waiting.
            with contextlib.suppress(OSError):
                outlet = Outlet(handler.stream.fileno())
                stack.callback(outlet.close)
                stack.callback(handler.setStream, handler.stream)
                handler.setStream(_Text(outlet))
        yield
