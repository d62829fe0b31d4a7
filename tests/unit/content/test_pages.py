"""Lists are read over all their pages."""

from collections.abc import Sequence

import pytest

from lading.content.pages import every
from lading.interfaces.repository import Page


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ([Page(())], []),
        ([Page(("a", "b"))], ["a", "b"]),
        ([Page(("a", "b"), more=True), Page(("c",))], ["a", "b", "c"]),
        ([Page(("a",), more=True), Page((), more=True)], ["a"]),
    ],
)
async def test_each_page_begins_after_the_last_item(
    pages: Sequence[Page[str]], expected: list[str]
) -> None:
    """Until none is promised any more, or the promise is not kept."""
    asked: list[str | None] = []

    async def page(after: str | None) -> Page[str]:
        asked.append(after)
        return pages[len(asked) - 1]

    found = [item async for item in every(page)]

    assert found == expected
    assert asked == [None, *(each.items[-1] for each in pages[:-1])]
