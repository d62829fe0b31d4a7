"""Telling endpoints what changed: at least once, in order, across restarts and deaths.

The numbered log of changes is the queue. Whichever worker holds the right to deliver reads it, and
remembers for each endpoint how far it has got; when that worker dies, another goes on there. An
endpoint that fails or does not answer holds up nobody but itself.

What was told is written down four times a second. So an endpoint may be told again what it was
told just before a server died, under the same ids; it never misses anything.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn, Protocol

from lading.errors import LadingError, UpstreamFailed
from lading.interfaces.changes import Event
from lading.interfaces.metadata import Changes, Deliveries, Delivery, Exclusion, Outlook
from lading.interfaces.notices import Deed, Meter, NoMeter, Notice, Sink
from lading.registry.notices import notices_of

log = logging.getLogger(__name__)

LOOK = 0.25
"""How often is looked for what is new, in seconds, and written down what was told."""

LONGEST_REST = timedelta(minutes=2)
"""How long an endpoint that keeps failing is left alone, unless it is configured to be longer."""

_BATCH = 10
_TIDY_EVERY = 3600.0
_TIDY_BATCH = 500
_BREATH = 0.2
_AFTER_FAILURE = 5.0
_MOST_DOUBLINGS = 20

Pause = Callable[[float], Awaitable[None]]


class _Metadata(Changes, Deliveries, Exclusion, Protocol):
    """What a feed needs of a metadata store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Who is told, of what, and how they are treated when they fail.

    After *threshold* failures in a row an endpoint is given a rest, *backoff* at first and twice as
    long after each further failure.
    """

    name: str
    sink: Sink
    ignored_types: frozenset[str] = frozenset()
    ignored: frozenset[Deed] = frozenset()
    threshold: int = 10
    backoff: timedelta = timedelta(seconds=1)

    def wants(self, notice: Notice) -> bool:
        """Whether *notice* is told."""
        return notice.deed not in self.ignored and notice.media_type not in self.ignored_types

    def rest(self, failures: int) -> float:
        """For how many seconds nothing is tried after so many failures in a row."""
        if failures < self.threshold:
            return 0.0
        longest = max(LONGEST_REST, self.backoff)
        doublings = min(failures - self.threshold, _MOST_DOUBLINGS)
        return min(self.backoff.total_seconds() * (1 << doublings), longest.total_seconds())


async def attempt(subscription: Subscription, notice: Notice, meter: Meter) -> str:
    """Tell *notice* once; return why that failed, or nothing."""
    try:
        status = await subscription.sink.tell(notice)
    except UpstreamFailed as error:
        meter.told(subscription.name, error.status)
        # The summary of the error speaks of a registry, which an endpoint is not.
        return error.subject or str(error)
    except Exception as error:
        # A mistake of ours is tried again as well: what happened has to be told.
        log.exception("an event could not be told", extra={"endpoint": subscription.name})
        meter.told(subscription.name, 0)
        return repr(error)
    meter.told(subscription.name, status)
    return ""


class Feed:
    """Tells all *subscriptions* what changes, until it is cancelled.

    Changes that could not be told for *give_up* are passed over; what everybody was told of is
    forgotten *keep* after it happened, and with it the places of endpoints that are not told any
    more, unless they are *paused*. Nothing is written while *may_write* says no. *pause* waits for
    seconds.
    """

    def __init__(
        self,
        metadata: _Metadata,
        subscriptions: Sequence[Subscription],
        *,
        give_up: timedelta,
        keep: timedelta,
        now: Callable[[], datetime],
        paused: Sequence[str] = (),
        references: bool = False,
        may_write: Callable[[], bool] = lambda: True,
        pause: Pause = asyncio.sleep,
        meter: Meter | None = None,
    ) -> None:
        self._metadata = metadata
        self._subscriptions = subscriptions
        self._known = {*paused, *(each.name for each in subscriptions)}
        self._give_up = give_up
        self._keep = keep
        self._now = now
        self._references = references
        self._may_write = may_write
        self._pause = pause
        self._meter = meter or NoMeter()

    async def begin(self) -> None:
        """Let endpoints that are new begin at what happens from now on; before anybody is served."""
        for each in self._subscriptions:
            # What a worker that died here said of itself is not so any more.
            self._meter.pending(each.name, 0)
        await self._settle(await self._couriers())

    async def run(self) -> NoReturn:
        """Wait for the right to deliver, then deliver for ever."""
        while True:
            try:
                async with self._metadata.delivering():
                    await self._deliver()
            except* LadingError as errors:
                reason = str(errors.exceptions[0])
                log.warning("events cannot be told", extra={"reason": reason})
            except* Exception:
                log.exception("events cannot be told")
            await self._pause(_AFTER_FAILURE)

    async def _couriers(self) -> Sequence["Courier"]:
        outlook = await self._metadata.outlook()
        known = {each.endpoint: each for each in outlook.deliveries}
        return [
            Courier(
                each,
                known.get(each.name),
                outlook.latest,
                self._metadata,
                tell=self._notices,
                give_up=self._give_up,
                now=self._now,
                pause=self._pause,
                meter=self._meter,
            )
            for each in self._subscriptions
        ]

    async def _deliver(self) -> None:
        couriers = await self._couriers()
        try:
            async with asyncio.TaskGroup() as tasks:
                for courier in couriers:
                    tasks.create_task(courier.run())
                if couriers:
                    tasks.create_task(self._look(couriers))
                tasks.create_task(self._tidy(couriers))
        finally:
            await self._settle(couriers)

    def _notices(self, event: Event) -> Sequence[Notice]:
        return notices_of(event, references=self._references)

    async def _look(self, couriers: Sequence["Courier"]) -> NoReturn:
        """Write down how far everybody is, and tell them what is new."""
        while True:
            await self._settle(couriers)
            outlook = await self._metadata.outlook()
            for courier in couriers:
                courier.hear(outlook)
                self._meter.pending(courier.name, outlook.latest - courier.delivery.number)
            await self._pause(LOOK)

    async def _settle(self, couriers: Sequence["Courier"]) -> None:
        if not self._may_write():
            return
        changed = [courier for courier in couriers if not courier.settled]
        for courier in changed:
            courier.settled = True
        try:
            await self._metadata.settle([courier.delivery for courier in changed])
        except LadingError as error:
            # On a full disk everybody is told all the same, and this is written as soon as it can.
            log.warning("it cannot be written down who was told", extra={"reason": str(error)})
            for courier in changed:
                courier.settled = False

    async def _tidy(self, couriers: Sequence["Courier"]) -> NoReturn:
        """Forget, now and then, what everybody was told of long ago."""
        while True:
            await self._pause(_TIDY_EVERY / 60)
            full = self._may_write()
            while full:
                latest = (await self._metadata.outlook()).latest
                forgotten = await self._metadata.forget_events(
                    before=self._now() - self._keep,
                    upto=min((each.delivery.number for each in couriers), default=latest),
                    limit=_TIDY_BATCH,
                    known=self._known,
                )
                full = forgotten == _TIDY_BATCH
                await self._pause(_BREATH)
            await self._pause(_TIDY_EVERY)


class Courier:
    """Tells one endpoint, one notice after the other."""

    def __init__(
        self,
        subscription: Subscription,
        delivery: Delivery | None,
        latest: int,
        metadata: Changes,
        *,
        tell: Callable[[Event], Sequence[Notice]],
        give_up: timedelta,
        now: Callable[[], datetime],
        pause: Pause,
        meter: Meter,
    ) -> None:
        self.name = subscription.name
        self.settled = delivery is not None
        self.delivery = delivery = delivery or Delivery(subscription.name, latest)
        self._subscription = subscription
        self._metadata = metadata
        self._tell = tell
        self._give_up = give_up
        self._now = now
        self._pause = pause
        self._meter = meter
        self._urged = delivery.urged
        self._skip_to = delivery.skip_to
        self._news = asyncio.Event()
        self._urge = asyncio.Event()

    def hear(self, outlook: Outlook) -> None:
        """Take note of what is new, and of what somebody asked for."""
        mine = next((each for each in outlook.deliveries if each.endpoint == self.name), None)
        if mine is not None and mine.urged != self._urged:
            self._urged, self._skip_to = mine.urged, max(self._skip_to, mine.skip_to)
            self._urge.set()
        if outlook.latest > self.delivery.number:
            self._news.set()

    async def run(self) -> NoReturn:
        """Tell what is new, as soon as it is."""
        while True:
            self._news.clear()
            try:
                events = await self._metadata.events(after=self.delivery.number, limit=_BATCH)
            except LadingError as error:
                log.warning("events cannot be read", extra={"reason": str(error)})
                await self._pause(_AFTER_FAILURE)
                continue
            for event in events:
                await self._pass_on(event)
                self._note(number=event.number)
            if not events:
                await self._news.wait()

    async def _pass_on(self, event: Event) -> None:
        for notice in self._tell(event):
            if self._subscription.wants(notice):
                self._meter.queued(self.name, 1)
                await self._insist(event.number, notice)

    async def _insist(self, number: int, notice: Notice) -> None:
        """Tell *notice*, however often it takes, unless it grows too old or is to be skipped."""
        while number > self._skip_to:
            reason = await attempt(self._subscription, notice, self._meter)
            if not reason:
                self._succeeded()
                return
            self._failed(reason)
            if self._now() - notice.at > self._give_up:
                log.error(
                    "an event was too old to be told again",
                    extra={"endpoint": self.name, "event": number, "reason": reason},
                )
                break
            await self._rest(self._subscription.rest(self.delivery.failures))
        self._meter.lost(self.name, 1)

    def _succeeded(self) -> None:
        if self.delivery.failures:
            log.info("an endpoint is well again", extra={"endpoint": self.name})
            self._note(failures=0, failing_since=None, reason="")

    def _failed(self, reason: str) -> None:
        if not self.delivery.failures:
            log.warning("an endpoint fails", extra={"endpoint": self.name, "reason": reason})
        since = self.delivery.failing_since or self._now()
        self._note(failures=self.delivery.failures + 1, failing_since=since, reason=reason)

    def _note(self, **facts: object) -> None:
        self.delivery = replace(self.delivery, **facts)  # type: ignore[arg-type]  # as its fields
        self.settled = False

    async def _rest(self, seconds: float) -> None:
        """Wait, unless somebody urges."""
        self._urge.clear()
        waiting = [
            asyncio.ensure_future(self._pause(seconds)),
            asyncio.ensure_future(self._urge.wait()),
        ]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
