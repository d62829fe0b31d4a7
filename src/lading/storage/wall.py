"""The wall of the file system: its errors are named again here, and nowhere else."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from lading.errors import StorageFailed, StorageFull, StorageReadOnly

_KINDS: dict[int, type[StorageFailed]] = {
    errno.ENOSPC: StorageFull,
    errno.EDQUOT: StorageFull,
    # No more room for this file: a limit of the process or of the file system.
    errno.EFBIG: StorageFull,
    errno.EROFS: StorageReadOnly,
    errno.EACCES: StorageReadOnly,
    errno.EPERM: StorageReadOnly,
}


def failure(error: OSError, subject: object) -> StorageFailed:
    """Our name for what the operating system said about *subject*."""
    kind = _KINDS.get(error.errno or 0, StorageFailed)
    return kind(f"{subject}: {error.strerror or error}")


@contextmanager
def storage_errors(subject: object) -> Iterator[None]:
    """Turn what the operating system says about *subject* into our own errors.

    Raises:
        StorageFull, StorageReadOnly, StorageFailed: by error number.
    """
    try:
        yield
    except OSError as error:
        raise failure(error, subject) from error
