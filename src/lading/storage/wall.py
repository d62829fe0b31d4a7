"""The wall of the file system: its errors are named again here, and nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager

from lading.errors import BY_ERRNO, StorageFailed


def failure(error: OSError, subject: object) -> StorageFailed:
    """Our name for what the operating system said about *subject*."""
    kind = BY_ERRNO.get(error.errno or 0, StorageFailed)
    return kind(f"{subject}: {error.strerror or error}")


@contextmanager
def storage_errors(subject: object) -> Iterator[None]:
    """Turn what the operating system says about *subject* into our own errors.

    Raises:
        StorageFailed: of the kind that `BY_ERRNO` says.
    """
    try:
        yield
    except OSError as error:
        raise failure(error, subject) from error
