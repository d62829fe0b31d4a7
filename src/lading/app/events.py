"""What happened in a data directory, and who was told: for commands, server or no server."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

from lading.app.config.sources import Loaded
from lading.app.directory import prepare, require_registry
from lading.app.stores import open_stores
from lading.interfaces.metadata import Delivery, MetadataStore, Outlook
from lading.interfaces.notices import Notice
from lading.registry.feed import LOOK
from lading.registry.notices import notices_of

_BATCH = 100


async def outlook(loaded: Loaded) -> Outlook:
    """The number of the latest event, and how far each endpoint has got.

    Raises:
        StorageUnfit: there is no registry in that directory, or a server of another version has it.
        StorageFailed: the database lets us down.
    """
    async with _opened(loaded) as metadata:
        return await metadata.outlook()


async def latest(loaded: Loaded, number: int) -> int:
    """After which event the last *number* of them begin.

    Raises:
        StorageUnfit, StorageFailed: as `outlook`.
    """
    return max(0, (await outlook(loaded)).latest - number)


async def happened(
    loaded: Loaded, *, after: int, follow: bool
) -> AsyncGenerator[tuple[int, Notice], None]:
    """What is told of each event with a number above *after*, with that number.

    With *follow*, what happens from now on as well, and there is no end.

    Raises:
        StorageUnfit, StorageFailed: as `outlook`.
    """
    async with _opened(loaded) as metadata:
        while True:
            events = await metadata.events(after=after, limit=_BATCH)
            for event in events:
                after = event.number
                for notice in notices_of(event):
                    yield event.number, notice
            if events:
                continue
            if not follow:
                return
            await asyncio.sleep(LOOK)


async def urge(
    loaded: Loaded, endpoint: str | None, *, skip: bool = False, upto: int | None = None
) -> Sequence[tuple[str, int]] | None:
    """Have *endpoint*, or every one that fails, tried at once; ``None`` if there is no such one.

    With *skip*, the event that is to be told next is passed over, or all events *upto* a number.
    Returns whom that concerns, and up to which event each has been asked to skip.

    Raises:
        StorageUnfit, StorageFailed: as `outlook`.
    """
    async with _opened(loaded) as metadata:
        found = (await metadata.outlook()).deliveries
        chosen = [each for each in found if endpoint in (None, each.endpoint)]
        if endpoint is not None and not chosen:
            return None
        done = []
        for each in chosen:
            if endpoint is None and not each.failures:
                continue
            skip_to = await _next(metadata, each, upto) if skip else 0
            await metadata.urge(each.endpoint, skip_to=skip_to)
            done.append((each.endpoint, skip_to))
        return done


async def _next(metadata: MetadataStore, delivery: Delivery, upto: int | None) -> int:
    if upto is not None:
        return min(upto, (await metadata.outlook()).latest)
    place = max(delivery.number, delivery.skip_to)
    events = await metadata.events(after=place, limit=1)
    return events[0].number if events else place


@asynccontextmanager
async def _opened(loaded: Loaded) -> AsyncIterator[MetadataStore]:
    root = loaded.config.root
    await asyncio.to_thread(require_registry, root)
    await asyncio.to_thread(prepare, root)
    async with open_stores(root, loaded.config) as stores:
        yield stores.metadata
