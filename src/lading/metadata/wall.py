"""The wall to the operating system: its errors about the files of a database are named again."""

from types import TracebackType

from lading.errors import BY_ERRNO, StorageFailed


class storage_errors:  # noqa: N801  # reads as what it does; a generator would cost a blob more
    """Turn errors of the operating system about *path* into our own."""

    __slots__ = ("_path",)

    def __init__(self, path: object) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, OSError):
            ours = BY_ERRNO.get(error.errno or 0, StorageFailed)
            raise ours(f"{error.filename or self._path}: {error.strerror}") from error
