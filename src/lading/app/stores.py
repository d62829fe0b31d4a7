"""The two stores of a registry: which they are, and how a directory becomes a place for them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lading.app.config import Config
from lading.errors import StorageUnfit
from lading.interfaces.blobs import BlobStore
from lading.interfaces.metadata import MetadataStore
from lading.metadata.sqlite import open_sqlite, prepare_sqlite
from lading.storage.filesystem import open_filesystem
from lading.storage.memory import open_memory
from lading.storage.root import holds_blobs, prepare_filesystem

_DATABASE = Path("metadata/registry.db")
_USUAL = Config()


def utc_now() -> datetime:
    """The time by the clock of this machine."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Stores:
    """Where bytes are, and where the truth about them is."""

    blobs: BlobStore
    metadata: MetadataStore


def holds_registry(root: Path) -> bool:
    """Whether somebody has made a registry in the directory *root*; an empty file is none."""
    try:
        return (root / _DATABASE).stat().st_size > 0
    except OSError:
        return False


def make_root(root: Path) -> None:
    """Make the directory *root*, or find out that it cannot hold a registry; blocking.

    Raises:
        StorageUnfit, StorageReadOnly: it cannot.
    """
    _refuse_orphans(root)
    prepare_filesystem(root)


def prepare(root: Path) -> None:
    """Make *root* a place for both stores, and bring older ones up to date; blocking.

    Raises:
        StorageUnfit, StorageReadOnly: it cannot be one, or a newer version has used it.
    """
    _refuse_orphans(root)
    prepare_filesystem(root)
    prepare_sqlite(root)


def _refuse_orphans(root: Path) -> None:
    # A new database would know none of these bytes, and all of them would be swept as waste.
    if not holds_registry(root) and holds_blobs(root):
        raise StorageUnfit(
            f"{root} holds blobs but no {_DATABASE}: restore the database from the same backup, "
            "or, if this is the data of another registry, which cannot be adopted, begin in an "
            "empty directory and copy the images over"
        )


@asynccontextmanager
async def open_stores(
    root: Path | None,
    config: Config = _USUAL,
    *,
    now: Callable[[], datetime] = utc_now,
) -> AsyncIterator[Stores]:
    """The stores in the directory *root*, which has been prepared, or, without one, in memory.

    Of *config* they take the grace, the undo window and how much memory small blobs may have.

    Raises:
        StorageUnfit: there is no registry in that directory.
        StorageFailed: they cannot be opened.
    """
    if root is not None and not holds_registry(root):
        # Opening would make an empty registry of a mistyped path.
        raise StorageUnfit(f"there is no registry in {root}")
    async with AsyncExitStack() as stack:
        metadata = await stack.enter_async_context(
            open_sqlite(root, grace=config.collector.grace, undo=config.collector.undo, now=now)
        )
        blobs: BlobStore
        if root is None:
            blobs = await stack.enter_async_context(open_memory(now=now))
        else:
            blobs = await stack.enter_async_context(
                open_filesystem(root, cache=config.memory.blobs)
            )
        yield Stores(blobs, metadata)
