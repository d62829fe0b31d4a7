"""An audit finds what is damaged, calls nothing else so, and repairs without deleting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lading.bodies import Bytes
from lading.errors import BlobUnknown
from lading.interfaces.blobs import UploadId
from lading.oci.digest import Digest
from lading.oci.names import Tag
from lading.registry.audit import Audit, Finding, Grade, Verdict
from lading.testing import samples
from lading.testing.blob_contents import publish

if TYPE_CHECKING:
    from tests.unit.registry.conftest import House
else:
    House = Any

DAY = timedelta(hours=24)
V1 = Tag("v1")
DAMAGED = samples.layer("damaged")


async def audit(
    house: House, *, fast: bool = False, repair: bool = False
) -> tuple[Verdict, list[Finding]]:
    """Audit *house*; the verdict, and every finding."""
    findings: list[Finding] = []
    auditor = Audit(house.blobs, house.metadata, expiry=DAY, now=house.clock)
    return await auditor.run(fast=fast, repair=repair, listener=findings.append), findings


async def an_image_with(house: House, *layers: bytes) -> None:
    """Push an image of those layers, tagged v1."""
    for content in (samples.EMPTY, *layers):
        await samples.put_blob(house.repository(), content)
    manifest = samples.image_manifest(layers=[Digest.of(each) for each in layers])
    await house.repository().put_manifest(manifest, tags=[V1])


def file_of(root: Path, content: bytes) -> Path:
    """Where the bytes of *content* lie."""
    value = Digest.of(content).value
    return root / "docker/registry/v2/blobs/sha256" / value[:2] / value / "data"


def flip(root: Path) -> None:
    """Change one bit behind the store's back."""
    content = bytearray(DAMAGED)
    content[0] ^= 1
    file_of(root, DAMAGED).write_bytes(content)


def cut(root: Path) -> None:
    """Take away the last byte."""
    file_of(root, DAMAGED).write_bytes(DAMAGED[:-1])


def remove(root: Path) -> None:
    """Take away the file."""
    file_of(root, DAMAGED).unlink()


on_disk = pytest.mark.parametrize("house", ["disk"], indirect=True)
ways = pytest.mark.parametrize("harm", [flip, cut, remove])


async def test_a_registry_in_use_has_nothing_to_find(house: House) -> None:
    """Images, unreferenced blobs and open uploads are neither damage nor waste."""
    repository = house.repository()
    await samples.put_image(repository, tags=["v1"])
    await samples.put_blob(repository, samples.blob(seed="unreferenced"))
    upload = await repository.start_upload()
    await upload.write(Bytes(b"half"))
    await upload.aclose()

    verdict, findings = await audit(house)

    assert findings == []
    assert (verdict.blobs, verdict.damage, verdict.waste) == (4, 0, 0)


@on_disk
@ways
async def test_harm_done_to_a_file_is_damage(house: House, tmp_path: Path, harm: Any) -> None:
    """Flipped, truncated and missing files are found, and nothing is changed."""
    await an_image_with(house, DAMAGED, samples.layer("fine"))
    harm(tmp_path)

    first, findings = await audit(house)
    second, _ = await audit(house)

    (finding,) = findings
    assert finding.grade is Grade.DAMAGE
    assert str(Digest.of(DAMAGED)) in finding.subject
    assert (first.damage, first.repaired) == (1, 0)
    assert first == second


@on_disk
@ways
async def test_a_repair_makes_the_next_push_heal_the_image(
    house: House, tmp_path: Path, harm: Any
) -> None:
    """After a repair the blob is missing to clients, who push it, and all is well."""
    await an_image_with(house, DAMAGED)
    harm(tmp_path)

    repaired, _ = await audit(house, repair=True)
    with pytest.raises(BlobUnknown):
        await house.repository().stat_blob(Digest.of(DAMAGED))
    await samples.put_blob(house.repository(), DAMAGED)
    healed, _ = await audit(house)

    body = await house.repository().open_blob(Digest.of(DAMAGED))
    assert (repaired.damage, repaired.repaired) == (1, 1)
    assert healed.damage == 0
    assert await samples.content_of(body) == DAMAGED


@on_disk
async def test_a_repair_puts_damaged_bytes_aside_and_deletes_nothing(
    house: House, tmp_path: Path
) -> None:
    """Somebody may still learn from what is left of the content."""
    await an_image_with(house, DAMAGED)
    cut(tmp_path)

    _, (finding,) = await audit(house, repair=True)

    aside = [path.read_bytes() for path in (tmp_path / "quarantine").iterdir()]
    assert "team/app" in finding.remedy
    assert aside == [DAMAGED[:-1]]


@on_disk
async def test_an_image_is_damaged_until_its_blob_was_pushed_again(
    house: House, tmp_path: Path
) -> None:
    """A repair stops the harm, but the image still cannot be pulled, and audits say so."""
    await an_image_with(house, DAMAGED)
    remove(tmp_path)
    await audit(house, repair=True)

    verdict, (finding,) = await audit(house)

    assert verdict.damage == 1
    assert str(Digest.of(DAMAGED)) in finding.problem


async def test_a_sparse_image_is_not_damaged(house: House) -> None:
    """What never came cannot have been lost."""
    manifest = samples.image_manifest(layers=[Digest.of(b"never pushed")])
    await house.repository().put_manifest(manifest, tags=[V1], sparse=True)

    verdict, _ = await audit(house)

    assert verdict.damage == 0


async def test_an_index_whose_child_was_deleted_is_not_damaged(house: House) -> None:
    """Whoever deleted the child wanted it gone."""
    image = samples.image()
    await samples.put_image(house.repository(), image)
    await house.repository().put_manifest(samples.index(image.manifest), tags=[V1])
    await house.repository().delete_manifest(image.manifest.digest)

    verdict, _ = await audit(house)

    assert verdict.damage == 0


@on_disk
async def test_a_fast_audit_looks_at_lengths_only(house: House, tmp_path: Path) -> None:
    """Reading everything takes hours on a large disk; lengths find most damage in minutes."""
    await an_image_with(house, DAMAGED)
    flip(tmp_path)
    flipped, _ = await audit(house, fast=True)
    cut(tmp_path)
    shortened, _ = await audit(house, fast=True)

    assert (flipped.damage, shortened.damage) == (0, 1)


async def test_bytes_without_a_row_are_waste(house: House) -> None:
    """A crash between publishing and linking costs space, and no content."""
    content = samples.blob()
    await publish(house.blobs, content)

    verdict, _ = await audit(house, repair=True)

    assert (verdict.damage, verdict.waste, verdict.wasted) == (0, 1, len(content))
    assert await house.stored() == {Digest.of(content)}


async def test_stale_uploads_are_waste(house: House) -> None:
    """An audit mentions uploads that nobody goes on with, and leaves them."""
    upload = await house.repository().start_upload()
    await upload.write(Bytes(b"half"))
    await upload.aclose()
    house.clock.pass_by(2 * DAY)

    verdict, findings = await audit(house)

    assert (verdict.damage, verdict.waste, verdict.wasted) == (0, 1, 4)
    assert [finding.subject for finding in findings] == [f"upload {upload.id}"]
    assert findings[0].problem.startswith("took nothing since 20")
    assert (await house.repository().resume_upload(upload.id)).offset == 4


class Meanwhile:
    """A metadata store, with something that happens just before a digest is locked."""

    def __init__(self, inner: Any, then: Any) -> None:
        self._inner = inner
        self._then = then

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @asynccontextmanager
    async def exclusively(self, digest: Digest) -> AsyncIterator[None]:
        """Let it happen, and lock."""
        await self._then(digest)
        async with self._inner.exclusively(digest):
            yield


async def test_a_blob_that_is_collected_during_the_audit_is_not_damaged(house: House) -> None:
    """Its bytes were gone when the audit came to it, because they were meant to be."""
    repository, content = house.repository(), samples.blob()
    await samples.put_blob(repository, content)
    house.clock.pass_by(2 * DAY)
    listed = await house.metadata.blobs(after=None, limit=10)
    await house.blobs.delete(Digest.of(content))

    async def collect(_: Digest) -> None:
        await house.collector().collect()

    auditor = Audit(house.blobs, Meanwhile(house.metadata, collect), expiry=DAY, now=house.clock)
    findings: list[Finding] = []
    verdict = await auditor.run(repair=True, listener=findings.append)

    assert len(listed) == 1
    assert findings == []
    assert verdict.damage == 0


async def test_a_push_that_is_between_publishing_and_linking_is_not_waste(house: House) -> None:
    """The audit waits for it to finish before it judges."""
    repository, content = house.repository(), samples.blob()
    digest = Digest.of(content)
    writer = await house.blobs.create(UploadId("u1"))
    await writer.write(Bytes(content))

    async with house.metadata.publishing(digest):
        await writer.commit(digest)
        auditing = asyncio.create_task(audit(house))
        await asyncio.wait([auditing], timeout=0.05)
        await samples.put_blob(repository, content)
    verdict, _ = await auditing

    assert verdict.waste == 0
