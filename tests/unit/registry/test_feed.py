"""Changes are told to endpoints at least once and in order, whatever happens meanwhile."""

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from lading.errors import StorageFull, UpstreamFailed, UpstreamUnreachable
from lading.interfaces.access import Occasion
from lading.interfaces.changes import ManifestDeleted, TagDeleted
from lading.interfaces.metadata import Delivery, MetadataStore
from lading.interfaces.notices import Deed, NoMeter, Notice
from lading.metadata.sqlite import open_sqlite
from lading.oci.names import Tag
from lading.registry.feed import LONGEST_REST, Feed, Subscription
from lading.testing import samples
from lading.testing.faults import Faults, faulty
from lading.testing.metadata_writing import APP, Clock, link, push

WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)


class Time:
    """Time that passes as soon as everybody waits: it goes on to where the first of them wakes."""

    def __init__(self) -> None:
        self.now = Clock()
        self._waiting: list[tuple[datetime, int, asyncio.Event]] = []
        self._order = itertools.count()

    async def pause(self, seconds: float) -> None:
        """Wait until *seconds* have passed."""
        over = asyncio.Event()
        heapq.heappush(
            self._waiting, (self.now() + timedelta(seconds=seconds), next(self._order), over)
        )
        await over.wait()

    async def pass_by(self) -> None:
        """Let it pass, for ever."""
        while True:
            for _ in range(20):
                await asyncio.sleep(0)
            if self._waiting:
                until, _, over = heapq.heappop(self._waiting)
                self.now.advance(until - self.now())
                over.set()


class Endpoint:
    """A sink that notes what it took. *fails* says of each notice why it is not taken."""

    def __init__(self, fails: Callable[[Notice], Exception | None] = lambda _notice: None) -> None:
        self.told: list[Notice] = []
        self.attempts = 0
        self.fails = fails

    async def tell(self, notice: Notice) -> int:
        """Take *notice*, or not."""
        self.attempts += 1
        failure = self.fails(notice)
        if failure is not None:
            raise failure
        self.told.append(notice)
        return 200

    @property
    def digests(self) -> list[str]:
        """The content that was told of, in order."""
        return [str(each.digest) for each in self.told]


@pytest.fixture
async def time() -> AsyncIterator[Time]:
    """A time of the test's own."""
    found = Time()
    passing = asyncio.create_task(found.pass_by())
    yield found
    passing.cancel()


@pytest.fixture
async def store(time: Time) -> AsyncIterator[MetadataStore]:
    """An empty store."""
    async with open_sqlite(None, grace=timedelta(hours=24), now=time.now) as found:
        yield found


def _feed(store: MetadataStore, time: Time, *subscriptions: Subscription, **more: object) -> Feed:
    told = {"give_up": WEEK, "keep": WEEK, "now": time.now, "pause": time.pause, **more}
    return Feed(store, subscriptions, **told)  # type: ignore[arg-type]  # tests say which


@asynccontextmanager
async def _running(feed: Feed) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


async def _pushed(store: MetadataStore, numbers: Sequence[int]) -> list[str]:
    return [str((await link(store, f"blob {number}".encode())).digest) for number in numbers]


async def test_changes_are_told_in_their_order(store: MetadataStore, time: Time) -> None:
    """What happens while somebody is being told is told after it."""
    endpoint = Endpoint()
    feed = _feed(store, time, Subscription(name="a", sink=endpoint))
    await feed.begin()
    expected = await _pushed(store, range(15))

    async with _running(feed):
        await _until(lambda: len(endpoint.told) == 15)
        expected += await _pushed(store, range(15, 30))
        await _until(lambda: len(endpoint.told) == 30)

    assert endpoint.digests == expected


async def test_new_endpoint_begins_at_what_happens_from_now_on(
    store: MetadataStore, time: Time
) -> None:
    """Nobody is told of years of history because they were added to a file."""
    await _pushed(store, [1])
    endpoint = Endpoint()
    feed = _feed(store, time, Subscription(name="a", sink=endpoint))
    await feed.begin()
    expected = await _pushed(store, [2])

    async with _running(feed):
        await _until(lambda: bool(endpoint.told))

    assert endpoint.digests == expected


async def test_endpoint_that_was_down_for_an_hour_misses_nothing(
    store: MetadataStore, time: Time
) -> None:
    """All that happened is told in order once it is back, and it is not hammered meanwhile."""
    back = time.now() + HOUR
    down = UpstreamUnreachable("it does not answer")
    endpoint = Endpoint(lambda _notice: down if time.now() < back else None)
    feed = _feed(store, time, Subscription(name="a", sink=endpoint, threshold=3))
    await feed.begin()
    expected = await _pushed(store, range(5))

    async with _running(feed):
        await _until(lambda: time.now() > back - HOUR / 2)
        expected += await _pushed(store, range(5, 10))
        await _until(lambda: len(endpoint.told) == 10)

    assert endpoint.digests == expected
    assert endpoint.attempts - 10 < 60
    assert time.now() < back + 2 * LONGEST_REST


async def test_feed_that_ends_is_gone_on_with_where_it_was(
    store: MetadataStore, time: Time
) -> None:
    """A restart neither loses nor repeats what was told before it."""
    endpoint = Endpoint()
    subscription = Subscription(name="a", sink=endpoint)
    await _feed(store, time, subscription).begin()
    expected = await _pushed(store, range(3))
    async with _running(_feed(store, time, subscription)):
        await _until(lambda: len(endpoint.told) == 3)
    expected += await _pushed(store, range(3, 6))

    async with _running(_feed(store, time, subscription)):
        await _until(lambda: len(endpoint.told) == 6)

    assert endpoint.digests == expected


async def test_what_was_told_twice_has_the_same_id(store: MetadataStore, time: Time) -> None:
    """A server that is killed before it writes down what it told tells it again."""
    endpoint = Endpoint()
    subscription = Subscription(name="a", sink=endpoint)
    await _feed(store, time, subscription).begin()
    await _pushed(store, [1])
    async with _running(_feed(store, time, subscription, may_write=lambda: False)):
        await _until(lambda: len(endpoint.told) == 1)

    async with _running(_feed(store, time, subscription)):
        await _until(lambda: len(endpoint.told) == 2)

    first, second = endpoint.told
    assert first == second


async def test_slow_endpoint_holds_up_nobody_else(store: MetadataStore, time: Time) -> None:
    """One that never answers is alone with that."""
    stuck = Endpoint()
    forever = asyncio.Event()

    async def never(_notice: Notice) -> int:
        await forever.wait()
        return 200

    stuck.tell = never  # type: ignore[assignment,method-assign]  # a sink that hangs
    well = Endpoint()
    subscriptions = [Subscription(name="a", sink=stuck), Subscription(name="b", sink=well)]
    feed = _feed(store, time, *subscriptions)
    await feed.begin()
    expected = await _pushed(store, range(20))

    async with _running(feed):
        await _until(lambda: len(well.told) == 20)

    assert well.digests == expected


async def test_event_that_is_too_old_is_passed_over(
    store: MetadataStore, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    """One that is refused for too long does not keep the others back for ever; that is told."""
    poison = str((await link(store, b"before")).digest)
    endpoint = Endpoint(
        lambda notice: (
            UpstreamFailed("refused", status=400) if str(notice.digest) == poison else None
        )
    )
    await _feed(store, time, Subscription(name="a", sink=endpoint)).begin()
    [poison, good] = await _pushed(store, [1, 2])
    began = time.now()

    feed = _feed(store, time, Subscription(name="a", sink=endpoint), give_up=HOUR / 4)
    async with _running(feed):
        await _until(lambda: bool(endpoint.told))

    assert endpoint.digests == [good]
    assert HOUR / 4 <= time.now() - began <= HOUR / 4 + LONGEST_REST
    assert "too old" in caplog.text


async def test_somebody_may_skip_what_keeps_failing(store: MetadataStore, time: Time) -> None:
    """What they asked for is done while the endpoint is given a rest."""
    endpoint = Endpoint(lambda notice: UpstreamFailed("no") if str(notice.digest) == bad else None)
    feed = _feed(store, time, Subscription(name="a", sink=endpoint))
    await feed.begin()
    [bad, good] = await _pushed(store, [1, 2])
    number = (await store.events(after=0, limit=1))[0].number

    async with _running(feed):
        await _until(lambda: endpoint.attempts > 20)
        await store.urge("a", skip_to=number)
        await _until(lambda: bool(endpoint.told))

    assert endpoint.digests == [good]
    assert (await store.outlook()).deliveries[0].failures == 0


async def test_somebody_may_have_it_tried_at_once(store: MetadataStore, time: Time) -> None:
    """Who has repaired an endpoint does not wait for the end of its rest."""
    endpoint = Endpoint(lambda _notice: UpstreamFailed("down"))
    resting = asyncio.Event()

    async def pause(seconds: float) -> None:
        if seconds < 60:
            await time.pause(seconds)
        else:
            resting.set()
            await asyncio.Event().wait()

    subscription = Subscription(name="a", sink=endpoint, threshold=1, backoff=HOUR)
    feed = _feed(store, time, subscription, pause=pause)
    await feed.begin()
    await _pushed(store, [1])

    async with _running(feed):
        await resting.wait()
        endpoint.fails = lambda _notice: None
        await store.urge("a")
        await _until(lambda: bool(endpoint.told))

    assert endpoint.attempts == 2


async def test_failures_are_written_down(store: MetadataStore, time: Time) -> None:
    """Since when an endpoint fails, how often and why can be asked by other programs."""
    endpoint = Endpoint(lambda _notice: UpstreamFailed("it said no", status=500))
    feed = _feed(store, time, Subscription(name="a", sink=endpoint))
    await feed.begin()
    await _pushed(store, [1])
    since = time.now()

    async with _running(feed):
        await _until(lambda: endpoint.attempts > 12)

    [found] = (await store.outlook()).deliveries
    assert found.failing_since == since
    assert found.failures >= 12
    assert found.reason == "it said no"


async def test_only_what_is_wanted_is_told(store: MetadataStore, time: Time) -> None:
    """Actions and media types that an endpoint ignores are passed over."""
    image = samples.image()
    endpoint = Endpoint()
    subscription = Subscription(
        name="a",
        sink=endpoint,
        ignored=frozenset({Deed.DELETE}),
        ignored_types=frozenset({"application/octet-stream"}),
    )
    feed = _feed(store, time, subscription)
    await feed.begin()
    await push(store, image, tags=["v1", "v2"])
    await store.commit(TagDeleted(APP, Tag("v1")), occasion=Occasion())
    await push(store, samples.image(2), tags=["v3"])

    async with _running(feed):
        await _until(lambda: len(endpoint.told) == 3)

    assert [each.tag for each in endpoint.told] == ["v1", "v2", "v3"]


async def test_old_events_are_forgotten_once_everybody_was_told(
    store: MetadataStore, time: Time
) -> None:
    """The log does not grow for ever, and keeps what somebody still has to be told."""
    well, down = Endpoint(), Endpoint(lambda _notice: UpstreamFailed("down"))
    feed = _feed(
        store,
        time,
        Subscription(name="a", sink=well),
        Subscription(name="b", sink=down),
        keep=HOUR,
    )
    await feed.begin()
    await _pushed(store, range(5))
    time.now.advance(2 * HOUR)

    async def run_for_a_while() -> int:
        until = time.now() + HOUR / 30
        async with _running(feed):
            await _until(lambda: time.now() > until)
        return len(await store.events(after=0, limit=100))

    kept = await run_for_a_while()
    down.fails = lambda _notice: None
    left = await run_for_a_while()

    assert (len(well.told), len(down.told)) == (5, 5)
    assert (kept, left) == (5, 1)


async def test_place_of_an_endpoint_that_was_removed_is_forgotten(
    store: MetadataStore, time: Time
) -> None:
    """One that is only paused keeps its own."""
    await _pushed(store, range(1))
    await store.settle([Delivery("removed", 1), Delivery("paused", 1)])
    await _pushed(store, range(1, 5))
    time.now.advance(2 * HOUR)
    endpoint = Endpoint()
    feed = _feed(store, time, Subscription(name="a", sink=endpoint), keep=HOUR, paused=["paused"])
    await feed.begin()

    until = time.now() + HOUR / 30
    async with _running(feed):
        await _until(lambda: time.now() > until)

    names = [each.endpoint for each in (await store.outlook()).deliveries]
    assert names == ["a", "paused"]


async def test_full_disk_keeps_nobody_from_being_told(time: Time) -> None:
    """What cannot be written down is told all the same, once."""
    faults = Faults()
    async with open_sqlite(None, grace=HOUR, now=time.now) as inner:
        store = faulty(inner, faults)
        endpoint = Endpoint()
        feed = _feed(store, time, Subscription(name="a", sink=endpoint))
        await feed.begin()
        faults.fail("settle", StorageFull("no space left"), times=10)
        expected = await _pushed(store, range(30))

        async with _running(feed):
            await _until(lambda: len(endpoint.told) == 30)
            await _until(lambda: faults.calls.count("settle") > 12)
            outlook = await store.outlook()

    assert endpoint.digests == expected
    assert outlook.deliveries[0].number == outlook.latest


async def test_what_a_collector_ends_is_told_to_nobody(store: MetadataStore, time: Time) -> None:
    """Receivers are told of what people and their programs do."""
    endpoint = Endpoint()
    feed = _feed(store, time, Subscription(name="a", sink=endpoint))
    manifest = await push(store)
    await feed.begin()
    later = time.now() + HOUR
    change = ManifestDeleted(APP, manifest.digest, untagged_before=later)
    await store.commit(change, occasion=Occasion())
    expected = await _pushed(store, [1])

    async with _running(feed):
        await _until(lambda: bool(endpoint.told))

    assert endpoint.digests == expected


async def test_what_is_told_is_counted(store: MetadataStore, time: Time) -> None:
    """Metrics know of each attempt, and of what waits."""
    counts: list[tuple[str, int]] = []

    class Meter(NoMeter):
        def told(self, endpoint: str, status: int) -> None:
            counts.append((endpoint, status))

    failures = [UpstreamFailed("no", status=503), UpstreamUnreachable("nobody")]
    endpoint = Endpoint(lambda _notice: failures.pop(0) if failures else None)
    feed = _feed(store, time, Subscription(name="a", sink=endpoint), meter=Meter())
    await feed.begin()
    await _pushed(store, [1])

    async with _running(feed):
        await _until(lambda: bool(endpoint.told))

    assert counts == [("a", 503), ("a", 0), ("a", 200)]
