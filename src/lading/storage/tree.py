"""The tree of published blobs: reading, listing and removing. Everything here blocks."""

import contextlib
import os
import stat
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from lading.bodies import FileSpan, Held, Span, extents
from lading.errors import BlobUnknown, StorageDamaged
from lading.interfaces.blobs import StoredBlob
from lading.oci.digest import Digest
from lading.storage import layout
from lading.storage.cache import SMALL
from lading.storage.staging import digest_of
from lading.wall import storage_errors

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


def size(root: str, digest: Digest) -> int:
    """How many bytes a blob has.

    Raises:
        BlobUnknown: there is no such blob.
    """
    path = f"{root}/{layout.blob_path(digest)}"
    with storage_errors(digest):
        try:
            return os.stat(path).st_size
        except (FileNotFoundError, NotADirectoryError):
            raise BlobUnknown(digest) from None


def content(root: str, digest: Digest, spans: Sequence[Span]) -> Held | FileSpan:
    """A blob: a small one in memory, once its bytes were verified, others as an open file.

    Raises:
        BlobUnknown: there is no such blob.
        RangeUnsatisfiable: none of the spans lies within it.
        StorageDamaged: the bytes of a small one are not those that were published.
    """
    file = _open(root, digest)
    kept = False
    try:
        with storage_errors(digest):
            total = os.fstat(file).st_size
            if total > SMALL:
                found = FileSpan(file, extents(spans, total), total)
                kept = True
                return found
            data = os.pread(file, total, 0)
        if Digest.of(data, digest.algorithm) != digest:
            raise StorageDamaged(f"{digest} has other bytes than were published")
        return Held(data, extents(spans, len(data)))
    finally:
        if not kept:
            os.close(file)


def let_go(found: Held | FileSpan) -> None:
    """Close what `content` gave, when there is nobody to take it."""
    if isinstance(found, FileSpan):
        os.close(found.file)


def measure(root: str, digest: Digest) -> Digest:
    """The digest that the bytes of a blob really have, by the same algorithm.

    Raises:
        BlobUnknown: there is no such blob.
    """
    file = _open(root, digest)
    try:
        with storage_errors(digest):
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_SEQUENTIAL)
            return digest_of(file, digest.algorithm)
    finally:
        os.close(file)


def _open(root: str, digest: Digest) -> int:
    path = f"{root}/{layout.blob_path(digest)}"
    with storage_errors(digest):
        try:
            return os.open(path, _READ)
        except (FileNotFoundError, NotADirectoryError):
            raise BlobUnknown(digest) from None


def delete(root: str, digest: Digest) -> None:
    """Remove a blob, if it is there.

    Not synced: bytes that come back after a power cut are waste, and a walk finds them.
    """
    path = f"{root}/{layout.blob_path(digest)}"
    with storage_errors(digest):
        try:
            os.unlink(path)
        except (FileNotFoundError, NotADirectoryError):
            return
        _remove_if_empty(path)


def put_aside(root: str, digest: Digest, sync_directory: Callable[[str], None]) -> str:
    """Move a blob out of every reader's way, durably; return where it is now.

    Raises:
        BlobUnknown: there is no such blob.
    """
    path = f"{root}/{layout.blob_path(digest)}"
    number = 1
    while os.path.lexists(aside := f"{root}/{layout.quarantine_path(digest, number)}"):
        number += 1
    with storage_errors(digest):
        try:
            os.rename(path, aside)
        except (FileNotFoundError, NotADirectoryError):
            raise BlobUnknown(digest) from None
        sync_directory(os.path.dirname(aside))
        sync_directory(os.path.dirname(path))
        _remove_if_empty(path)
    return aside


def _remove_if_empty(path: str) -> None:
    # Best effort: another push of the same digest may just be moving in.
    with contextlib.suppress(OSError):
        os.rmdir(os.path.dirname(path))


def shards(root: str, algorithm: str) -> Sequence[str]:
    """The directories, below the root, that hold the blobs of *algorithm*."""
    above = f"{layout.BLOBS}/{algorithm}"
    return [f"{above}/{name}" for name in names(f"{root}/{above}")]


def blobs(root: str, shard: str) -> Sequence[StoredBlob]:
    """Every blob in a directory that `shards` gave; foreign names are passed over."""
    found = []
    for name in names(f"{root}/{shard}"):
        path = f"{shard}/{name}/data"
        digest = layout.digest_at(path)
        if digest is None:
            continue
        with storage_errors(digest):
            try:
                status = os.lstat(f"{root}/{path}")
            except (FileNotFoundError, NotADirectoryError):
                # An empty directory: its blob went, or is about to move in.
                continue
        if stat.S_ISREG(status.st_mode):
            published = datetime.fromtimestamp(status.st_mtime, UTC)
            found.append(StoredBlob(digest, status.st_size, published))
    return found


def names(directory: str) -> Sequence[str]:
    """What is in a directory; nothing if it is none, or not there any more."""
    with storage_errors(directory):
        try:
            return os.listdir(directory)
        except (FileNotFoundError, NotADirectoryError):
            return ()
