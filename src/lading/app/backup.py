"""A registry in another directory, as it was at one moment.

The database is copied first and the blobs after it: a blob is never changed and only deleted by
background work, whose right is held meanwhile, so all that the copy names is still there. What is
copied becomes a registry in the order in which a push makes one: bytes first, then the names.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from lading.app.directory import holds_registry, is_unfinished, prepare, require_registry
from lading.app.endable import GoOn, in_thread
from lading.app.stores import open_stores
from lading.app.target import Making, making
from lading.errors import BlobUnknown, LadingError, StorageDamaged, StorageUnfit
from lading.metadata import snapshot
from lading.oci.digest import Digest
from lading.storage.duplicate import duplicate, prune, size_below
from lading.storage.publish import Publisher
from lading.storage.root import holds_blobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What the target has now, in blobs and bytes, and how much of it is new or has gone.

    *failures* tells of each blob that could not be copied, since the source has lost it.
    """

    blobs: int
    size: int
    new: int
    new_size: int
    gone: int
    failures: tuple[LadingError, ...]


async def back_up(root: Path, target: Path, *, link: bool) -> Copied:
    """Make *target* a copy of the registry in *root*, of which it may be an older copy.

    Pushes, pulls and deletes go on meanwhile; collection waits. With *link*, blobs are the same
    files in both, which takes no room and has to be on one file system. When it fails or is
    cancelled, *target* is as it was; what a process has left that was killed is completed.

    Raises:
        StorageUnfit: there is no registry in *root*; or *target* is no place for its copy: it is
            the same directory or within it, has another registry's server, or no registry at all
            and yet blobs.
        StorageFailed: something cannot be read or written; an older copy is still whole.
    """
    await asyncio.to_thread(_check, root, target)
    async with open_stores(root) as stores, stores.metadata.background(wait=True):
        return await in_thread(partial(_copy, root, target, _require_copy, link=link))


async def restore(source: Path, root: Path, *, link: bool) -> Copied:
    """Make a registry in *root*, where there is none, of the copy in *source*.

    When it fails or is cancelled, *root* is as it was; what a process has left that was killed is
    completed.

    Raises:
        StorageUnfit: there is no copy in *source*, or a registry in *root* already.
        StorageFailed: as `back_up`.
    """
    return await in_thread(partial(_restore, source, root, link=link))


def _restore(source: Path, root: Path, go_on: GoOn, *, link: bool) -> Copied:
    _check(source, root)
    require_empty(root)
    snapshot.require_restorable(source / snapshot.DATABASE, subject=f"the database in {source}")
    copied = _copy(source, root, require_empty, go_on, link=link)
    prepare(root)
    return copied


def require_empty(root: Path) -> None:
    """Make sure that nothing of a registry is in *root*, but for what was left unfinished.

    Raises:
        StorageUnfit: there is a database, or there are blobs.
        StorageFailed: it cannot be looked at.
    """
    for what, there in (
        ("is a registry", holds_registry(root)),
        ("are blobs", _holds_strange_blobs(root)),
    ):
        if there:
            raise StorageUnfit(f"there {what} in {root} already: restore to an empty directory")


def _check(source: Path, target: Path) -> None:
    require_registry(source)
    here, there = source.resolve(), target.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise StorageUnfit(f"{target} and {source} are not apart: choose another directory")
    _require_copy(target)


def _require_copy(target: Path) -> None:
    if not holds_registry(target) and _holds_strange_blobs(target):
        raise StorageUnfit(
            f"{target} holds blobs and no database, so it is no copy: choose another directory"
        )


def _holds_strange_blobs(root: Path) -> bool:
    return not is_unfinished(root) and holds_blobs(root)


def _copy(
    source: Path, target: Path, require: Callable[[Path], None], go_on: GoOn, *, link: bool
) -> Copied:
    with making(target, require) as made:
        snapshot.take(source, made.rows, go_on)
        found = _Found()
        _copy_blobs(source, target, made, found, go_on, link=link)
        snapshot.put(made.rows, target)
        # What only the older copy named; until now that was whole.
        gone = prune(str(target), found.wanted)
    return Copied(
        blobs=len(found.wanted),
        size=found.size,
        new=found.new,
        new_size=found.new_size,
        gone=gone,
        failures=tuple(found.failures),
    )


@dataclass(slots=True)
class _Found:
    wanted: set[Digest] = field(default_factory=set)
    size: int = 0
    new: int = 0
    new_size: int = 0
    failures: list[LadingError] = field(default_factory=list)


def _copy_blobs(
    source: Path, target: Path, made: Making, found: _Found, go_on: GoOn, *, link: bool
) -> None:
    publisher = Publisher()
    here, there = str(source), str(target)
    for blob in snapshot.blobs(made.rows):
        go_on()
        before = size_below(there, blob.digest)
        # What is mended in an older copy stays so.
        if before is None:
            made.new.append(blob.digest)
        try:
            if before != blob.size:
                duplicate(here, there, blob.digest, blob.size, publisher, link=link, go_on=go_on)
        except (BlobUnknown, StorageDamaged) as error:
            found.failures.append(error)
            continue
        found.wanted.add(blob.digest)
        found.size += blob.size
        if before != blob.size:
            found.new += 1
            found.new_size += blob.size
