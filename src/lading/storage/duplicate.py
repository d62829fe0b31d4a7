"""The same blobs below two roots. Everything here blocks."""

import os
import shutil
from collections.abc import Container

from lading.errors import BlobUnknown, StorageDamaged
from lading.oci.digest import ALGORITHMS, Digest
from lading.storage import layout, tree
from lading.storage.publish import Publisher, make_directory
from lading.wall import storage_errors

_STAGED = f"{layout.UPLOADS}/.copy"


def duplicate(
    source: str, target: str, digest: Digest, size: int, publisher: Publisher, *, link: bool
) -> bool:
    """See to it that the *size* bytes of *digest* are below *target* as they are below *source*.

    With *link*, both are the same file. ``False`` if they were there already. Both roots have the
    directories of a store.

    Raises:
        BlobUnknown: *source* does not have it.
        StorageDamaged: *source* has another number of bytes.
        StorageFailed: it cannot be read or written.
    """
    if _has(target, digest, size):
        return False
    here = tree.size(source, digest)
    if here != size:
        raise StorageDamaged(f"blob {digest} has {here} bytes instead of {size}")
    path = layout.blob_path(digest)
    final, staged = f"{target}/{path}", f"{target}/{_STAGED}"
    directory = os.path.dirname(final)
    with storage_errors(final):
        if os.path.lexists(staged):
            os.unlink(staged)
        if link:
            os.link(f"{source}/{path}", staged)
        else:
            shutil.copy2(f"{source}/{path}", staged)
        _sync(staged)
        make_directory(directory)
        os.rename(staged, final)
        for each in (directory, os.path.dirname(directory)):
            publisher.sync_directory(each)
    return True


def prune(root: str, wanted: Container[Digest]) -> int:
    """Remove all blobs below *root* that are not *wanted*; return how many.

    Raises:
        StorageFailed: one cannot be removed.
    """
    gone = 0
    for algorithm in ALGORITHMS:
        for shard in tree.shards(root, algorithm):
            for blob in tree.blobs(root, shard):
                if blob.digest not in wanted:
                    tree.delete(root, blob.digest)
                    gone += 1
    return gone


def _has(root: str, digest: Digest, size: int) -> bool:
    try:
        return tree.size(root, digest) == size
    except BlobUnknown:
        return False


def _sync(path: str) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
