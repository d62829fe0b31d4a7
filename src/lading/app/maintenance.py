"""Collection and audit on request: what commands do to a data directory, server or no server.

Nothing here creates a data directory: a mistyped path is an error, not an empty registry. The
names of ``__all__`` that come from ``registry`` are for commands, which do not know that room.
"""

import asyncio
from datetime import timedelta
from pathlib import Path

from lading.app.config.sources import Loaded, load
from lading.app.directory import prepare, require_registry
from lading.app.stores import Stores, heeding, open_stores, sweep, utc_now
from lading.errors import StorageFull
from lading.registry.audit import Audit, Finding, Grade, Verdict
from lading.registry.audit import Listener as FindingListener
from lading.registry.collected import Collected, Listener, Mark, Marker, Tally, What
from lading.registry.collector import Collector
from lading.registry.marking import mark
from lading.registry.sweep import Sweep

__all__ = [
    "Finding",
    "Grade",
    "Collected",
    "Mark",
    "Tally",
    "Verdict",
    "What",
    "audit",
    "collect",
    "collect_at_once",
    "configured",
]


def configured(
    *, file: str | None = None, root: str | None = None, grace: str | None = None
) -> Loaded:
    """The configuration that the server would have, with what the command line says over it.

    Raises:
        ConfigInvalid: something in it cannot be honoured.
    """
    flags = {"root": ("--root", root), "collector.grace": ("--grace", grace)}
    return load(file=Path(file) if file else None, flags=flags)


async def collect(loaded: Loaded, *, untagged: bool, dry_run: bool, listener: Listener) -> Tally:
    """Collect, expire uploads and sweep up waste; with *dry_run*, only say what would go.

    Waits for its turn when a server is at it. The grace is that of the last server, unless *loaded*
    was given one; the undo window is never shorter than that of the last server.

    Raises:
        StorageUnfit: there is no registry in that directory, or a server of another version has it.
        StorageFailed: the stores let us down.
    """
    own_grace = "collector.grace" in loaded.given
    await asyncio.to_thread(_make_ready, loaded.config.root)
    config = await asyncio.to_thread(heeding, loaded.config, own_grace=own_grace)
    grace = config.collector.grace
    async with open_stores(config.root, config) as stores:
        collector = Collector(stores.blobs, stores.metadata, grace=grace, now=utc_now)
        waste = sweep(config, stores, grace=grace, now=utc_now)
        return await _round(
            stores, collector, waste, untagged=untagged, dry_run=dry_run, listener=listener
        )


_NO_ROOM = (
    "Collecting needs a little room for the database: move some MiB of other files off that disk "
    "(`du` finds them; what `lading fsck --repair` put aside is in quarantine in the data directory) "
    "or enlarge it, then run the same again."
)

PROTECTED = timedelta(hours=1)
"""How long `collect_at_once` leaves alone what was pushed, mounted or asked for."""


async def collect_at_once(
    loaded: Loaded,
    *,
    untagged: bool,
    dry_run: bool,
    listener: Listener,
    marker: Marker | None = None,
) -> Tally:
    """As `collect`, but what was deleted goes at once; says what is left, all of it to *marker*.

    Blobs that no manifest named yet stay for `PROTECTED`, or, while uploads are open, for the grace
    of the server: they may be pieces of an image whose other pieces are on their way.

    Raises:
        StorageUnfit, StorageFailed: as `collect`.
    """
    await asyncio.to_thread(_make_ready, loaded.config.root)
    config = await asyncio.to_thread(
        heeding, loaded.config, own_grace="collector.grace" in loaded.given
    )
    usual = config.collector.grace
    async with open_stores(config.root, config) as stores:
        waste = sweep(config, stores, grace=min(usual, PROTECTED), now=utc_now)
        pushing = await stores.blobs.count_uploads() > 0
        collector = Collector(
            stores.blobs,
            stores.metadata,
            grace=usual if pushing else min(usual, PROTECTED),
            ended_grace=timedelta(0),
            now=utc_now,
        )
        tally = await _round(
            stores,
            collector,
            waste,
            untagged=untagged,
            dry_run=dry_run,
            listener=listener,
            marker=marker,
        )
        if not dry_run:
            tally.kept = await stores.metadata.kept()
            if marker is not None:
                await mark(stores.metadata, marker)
        return tally


async def _round(
    stores: Stores,
    collector: Collector,
    waste: Sweep,
    *,
    untagged: bool,
    dry_run: bool,
    listener: Listener,
    marker: Marker | None = None,
) -> Tally:
    if dry_run:
        tally = await waste.uploads(dry_run=True, listener=listener)
        tally.add(await waste.waste(dry_run=True, listener=listener))
        tally.add(await collector.rehearse(untagged=untagged, listener=listener, marker=marker))
        return tally
    async with stores.metadata.background(wait=True):
        # First what goes without a change of the database, which a full disk refuses: it makes
        # room for the rest.
        tally = await waste.uploads(listener=listener)
        tally.add(await waste.waste(listener=listener))
        try:
            tally.add(await collector.collect(untagged=untagged, listener=listener))
        except StorageFull as error:
            error.advice = _NO_ROOM
            raise
        return tally


async def audit(loaded: Loaded, *, fast: bool, repair: bool, listener: FindingListener) -> Verdict:
    """Hold rows against bytes, and bytes against their digests.

    Raises:
        StorageUnfit: there is no registry in that directory, or a server of another version has it.
        StorageFailed: the stores let us down.
    """
    config = loaded.config
    await asyncio.to_thread(_make_ready, config.root)
    async with open_stores(config.root, config) as stores:
        auditor = Audit(stores.blobs, stores.metadata, expiry=config.uploads.expiry, now=utc_now)
        return await auditor.run(fast=fast, repair=repair, listener=listener)


def _make_ready(root: Path) -> None:
    require_registry(root)
    prepare(root)
