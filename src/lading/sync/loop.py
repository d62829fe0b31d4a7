"""The event loop that does the work, as it may be used: never from within another one."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

from lading.app.background import Background
from lading.interfaces.repository import Page

T = TypeVar("T")


class Loop:
    """The loop of one client."""

    def __init__(self, background: Background) -> None:
        self._background = background

    @property
    def is_over(self) -> bool:
        """Whether the client is closed."""
        return self._background.is_over

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do *work*, and wait for it.

        Raises:
            RuntimeError: an event loop is running here, or the client is closed.
        """
        self._refuse()
        return self._background.run(work)

    @contextmanager
    def entered(self, context: AbstractAsyncContextManager[T]) -> Iterator[T]:
        """Enter the asynchronous *context*, and leave it.

        Raises:
            RuntimeError: an event loop is running here, or the client is closed.
        """
        self._refuse()
        with self._background.entered(context) as entered:
            yield entered

    def _refuse(self) -> None:
        refuse_loops()
        if self.is_over:
            raise RuntimeError("this client is closed")


def refuse_loops() -> None:
    """Refuse to block an event loop: all that it does would stand still.

    Raises:
        RuntimeError: one is running in this thread.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        "lading.sync would block the event loop that is running here: use lading.open_client"
    )


def every(page: Callable[[T | None], Page[T]], after: T | None) -> Iterator[T]:
    """The items of all pages."""
    while True:
        found = page(after)
        yield from found.items
        if not (found.more and found.items):
            return
        after = found.items[-1]
