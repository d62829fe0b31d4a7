"""What a file says, for as long as it says so: it is read again when it changes."""

import asyncio
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Value = TypeVar("Value")

_LOOK_EVERY = 0.25
_LONGEST = 16 << 20


class Unreadable(ValueError):
    """A file does not say what it should; the text says why, and never what it says instead."""


class WatchedFile(Generic[Value]):
    """The value of a file, which *read* makes of its bytes or raises `Unreadable`.

    While the file is missing or broken, the value is the last one that was there, or *first*. The
    log tells once why, and when the file is good again.
    """

    def __init__(self, path: Path, read: Callable[[bytes], Value], first: Value) -> None:
        self._path = path
        self._read = read
        self._value = first
        self._seen: tuple[int, ...] | None = None
        self._told: str | None = None

    def __call__(self) -> Value:
        """What the file said when it was last looked at."""
        return self._value

    async def run(self) -> None:
        """Look again and again, in a thread: a file of many megabytes keeps nobody waiting."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                await asyncio.to_thread(self.look)
            except Exception:
                # A mistake of ours must not end what everybody's rights depend on.
                log.exception("file cannot be looked at", extra={"file": str(self._path)})

    def look(self) -> None:
        """Read the file if it has changed; blocks."""
        try:
            found = self._path.stat()
            seen = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
            if seen == self._seen:
                return
            self._seen = seen
            self._value = self._read(content(self._path))
        except OSError as error:
            # What the system could not do now it may do next time, though the file is the same.
            self._seen = None
            self._tell(f"{error.strerror}")
        except Unreadable as error:
            self._tell(f"{error}")
        else:
            if self._told is not None:
                log.info("file can be used again", extra={"file": str(self._path)})
            self._told = None

    def _tell(self, why: str) -> None:
        if why != self._told:
            log.error(
                "file cannot be used, what it said before still holds",
                extra={"file": str(self._path), "reason": why},
            )
        self._told = why


def content(path: Path) -> bytes:
    """The bytes of the file *path*.

    Raises:
        OSError: it cannot be read.
        Unreadable: it is no file, or longer than any that is meant.
    """
    # A pipe would keep the reader waiting, and the server with it.
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(file, "rb") as opened:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise Unreadable("it is no file")
        found = opened.read(_LONGEST + 1)
    if len(found) > _LONGEST:
        raise Unreadable("it is too long")
    return found
