"""Files of a directory that others may have made: read without leaving it, replaced in one step.

Everything here blocks and runs in a worker thread.
"""

import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lading.bodies import BLOCK
from lading.content.threads import still_wanted
from lading.errors import LayoutInvalid, StorageBusy
from lading.oci.digest import Digest, Hasher
from lading.wall import storage_errors

_PATIENCE = 30.0
"""Seconds for which another process may hold the index before that is an error."""
_PAUSE = 0.005
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})


class Folder:
    """A directory, out of which nothing that is asked of it leads."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))

    def open(self, name: str) -> int | None:
        """A descriptor of the file *name*; ``None`` if there is none.

        Raises:
            LayoutInvalid: it is no regular file, or a link that leads out of the directory.
            StorageFailed: it cannot be read.
        """
        with storage_errors(self.root / name):
            try:
                real = Path(os.path.realpath(self.root / name, strict=True))
                if not real.is_relative_to(self.root):
                    raise LayoutInvalid(f"{self.root / name} is a link out of the directory")
                # What it links to was judged above; a device or a pipe must not hold us up.
                file = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            except OSError as error:
                if error.errno in _ABSENT:
                    return None
                if error.errno == errno.ELOOP:
                    raise LayoutInvalid(f"{self.root / name} is a link in a circle") from None
                raise
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise LayoutInvalid(f"{self.root / name} is no regular file")
        return file

    def read(self, name: str, *, limit: int) -> bytes | None:
        """What the file *name* holds; ``None`` if there is none.

        Raises:
            LayoutInvalid: it has more than *limit* bytes, or as `open`.
        """
        file = self.open(name)
        if file is None:
            return None
        with os.fdopen(file, "rb") as opened, storage_errors(self.root / name):
            found = opened.read(limit + 1)
        if len(found) > limit:
            raise LayoutInvalid(f"{self.root / name} has more than {limit} bytes")
        return found

    def within(self, name: str) -> Path:
        """The directory *name*, made if it is missing.

        Raises:
            LayoutInvalid: it leads out of this one.
        """
        path = self.root / name
        with storage_errors(path):
            if not Path(os.path.realpath(path)).is_relative_to(self.root):
                raise LayoutInvalid(f"{path} is a link out of the directory")
            path.mkdir(parents=True, exist_ok=True)
        return path

    def replace(self, name: str, content: bytes, *, sync: bool) -> None:
        """Put *content* in the place of the file *name*, all or nothing."""
        final = self.root / name
        self.within(os.path.dirname(name))  # noqa: PTH120 - a name, not a path
        staged = final.with_name(f".{final.name[:32]}.{secrets.token_hex(8)}")
        with storage_errors(final):
            try:
                with staged.open("xb") as file:
                    file.write(content)
                    file.flush()
                    if sync:
                        os.fsync(file.fileno())
                staged.replace(final)
            except BaseException:
                staged.unlink(missing_ok=True)
                raise
            if sync:
                sync_directory(final.parent)

    def remove(self, name: str) -> bool:
        """Remove the file *name*; ``False`` if there was none."""
        path = self.root / name
        with storage_errors(path):
            if not Path(os.path.realpath(path.parent)).is_relative_to(self.root):
                raise LayoutInvalid(f"{path} leads out of the directory")
            try:
                path.unlink()
            except OSError as error:
                if error.errno in _ABSENT:
                    return False
                raise
        return True

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory alone, among all processes and threads that ask for that.

        The lock is the kernel's and on the directory itself, so it leaves no file behind.

        Raises:
            StorageBusy: another process held it for too long.
        """
        with storage_errors(self.root):
            file = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with storage_errors(self.root):
                lock(file, self.root)
            yield
        finally:
            os.close(file)


def lock(file: int, subject: object, *, patience: float = _PATIENCE) -> None:
    """Lock an open file, waiting for up to *patience* seconds.

    Raises:
        StorageBusy: somebody else kept it.
    """
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise StorageBusy(f"{subject} is locked by another process") from None
            time.sleep(_PAUSE)
        else:
            return


def sync_directory(path: Path) -> None:
    """Make the entries of *path* durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest_of(file: int, algorithm: str, *, offset: int = 0, size: int | None = None) -> Digest:
    """Hash *size* bytes of an open file from *offset* on, all that follow by default."""
    hasher = Hasher(algorithm)
    block = memoryview(bytearray(BLOCK))
    left = size
    while left is None or left > 0:
        wanted = BLOCK if left is None else min(left, BLOCK)
        count = os.preadv(file, (block[:wanted],), offset)
        if not count:
            break
        still_wanted()
        hasher.update(block[:count])
        offset += count
        left = None if left is None else left - count
    return hasher.digest()


def discard(path: Path) -> None:
    """Remove a file, whether or not it is there."""
    with storage_errors(path), suppress(FileNotFoundError):
        path.unlink()
