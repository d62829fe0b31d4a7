"""Background work is done by whoever is free to, goes on after failures, and stops at once."""

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lading.bodies import Bytes
from lading.errors import StorageBusy, StorageFull
from lading.interfaces.blobs import UploadId
from lading.oci.digest import Digest
from lading.registry.collected import Tally
from lading.registry.collector import Collector
from lading.registry.upkeep import Upkeep
from lading.testing import samples

if TYPE_CHECKING:
    from tests.unit.registry.conftest import House
else:
    House = Any

DAY = timedelta(hours=24)
MINUTE = timedelta(minutes=1)


class Pauses:
    """Counts pauses, takes no time, and stops the work at the last one."""

    def __init__(self, rounds: int) -> None:
        self.left = rounds
        self.taken: list[float] = []
        self.time = 0.0

    async def __call__(self, seconds: float) -> None:
        """Let *seconds* pass on the clock."""
        self.taken.append(seconds)
        self.time += seconds
        self.left -= 1
        if self.left < 0:
            raise asyncio.CancelledError
        await asyncio.sleep(0)

    def clock(self) -> float:
        """The time that the pauses add up to."""
        return self.time


def upkeep(house: House, pauses: Pauses, collector: Any = None, **options: Any) -> Upkeep:
    """Upkeep of *house*, at most a given number of rounds."""
    return Upkeep(
        house.metadata,
        collector or house.collector(),
        house.sweep(),
        clock=pauses.clock,
        pause=pauses,
        jitter=lambda: 0.5,
        **{"every": timedelta(minutes=10), "sweep_every": timedelta(hours=6)} | options,
    )


async def run(work: Upkeep) -> None:
    """Run *work* until its pauses are used up."""
    with pytest.raises(asyncio.CancelledError):
        await work.run()


async def leave_waste(house: House) -> None:
    """Publish bytes and never link them."""
    writer = await house.blobs.create(UploadId("u1"))
    await writer.write(Bytes(samples.blob()))
    await writer.commit(Digest.of(samples.blob()))


async def test_a_round_collects_and_expires(house: House) -> None:
    """Unreferenced blobs and idle uploads go without anybody asking."""
    repository = house.repository()
    await samples.put_blob(repository, samples.blob())
    await (await repository.start_upload()).aclose()
    house.clock.pass_by(2 * DAY)

    await run(upkeep(house, Pauses(1)))

    assert await house.stored() == set()
    assert (await house.sweep().uploads(dry_run=True)).uploads == 0


class Full:
    """Collects nothing, since the disk takes nothing."""

    async def collect(self) -> Tally:
        """Fail."""
        raise StorageFull


async def test_uploads_expire_though_the_database_takes_nothing(house: House) -> None:
    """They make room on a full disk, and what they freed is told all the same."""
    heard: list[Tally] = []
    upload = await house.repository().start_upload()
    await upload.write(Bytes(samples.blob()))
    await upload.aclose()
    house.clock.pass_by(2 * DAY)

    await run(upkeep(house, Pauses(1), Full(), heard=heard.append))

    assert heard == [Tally(uploads=1, freed=len(samples.blob()))]


async def test_waste_is_swept_now_and_then(house: House) -> None:
    """The walk over all bytes comes after its own, longer period."""
    await leave_waste(house)
    house.clock.pass_by(2 * DAY)

    await run(upkeep(house, Pauses(1), every=MINUTE, sweep_every=10 * MINUTE))
    early = await house.stored()
    await run(upkeep(house, Pauses(10), every=MINUTE, sweep_every=10 * MINUTE))

    assert len(early) == 1
    assert await house.stored() == set()


async def test_nothing_is_done_while_another_process_is_at_it(house: House) -> None:
    """The right to background work is held by one at a time; the others do not wait."""
    await samples.put_blob(house.repository(), samples.blob())
    await leave_waste(house)
    house.clock.pass_by(2 * DAY)
    work = upkeep(house, Pauses(5))

    async with house.metadata.background(wait=True):
        collected = await work.collect()
        swept = await work.sweep()
    later = await work.collect()

    assert (collected, swept, later) == (False, False, True)


async def test_the_right_is_given_back_after_each_round(house: House) -> None:
    """A command that waits for its turn gets it."""
    work = upkeep(house, Pauses(1))
    await work.collect()

    async with house.metadata.background(wait=False) as mine:
        assert mine


class Broken(Collector):
    """Fails in a way of its own each time."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)

    async def collect(self, **_: Any) -> Any:
        """Fail."""
        raise self._errors.pop(0)


async def test_failures_are_logged_and_the_work_goes_on(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A busy database or a mistake of ours must not end background work for good."""
    collector = Broken(StorageBusy(), ValueError("a mistake"))

    with caplog.at_level(logging.WARNING):
        await run(upkeep(house, Pauses(2), collector=collector))

    assert [record.message for record in caplog.records] == ["background work failed"] * 2
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]


async def test_it_stops_at_once_when_it_is_cancelled(house: House) -> None:
    """A server that shuts down does not wait for the next round."""
    hour = timedelta(hours=1)
    work = Upkeep(house.metadata, house.collector(), house.sweep(), every=hour, sweep_every=hour)
    task = asyncio.create_task(work.run())
    await asyncio.sleep(0)

    task.cancel()
    done, _ = await asyncio.wait([task], timeout=5)

    assert done == {task}
    assert task.cancelled()


async def test_nothing_is_done_while_nothing_may_be_written(house: House) -> None:
    """Content, waste and uploads stay as they are, and go when writing is allowed again."""
    may = [False]
    await samples.put_blob(house.repository(), samples.blob(seed="unnamed"))
    await leave_waste(house)
    house.clock.pass_by(2 * DAY)
    work = upkeep(house, Pauses(5), may_write=lambda: may[0])

    done = await work.collect(), await work.sweep()
    meanwhile = await house.stored()
    may[0] = True
    later = await work.collect(), await work.sweep()

    assert done == (False, False)
    assert len(meanwhile) == 2
    assert later == (True, True)
    assert await house.stored() == set()
