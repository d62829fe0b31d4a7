"""Uploads are purged at an interval of their own, and the log tells so as Distribution's does."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lading.errors import StorageBusy
from lading.interfaces.blobs import StaleUpload
from lading.registry.collected import Tally
from lading.registry.purge import Purge

if TYPE_CHECKING:
    from tests.unit.registry.conftest import House
else:
    House = Any

DAY = timedelta(hours=24)


class Pauses:
    """Lets the time of a house pass by, and ends the work at the last pause."""

    def __init__(self, house: House, rounds: int) -> None:
        self.house = house
        self.left = rounds
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.taken.append(seconds)
        self.left -= 1
        if self.left < 0:
            raise asyncio.CancelledError
        self.house.clock.pass_by(timedelta(seconds=seconds))


async def purged(house: House, rounds: int, **options: Any) -> tuple[list[float], Tally]:
    """Purge so many times; the pauses that were made, and what went."""
    pauses, tally = Pauses(house, rounds), Tally()
    given: dict[str, Any] = {
        "every": DAY,
        "age": 7 * DAY,
        "dry_run": False,
        "may_write": lambda: True,
        "blobs": house.blobs,
    } | options
    purge = Purge(
        house.metadata,
        given.pop("blobs"),
        now=house.clock,
        heard=tally.add,
        jitter=lambda: 0.4,
        pause=pauses,
        **given,
    )
    with pytest.raises(asyncio.CancelledError):
        await purge.run()
    return pauses.taken, tally


async def begin(house: House) -> None:
    """Begin an upload with which nobody goes on."""
    await (await house.repository().start_upload()).aclose()


async def test_uploads_go_at_the_first_purge_after_their_age(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """The first is within the hour, and every other an interval later."""
    caplog.set_level(logging.INFO)
    await begin(house)

    early = await purged(house, 1)
    pauses, late = await purged(house, 8)

    assert early == ([24 * 60, DAY.total_seconds()], Tally())
    assert pauses == [24 * 60, *[DAY.total_seconds()] * 8]
    assert late == Tally(uploads=1)
    assert await house.blobs.count_uploads() == 0
    lines = [record.message for record in caplog.records]
    assert lines[0] == "Starting upload purge in 24m0s"
    assert lines[3] == "Starting upload purge in 24h0m0s"
    assert lines.count("Purge uploads finished.  Num deleted=1, num errors=0") == 1
    age = house.clock() - timedelta(days=7)
    assert lines[-3].startswith(f"PurgeUploads starting: olderThan={age:%Y-%m-%d} ")
    assert lines[-3].endswith(" +0000 UTC, actuallyDelete=true")


async def test_a_dry_run_tells_how_many_and_leaves_them(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator looks at the log before letting it happen."""
    caplog.set_level(logging.INFO)
    await begin(house)
    house.clock.pass_by(8 * DAY)

    _, tally = await purged(house, 1, dry_run=True)

    lines = [record.message for record in caplog.records]
    assert lines[1].endswith("actuallyDelete=false")
    assert "Purge uploads finished.  Num deleted=1, num errors=0" in lines
    assert tally == Tally()
    assert await house.blobs.count_uploads() == 1


async def test_nothing_goes_while_nothing_may_be_written(house: House) -> None:
    """A registry that is read-only keeps its uploads."""
    await begin(house)
    house.clock.pass_by(8 * DAY)

    _, tally = await purged(house, 1, may_write=lambda: False)

    assert tally == Tally()
    assert await house.blobs.count_uploads() == 1


async def test_it_begins_no_later_than_its_interval(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever wants it every few seconds does not wait for half an hour."""
    caplog.set_level(logging.INFO)

    pauses, _ = await purged(house, 2, every=timedelta(seconds=5))

    assert pauses == [5.0, 5.0, 5.0]
    assert caplog.records[0].message == "Starting upload purge in 5s"


class Broken:
    """Fails in a way of its own each time."""

    def __init__(self) -> None:
        self.errors: list[Exception] = [StorageBusy(), ValueError("a mistake")]

    async def abandon(self, **_: Any) -> Sequence[StaleUpload]:
        """Fail."""
        raise self.errors.pop(0)


async def test_failures_are_logged_and_it_goes_on(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk today is no reason to purge nothing tomorrow."""
    caplog.set_level(logging.WARNING)

    await purged(house, 2, blobs=Broken())

    assert [record.message for record in caplog.records] == ["uploads not purged"] * 2
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
