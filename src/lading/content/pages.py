"""Lists, over all their pages."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from lading.interfaces.repository import Page

Item = TypeVar("Item")


async def every(page: Callable[[Item | None], Awaitable[Page[Item]]]) -> AsyncIterator[Item]:
    """The items of all pages; *page* gives the one that begins after an item, or the first."""
    after: Item | None = None
    more = True
    while more:
        found = await page(after)
        for item in found.items:
            yield item
        # Whoever promises more, and gives nothing, would be asked for ever.
        more = found.more and len(found.items) > 0
        after = found.items[-1] if found.items else None
