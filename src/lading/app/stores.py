"""The two stores of a registry: which they are, and how they are opened."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lading.app.config.tree import Config
from lading.app.directory import require_registry
from lading.app.watching.storage import Timings
from lading.interfaces.blobs import BlobStore
from lading.interfaces.metadata import MetadataStore
from lading.metadata.sqlite import open_sqlite
from lading.metadata.sqlite_file import recorded_retention
from lading.metadata.sqlite_writer import untimed
from lading.registry.sweep import Sweep
from lading.storage.filesystem import open_filesystem
from lading.storage.memory import open_memory
from lading.storage.root import is_diskless

_USUAL = Config()


def utc_now() -> datetime:
    """The time by the clock of this machine."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Stores:
    """Where bytes are, and where the truth about them is."""

    blobs: BlobStore
    metadata: MetadataStore


def heeding(config: Config, *, own_grace: bool) -> Config:
    """*config* for a program that is not the server, but must keep what the server keeps; blocking.

    The grace is that of the server, unless *own_grace* says that *config* was given one. The undo
    window is the longer of both. Without a server that ever had the directory, nothing is heeded.

    Raises:
        StorageFailed: the database cannot be read.
    """
    told = recorded_retention(config.root)
    if told is None:
        return config
    collector = replace(
        config.collector,
        grace=config.collector.grace if own_grace else told.grace,
        undo=max(config.collector.undo, told.undo),
    )
    return replace(config, collector=collector)


@asynccontextmanager
async def open_stores(
    root: Path | None,
    config: Config = _USUAL,
    *,
    now: Callable[[], datetime] = utc_now,
    timings: Timings | None = None,
    may_write: Callable[[], bool] = lambda: True,
) -> AsyncIterator[Stores]:
    """The stores in the directory *root*, which has been prepared, or, without one, in memory.

    Of *config* they take the grace, the undo window and how much memory small blobs may have.
    *timings* are told how long they take. While *may_write* says no, an answer is not written down
    as a promise.

    Raises:
        StorageUnfit: there is no registry in that directory, or another version made its database.
        StorageFailed: they cannot be opened.
    """
    if root is not None:
        require_registry(root)
    diskless = root is not None and is_diskless(root)
    async with AsyncExitStack() as stack:
        metadata = await stack.enter_async_context(
            open_sqlite(
                root,
                grace=config.collector.grace,
                undo=config.collector.undo,
                now=now,
                timed=timings.committed if timings else untimed,
                may_vouch=may_write,
                diskless=diskless,
            )
        )
        blobs: BlobStore
        if root is None:
            blobs = await stack.enter_async_context(open_memory(now=now))
        else:
            blobs = await stack.enter_async_context(
                open_filesystem(
                    root,
                    cache=config.memory.blobs,
                    sync=timings.sync if timings else os.fsync,
                    diskless=diskless,
                )
            )
        if timings is not None:
            blobs = timings.blobs(blobs)
        yield Stores(blobs, metadata)


def sweep(
    config: Config,
    stores: Stores,
    *,
    grace: timedelta,
    now: Callable[[], datetime],
    purging: bool = True,
) -> Sweep:
    """What sweeps up waste in *stores* after *grace* and, if *purging*, uploads as *config* says."""
    uploads = config.uploads
    return Sweep(
        stores.blobs,
        stores.metadata,
        grace=grace,
        expiry=uploads.expiry if uploads.purge and purging else None,
        purge_dry_run=uploads.purge_dry_run,
        now=now,
    )
