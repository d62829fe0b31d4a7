"""Many things at once, but not too many; and work that waits, in threads."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar, TypeVarTuple

from lading.bodies import Inbound

Key = TypeVar("Key")
Item = TypeVar("Item")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


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


async def in_thread(work: Callable[[*Ts], T], *args: *Ts) -> T:
    """Call *work* in a thread; who is cancelled meanwhile goes only when it is done.

    It may be using what its caller is about to let go of.
    """
    doing = asyncio.ensure_future(asyncio.to_thread(work, *args))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        while not doing.done():
            try:
                await asyncio.wait((doing,))
            except asyncio.CancelledError:
                continue
        # What it came to is nobody's concern any more, but has to be looked at.
        doing.cancelled() or doing.exception()
        raise


async def collect(body: Inbound, *, limit: int) -> bytes | None:
    """Take a small *body* whole into memory, in a thread; ``None`` if it is longer than *limit*.

    Raises:
        LadingError: as *body* does.
    """
    taken = bytearray()
    while await body.ready():
        await in_thread(_take, body, taken, limit)
        if len(taken) > limit:
            return None
    return bytes(taken)


def _take(body: Inbound, taken: bytearray, limit: int) -> None:
    for block in body.blocks():
        taken += block
        if len(taken) > limit:
            return


async def drain(body: Inbound) -> None:
    """Take all of *body* in threads, for what reading it proves.

    Raises:
        LadingError: as *body* does.
    """
    while await body.ready():
        await in_thread(_let_go, body)


def _let_go(body: Inbound) -> None:
    for _ in body.blocks():
        pass


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
