"""The wall to the operating system: what it says about files is named again here."""

import errno
import stat
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from lading.errors import (
    StorageBusy,
    StorageDamaged,
    StorageFailed,
    StorageFull,
    StorageReadOnly,
)

BY_ERRNO: Mapping[int, type[StorageFailed]] = {
    # EFBIG: no more room for this file, by a limit of the process or of the file system.
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), StorageFull),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), StorageReadOnly),
    errno.EWOULDBLOCK: StorageBusy,
    errno.EUCLEAN: StorageDamaged,
}
"""What the operating system means, to whoever keeps something; the rest is `StorageFailed`."""


def failure(error: OSError, subject: object) -> StorageFailed:
    """Our name for what the operating system said about *subject*."""
    kind = BY_ERRNO.get(error.errno or 0, StorageFailed)
    return kind(f"{subject}: {error.strerror or error}")


def is_special(path: Path) -> bool:
    """Whether *path* leads to a device, a pipe or a socket.

    Those are written to as they are. A new file in their place would be the end of ``/dev/null``.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


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
        # Who reads what is written to a pipe may have had enough: no file failed then.
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            raise failure(error, self._subject) from error
