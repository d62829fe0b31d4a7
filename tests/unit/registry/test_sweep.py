"""Waste is swept up, and nothing else is."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lading.bodies import Bytes
from lading.errors import UploadUnknown
from lading.interfaces.access import Occasion
from lading.interfaces.blobs import UploadId
from lading.interfaces.metadata import BlobLinked
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName
from lading.registry.collected import What
from lading.testing import samples

if TYPE_CHECKING:
    from tests.unit.registry.conftest import House
else:
    House = Any

HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
NOW = timedelta(0)


async def publish_only(house: House, content: bytes) -> Digest:
    """Publish bytes and stop there, as a process does that dies before it links them."""
    writer = await house.blobs.create(UploadId(f"u{len(content)}"))
    await writer.write(Bytes(content))
    await writer.commit(Digest.of(content))
    return Digest.of(content)


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
    late = await house.sweep().uploads()

    assert (early.uploads, dry.uploads, late.uploads) == (0, 1, 1)
    with pytest.raises(UploadUnknown):
        await repository.resume_upload(upload.id)
