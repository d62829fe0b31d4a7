"""The data directory: whether there is a registry in it, who has it, and making it fit for one.

The schema of the database is changed by whoever holds the lock of the directory, and by nobody
else: a server as long as it runs, other programs for that moment only.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lading.app.config.tree import Config
from lading.errors import StorageUnfit
from lading.metadata.retention import Retention
from lading.metadata.sqlite_file import is_prepared, prepare_sqlite
from lading.storage.root import holds_blobs, prepare_filesystem

LOCK = "lading.lock"
"""The file in the data directory that a running server holds locked."""

_DATABASE = Path("metadata/registry.db")
_NEW_ROWS = Path("metadata/registry.db.new")
_NEXT_ROWS = Path("metadata/registry.db.next")


def holds_registry(root: Path) -> bool:
    """Whether somebody has made a registry in the directory *root*; an empty file is none."""
    try:
        return (root / _DATABASE).stat().st_size > 0
    except OSError:
        return False


def new_rows(root: Path) -> Path:
    """Where a backup or a restore has the rows below *root* until all that they name is there."""
    # Should an older copy lose its database, its blobs must not pass for those of an unfinished one.
    return root / (_NEXT_ROWS if holds_registry(root) else _NEW_ROWS)


def is_unfinished(root: Path) -> bool:
    """Whether a backup to *root*, or a restore, was cut off before there was a registry."""
    # Unlike `Path.exists`, it takes what is closed to us for missing.
    return not holds_registry(root) and os.path.lexists(root / _NEW_ROWS)


def require_registry(root: Path) -> None:
    """Make sure that somebody has made a registry in *root*: a mistyped path is not one.

    Raises:
        StorageUnfit: nobody has.
    """
    try:
        (root / _DATABASE).stat()
    except PermissionError:
        raise StorageUnfit(
            f"{root} is not open to uid {os.geteuid()}; run this as the user whose server has it"
        ) from None
    except OSError:
        pass
    if not holds_registry(root):
        raise StorageUnfit(f"there is no registry in {root}")


@contextmanager
def held(config: Config) -> Iterator[None]:
    """Have the directory of *config*, fit for both stores, and keep other servers away; blocking.

    The lock is inherited by the workers: the kernel frees it when the last process of this server
    is gone, however it went.

    Raises:
        StorageUnfit, StorageReadOnly: another server has it, it cannot hold a registry, or a newer
            version has used it.
    """
    root = config.root
    _make_fit(root)
    with _locking(root, fcntl.LOCK_EX) as file:
        if file is None:
            raise StorageUnfit(f"{root} is held by another server (process {_holder(root)})")
        # Only for the message above: a full disk is no reason not to serve what is on it.
        with contextlib.suppress(OSError):
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        collector = config.collector
        prepare_sqlite(root, retention=Retention(collector.grace, collector.undo))
        yield


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Keep servers away from the directory *root*, which is there; blocking.

    Raises:
        StorageUnfit: a server has it.
    """
    with _locking(root, fcntl.LOCK_EX) as file:
        if file is None:
            raise StorageUnfit(f"{root} is held by another program (process {_holder(root)})")
        yield


def prepare(root: Path) -> None:
    """Make *root* fit for both stores, unless it is, or a server has it; blocking.

    For programs that are not the server. Under a server of another version nothing is changed, and
    opening the stores says so.

    Raises:
        StorageUnfit, StorageReadOnly: it cannot hold a registry, or a newer version has used it.
    """
    if holds_registry(root) and is_prepared(root):
        return
    _make_fit(root)
    # Shared: several may do it, and take turns by a lock of the database.
    with _locking(root, fcntl.LOCK_SH) as file:
        if file is not None:
            prepare_sqlite(root)


def _make_fit(root: Path) -> None:
    if is_unfinished(root):
        raise StorageUnfit(
            f"a restore or backup to {root} was cut off: give that command again, which completes it"
        )
    # A new database would know none of these bytes, and all of them would be swept as waste.
    if not holds_registry(root) and holds_blobs(root):
        raise StorageUnfit(
            f"{root} holds blobs but no {_DATABASE}: restore the database from the same backup, "
            "or, if this is the data of another registry, which cannot be adopted, begin in an "
            "empty directory and copy the images over"
        )
    prepare_filesystem(root)


@contextmanager
def _locking(root: Path, mode: int) -> Iterator[int | None]:
    """Hold the lock of *root* in that mode; ``None`` if somebody else holds it in the way."""
    file = _open_lock(root)
    try:
        locked = _locked(file, mode)
        # A restore that was ended takes its lock away, which somebody may have opened before.
        while locked and not _is_named(file, root / LOCK):
            again = _open_lock(root)
            os.close(file)
            file = again
            locked = _locked(file, mode)
        yield file if locked else None
    finally:
        os.close(file)


def _open_lock(root: Path) -> int:
    try:
        return os.open(root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StorageUnfit(f"{root / LOCK}: {error.strerror}") from error


def _is_named(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _locked(file: int, mode: int) -> bool:
    try:
        fcntl.flock(file, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def server_of(root: Path) -> Path | None:
    """Where ``/proc`` tells of the server that has *root*; ``None`` without one, or out of sight."""
    place = Path("/proc") / _holder(root)
    try:
        # The number may be that of another process by now, or of another container.
        lock = (root / LOCK).stat()
        open_files = (each.stat() for each in (place / "fd").iterdir())
        return place if any(os.path.samestat(each, lock) for each in open_files) else None
    except OSError:
        return None


def _holder(root: Path) -> str:
    with contextlib.suppress(OSError):
        return (root / LOCK).read_text(encoding="ascii", errors="replace").strip() or "unknown"
    return "unknown"
