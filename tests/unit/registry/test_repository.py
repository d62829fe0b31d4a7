"""A local repository between its two stores: damage, races, pulls and who did what."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lading.bodies import Span
from lading.errors import BlobUnknown, ManifestUnknown, RangeUnsatisfiable, StorageDamaged
from lading.interfaces.access import Occasion, Principal
from lading.interfaces.blobs import BlobStore
from lading.interfaces.changes import BlobLinked, ManifestDeleted, ManifestPut
from lading.interfaces.metadata import MetadataStore
from lading.metadata.sqlite import open_sqlite
from lading.metadata.sqlite_file import prepare_sqlite
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName, Tag
from lading.registry.registry import LocalRegistry
from lading.storage.filesystem import open_filesystem
from lading.storage.memory import open_memory
from lading.testing import samples
from lading.testing.faults import Faults, faulty
from lading.testing.places import NAME, OTHER


@pytest.fixture
async def metadata() -> AsyncIterator[MetadataStore]:
    """An empty metadata store."""
    async with open_sqlite(None, grace=timedelta(hours=24)) as store:
        yield store


@pytest.fixture
async def blobs() -> AsyncIterator[BlobStore]:
    """An empty blob store."""
    async with open_memory() as store:
        yield store


@pytest.fixture
def registry(blobs: BlobStore, metadata: MetadataStore) -> LocalRegistry:
    """A registry on them."""
    return LocalRegistry(blobs, metadata)


@dataclass
class _Pulls:
    noted: list[tuple[RepositoryName, Digest, Tag | None]] = field(default_factory=list)

    def record(self, repository: RepositoryName, digest: Digest, tag: Tag | None) -> None:
        self.noted.append((repository, digest, tag))


@pytest.mark.parametrize("spans", [(), (Span(0, 0),), (Span(4),), (Span(None, 2),)])
async def test_blob_that_was_cut_short_is_damage(tmp_path: Path, spans: tuple[Span, ...]) -> None:
    """Whatever part is asked for, the error is never that the part does not exist."""
    prepare_sqlite(tmp_path)
    async with AsyncExitStack() as stack:
        blobs = await stack.enter_async_context(open_filesystem(tmp_path, cache=0))
        metadata = await stack.enter_async_context(open_sqlite(tmp_path, grace=timedelta(hours=24)))
        repository = LocalRegistry(blobs, metadata).repository(NAME)
        pushed = await samples.put_blob(repository, b"0123456789")
        [path] = tmp_path.glob("**/data")
        path.chmod(0o644)
        path.write_bytes(b"01")

        with pytest.raises(StorageDamaged, match=str(pushed.digest)):
            await repository.open_blob(pushed.digest, spans=spans)


async def test_bad_part_of_a_sound_blob_is_no_damage(registry: LocalRegistry) -> None:
    """It is the caller's mistake."""
    pushed = await samples.put_blob(registry.repository(NAME), b"0123456789")

    with pytest.raises(RangeUnsatisfiable):
        await registry.repository(NAME).open_blob(pushed.digest, spans=[Span(10)])


async def test_blob_whose_bytes_are_missing_is_damage(
    registry: LocalRegistry, blobs: BlobStore
) -> None:
    """A blob that should be there and is not is never reported as unknown."""
    pushed = await samples.put_blob(registry.repository(NAME), b"content")
    await blobs.delete(pushed.digest)

    with pytest.raises(StorageDamaged, match="missing"):
        await registry.repository(NAME).open_blob(pushed.digest)


async def test_blob_that_is_deleted_while_it_is_opened_is_unknown(
    registry: LocalRegistry, blobs: BlobStore, metadata: MetadataStore
) -> None:
    """It was there when it was looked up, and gone when it was opened: that is no damage."""
    faults = Faults()
    repository = LocalRegistry(blobs, faulty(metadata, faults)).repository(NAME)
    pushed = await samples.put_blob(repository, b"content")
    await blobs.delete(pushed.digest)
    faults.fail("get_blob", BlobUnknown(pushed.digest), skip=1)

    with pytest.raises(BlobUnknown):
        await repository.open_blob(pushed.digest)


async def test_blob_that_is_deleted_and_pushed_again_while_it_is_opened_is_read(
    registry: LocalRegistry, blobs: BlobStore, metadata: MetadataStore
) -> None:
    """The bytes are asked for once more before they are called missing."""
    faults = Faults()
    repository = LocalRegistry(faulty(blobs, faults), metadata).repository(NAME)
    pushed = await samples.put_blob(repository, b"content")
    faults.fail("open", BlobUnknown(pushed.digest))

    body = await repository.open_blob(pushed.digest)

    assert await samples.content_of(body) == b"content"


async def test_only_fetching_a_manifest_counts_as_a_pull(
    blobs: BlobStore, metadata: MetadataStore
) -> None:
    """By tag or by digest; asking whether it is there does not count, nor does failing."""
    pulls = _Pulls()
    repository = LocalRegistry(blobs, metadata, pulls=pulls).repository(NAME)
    image = (await samples.put_image(repository, tags=["v1"])).descriptor

    await repository.resolve(Tag("v1"))
    await repository.get_manifest(Tag("v1"))
    await repository.get_manifest(image.digest)
    with pytest.raises(ManifestUnknown):
        await repository.get_manifest(Tag("v2"))

    assert pulls.noted == [(NAME, image.digest, Tag("v1")), (NAME, image.digest, None)]


async def test_sparse_registry_takes_manifests_without_their_content(
    blobs: BlobStore, metadata: MetadataStore
) -> None:
    """Whether or not the push says so."""
    repository = LocalRegistry(blobs, metadata, sparse=True).repository(NAME)

    await repository.put_manifest(samples.image().manifest, tags=[Tag("v1")])

    assert (await repository.resolve(Tag("v1"))).digest == samples.image().manifest.digest


async def test_tag_that_is_given_twice_is_given_once(registry: LocalRegistry) -> None:
    """In the order of their first appearance."""
    receipt = await samples.put_image(registry.repository(NAME), tags=["b", "a", "b"])

    assert receipt.tags == ("b", "a")


async def test_every_change_remembers_on_whose_behalf_it_was_made(
    registry: LocalRegistry, metadata: MetadataStore
) -> None:
    """The registry that acts for somebody is a copy; the original still acts for nobody."""
    occasion = Occasion(Principal("ada"), {"address": "192.0.2.1"})
    adas = registry.acting_for(occasion)
    await samples.put_image(adas.repository(NAME), tags=["v1"])
    await adas.repository(OTHER).mount_blob(Digest.of(samples.image().blobs[0]), NAME)
    await adas.repository(NAME).delete_tag(Tag("v1"))
    await adas.repository(NAME).delete_manifest(samples.image().manifest.digest)
    await adas.repository(NAME).delete_blob(Digest.of(samples.image().blobs[0]))
    await adas.delete(NAME)

    by_ada = await metadata.events(after=0, limit=100)
    await samples.put_blob(registry.repository(NAME), b"by nobody")
    [by_nobody] = await metadata.events(after=by_ada[-1].number, limit=100)

    assert all(event.occasion == occasion for event in by_ada)
    assert len(by_ada) == 9
    assert by_nobody.occasion.principal.name == ""


async def test_mounting_what_is_here_changes_nothing(
    registry: LocalRegistry, metadata: MetadataStore
) -> None:
    """No event is written for it."""
    pushed = await samples.put_blob(registry.repository(NAME), b"content")

    assert await registry.repository(NAME).mount_blob(pushed.digest, None)

    [only] = await metadata.events(after=0, limit=100)
    assert only.change == BlobLinked(NAME, pushed)


async def test_pushing_what_is_here_is_an_event_where_somebody_is_told(
    blobs: BlobStore, metadata: MetadataStore
) -> None:
    """In its place among the others; what is mounted names a repository that has it."""
    repository = LocalRegistry(blobs, metadata, repeats=True).repository(NAME)
    image = await samples.put_image(repository, tags=["v1"])
    blob = await samples.put_blob(repository, b"content")
    before = (await metadata.outlook()).latest

    await samples.put_blob(repository, b"content")
    await repository.put_manifest(samples.image().manifest)
    for source in (None, OTHER, NAME):
        assert await repository.mount_blob(blob.digest, source)
    await repository.delete_manifest(image.descriptor.digest)

    log = await metadata.events(after=before, limit=100)
    assert [each.change for each in log] == [
        BlobLinked(NAME, blob),
        ManifestPut(NAME, samples.image().manifest),
        *[BlobLinked(NAME, blob, NAME)] * 3,
        ManifestDeleted(NAME, image.descriptor.digest),
    ]


async def test_mount_goes_on_to_the_next_holder_when_one_lost_the_blob(
    registry: LocalRegistry, blobs: BlobStore, metadata: MetadataStore
) -> None:
    """A repository that held it a moment ago may not any more."""
    faults = Faults()
    pushed = await samples.put_blob(registry.repository(NAME), b"content")
    await samples.put_blob(registry.repository(OTHER), b"content")
    third = LocalRegistry(blobs, faulty(metadata, faults)).repository(RepositoryName("third"))
    faults.fail("commit", BlobUnknown(pushed.digest))

    assert await third.mount_blob(pushed.digest, None)

    assert faults.calls.count("commit") == 2
    assert await samples.content_of(await third.open_blob(pushed.digest)) == b"content"


@pytest.mark.parametrize(
    ("answered", "kept"), [("stat", True), ("mount", True), ("open", False), (None, False)]
)
async def test_blob_that_was_said_to_be_here_is_kept_for_a_while(
    blobs: BlobStore, answered: str | None, kept: bool
) -> None:
    """Who is told that a blob exists leaves it out of a push, and sends the manifest later."""
    hours = [datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in range(24)]
    now = hours[0]
    async with open_sqlite(None, grace=timedelta(hours=8), now=lambda: now) as metadata:
        repository = LocalRegistry(blobs, metadata).repository(NAME)
        pushed = await samples.put_blob(repository, b"nobody names it yet")
        now = hours[7]
        if answered == "stat":
            await repository.stat_blob(pushed.digest)
        elif answered == "mount":
            await repository.mount_blob(pushed.digest, None)
        elif answered == "open":
            await (await repository.open_blob(pushed.digest)).aclose()
        now = hours[14]

        step = await metadata.condemn(before=hours[14] - timedelta(hours=8), limit=10)

        assert (not step.taken) is kept
