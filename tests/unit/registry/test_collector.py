"""What a collection takes, what it leaves, and what it survives."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lading.bodies import Bytes
from lading.errors import BlobUnknown, ManifestBlobUnknown, ManifestUnknown, StorageFailed
from lading.interfaces.metadata import Doomed
from lading.interfaces.repository import Repository
from lading.oci.digest import Digest
from lading.oci.media_types import OCI_LAYER_GZIP
from lading.oci.names import RepositoryName, Tag
from lading.registry import collector as collector_module
from lading.registry.collected import Collected, Tally, What
from lading.registry.collector import Collector
from lading.testing import samples

if TYPE_CHECKING:
    from tests.unit.registry.conftest import House
else:
    House = Any

HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
NOW = timedelta(0)
V1 = Tag("v1")


async def readable(repository: Repository, content: bytes) -> bool:
    """Whether *content* reads back from *repository*."""
    try:
        body = await repository.open_blob(Digest.of(content))
    except BlobUnknown:
        return False
    return await samples.content_of(body) == content


async def whole(repository: Repository, image: samples.Image) -> bool:
    """Whether every blob of *image* reads back from *repository*."""
    return all([await readable(repository, content) for content in image.blobs])


async def collect_late(house: House, *, untagged: bool = False) -> Tally:
    """Collect when everything that is unreferenced has been so for long."""
    house.clock.pass_by(2 * DAY)
    return await house.collector().collect(untagged=untagged, listener=house.heard.append)


async def test_a_blob_that_no_manifest_names_goes_after_the_grace_and_not_before(
    house: House,
) -> None:
    """A push that never comes to its manifest leaves its blobs to the collector."""
    repository = house.repository()
    content = samples.blob(seed="abandoned")
    await samples.put_blob(repository, content)

    house.clock.pass_by(DAY - HOUR)
    early = await house.collector().collect()
    kept = await readable(repository, content)
    house.clock.pass_by(2 * HOUR)
    late = await house.collector().collect()

    assert not early
    assert kept
    assert (late.links, late.blobs, late.freed) == (1, 1, len(content))
    assert not await readable(repository, content)
    assert await house.stored() == set()


async def test_a_grace_of_zero_takes_what_is_unreferenced_at_once(house: House) -> None:
    """An operator who knows that nobody is pushing need not wait."""
    await samples.put_blob(house.repository(), samples.blob())

    tally = await house.collector(NOW).collect()

    assert tally.blobs == 1
    assert await house.stored() == set()


async def test_a_tagged_image_stays_for_ever(house: House) -> None:
    """What a tag leads to is never taken, however old it is."""
    repository, image = house.repository(), samples.image()
    await samples.put_image(repository, image, tags=["v1"])

    tally = await collect_late(house, untagged=True)

    assert not tally
    assert await repository.get_manifest(V1) == image.manifest
    assert await whole(repository, image)


async def test_the_children_of_an_index_stay_while_it_does(house: House) -> None:
    """The platforms of an image have no tags of their own; the index names them."""
    repository = house.repository()
    amd64, arm64 = samples.image("amd64"), samples.image("arm64")
    for image in (amd64, arm64):
        await samples.put_image(repository, image)
    await repository.put_manifest(samples.index(amd64.manifest, arm64.manifest), tags=[V1])

    tally = await collect_late(house, untagged=True)

    assert not tally
    assert await repository.get_manifest(arm64.manifest.digest) == arm64.manifest
    assert await whole(repository, amd64)
    assert await whole(repository, arm64)


async def test_blobs_that_an_index_names_stay(house: House) -> None:
    """Build caches are indexes of layers (trap T34)."""
    repository, layer = house.repository(), samples.layer("cache")
    await samples.put_blob(repository, layer)
    described = samples.described(layer, OCI_LAYER_GZIP)
    await repository.put_manifest(samples.index(described), tags=[V1])

    tally = await collect_late(house, untagged=True)

    assert not tally
    assert await readable(repository, layer)


async def test_referrers_of_what_stays_stay_and_so_do_theirs(house: House) -> None:
    """A signature of an SBOM of an image has no tag, and lives as long as the image."""
    repository, image = house.repository(), samples.image()
    await samples.put_image(repository, image, tags=["v1"])
    sbom = samples.artifact(image.manifest, seed="sbom")
    signature = samples.artifact(sbom, seed="signature")
    for artifact in (sbom, signature):
        await samples.put_artifact(repository, artifact)

    tally = await collect_late(house, untagged=True)

    assert not tally
    assert await repository.get_manifest(signature.digest) == signature
    assert await readable(repository, samples.EMPTY)


async def test_untagged_manifests_stay_unless_their_end_is_asked_for(house: House) -> None:
    """People deploy by digest, so having no tag is no reason to go."""
    repository, image = house.repository(), samples.image()
    await samples.put_image(repository, image)

    tally = await collect_late(house)

    assert not tally
    assert await repository.get_manifest(image.manifest.digest) == image.manifest
    assert await whole(repository, image)


async def test_a_blob_that_a_client_was_told_exists_stays_for_another_grace(house: House) -> None:
    """A client that finds a blob does not push it, and relies on it until its manifest comes."""
    repository, content = house.repository(), samples.blob()
    await samples.put_blob(repository, content)
    house.clock.pass_by(DAY - HOUR)
    await repository.stat_blob(Digest.of(content))

    house.clock.pass_by(DAY - HOUR)
    early = await house.collector().collect()
    kept = await readable(repository, content)
    late = await collect_late(house)

    assert not early
    assert kept
    assert late.blobs == 1


async def test_a_mounted_blob_stays_where_it_is_used(house: House) -> None:
    """Bytes are shared between repositories, and go with the last one (trap T11)."""
    origin, other = house.repository("team/origin"), house.repository("team/other")
    image = samples.image()
    await samples.put_image(origin, image, tags=["v1"])
    for content in image.blobs:
        assert await other.mount_blob(Digest.of(content), RepositoryName("team/origin"))
    await other.put_manifest(image.manifest, tags=[V1])
    await house.registry.delete(RepositoryName("team/origin"))

    tally = await collect_late(house)

    assert tally.blobs == 0
    assert await whole(other, image)


async def test_an_open_upload_is_none_of_the_collectors_business(house: House) -> None:
    """Even with a grace of zero an upload can be finished."""
    repository, content = house.repository(), samples.blob()
    upload = await repository.start_upload()
    await upload.write(Bytes(content[:50]))
    await upload.aclose()

    await house.collector(NOW).collect()
    await house.sweep(NOW).waste()
    resumed = await repository.resume_upload(upload.id)
    await resumed.write(Bytes(content[50:]), at=50)
    await resumed.commit(Digest.of(content))

    assert await readable(repository, content)


async def test_a_deleted_image_goes_and_what_it_shared_stays(house: House) -> None:
    """Only layers that no other manifest of the repository names are taken."""
    repository = house.repository()
    shared, own = samples.layer("shared"), samples.layer("own")
    for content in (samples.EMPTY, shared, own):
        await samples.put_blob(repository, content)
    kept = samples.image_manifest(layers=[Digest.of(shared)])
    gone = samples.image_manifest(layers=[Digest.of(shared), Digest.of(own)])
    await repository.put_manifest(kept, tags=[V1])
    await repository.put_manifest(gone)
    await repository.delete_manifest(gone.digest)

    early = await house.collector().collect()
    late = await collect_late(house)

    assert not early
    assert late.blobs == 1
    assert await readable(repository, shared)
    assert not await readable(repository, own)


async def test_all_bytes_of_a_deleted_repository_go(house: House) -> None:
    """Deleting a repository frees its space after the grace."""
    await samples.put_image(house.repository(), tags=["v1"])
    await house.registry.delete(RepositoryName("team/app"))

    tally = await collect_late(house)

    assert tally.blobs == len(samples.image().blobs)
    assert await house.stored() == set()


async def test_untagged_manifests_end_on_request_and_free_their_blobs(house: House) -> None:
    """With the grace over, one round takes an untagged index, its children and their blobs."""
    repository = house.repository()
    child, tagged = samples.image("child"), samples.image("tagged")
    await samples.put_image(repository, child)
    await samples.put_image(repository, tagged, tags=["v1"])
    index = samples.index(child.manifest)
    await repository.put_manifest(index)
    sbom = samples.artifact(index)
    await samples.put_artifact(repository, sbom)

    tally = await house.collector(NOW).collect(untagged=True, listener=house.heard.append)

    ended = [collected.digest for collected in house.heard if collected.what is What.MANIFEST]
    assert set(ended) == {index.digest, child.manifest.digest, sbom.digest}
    assert tally.manifests == 3
    assert await house.stored() == {Digest.of(content) for content in tagged.blobs}
    with pytest.raises(ManifestUnknown):
        await repository.get_manifest(child.manifest.digest)


async def test_a_young_untagged_manifest_stays(house: House) -> None:
    """Children are pushed before their index, and must not go in between."""
    repository, image = house.repository(), samples.image()
    await samples.put_image(repository, image)
    house.clock.pass_by(DAY - HOUR)

    tally = await house.collector().collect(untagged=True)

    assert not tally
    assert await repository.get_manifest(image.manifest.digest) == image.manifest


class Interleaved:
    """A metadata store, with something that happens in between one of its methods."""

    def __init__(self, inner: Any, method: str, then: Any) -> None:
        self._inner = inner
        self._method = method
        self._then = then

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._call if name == self._method else found

    async def _call(self, *args: Any, **options: Any) -> Any:
        answer = await getattr(self._inner, self._method)(*args, **options)
        if answer:
            then, self._then = self._then, _nothing
            await then()
        return answer


async def _nothing() -> None:
    pass


async def test_a_manifest_that_is_tagged_just_before_it_would_end_stays(house: House) -> None:
    """The tag was acknowledged, so it holds, although the manifest was listed as untagged."""
    repository, image = house.repository(), samples.image()
    await samples.put_image(repository, image)

    async def tag() -> None:
        await repository.put_manifest(image.manifest, tags=[V1])

    metadata = Interleaved(house.metadata, "untagged", tag)
    house.clock.pass_by(2 * DAY)
    tally = await Collector(house.blobs, metadata, grace=DAY, now=house.clock).collect(
        untagged=True
    )

    assert not tally
    assert await repository.get_manifest(V1) == image.manifest


async def test_a_push_between_condemning_and_deleting_keeps_its_bytes(house: House) -> None:
    """The push was told 201, so its bytes stay although the collector had condemned them."""
    repository, content = house.repository(), samples.blob()
    await samples.put_blob(repository, content)

    async def push_again() -> None:
        await samples.put_blob(repository, content)

    metadata = Interleaved(house.metadata, "condemn", push_again)
    house.clock.pass_by(2 * DAY)
    await Collector(house.blobs, metadata, grace=DAY, now=house.clock).collect()

    assert await readable(repository, content)


class Gate:
    """Deletes blobs, but only when it is opened."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.reached = asyncio.Event()
        self.open = asyncio.Event()

    async def delete(self, digest: Digest) -> None:
        """Say that the gate was reached, wait until it opens, and delete."""
        self.reached.set()
        await self.open.wait()
        await self._inner.delete(digest)


async def test_a_push_that_meets_a_deletion_waits_and_publishes_after_it(house: House) -> None:
    """While bytes are being deleted, a push of the same content is not acknowledged."""
    repository, content = house.repository(), samples.blob()
    await samples.put_blob(repository, content)
    house.clock.pass_by(2 * DAY)
    gate = Gate(house.blobs)
    collector = Collector(gate, house.metadata, grace=DAY, now=house.clock)

    collecting = asyncio.create_task(collector.collect())
    await gate.reached.wait()
    pushing = asyncio.create_task(samples.put_blob(repository, content))
    done, _ = await asyncio.wait([pushing], timeout=0.05)
    gate.open.set()
    await asyncio.gather(collecting, pushing)

    assert not done
    assert await readable(repository, content)


async def test_a_deletion_that_meets_a_push_waits_and_leaves_its_bytes(house: House) -> None:
    """Between publishing and linking, nobody can delete the bytes."""
    repository, content = house.repository(), samples.blob()
    digest = Digest.of(content)
    await samples.put_blob(repository, content)
    house.clock.pass_by(2 * DAY)

    async with house.metadata.publishing(digest):
        collecting = asyncio.create_task(house.collector().collect())
        done, _ = await asyncio.wait([collecting], timeout=0.05)
        bytes_stayed = digest in await house.stored()
    await collecting

    assert not done
    assert bytes_stayed


async def test_a_crash_between_condemning_and_deleting_leaks_nothing(house: House) -> None:
    """Condemned bytes stay condemned until they are gone, whoever deletes them."""
    await samples.put_blob(house.repository(), samples.blob())
    house.clock.pass_by(2 * DAY)
    while await condemned_links(house):
        pass

    tally = await house.collector().collect()

    assert tally.blobs == 1
    assert await house.stored() == set()


async def condemned_links(house: House) -> Sequence[Doomed]:
    """Condemn once, as a collector does that dies right after it."""
    step = await house.metadata.condemn(before=house.clock() - DAY, limit=10)
    return [doomed for doomed in step.taken if doomed.repository is not None]


async def test_a_crash_between_deleting_and_burying_is_made_good(house: House) -> None:
    """Bytes that are gone already are buried by the next round."""
    digest = Digest.of(samples.blob())
    await samples.put_blob(house.repository(), samples.blob())
    house.clock.pass_by(2 * DAY)
    while await condemned_links(house):
        pass
    await house.blobs.delete(digest)

    await house.collector().collect()

    assert not await house.metadata.still_doomed(digest)
    assert await house.metadata.unknown([digest]) == [digest]


class Stubborn:
    """Deletes blobs, except for some."""

    def __init__(self, inner: Any, *kept: Digest) -> None:
        self._inner = inner
        self._kept = kept

    async def delete(self, digest: Digest) -> None:
        """Delete, or fail."""
        if digest in self._kept:
            raise StorageFailed(digest)
        await self._inner.delete(digest)


async def test_bytes_that_cannot_be_deleted_hold_up_nothing_and_go_another_time(
    house: House,
) -> None:
    """One bad file neither ends the round nor makes it go on for ever."""
    repository = house.repository()
    good, bad = samples.blob(seed="good"), samples.blob(seed="bad")
    for content in (good, bad):
        await samples.put_blob(repository, content)
    house.clock.pass_by(2 * DAY)
    stubborn = Stubborn(house.blobs, Digest.of(bad))

    first = await Collector(stubborn, house.metadata, grace=DAY, now=house.clock).collect()
    left = await house.stored()
    second = await house.collector().collect()

    assert (first.blobs, first.failed) == (1, 1)
    assert left == {Digest.of(bad)}
    assert (second.blobs, second.failed) == (1, 0)


async def test_many_bytes_that_cannot_be_deleted_leave_room_for_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many bad files there are, the round comes to the good ones."""
    monkeypatch.setattr(collector_module, "_BATCH", 2)
    contents = [samples.blob(seed=str(number)) for number in range(9)]
    for content in contents:
        await samples.put_blob(house.repository(), content)
    house.clock.pass_by(2 * DAY)
    *bad, good = sorted(map(Digest.of, contents), key=str)
    stubborn = Stubborn(house.blobs, *bad)

    tally = await Collector(stubborn, house.metadata, grace=DAY, now=house.clock).collect()

    assert (tally.blobs, tally.failed) == (1, 8)
    assert good not in await house.stored()


async def test_round_goes_on_past_what_stays_and_what_cannot_be_deleted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that only finds what is named, or what failed before, does not end the round."""
    monkeypatch.setattr(collector_module, "_BATCH", 2)
    repository = house.repository()
    bad, good = samples.blob(seed="bad"), samples.blob(seed="good")
    await samples.put_blob(repository, bad)
    house.clock.pass_by(HOUR)
    await samples.put_image(repository, tags=["v1"])
    house.clock.pass_by(HOUR)
    await samples.put_blob(repository, good)
    house.clock.pass_by(2 * DAY)
    stubborn = Stubborn(house.blobs, Digest.of(bad))

    tally = await Collector(stubborn, house.metadata, grace=DAY, now=house.clock).collect()

    assert (tally.blobs, tally.failed) == (1, 1)
    assert Digest.of(good) not in await house.stored()


async def test_two_collectors_at_once_take_everything_once(house: House) -> None:
    """Whether by accident or by command, two rounds at a time do no harm."""
    repository = house.repository()
    contents = [samples.blob(seed=number) for number in range(20)]
    for content in contents:
        await samples.put_blob(repository, content)
    await samples.put_image(repository, tags=["v1"])
    house.clock.pass_by(2 * DAY)

    tallies = await asyncio.gather(*(house.collector().collect() for _ in range(2)))

    assert sum(tally.blobs for tally in tallies) == len(contents)
    assert await house.stored() == {Digest.of(content) for content in samples.image().blobs}


async def a_mixed_past(house: House) -> None:
    """Things to keep and things to take, of every kind."""
    repository = house.repository()
    await samples.put_image(repository, samples.image("kept"), tags=["v1"])
    deleted = await samples.put_image(repository, samples.image("deleted"), tags=["v2"])
    await repository.delete_manifest(deleted.descriptor.digest)
    child = samples.image("child")
    await samples.put_image(repository, child)
    await repository.put_manifest(samples.index(child.manifest))
    await samples.put_blob(repository, samples.blob(seed="abandoned"))
    await samples.put_image(house.repository("team/other"), samples.image("other"), tags=["v1"])
    await house.registry.delete(RepositoryName("team/other"))


@pytest.mark.parametrize("untagged", [False, True])
@pytest.mark.parametrize("grace", [NOW, HOUR], ids=["at-once", "an-hour"])
async def test_a_rehearsal_changes_nothing_and_says_exactly_what_a_round_then_does(
    house: House, *, untagged: bool, grace: timedelta
) -> None:
    """What a dry run lists is what goes, in the same order and for the same reasons."""
    await a_mixed_past(house)
    house.clock.pass_by(2 * HOUR)
    collector = house.collector(grace)
    foretold: list[Collected] = []

    before = await house.stored(), await house.metadata.events(after=0, limit=1000)
    predicted = await collector.rehearse(untagged=untagged, listener=foretold.append)
    after = await house.stored(), await house.metadata.events(after=0, limit=1000)
    tally = await collector.collect(untagged=untagged, listener=house.heard.append)

    assert foretold
    assert after == before
    assert foretold == house.heard
    assert predicted == tally


async def test_every_item_says_why_it_went(house: House) -> None:
    """An operator can see from each line what the reason was."""
    await a_mixed_past(house)

    await house.collector(NOW).collect(untagged=True, listener=house.heard.append)

    assert {collected.what for collected in house.heard} == {What.MANIFEST, What.LINK, What.BLOB}
    assert all(collected.reason for collected in house.heard)


async def push_stubbornly(repository: Repository, image: samples.Image, tag: str) -> None:
    """Push, and push again what was collected before the manifest could name it."""
    while True:
        try:
            await samples.put_image(repository, image, tags=[tag])
        except ManifestBlobUnknown:
            continue
        return


async def test_pushes_and_collections_at_once_lose_nothing_that_was_acknowledged(
    house: House,
) -> None:
    """With no grace at all, and the same layers pushed and deleted all the time."""
    pushed = {f"v{number}": samples.image(number % 3) for number in range(12)}
    over = asyncio.Event()

    async def collect() -> None:
        # So many rounds and no more: without a grace, collectors could outrun a push for ever.
        for _ in range(100):
            if over.is_set():
                break
            await house.collector(NOW).collect(untagged=True)
            await house.sweep(NOW).waste()
            await asyncio.sleep(0.005)

    async def push(name: str) -> None:
        repository = house.repository(name)
        for tag, image in pushed.items():
            await push_stubbornly(repository, image, tag)
            if tag != "v11":
                await repository.delete_manifest(image.manifest.digest)

    async with asyncio.TaskGroup() as group:
        collecting = [group.create_task(collect()) for _ in range(2)]
        await asyncio.gather(*(push(f"team/app{number}") for number in range(4)))
        over.set()
        await asyncio.gather(*collecting)
    await house.collector(NOW).collect()

    for number in range(4):
        assert await whole(house.repository(f"team/app{number}"), pushed["v11"])
    assert await house.stored() == {Digest.of(content) for content in pushed["v11"].blobs}
