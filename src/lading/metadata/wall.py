"""The wall to the operating system: its errors about the files of a database are named again."""

from collections.abc import Iterator
from contextlib import contextmanager

from lading.errors import BY_ERRNO, StorageFailed


@contextmanager
def storage_errors(path: object) -> Iterator[None]:
    """Turn errors of the operating system about *path* into our own."""
    try:
        yield
    except OSError as error:
        kind = BY_ERRNO.get(error.errno or 0, StorageFailed)
        raise kind(f"{error.filename or path}: {error.strerror}") from error
