"""Whether a directory can be the root of a store, and making it one. Everything here blocks."""

import contextlib
import errno
import fcntl
import functools
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from lading.errors import StorageFailed, StorageFull, StorageReadOnly, StorageUnfit
from lading.oci.digest import ALGORITHMS
from lading.storage import layout, tree
from lading.storage.publish import Publisher, make_directory
from lading.wall import storage_errors

NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.rclone", "fuse.s3fs"),
    }
)
"""File systems (as ``/proc/self/mountinfo`` calls them) whose locks or syncs cannot be trusted."""

_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
"""File systems that have no disk to wait for."""

_NO_PLACE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP})
"""What is said where no directory can be, however healthy the disk is."""

_MOUNTS = "/proc/self/mountinfo"
_ESCAPED = re.compile(r"\\([0-7]{3})")


def prepare_filesystem(root: Path) -> None:
    """Make *root* the root of a store, or say in one line why it cannot be one.

    A store on a disk that is merely full is fit: it can be read, and space can be made.

    Raises:
        StorageFull: there is no room for the directories of a new store.
        StorageUnfit: it cannot be a directory, is on a network file system, or takes no locks.
        StorageReadOnly: it cannot be written.
    """
    where = _absolute(root)
    if os.path.lexists(where) and not os.path.isdir(where):
        raise StorageUnfit(f"{where} is not a directory; choose another one")
    _refuse_network(where)
    try:
        with _placed(where):
            make_directories(root, Publisher())
        with contextlib.suppress(StorageFull):
            _probe(where)
    except StorageReadOnly as error:
        raise StorageReadOnly(
            f"{where} cannot be written by uid {os.geteuid()} ({_reason(error)}); "
            f"give it to that user ({giving(where)}) or choose another directory"
        ) from error


def holds_blobs(root: Path) -> bool:
    """Whether the bytes of any blob lie below *root*, whoever put them there.

    Raises:
        StorageUnfit: it cannot be a directory.
        StorageFailed: it cannot be looked at.
    """
    with _placed(str(root)):
        return any(
            tree.blobs(str(root), shard)
            for algorithm in ALGORITHMS
            for shard in tree.shards(str(root), algorithm)
        )


def _absolute(root: Path) -> str:
    try:
        return os.path.abspath(root)
    except FileNotFoundError:
        raise StorageUnfit(f"{root} would be in a working directory that was deleted") from None


@contextlib.contextmanager
def _placed(root: str) -> Iterator[None]:
    """Tell a *root* that cannot be a directory from a disk that fails."""
    try:
        yield
    except StorageFailed as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _NO_PLACE:
            raise StorageUnfit(f"{root} cannot be made: {cause.strerror}") from error
        raise


def make_directories(root: Path, publisher: Publisher) -> str:
    """Make the directories of a store, durably, and return the absolute path of its root.

    Raises:
        StorageFailed: they cannot be made.
    """
    where = os.path.abspath(root)
    blobs = (f"{layout.BLOBS}/{algorithm}" for algorithm in ALGORITHMS)
    for name in (layout.UPLOADS, layout.QUARANTINE, *blobs):
        with storage_errors(where):
            _make(f"{where}/{name}", publisher)
    return where


def _make(directory: str, publisher: Publisher) -> None:
    if os.path.isdir(directory):
        return
    above = os.path.dirname(directory)
    _make(above, publisher)
    make_directory(directory)
    publisher.sync_directory(above)


def _probe(root: str) -> None:
    probe = f"{root}/{layout.UPLOADS}/.probe-{os.getpid()}"
    with storage_errors(root):
        file = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StorageUnfit(
                f"{root} takes no locks ({error.strerror}); put it on a local file system"
            ) from error
        finally:
            os.close(file)
            os.unlink(probe)


def file_system(path: str) -> str:
    """The type of the file system that *path* is on; empty if it cannot be told."""
    return kind_of(os.path.realpath(path), _mounts())


def is_diskless(root: Path) -> bool:
    """Whether nothing below *root* has to wait for a disk; blocks for a moment.

    What lies in it may be mounted from elsewhere.
    """
    parts = [root, *(root / name for name in ("metadata", layout.UPLOADS, layout.BLOBS))]
    return all(in_memory(part.stat().st_dev) for part in parts if part.exists())


@functools.cache
def in_memory(device: int) -> bool:
    """Whether the file system on *device* keeps its files in memory; blocks, once."""
    number = f"{os.major(device)}:{os.minor(device)}"
    kinds = (kind for on, _, kind in _mounted(_mounts()) if on == number)
    return next(kinds, "") in _IN_MEMORY


def _refuse_network(root: str) -> None:
    # Where it cannot be told, the probe still finds out about locks.
    kind = file_system(root)
    if kind in NETWORK:
        raise StorageUnfit(
            f"{root} lies on a network file system ({kind}), where locks and syncs cannot be "
            "trusted; put it on a local disk"
        )


def kind_of(path: str, mounts: str) -> str:
    """The type of the file system that absolute *path* is on, by the text of mountinfo.

    Empty if the text does not tell.
    """
    best, found = -1, ""
    for _, point, kind in _mounted(mounts):
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        # Of mounts on one point the last is the one that is seen.
        if inside and len(point) >= best:
            best, found = len(point), kind
    return found


def _mounts() -> str:
    """The text of mountinfo; empty if there is none."""
    try:
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as mounts:
            return mounts.read()
    except OSError:
        return ""


def _mounted(mounts: str) -> Iterator[tuple[str, str, str]]:
    """The device, the mount point and the type of all that is mounted, by the text of mountinfo."""
    for line in mounts.splitlines():
        left, dash, right = line.partition(" - ")
        fields = left.split(" ")
        if dash and len(fields) >= 5:
            point = _ESCAPED.sub(lambda code: chr(int(code[1], 8)), fields[4])
            yield fields[2], point, right.split(" ", 1)[0]


def giving(where: str, owner: tuple[int, int] | None = None) -> str:
    """The command that gives *where*, and what others left there, to *owner*, or else to us."""
    user, group = owner or (os.geteuid(), os.getegid())
    if os.path.isdir(where):
        return f"chown -R {user}:{group} {shlex.quote(where)}"
    return f"install -d -o {user} -g {group} {shlex.quote(where)}"


def _reason(error: StorageReadOnly) -> str:
    cause = error.__cause__
    return (cause.strerror or "refused") if isinstance(cause, OSError) else "refused"
