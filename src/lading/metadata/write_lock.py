"""The lock under which all processes write, and the number by which others see that they did.

The number stands at the beginning of the lock's file: odd while somebody may be writing, and another
one after that. Whoever dies while writing leaves it odd until the next one is done, and then
nobody takes it for granted.
"""

import fcntl
import mmap
import os
from pathlib import Path

from lading.wall import storage_errors

_SIZE = 8
_MOST = 1 << 64


class WriteLock:
    """The lock of all writers; used by one thread at a time, but for `written`.

    Raises:
        StorageFailed: the file cannot be made, or has no room for a number.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with storage_errors(path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                self._make_room()
                self._shared = mmap.mmap(self._descriptor, _SIZE)
            except BaseException:
                os.close(self._descriptor)
                raise
        self._number = memoryview(self._shared).cast("Q")

    def acquire(self, *, wait: bool = True) -> bool:
        """Hold it, and say so; wait for it as long as it takes, or not at all."""
        how = fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB
        with storage_errors(self._path):
            try:
                fcntl.flock(self._descriptor, how)
            except BlockingIOError:
                return False
        # Odd already, if the last one died.
        self._number[0] = (self._number[0] + 1) % _MOST | 1
        return True

    def release(self) -> None:
        """Let go of it."""
        self._number[0] = (self._number[0] + 1) % _MOST
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def __enter__(self) -> None:
        """Hold it; wait for it as long as it takes."""
        self.acquire()

    def __exit__(self, *_: object) -> None:
        """Let go of it."""
        self.release()

    def written(self) -> int | None:
        """A number that is another one once anybody has written; ``None`` while somebody may be."""
        number = self._number[0]
        return None if number & 1 else number

    def close(self) -> None:
        """Let go of the file."""
        self._number.release()
        self._shared.close()
        os.close(self._descriptor)

    def _make_room(self) -> None:
        if os.fstat(self._descriptor).st_size >= _SIZE:
            return
        # Written, and not only grown: a store into a page for which the disk has no room would
        # end the process. Under the lock, since another process may be counting by now.
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            if os.fstat(self._descriptor).st_size < _SIZE:
                os.pwrite(self._descriptor, bytes(_SIZE), 0)
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
