"""Work in a thread that can be ended, and pipes in which nobody waits longer than that.

A thread cannot be cancelled: the work asks between its pieces whether it is to go on.
"""

import asyncio
import io
import os
import select
import stat
import threading
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar

Result = TypeVar("Result")

GoOn = Callable[[], None]
"""Asked between two pieces of work; what it raises ends the work, which clears up and passes it on."""

_ASKED_EVERY_MILLISECONDS = 100


class _Ended(BaseException):
    """Nobody waits for the work any more; like a cancellation, it is nothing that code handles."""


async def in_thread(work: Callable[[GoOn], Result]) -> Result:
    """Carry out *work* in a thread; when this is cancelled, *work* is ended and waited for.

    If *work* ends all the same, its result is returned and the cancellation forgotten.
    """
    unwanted = threading.Event()

    def go_on() -> None:
        if unwanted.is_set():
            raise _Ended

    running = asyncio.get_running_loop().run_in_executor(None, work, go_on)
    # However often somebody cancels: what is cleared up has to be cleared up to the end.
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError:
            unwanted.set()
    try:
        return running.result()
    except _Ended:
        raise asyncio.CancelledError from None


class EndableReader(io.RawIOBase):
    """*file*, to be read from its beginning to its end, for as long as *go_on* says so."""

    def __init__(self, file: BinaryIO, go_on: GoOn) -> None:
        self._file = file
        self._go_on = go_on
        self._descriptor = _descriptor(file)

    def read(self, size: int = -1, /) -> bytes:
        """At most *size* bytes, and none at the end.

        It is read past the file's own buffer, which has to be empty.
        """
        self._go_on()
        if self._descriptor is None:
            return self._file.read(size)
        _wait(self._descriptor, select.POLLIN, self._go_on)
        return os.read(self._descriptor, size)


class EndableWriter(io.RawIOBase):
    """*file*, to be written for as long as *go_on* says so."""

    def __init__(self, file: BinaryIO, go_on: GoOn) -> None:
        self._file = file
        self._go_on = go_on
        found = _descriptor(file)
        # A file on a disk makes nobody wait for another program.
        on_disk = found is not None and stat.S_ISREG(os.fstat(found).st_mode)
        self._descriptor = None if on_disk else found

    def write(self, data: Any, /) -> int:
        """Write all of *data*."""
        self._go_on()
        if self._descriptor is None:
            return self._file.write(data)
        left = memoryview(data)
        size = len(left)
        while left:
            _wait(self._descriptor, select.POLLOUT, self._go_on)
            # No more than what a pipe that has room takes without waiting.
            left = left[os.write(self._descriptor, left[: select.PIPE_BUF]) :]
        return size


def _descriptor(file: BinaryIO) -> int | None:
    try:
        return file.fileno()
    except OSError:
        return None


def _wait(descriptor: int, event: int, go_on: GoOn) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    while not poll.poll(_ASKED_EVERY_MILLISECONDS):
        go_on()
