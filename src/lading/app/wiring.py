"""The one place that chooses: stores, registry, rules, face, and what runs beside them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from lading.app.access import open_access
from lading.app.beside import beside
from lading.app.config.tree import Config
from lading.app.connection import Bounds
from lading.app.connections import Connections
from lading.app.directory import prepare
from lading.app.notices import Noticing, noticing
from lading.app.readonly import ReadOnly
from lading.app.site import asked, fields, ruled, sited
from lading.app.stores import Stores, heeding, open_stores, sweep, utc_now
from lading.app.watching.around import collected, observed, timings, traced, watched
from lading.app.watching.station import Station, Watched
from lading.app.watching.telling import Telling
from lading.auth.guesses import Guesses
from lading.http.call import Pulled, Terms
from lading.http.face import Face
from lading.http.middleware import RequestIds, Wall
from lading.interfaces.repository import Registry
from lading.registry.collector import Collector
from lading.registry.guard import guarded
from lading.registry.pulls import Pulls
from lading.registry.purge import Purge
from lading.registry.registry import LocalRegistry
from lading.registry.rules import ReadOnlyRegistry
from lading.registry.upkeep import Upkeep
from lading.storage.root import is_diskless
from lading.storage.writer import MOST_POURED
from lading.wire.message import Handler
from lading.wire.routes import under

_SENDERS = 32
"""Threads of a worker that send files; one is taken only while its receiver takes bytes."""


@asynccontextmanager
async def open_registry(
    root: Path | None = None,
    *,
    sparse: bool = False,
    read_only: bool = False,
    now: Callable[[], datetime] = utc_now,
) -> AsyncIterator[Registry]:
    """A registry in the directory *root*, made if missing, or, without one, in memory.

    With *sparse*, manifests are taken whose content is missing; with *read_only*, nothing can be
    changed. A server may use the same directory at the same time.

    Raises:
        StorageFailed: the directory cannot be used; `StorageUnfit` also when a server of another
            version has it.
    """
    config = Config()
    if root is not None:
        await asyncio.to_thread(prepare, root)
        config = await asyncio.to_thread(heeding, Config(root=root), own_grace=False)
    async with AsyncExitStack() as stack:
        held = ReadOnly(root, always=read_only)
        stores = await stack.enter_async_context(
            open_stores(root, config, now=now, may_write=held.writable)
        )
        pulls = Pulls(stores.metadata, now=now, may_write=held.writable)
        await stack.enter_async_context(pulls.flushing())
        registry = LocalRegistry(stores.blobs, stores.metadata, sparse=sparse, pulls=pulls)
        yield ReadOnlyRegistry(registry, when=held)


@asynccontextmanager
async def running(
    config: Config,
    station: Station | None = None,
    guesses: Guesses | None = None,
    *,
    now: Callable[[], datetime] = utc_now,
) -> AsyncIterator[Handler]:
    """Build the whole registry of one worker from *config*, and close it again.

    *station* is the worker's place among all, and *guesses* are those at the passwords of all;
    without them it is the only worker.
    """
    station = station or Watched(config, 1).at(0)
    read_only = ReadOnly(config.root, always=config.read_only)
    async with AsyncExitStack() as stack:
        inside = await stack.enter_async_context(_inside(config, station, read_only, now=now))
        authenticator, policy = await stack.enter_async_context(
            open_access(config.auth, guesses or Guesses())
        )
        admit = guarded(inside.registry, policy)
        reach = partial(_reach, inside.stores)
        terms = _terms(config, ready=reach, pulled=inside.told.pulled)
        handler: Handler = Wall(Face(authenticator, admit, terms, under(config.http.prefix)))
        handler = observed(handler, config, station)
        handler = await stack.enter_async_context(watched(handler, config, station, storage=reach))
        for work in _background(config, station, inside.stores, read_only.writable, now=now):
            await stack.enter_async_context(beside(work.run()))
        yield RequestIds(sited(handler, config))


@dataclass(frozen=True, slots=True)
class _Inside:
    """What is behind the face: the stores, the registry on them, and who is told what happens."""

    stores: Stores
    registry: Registry
    told: Noticing


@asynccontextmanager
async def _inside(
    config: Config, station: Station, read_only: ReadOnly, *, now: Callable[[], datetime]
) -> AsyncIterator[_Inside]:
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(
            open_stores(
                config.root,
                config,
                now=now,
                timings=timings(config, station),
                may_write=read_only.writable,
            )
        )
        stores = traced(stores, station)
        station.uploads = stores.blobs.count_uploads
        pulls = Pulls(stores.metadata, now=now, may_write=read_only.writable)
        await stack.enter_async_context(pulls.flushing())
        told = await stack.enter_async_context(
            noticing(
                config.notifications,
                stores.metadata,
                listen=config.listen,
                relative=config.notifications.relative_urls and not config.http.host,
                may_write=read_only.writable,
                meter=Telling(station.meter),
                now=now,
            )
        )
        station.notifications = told.endpoints
        registry = LocalRegistry(
            stores.blobs,
            stores.metadata,
            sparse=config.manifests.missing == "allow",
            blob_limit=config.uploads.max_size,
            open_uploads=config.uploads.open,
            pulls=pulls,
            repeats=told.repeats,
        )
        yield _Inside(stores, ruled(registry, config, read_only=read_only), told)


def _terms(config: Config, *, ready: Callable[[], Awaitable[None]], pulled: Pulled | None) -> Terms:
    return Terms(
        manifest_limit=config.manifests.max_size,
        chunk_min_length=config.uploads.chunk_min_length,
        most_repositories=config.lists.catalog,
        most_tags=config.lists.tags,
        strict_lists=config.lists.strict,
        strict_sources=config.auth.token.strict,
        asked=asked(config),
        fields=fields(config),
        ready=ready,
        pulled=pulled,
    )


@asynccontextmanager
async def connections(config: Config, handler: Handler) -> AsyncIterator[Connections]:
    """Connections that bring their requests to *handler*, within the limits of *config*."""
    http = config.http
    bounds = Bounds(
        head_size=http.head_limit,
        head_time=http.head_timeout.total_seconds(),
        idle_time=http.keep_alive.total_seconds(),
        body_pause=http.body_timeout.total_seconds(),
        write_pause=http.body_timeout.total_seconds(),
        lane_from=_lane_from(config),
        drain_size=http.discard_limit,
    )
    threads = ThreadPoolExecutor(_SENDERS, "lading-send")
    try:
        yield Connections(handler, threads, bounds)
    finally:
        threads.shutdown(cancel_futures=True)


def _lane_from(config: Config) -> int | None:
    lane_from = config.http.lane_from
    if lane_from is None or not is_diskless(config.root):
        return lane_from
    # Without a disk, what the store can take on the event loop needs no thread (decision 17).
    return max(lane_from, MOST_POURED + 1)


def _background(
    config: Config,
    station: Station,
    stores: Stores,
    may_write: Callable[[], bool],
    *,
    now: Callable[[], datetime],
) -> Iterator[Upkeep | Purge]:
    """What is done beside the requests, again and again."""
    heard, grace, uploads = collected(station.meter), config.collector.grace, config.uploads
    if config.collector.every is not None:
        yield Upkeep(
            stores.metadata,
            Collector(stores.blobs, stores.metadata, grace=grace, now=now),
            sweep(config, stores, grace=grace, now=now, purging=uploads.purge_every is None),
            every=config.collector.every,
            sweep_every=config.collector.sweep,
            heard=heard,
            may_write=may_write,
        )
    # One worker does it, so that the log tells of it once; when that dies, its successor does.
    if uploads.purge and uploads.purge_every is not None and not station.index:
        yield Purge(
            stores.metadata,
            stores.blobs,
            every=uploads.purge_every,
            age=uploads.expiry,
            dry_run=uploads.purge_dry_run,
            now=now,
            heard=heard,
            may_write=may_write,
        )


async def _reach(stores: Stores) -> None:
    """Touch both stores; what goes wrong is what `GET /readyz` answers."""
    await stores.blobs.count_uploads()
    await stores.metadata.list_repositories(after=None, limit=1)
