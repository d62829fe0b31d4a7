"""The wall of the file system: its errors are named again here, and nowhere else."""

from types import TracebackType

from lading.errors import BY_ERRNO, StorageFailed


def failure(error: OSError, subject: object) -> StorageFailed:
    """Our name for what the operating system said about *subject*."""
    kind = BY_ERRNO.get(error.errno or 0, StorageFailed)
    return kind(f"{subject}: {error.strerror or error}")


class storage_errors:  # noqa: N801  # reads as what it does; a generator would cost a blob more
    """Turn what the operating system says about *subject* into our own errors.

    Raises:
        StorageFailed: of the kind that `BY_ERRNO` says.
    """

    __slots__ = ("_subject",)

    def __init__(self, subject: object) -> None:
        self._subject = subject

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, OSError):
            raise failure(error, self._subject) from error
