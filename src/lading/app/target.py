"""The directory in which a backup or a restore makes a registry, and what it is when that fails.

Then it is what it was before: missing, empty, or the older copy. What a process leaves there that
was killed is known by the rows that it had not put in their place.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from lading.app.directory import LOCK, alone, holds_registry, is_unfinished, new_rows
from lading.errors import StorageFailed
from lading.oci.digest import Digest
from lading.storage.duplicate import discard, prune
from lading.storage.root import prepare_filesystem
from lading.wall import storage_errors


@dataclass(slots=True)
class Making:
    """A registry that is being made: where its *rows* are meanwhile, and which blobs are new."""

    rows: Path
    new: list[Digest] = field(default_factory=list)


@contextmanager
def making(root: Path, require: Callable[[Path], None]) -> Iterator[Making]:
    """Have the directory *root*, as *require* wants it; blocking.

    The rows are an empty file to begin with. Unless they have been put in their place, an error
    that leaves this takes away everything that was made here.

    Raises:
        StorageFailed: as *require* does, or *root* cannot be the root of a store, or is held.
    """
    require(root)
    before = _Before.of(root)
    prepare_filesystem(root)
    rows = new_rows(root)
    rows.parent.mkdir(exist_ok=True)
    with alone(root):
        # Somebody else may have made a registry there meanwhile, which must not be cleared away.
        require(root)
        made = Making(rows)
        older = holds_registry(root)
        try:
            with storage_errors(rows):
                rows.write_bytes(b"")
            yield made
        except BaseException:
            # Once they are in their place, the registry is there, whatever went wrong afterwards.
            if rows.exists() or not holds_registry(root):
                # That it cannot be cleared away either is less than what went wrong.
                with suppress(StorageFailed, OSError):
                    _clear(root, made, before, older=older)
            raise


@dataclass(frozen=True, slots=True)
class _Before:
    """What was there: the first directory that was not, or the names in *root*."""

    missing: Path | None
    names: frozenset[str]

    @classmethod
    def of(cls, root: Path) -> "_Before":
        where = root.resolve()
        absent = [each for each in (where, *where.parents) if not os.path.lexists(each)]
        if absent:
            return cls(absent[-1], frozenset())
        # Nothing is anybody's in what a killed process has left.
        names = () if is_unfinished(root) else (each.name for each in where.iterdir())
        return cls(None, frozenset(names))


def _clear(root: Path, made: Making, before: _Before, *, older: bool) -> None:
    if older:
        discard(str(root), made.new)
    else:
        prune(str(root), ())
    # Last, as it tells what the rest is.
    for each in made.rows.parent.glob(f"{made.rows.name}*"):
        each.unlink()
    if LOCK not in before.names:
        (root / LOCK).unlink()
    tops = [before.missing] if before.missing else [*root.iterdir()]
    for top in tops:
        if top.name not in before.names:
            _remove_empty(top)


def _remove_empty(top: Path) -> None:
    for folder, _, _ in os.walk(top, topdown=False):
        with suppress(OSError):
            Path(folder).rmdir()
