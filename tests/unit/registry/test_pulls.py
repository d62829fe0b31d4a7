"""Pulls are noted without waiting, bounded, and written later."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lading.errors import StorageBusy
from lading.interfaces.metadata import Pull
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName, Tag
from lading.registry.pulls import CAPACITY, FRESH, Pulls
from lading.registry.registry import LocalRegistry
from lading.testing import samples

if TYPE_CHECKING:
    from tests.unit.registry.conftest import House
else:
    House = Any

APP = RepositoryName("team/app")
V1 = Tag("v1")
HOUR = timedelta(hours=1)


class Hand:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        """The time, in seconds."""
        return self.time


class Ledger:
    """Keeps what it is told, unless it fails on cue."""

    def __init__(self) -> None:
        self.pulls: list[Pull] = []
        self.batches: list[int] = []
        self.fails = False
        self.told = asyncio.Event()

    async def record_pulls(self, pulls: Sequence[Pull]) -> None:
        """Keep them."""
        self.told.set()
        if self.fails:
            raise StorageBusy
        self.pulls += pulls
        self.batches.append(len(pulls))


def pulls_into(ledger: Any, hand: Hand) -> Pulls:
    """Pulls that are written to *ledger*."""
    return Pulls(ledger, now=lambda: datetime(2026, 1, 1), clock=hand)  # noqa: DTZ001 - any will do


async def pulled_at(house: House) -> datetime | None:
    """When the tag was last pulled, as far as is recorded."""
    (interval,) = await house.metadata.tag_history(APP, V1)
    return interval.pulled_at


async def test_a_get_of_a_manifest_is_recorded_with_the_next_flush(house: House) -> None:
    """The time of the last pull of a tag can be read back after it was flushed."""
    image = samples.image()
    await samples.put_image(house.repository(), image, tags=["v1"])
    pulls = Pulls(house.metadata, now=house.clock)
    repository = LocalRegistry(house.blobs, house.metadata, pulls=pulls).repository(APP)
    start = house.clock()

    await repository.get_manifest(V1)
    before = await pulled_at(house)
    await pulls.flush()
    after = await pulled_at(house)

    assert before is None
    assert after is not None
    assert after > start


async def test_an_earlier_pull_never_replaces_a_later_one(house: House) -> None:
    """Workers flush in any order, and the latest pull of all of them stands."""
    image = samples.image()
    await samples.put_image(house.repository(), image, tags=["v1"])
    slow, fast = (Pulls(house.metadata, now=house.clock) for _ in range(2))

    slow.record(APP, image.manifest.digest, V1)
    fast.record(APP, image.manifest.digest, V1)
    await fast.flush()
    latest = await pulled_at(house)
    await slow.flush()

    assert await pulled_at(house) == latest


def test_a_pull_is_not_recorded_again_within_the_hour() -> None:
    """Popular images cost one write an hour, not one a pull."""
    ledger, hand = Ledger(), Hand()
    pulls = pulls_into(ledger, hand)
    digest = Digest.of(b"popular")

    for hand.time in (0.0, 1.0, FRESH - 1, FRESH + 1, FRESH + 2):
        pulls.record(APP, digest, V1)
        asyncio.run(pulls.flush())

    assert ledger.batches == [1, 1]


def test_pulls_by_tag_and_by_digest_are_told_apart() -> None:
    """A tag that is pulled keeps the tag alive; a digest that is pulled does not."""
    ledger = Ledger()
    pulls = pulls_into(ledger, Hand())

    pulls.record(APP, Digest.of(b"image"), V1)
    pulls.record(APP, Digest.of(b"image"), None)
    asyncio.run(pulls.flush())

    assert [pull.tag for pull in ledger.pulls] == [V1, None]


def test_memory_is_bounded_whatever_is_pulled() -> None:
    """A client that pulls a million different digests costs no more than the bound."""
    ledger, hand = Ledger(), Hand()
    pulls = pulls_into(ledger, hand)

    for number in range(3 * CAPACITY):
        pulls.record(APP, Digest("sha256", str(number)), None)
    asyncio.run(pulls.flush())

    assert len(ledger.pulls) == CAPACITY
    assert pulls.dropped == 2 * CAPACITY


def test_what_found_no_room_is_recorded_when_it_is_pulled_again() -> None:
    """A pull that was dropped is not taken for a recent one."""
    ledger = Ledger()
    pulls = pulls_into(ledger, Hand())
    for number in range(CAPACITY):
        pulls.record(APP, Digest("sha256", str(number)), None)
    late = Digest.of(b"late")
    pulls.record(APP, late, None)
    asyncio.run(pulls.flush())

    pulls.record(APP, late, None)
    asyncio.run(pulls.flush())

    assert ledger.pulls[-1].digest == late


def test_a_flush_that_fails_is_counted_and_made_good_by_the_next() -> None:
    """A database that is busy for a while loses no pulls and stops no server."""
    ledger = Ledger()
    ledger.fails = True
    pulls = pulls_into(ledger, Hand())
    pulls.record(APP, Digest.of(b"image"), V1)

    asyncio.run(pulls.flush())
    ledger.fails = False
    asyncio.run(pulls.flush())

    assert pulls.failures == 1
    assert len(ledger.pulls) == 1


async def test_pulls_are_flushed_by_themselves() -> None:
    """While the server runs, pulls are written every now and then."""
    ledger = Ledger()
    pulls = pulls_into(ledger, Hand())

    async with pulls.flushing(every=timedelta(milliseconds=1), jitter=lambda: 0.5):
        pulls.record(APP, Digest.of(b"image"), V1)
        await asyncio.wait_for(ledger.told.wait(), timeout=5)

    assert len(ledger.pulls) == 1


async def test_a_server_that_is_stopped_loses_no_pulls() -> None:
    """What waits is written once more at the end, at once."""
    ledger = Ledger()
    pulls = pulls_into(ledger, Hand())

    async with pulls.flushing(every=HOUR):
        pulls.record(APP, Digest.of(b"image"), V1)

    assert len(ledger.pulls) == 1


def test_nothing_is_written_while_nothing_may_be() -> None:
    """Pulls from before wait; those meanwhile are not noted at all."""
    ledger: Any = Ledger()
    may = [True]
    pulls = Pulls(
        ledger,
        now=lambda: datetime(2026, 1, 1),  # noqa: DTZ001 - any will do
        may_write=lambda: may[0],
    )

    pulls.record(APP, Digest.of(b"before"), V1)
    may[0] = False
    pulls.record(APP, Digest.of(b"meanwhile"), V1)
    asyncio.run(pulls.flush())
    written_meanwhile = len(ledger.pulls)
    may[0] = True
    asyncio.run(pulls.flush())

    assert written_meanwhile == 0
    assert [pull.digest for pull in ledger.pulls] == [Digest.of(b"before")]
