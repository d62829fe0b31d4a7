"""Who may do what at the same time, across processes or within one.

Across processes it is ``flock`` on files that are never removed: the kernel frees it when its
holder dies. Waiting polls instead of sitting in a thread, so that it can be cancelled and so that
many waiters need no threads; locks are held for milliseconds, seldom for a quarter of a second while
bytes flow, and a wait is rare.
"""

import asyncio
import fcntl
import os
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from lading.oci.digest import Digest
from lading.wall import storage_errors

SHARDS = 256
"""How many locks digests share."""

_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.1


def shard(digest: Digest) -> int:
    """The lock of *digest*: its first byte where it is hexadecimal."""
    try:
        return int(digest.value[:2], 16) % SHARDS
    except ValueError:
        return zlib.crc32(digest.value.encode()) % SHARDS


class FileLocks:
    """Exclusion between all processes that use *directory*."""

    def __init__(self, directory: Path) -> None:
        self._background = str(directory / "background.lock")
        self._delivering = str(directory / "delivering.lock")
        self._shards = [str(directory / "locks" / f"{number:02x}") for number in range(SHARDS)]

    def publishing(self, digest: Digest) -> "_Holding":
        """Share the lock of *digest* with other publishers."""
        return _Holding(self._shards[shard(digest)], fcntl.LOCK_SH)

    def exclusively(self, digest: Digest) -> "_Holding":
        """Hold the lock of *digest* alone."""
        return _Holding(self._shards[shard(digest)], fcntl.LOCK_EX)

    @asynccontextmanager
    async def background(self, *, wait: bool) -> AsyncIterator[bool]:
        """Hold the lock of background work, or learn that another does."""
        descriptor = _open(self._background)
        try:
            if wait:
                await _until(partial(_locked, descriptor, fcntl.LOCK_EX))
            yield wait or _locked(descriptor, fcntl.LOCK_EX)
        finally:
            os.close(descriptor)

    def delivering(self) -> "_Holding":
        """Hold the lock of delivering alone."""
        return _Holding(self._delivering, fcntl.LOCK_EX)


class _Holding:
    """A lock from the beginning of a block to its end; a class, since every blob passes here."""

    __slots__ = ("_descriptor", "_mode", "_path")

    def __init__(self, path: str, mode: int) -> None:
        self._path = path
        self._mode = mode
        self._descriptor = -1

    async def __aenter__(self) -> None:
        self._descriptor = await _acquire(self._path, self._mode)

    async def __aexit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _open(path: str) -> int:
    with storage_errors(path):
        # An open file of its own for each holder: two holders within a process exclude each other.
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _locked(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _until(attempt: Callable[[], bool]) -> None:
    pause = _FIRST_PAUSE
    while not attempt():
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def _acquire(path: str, mode: int) -> int:
    descriptor = _open(path)
    try:
        if not _locked(descriptor, mode):
            await _until(partial(_locked, descriptor, mode))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


class ProcessLocks:
    """Exclusion within one process, for a database in memory."""

    def __init__(self) -> None:
        self._publishers: Counter[int] = Counter()
        self._exclusive: set[int] = set()
        self._background = False
        self._delivers = False

    @asynccontextmanager
    async def publishing(self, digest: Digest) -> AsyncIterator[None]:
        """Share the lock of *digest* with other publishers."""
        number = shard(digest)
        await _until(lambda: number not in self._exclusive)
        self._publishers[number] += 1
        try:
            yield
        finally:
            self._publishers[number] -= 1

    @asynccontextmanager
    async def exclusively(self, digest: Digest) -> AsyncIterator[None]:
        """Hold the lock of *digest* alone."""
        number = shard(digest)
        await _until(lambda: number not in self._exclusive and not self._publishers[number])
        self._exclusive.add(number)
        try:
            yield
        finally:
            self._exclusive.discard(number)

    @asynccontextmanager
    async def background(self, *, wait: bool) -> AsyncIterator[bool]:
        """Hold the lock of background work, or learn that another does."""
        if wait:
            await _until(lambda: not self._background)
        elif self._background:
            yield False
            return
        self._background = True
        try:
            yield True
        finally:
            self._background = False

    @asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        """Hold the lock of delivering alone."""
        await _until(lambda: not self._delivers)
        self._delivers = True
        try:
            yield
        finally:
            self._delivers = False
