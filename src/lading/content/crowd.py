"""Many things at once, but not too many, and none of them twice."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Key = TypeVar("Key")
Item = TypeVar("Item")


async def each(
    work: Callable[[Item], Awaitable[None]], items: Iterable[Item], *, most: int
) -> None:
    """Do *work* for each of *items*, at most *most* at once, beginning in their order.

    The first failure ends all the others, and is raised as it is.
    """
    left = iter(items)

    async def some() -> None:
        for item in left:
            await work(item)

    with ungrouped():
        async with asyncio.TaskGroup() as group:
            for _ in range(most):
                group.create_task(some())


@contextmanager
def ungrouped() -> Iterator[None]:
    """Raise the first failure of a group of tasks as it is: whoever asked wants the reason."""
    try:
        yield
    except BaseExceptionGroup as failures:
        failure: BaseException = failures
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
        raise failure from None


class Once(Generic[Key]):
    """Things that are done once, however many ask; whoever comes later waits for the first."""

    def __init__(self) -> None:
        self._known: dict[Key, asyncio.Future[bool]] = {}

    async def do(self, key: Key, work: Callable[[], Awaitable[None]]) -> None:
        """Do *work* unless it was done for *key*; what it raised is raised to all who ask."""
        while (known := self._known.get(key)) is not None:
            # A waiter that is cancelled must not take the others' future along.
            if await asyncio.shield(known):
                return
        doing = self._known[key] = asyncio.get_running_loop().create_future()
        try:
            await work()
        except Exception as error:
            doing.set_exception(error)
            doing.exception()  # nobody else need ask
            raise
        except BaseException:
            # Whoever waits does it in our place.
            del self._known[key]
            doing.set_result(False)
            raise
        doing.set_result(True)
