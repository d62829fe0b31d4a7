"""What errors of the operating system mean for a database."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lading.errors import StorageBusy, StorageDamaged, StorageFailed, StorageFull, StorageReadOnly

BY_ERRNO: dict[int, type[StorageFailed]] = {
    errno.ENOSPC: StorageFull,
    errno.EDQUOT: StorageFull,
    errno.EFBIG: StorageFull,
    errno.EROFS: StorageReadOnly,
    errno.EACCES: StorageReadOnly,
    errno.EPERM: StorageReadOnly,
    errno.EWOULDBLOCK: StorageBusy,
    errno.EIO: StorageFailed,
    errno.EUCLEAN: StorageDamaged,
}
"""Which of our errors an error number is; all others are `StorageFailed`."""


@contextmanager
def system_errors(path: Path) -> Iterator[None]:
    """Turn errors of the operating system about *path* into our own."""
    try:
        yield
    except OSError as error:
        kind = BY_ERRNO.get(error.errno or 0, StorageFailed)
        raise kind(f"{error.filename or path}: {error.strerror}") from error
