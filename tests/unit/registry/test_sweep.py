"""Waste is swept up, and nothing else is."""

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lading.bodies import Bytes
from lading.errors import UploadUnknown
from lading.interfaces.access import Occasion
from lading.interfaces.blobs import UploadId
from lading.interfaces.changes import BlobLinked
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName
from lading.registry.collected import What
from lading.registry.sweep import Sweep
from lading.testing import samples
from lading.testing.blob_contents import publish

if TYPE_CHECKING:
    from tests.unit.registry.conftest import House
else:
    House = Any

HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
NOW = timedelta(0)


async def publish_only(house: House, content: bytes) -> Digest:
    """Publish bytes and stop there, as a process does that dies before it links them."""
    return await publish(house.blobs, content, name=f"u{len(content)}")


async def test_bytes_without_a_row_go_after_the_grace_and_not_before(house: House) -> None:
    """What a crash left between publishing and linking costs space for a day and no longer."""
    digest = await publish_only(house, samples.blob())

    house.clock.pass_by(DAY - HOUR)
    early = await house.sweep().waste()
    kept = await house.stored()
    house.clock.pass_by(2 * HOUR)
    late = await house.sweep().waste(listener=house.heard.append)

    assert not early
    assert kept == {digest}
    assert (late.waste, late.freed) == (1, len(samples.blob()))
    assert [(collected.what, collected.digest) for collected in house.heard] == [
        (What.WASTE, digest)
    ]
    assert await house.stored() == set()


async def test_bytes_with_a_row_stay_however_old_they_are(house: House) -> None:
    """The sweep leaves what is unreferenced to the collector, which knows since when it is so."""
    await samples.put_image(house.repository(), tags=["v1"])
    await samples.put_blob(house.repository(), samples.blob(seed="unreferenced"))
    before = await house.stored()
    house.clock.pass_by(100 * DAY)

    tally = await house.sweep().waste()

    assert not tally
    assert await house.stored() == before


async def test_condemned_bytes_are_left_to_the_collector(house: House) -> None:
    """Doomed bytes have a row, and somebody is about to delete them."""
    await samples.put_blob(house.repository(), samples.blob())
    house.clock.pass_by(2 * DAY)
    await house.metadata.condemn(before=house.clock(), limit=10)
    doomed = await house.metadata.still_doomed(Digest.of(samples.blob()))

    tally = await house.sweep(NOW).waste()

    assert doomed
    assert not tally


async def test_bytes_that_are_linked_after_they_were_listed_stay(house: House) -> None:
    """A push of the same content may come at any moment; the last look is under the lock."""
    content = samples.blob()
    digest = await publish_only(house, content)
    house.clock.pass_by(2 * DAY)
    sweep = house.sweep()
    (batch,) = [batch async for batch in sweep.batches()]
    change = BlobLinked(RepositoryName("team/app"), samples.described(content, "a/b"))

    async with house.metadata.publishing(digest):
        taking = asyncio.create_task(sweep.take(batch))
        await asyncio.wait([taking], timeout=0.05)
        await house.metadata.commit(change, occasion=Occasion())
    tally = await taking

    assert not tally
    assert await house.stored() == {digest}


async def test_a_dry_sweep_finds_the_same_and_deletes_nothing(house: House) -> None:
    """What a dry run lists is what a real one takes."""
    digest = await publish_only(house, samples.blob())
    house.clock.pass_by(2 * DAY)
    sweep = house.sweep()

    dry = await sweep.waste(dry_run=True)
    kept = await house.stored()
    real = await sweep.waste()

    assert dry == real
    assert kept == {digest}


async def test_an_upload_expires_when_nobody_goes_on_with_it(house: House) -> None:
    """An upload is kept for as long as configured after its last byte."""
    repository = house.repository()
    upload = await repository.start_upload()
    await upload.write(Bytes(samples.blob()))
    await upload.aclose()

    house.clock.pass_by(DAY - HOUR)
    early = await house.sweep().uploads()
    await (await repository.resume_upload(upload.id)).aclose()
    house.clock.pass_by(2 * HOUR)
    dry = await house.sweep().uploads(dry_run=True)
    late = await house.sweep().uploads(listener=house.heard.append)

    assert (early.uploads, dry.uploads, late.uploads) == (0, 1, 1)
    assert dry.freed == late.freed == len(samples.blob())
    assert [(each.what, each.upload, each.size) for each in house.heard] == [
        (What.UPLOAD, upload.id, len(samples.blob()))
    ]
    assert house.heard[0].reason.startswith("took nothing since 20")
    with pytest.raises(UploadUnknown):
        await repository.resume_upload(upload.id)


async def idle_upload(house: House) -> UploadId:
    """An upload that nobody has gone on with for two days."""
    upload = await house.repository().start_upload()
    await upload.write(Bytes(samples.blob()))
    await upload.aclose()
    house.clock.pass_by(2 * DAY)
    return upload.id


async def test_uploads_stay_where_they_never_expire(house: House) -> None:
    """An operator may keep them for ever."""
    upload_id = await idle_upload(house)
    sweep = Sweep(house.blobs, house.metadata, grace=DAY, expiry=None, now=house.clock)

    tally = await sweep.uploads(), await sweep.uploads(dry_run=True)

    assert [each.uploads for each in tally] == [0, 0]
    await (await house.repository().resume_upload(upload_id)).aclose()


@pytest.mark.parametrize("dry", [False, True])
async def test_log_tells_how_many_uploads_expired_or_would(
    house: House, caplog: pytest.LogCaptureFixture, dry: bool
) -> None:
    """A rehearsal that is configured is told as such, and counts nothing as done."""
    caplog.set_level(logging.INFO)
    await idle_upload(house)
    sweep = Sweep(
        house.blobs, house.metadata, grace=DAY, expiry=DAY, purge_dry_run=dry, now=house.clock
    )

    tally = await sweep.uploads()
    left = await house.sweep().uploads(dry_run=True)

    (line,) = (each for each in caplog.records if each.message == "purge uploads finished")
    assert (vars(line)["uploads"], vars(line)["actually_delete"]) == (1, not dry)
    assert (tally.uploads, left.uploads) == ((0, 1) if dry else (1, 0))
