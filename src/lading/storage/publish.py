"""Making bytes durable and readable: the part of the store that must not be wrong.

Everything here blocks: in a worker thread or, where there is no disk, for a moment on the event loop.
"""

import contextlib
import os
from collections.abc import Callable

from lading.errors import UploadUnknown
from lading.interfaces.blobs import UploadId
from lading.wall import storage_errors

DIRECTORY_MODE = 0o777
"""As for files, masked by the umask."""

_TRIES = 100

Sync = Callable[[int], None]
"""Makes what was written to a descriptor durable: `os.fsync`, or a test's stand-in."""


class Publisher:
    """Gives verified bytes their name, durably.

    *diskless* says that no name can last: then directories are not synced.
    """

    def __init__(self, sync: Sync = os.fsync, *, diskless: bool = False) -> None:
        self._sync = sync
        self._diskless = diskless
        self._anchored: set[str] = set()

    def publish(self, file: int, staged: str, final: str, *, upload_id: UploadId) -> None:
        """Make *staged*, whose open and locked descriptor is *file*, readable as *final*.

        What stood there before is replaced: the bytes are the same by definition, unless they
        had been damaged, and then this heals them.

        Raises:
            UploadUnknown: *staged* was removed meanwhile.
            StorageFailed: the bytes could not be made durable.
        """
        directory = _above(final)
        with storage_errors(final):
            # Before the sync, so that a journaling file system commits both in one go.
            make_directory(directory)
            # The bytes must be durable before the name is: after a power cut, a blob path that
            # exists has to hold the whole blob.
            self._sync_bytes(file, staged)
            _rename(staged, final, directory, upload_id)
            self._anchor(directory)

    def _sync_bytes(self, file: int, staged: str) -> None:
        try:
            self._sync(file)
        except OSError:
            # The kernel may have dropped the pages it could not write and call them clean: a
            # second sync would succeed and prove nothing. These bytes are not to be trusted.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(staged)
            raise

    def _anchor(self, directory: str) -> None:
        if self._diskless:
            return
        # A new directory is only as durable as its entry in the one above it. That it was there
        # already proves nothing: whoever made it may have died before its sync, or not be there
        # yet. Only what this process has synced itself is left out.
        self.sync_directory(directory)
        shard = _above(directory)
        self.sync_directory(shard)
        if shard not in self._anchored:
            self.sync_directory(_above(shard))
            self._anchored.add(shard)

    def sync_directory(self, directory: str) -> None:
        """Make the entries of *directory* durable."""
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._sync(handle)
        finally:
            os.close(handle)


def make_directory(directory: str) -> None:
    """Make *directory* and those above it, as far as they are missing; not yet durably."""
    tries = _TRIES
    while True:
        try:
            os.mkdir(directory, DIRECTORY_MODE)
        except FileExistsError:
            return
        except FileNotFoundError:
            # A delete may remove the one above as soon as it is made. Some file systems, as /proc,
            # say the same of whatever is to be made there.
            tries -= 1
            if not tries:
                raise
            make_directory(os.path.dirname(directory))
        else:
            return


def _above(path: str) -> str:
    # Of a path inside the root, for half of what `os.path.dirname` costs.
    return path.rpartition("/")[0]


def _rename(staged: str, final: str, directory: str, upload_id: UploadId) -> None:
    while True:
        try:
            os.rename(staged, final)
        except FileNotFoundError:
            if not os.path.exists(staged):
                raise UploadUnknown(upload_id) from None
            # A delete of the same digest has just removed the empty directory.
            make_directory(directory)
        else:
            return
