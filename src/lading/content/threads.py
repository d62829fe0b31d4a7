"""Work that blocks, in threads: waited for, and ended when nobody waits any more."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar, TypeVarTuple

from lading.bodies import Inbound
from lading.errors import BodyIncomplete

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Waiter:
    """Whoever waits for work in a thread; when they leave, it is to end as soon as it can.

    Who is cancelled cannot just go: the work may be using what its caller is about to let go of.
    But it must not go on for as long as a registry likes to send.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: list[Callable[[], None]] = []
        self._has_left = False

    def run(self, work: Callable[[], T]) -> T:
        """Call *work* in this thread, for this one."""
        before = _waiter()
        _HERE.waiter = self
        try:
            return work()
        finally:
            _HERE.waiter = before

    def leave(self) -> None:
        """Wait no longer; from any thread."""
        with self._lock:
            self._has_left = True
            ends = tuple(self._ends)
        for end in ends:
            end()

    @contextmanager
    def _ended_by(self, end: Callable[[], None]) -> Iterator[None]:
        with self._lock:
            self._ends.append(end)
            late = self._has_left
        if late:
            end()
        try:
            yield
        finally:
            with self._lock:
                self._ends.remove(end)

    def _check(self) -> None:
        if self._has_left:
            raise BodyIncomplete("nobody waits for it any more")


_HERE = threading.local()


def _waiter() -> Waiter | None:
    found: Waiter | None = getattr(_HERE, "waiter", None)
    return found


@contextmanager
def ended_by(end: Callable[[], None]) -> Iterator[None]:
    """Call *end* when the one for whom this thread works leaves meanwhile; see `Waiter`."""
    waiter = _waiter()
    if waiter is None:
        yield
        return
    with waiter._ended_by(end):  # noqa: SLF001 - the two are one
        yield


def still_wanted() -> None:
    """Look whether anybody waits for what this thread does.

    Raises:
        BodyIncomplete: nobody does any more; nobody will hear of this either.
    """
    waiter = _waiter()
    if waiter is not None:
        waiter._check()  # noqa: SLF001 - the two are one


def wanted(blocks: Iterable[memoryview]) -> Iterator[memoryview]:
    """*blocks*, as long as anybody waits for what this thread does with them.

    Raises:
        BodyIncomplete: nobody does any more.
    """
    for block in blocks:
        still_wanted()
        yield block


async def in_thread(work: Callable[[*Ts], T], *args: *Ts) -> T:
    """Call *work* in a thread; who is cancelled meanwhile goes only when it has ended.

    It may be using what its caller is about to let go of. See `Waiter` for how it ends.
    """
    waiter = Waiter()
    doing = asyncio.ensure_future(asyncio.to_thread(waiter.run, partial(work, *args)))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        waiter.leave()
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
    if body.length is not None and body.length > limit:
        return None
    taken = bytearray()
    while await body.ready():
        await in_thread(_take, body, taken, limit)
        if len(taken) > limit:
            return None
    return bytes(taken)


def _take(body: Inbound, taken: bytearray, limit: int) -> None:
    for block in wanted(body.blocks()):
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
    for _ in wanted(body.blocks()):
        pass
