"""The directory in which a backup or a restore makes a registry, and what it is when that fails.

Then it is what it was before: missing, empty, or the older copy. What a process leaves there that
was killed is known by the rows that it had not put in their place.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from lading.app.directory import LOCK, alone, holds_registry, is_unfinished, new_rows
from lading.errors import StorageFailed
from lading.oci.digest import Digest
from lading.storage.duplicate import directories, discard, prune
from lading.storage.root import prepare_filesystem
from lading.wall import storage_errors


@dataclass(slots=True)
class Making:
    """A registry that is being made: where its *rows* are meanwhile, and which blobs are new.

    A blob is named in *new* before it is there.
    """

    rows: Path
    new: list[Digest] = field(default_factory=list)


@contextmanager
def making(root: Path, require: Callable[[Path], None]) -> Iterator[Making]:
    """Hold *root* while a registry is made in it, if *require* (which raises) finds it fit; blocking.

    The rows are an empty file to begin with. Unless they have been put in their place, an error
    that leaves this takes away everything that was made here, and nothing else.

    Raises:
        StorageFailed: as *require* does, or *root* cannot be the root of a store, or is held.
    """
    require(root)
    before = _Before.of(root)
    prepare_filesystem(root)
    with alone(root):
        # Somebody else may have made a registry there meanwhile, which must not be cleared away.
        require(root)
        if holds_registry(root) != before.registry:
            before = _Before.of(root)
        made = Making(new_rows(root))
        try:
            # Again: whoever held it until now may have cleared that away.
            prepare_filesystem(root)
            with storage_errors(made.rows):
                made.rows.parent.mkdir(exist_ok=True)
                made.rows.write_bytes(b"")
            yield made
        except BaseException:
            # Once they are in their place, the registry is there, whatever went wrong afterwards.
            if made.rows.exists() or not holds_registry(root):
                # That it cannot be cleared away either is less than what went wrong.
                with suppress(StorageFailed, OSError):
                    _clear(root, made, before)
            raise


@dataclass(frozen=True, slots=True)
class _Before:
    """What was there: a registry, the file of its lock, and which directories, those above too."""

    registry: bool
    lock: bool
    directories: frozenset[Path]

    @classmethod
    def of(cls, root: Path) -> "_Before":
        where = root.resolve()
        if is_unfinished(root):
            # All that a registry has was made by the process that was killed.
            return cls(registry=False, lock=False, directories=frozenset((where, *where.parents)))
        return cls(
            registry=holds_registry(root),
            lock=os.path.lexists(where / LOCK),
            directories=_directories(where),
        )


def _directories(where: Path) -> frozenset[Path]:
    """Which directories of a registry are there; whatever else is in them is not looked at."""
    lowest = (where / each for each in ("metadata", *directories(str(where))))
    found = {each for low in lowest for each in (low, *low.parents)}
    there = os.path.isdir  # unlike `Path.is_dir`, it takes what is closed to us for missing
    return frozenset(each for each in found if there(each))


def _clear(root: Path, made: Making, before: _Before) -> None:
    if before.registry:
        discard(str(root), made.new)
    else:
        prune(str(root), ())
    # The last of all files, as it tells what the others are.
    for suffix in ("-journal", "-wal", "-shm", ""):
        # Where they were to be, there may be somebody's file.
        with suppress(FileNotFoundError, NotADirectoryError):
            Path(f"{made.rows}{suffix}").unlink()
    where = root.resolve()
    new = _directories(where) - before.directories
    _remove_empty(each for each in new if where in each.parents)
    # Whoever comes next begins where nothing is taken away any more.
    if not before.lock:
        (where / LOCK).unlink()
    _remove_empty(new)


def _remove_empty(directories: Iterable[Path]) -> None:
    for each in sorted(directories, key=lambda path: len(path.parts), reverse=True):
        with suppress(OSError):
            each.rmdir()
