"""The same blobs below two roots, or below one and in a file. Everything here blocks."""

import os
import shutil
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from lading.bodies import BLOCK
from lading.errors import BlobUnknown, StorageDamaged
from lading.oci.digest import ALGORITHMS, Digest, Hasher
from lading.storage import layout, tree
from lading.storage.publish import Publisher, make_directory
from lading.wall import storage_errors

_STAGED = f"{layout.UPLOADS}/.copy"


def duplicate(
    source: str,
    target: str,
    digest: Digest,
    size: int,
    publisher: Publisher,
    *,
    link: bool,
    go_on: Callable[[], None],
) -> None:
    """Let the *size* bytes of *digest* be below *target* as they are below *source*.

    With *link*, both are the same file. Both roots have the directories of a store. *go_on* is
    called before each block; what it raises is passed on.

    Raises:
        BlobUnknown: *source* does not have it.
        StorageDamaged: *source* has another number of bytes.
        StorageFailed: it cannot be read or written.
    """
    _require_size(source, digest, size)
    path = layout.blob_path(digest)
    with _staged(target, digest, publisher) as staged:
        if link:
            os.link(f"{source}/{path}", staged)
        else:
            _copy(f"{source}/{path}", staged, go_on)
        _sync(staged)


def size_below(root: str, digest: Digest) -> int | None:
    """How many bytes *digest* has below *root*; ``None`` if it is not there.

    Raises:
        StorageFailed: it cannot be looked at.
    """
    try:
        return tree.size(root, digest)
    except BlobUnknown:
        return None


def opened(root: str, digest: Digest, size: int) -> BinaryIO:
    """The *size* bytes of *digest* below *root*.

    Raises:
        BlobUnknown: it is not there.
        StorageDamaged: it has another number of bytes.
        StorageFailed: it cannot be opened.
    """
    _require_size(root, digest, size)
    with storage_errors(digest):
        return open(f"{root}/{layout.blob_path(digest)}", "rb")


def received(root: str, digest: Digest, blocks: Iterable[bytes], publisher: Publisher) -> None:
    """Keep all bytes of *blocks* below *root*, as *digest*; what they raise is passed on.

    Raises:
        StorageDamaged: they are others.
        StorageFailed: they cannot be kept.
    """
    with _staged(root, digest, publisher) as staged:
        hasher = Hasher(digest.algorithm)
        with open(staged, "wb") as file:
            for block in blocks:
                hasher.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        if hasher.digest() != digest:
            raise StorageDamaged(f"{digest} has other bytes than were published")


def _require_size(root: str, digest: Digest, size: int) -> None:
    here = tree.size(root, digest)
    if here != size:
        raise StorageDamaged(f"blob {digest} has {here} bytes instead of {size}")


@contextmanager
def _staged(root: str, digest: Digest, publisher: Publisher) -> Iterator[str]:
    """The name of a new file, which becomes *digest* when this is left without an error."""
    final, staged = f"{root}/{layout.blob_path(digest)}", f"{root}/{_STAGED}"
    directory = os.path.dirname(final)
    with storage_errors(final):
        if os.path.lexists(staged):
            os.unlink(staged)
        try:
            yield staged
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(staged)
            raise
        make_directory(directory)
        os.rename(staged, final)
        for each in (directory, os.path.dirname(directory)):
            publisher.sync_directory(each)


def _copy(source: str, staged: str, go_on: Callable[[], None]) -> None:
    with open(source, "rb") as reader, open(staged, "wb") as writer:
        while block := reader.read(BLOCK):
            go_on()
            writer.write(block)
    # Of its time as well, since a blob may stay without a name for a while.
    shutil.copystat(source, staged)


def discard(root: str, digests: Iterable[Digest]) -> None:
    """Remove *digests* from below *root*, as far as they are there.

    Raises:
        StorageFailed: one cannot be removed.
    """
    for digest in digests:
        tree.delete(root, digest)


def prune(root: str, wanted: Container[Digest]) -> int:
    """Remove all blobs below *root* that are not *wanted*; return how many.

    What was left there by a copy that was killed goes as well.

    Raises:
        StorageFailed: one cannot be removed.
    """
    gone = 0
    staged = f"{root}/{_STAGED}"
    with storage_errors(staged), suppress(FileNotFoundError):
        os.unlink(staged)
    for algorithm in ALGORITHMS:
        for shard in tree.shards(root, algorithm):
            for blob in tree.blobs(root, shard):
                if blob.digest not in wanted:
                    tree.delete(root, blob.digest)
                    gone += 1
            _remove_empty(root, shard)
    return gone


def _remove_empty(root: str, shard: str) -> None:
    # Of a copy that was killed just before its blob got its name.
    for name in tree.names(f"{root}/{shard}"):
        if layout.digest_at(f"{shard}/{name}/data") is not None:
            with suppress(OSError):
                os.rmdir(f"{root}/{shard}/{name}")


def directories(root: str) -> Iterator[str]:
    """The lowest directories that blobs, and what becomes one, need below *root*, as they are."""
    yield from (layout.UPLOADS, layout.QUARANTINE)
    for algorithm in ALGORITHMS:
        yield f"{layout.BLOBS}/{algorithm}"
        yield from tree.shards(root, algorithm)


def _sync(path: str) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
