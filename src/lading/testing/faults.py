"""Stores that fail on cue, and senders that stall.

::

    faults = Faults()
    blobs = faulty(blobs, faults)
    faults.fail("commit", StorageFull("no space left"))      # the next one
    hold = faults.hold("commit")                             # the one after that waits
"""

import asyncio
import inspect
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

T = TypeVar("T")

_WRITERS = frozenset({"create", "resume"})
_LONGEST_WAIT = 30.0


@dataclass(slots=True)
class Hold:
    """A call that waits: ``reached`` is set when it has come, and `release` lets it go on."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let the call go on."""
        self._released.set()

    async def wait(self) -> None:
        """What the call does until it is released."""
        self.reached.set()
        await self._released.wait()


@dataclass(slots=True)
class _Failure:
    error: BaseException
    skip: int
    times: int
    afterwards: bool


class Faults:
    """What is to go wrong, by the name of the method; shared by a test and its stores.

    ``calls`` are the names of all methods that were called, in order.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._failures: dict[str, list[_Failure]] = {}
        self._holds: dict[str, list[Hold]] = {}

    def fail(
        self,
        call: str,
        error: BaseException,
        *,
        skip: int = 0,
        times: int = 1,
        afterwards: bool = False,
    ) -> None:
        """Let calls of *call* raise *error*: *times* of them, after *skip* that go well.

        With *afterwards*, the work is done before it is said to have failed. That needs an
        asynchronous method; others always fail before.
        """
        self._failures.setdefault(call, []).append(_Failure(error, skip, times, afterwards))

    def hold(self, call: str) -> Hold:
        """Let the next call of asynchronous *call* wait before it does anything."""
        hold = Hold()
        self._holds.setdefault(call, []).append(hold)
        return hold

    def heal(self) -> None:
        """From now on nothing fails."""
        self._failures.clear()

    def reach(self, call: str) -> BaseException | None:
        """Note that *call* was reached; raise what is planned, or return what to raise after."""
        self.calls.append(call)
        plans = self._failures.get(call, [])
        if not plans:
            return None
        plan = plans[0]
        if plan.skip > 0:
            plan.skip -= 1
            return None
        plan.times -= 1
        if plan.times <= 0:
            plans.pop(0)
        if plan.afterwards:
            return plan.error
        raise plan.error

    async def pause(self, call: str) -> None:
        """Wait if *call* is to be held."""
        holds = self._holds.get(call)
        if holds:
            await holds.pop(0).wait()


def faulty(inner: T, faults: Faults) -> T:
    """*inner*, whatever store or repository it is, with every public method failing on cue.

    What ``create`` and ``resume`` give is wrapped as well, so that ``write``, ``commit``,
    ``abort`` and ``aclose`` of a blob's writer can fail.
    """
    return cast("T", _Faulty(inner, faults))


class _Faulty:
    def __init__(self, inner: Any, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name.startswith("_") or not callable(found):
            return found
        if inspect.iscoroutinefunction(found):
            return self._asynchronous(name, found)

        def call(*args: Any, **kwargs: Any) -> Any:
            self._faults.reach(name)
            return found(*args, **kwargs)

        return call

    def _asynchronous(self, name: str, found: Any) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            await self._faults.pause(name)
            later = self._faults.reach(name)
            result = await found(*args, **kwargs)
            if later is not None:
                raise later
            return faulty(result, self._faults) if name in _WRITERS else result

        return call


class Stalling:
    """A body that comes in two parts, with a silence between them that `go_on` ends.

    ``silent`` is set when the first part was taken and the second is waited for.
    """

    def __init__(self, first: bytes, second: bytes = b"") -> None:
        self.length: int | None = len(first) + len(second)
        self.silent = asyncio.Event()
        self._parts = [first, second]
        self._may_go_on = asyncio.Event()

    def go_on(self) -> None:
        """Let the second part come."""
        self._may_go_on.set()

    async def ready(self) -> bool:
        """See `Inbound.ready`."""
        if len(self._parts) == 1:
            self.silent.set()
            await self._may_go_on.wait()
        return any(self._parts)

    def blocks(self) -> Iterator[memoryview]:
        """See `Inbound.blocks`."""
        if self._parts:
            part = self._parts.pop(0)
            if part:
                yield memoryview(part)


class Flowing:
    """A body that keeps its writer at work: after the first part, more is about to come.

    ``taken`` is set when the writer has asked for more; `end` lets *second* come and ends it.
    """

    def __init__(self, first: bytes, second: bytes = b"") -> None:
        self.length: int | None = len(first) + len(second)
        self.taken = asyncio.Event()
        self._parts: list[bytes] = [first, second]
        self._loop = asyncio.get_running_loop()
        self._ended = threading.Event()

    def end(self) -> None:
        """Let the second part come, and nothing after it."""
        self._ended.set()

    async def ready(self) -> bool:
        """See `Inbound.ready`."""
        return bool(self._parts)

    def blocks(self) -> Iterator[memoryview]:
        """See `Inbound.blocks`; waits in the thread that it runs in."""
        yield memoryview(self._parts.pop(0))
        self._loop.call_soon_threadsafe(self.taken.set)
        self._ended.wait(_LONGEST_WAIT)
        second = self._parts.pop(0)
        if second:
            yield memoryview(second)
