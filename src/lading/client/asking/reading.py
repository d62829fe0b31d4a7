"""Short answers, read into memory in a thread and not on the event loop."""

import asyncio

from lading.bodies import Source, Stream
from lading.wire.message import Response


async def collected(response: Response, *, limit: int) -> bytes | None:
    """The body of *response*, which is closed then; ``None`` if it has more than *limit* bytes.

    Raises:
        UpstreamFailed: the connection was lost.
    """
    assert isinstance(response.body, Stream)
    try:
        return await taken(response.body.source, limit=limit)
    finally:
        await response.body.aclose()


async def taken(source: Source, *, limit: int) -> bytes | None:
    """All of *source*; ``None`` if it has more than *limit* bytes."""
    if source.length is not None and source.length > limit:
        return None
    found = bytearray()
    while await source.ready():
        if not await asyncio.to_thread(_drain, source, found, limit):
            return None
    return bytes(found)


def _drain(source: Source, found: bytearray, limit: int) -> bool:
    for block in source.blocks():
        found += block
        if len(found) > limit:
            return False
    return True
