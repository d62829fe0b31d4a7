"""A second thread for a sender who has the disk alone: it hashes what is being written.

One sender that is faster than one processor would else wait for the hash of each block and then for
its writing, while other processors have nothing to do.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue

from lading.storage.threads import Threads

WORTH = 256 << 10
"""From how many bytes on a block is hashed aside: below, waking a thread costs as much."""

BEGINS_AT = 4 << 20
"""How many bytes an upload has before that begins: of smaller blobs a push has others as well."""


class Aside:
    """Does one thing while the thread that asks for it does another.

    *bodies* are the threads that ask. When several of them are at work, every processor has
    something to do already, and nothing is done aside.
    """

    def __init__(self, bodies: Threads) -> None:
        self._bodies = bodies
        self._pieces: SimpleQueue[_Piece | None] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def helps(self, offset: int, size: int) -> bool:
        """Whether to do aside what concerns *size* bytes of an upload that has *offset*."""
        return offset >= BEGINS_AT and size >= WORTH and self._bodies.working <= 1

    @contextmanager
    def doing(self, work: Callable[[memoryview], None], block: memoryview) -> Iterator[None]:
        """Call *work* with *block* meanwhile; it is done at the end, also after an error.

        What was not begun by then is done by the caller, so that a busy machine is not waited for.
        """
        piece = _Piece(work, block)
        if self._started():
            self._pieces.put(piece)
        try:
            yield
        finally:
            piece.finish()

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._pieces.put(None)
            self._thread.join()

    def _started(self) -> bool:
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="lading-aside", daemon=True)
                # When the machine gives no more threads, the caller does it all.
                with suppress(RuntimeError):
                    thread.start()
                    self._thread = thread
            return self._thread is not None

    def _work(self) -> None:
        while (piece := self._pieces.get()) is not None:
            piece.begin()
            # Else the last block would be held until the next one comes.
            del piece


class _Piece:
    """Work for whoever comes first."""

    __slots__ = ("_block", "_done", "_error", "_taken", "_work")

    def __init__(self, work: Callable[[memoryview], None], block: memoryview) -> None:
        self._work = work
        self._block = block
        self._taken = threading.Lock()
        self._error: BaseException | None = None
        self._done = threading.Lock()
        self._done.acquire()

    def begin(self) -> None:
        """Do it, unless it is too late."""
        if not self._taken.acquire(blocking=False):
            return
        try:
            self._work(self._block)
        except BaseException as error:  # noqa: BLE001  # belongs to whoever asked
            self._error = error
        self._done.release()

    def finish(self) -> None:
        """See to it that it is done; raises what went wrong."""
        if self._taken.acquire(blocking=False):
            self._work(self._block)
            return
        self._done.acquire()
        if self._error is not None:
            raise self._error
