"""The part of `MetadataStoreContract` about what goes, and what stays."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from lading.errors import BlobUnknown
from lading.interfaces.access import Occasion
from lading.interfaces.changes import (
    BlobLinked,
    BlobUnlinked,
    ManifestDeleted,
    ManifestPut,
    RepositoryDeleted,
)
from lading.interfaces.metadata import Doomed, MetadataStore
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName, Tag
from lading.testing import samples
from lading.testing.metadata_writing import APP, GRACE, HOUR, OTHER, Clock, link, push, put, tags_of


async def collected(store: MetadataStore, clock: Clock, *, limit: int = 100) -> list[Doomed]:
    """All that rounds take now, with the bytes buried."""
    taken: list[Doomed] = []
    finished = False
    while not finished:
        step = await store.condemn(before=clock() - GRACE, limit=limit)
        assert len(step.taken) <= limit
        finished = step.finished
        taken += step.taken
        for each in step.taken:
            if each.repository is None:
                await store.bury(each.digest)
    return taken


async def doomed(store: MetadataStore, clock: Clock) -> Descriptor:
    """A blob that nobody may read any more, and whose bytes were not buried yet."""
    blob = await link(store, b"content")
    clock.advance(GRACE + HOUR)
    await store.condemn(before=clock() - GRACE, limit=100)
    return blob


def _links(taken: Sequence[Doomed]) -> set[tuple[RepositoryName, Digest]]:
    return {(each.repository, each.digest) for each in taken if each.repository is not None}


def _bytes(taken: Sequence[Doomed]) -> set[Digest]:
    return {each.digest for each in taken if each.repository is None}


class CollectionContract:
    """Every promise about blobs that are collected, and of `Rehearsal`."""

    async def test_blob_that_no_manifest_names_goes_after_the_grace(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """First the permission to read it, then its bytes; not before the grace has passed."""
        blob = await link(store, b"content")
        clock.advance(GRACE)
        early = await collected(store, clock)

        clock.advance(HOUR)
        taken = await collected(store, clock)

        assert early == []
        assert _links(taken) == {(APP, blob.digest)}
        assert _bytes(taken) == {blob.digest}
        assert {each.size for each in taken} == {blob.size}
        assert {each.reason for each in taken} == {
            "no manifest of team/app names it",
            "no repository holds it",
        }
        with pytest.raises(BlobUnknown):
            await store.get_blob(APP, blob.digest)
        assert await collected(store, clock) == []

    async def test_what_a_live_manifest_names_stays(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """Untagged manifests, children of indexes and blobs in indexes keep what they name."""
        untagged = samples.image(1)
        child = samples.image(2)
        cache = samples.described(b"cache", "application/vnd.buildkit.cacheconfig.v0")
        await push(store, untagged)
        await push(store, child)
        await link(store, b"cache")
        await put(store, samples.index(child.manifest, cache), tags=["v1"])
        clock.advance(GRACE + HOUR)

        taken = await collected(store, clock)

        assert taken == []
        for content in (*untagged.blobs, *child.blobs, b"cache"):
            assert await store.get_blob(APP, Digest.of(content))
        assert await store.get_manifest(APP, untagged.manifest.digest)

    async def test_deleting_a_manifest_begins_the_grace_of_what_it_named(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """What other manifests name as well stays."""
        shared = samples.described(b"shared", media_types.OCI_LAYER_GZIP)
        alone = samples.described(b"alone", media_types.OCI_LAYER_GZIP)
        for content in (samples.EMPTY, b"shared", b"alone"):
            await link(store, content)
        manifest = samples.image_manifest(layers=[shared, alone])
        await put(store, manifest)
        await put(store, samples.image_manifest(layers=[shared]))
        clock.advance(GRACE * 3)
        await collected(store, clock)
        await store.commit(ManifestDeleted(APP, manifest.digest), occasion=Occasion())

        clock.advance(GRACE)
        early = await collected(store, clock)
        clock.advance(HOUR)
        taken = await collected(store, clock)

        assert early == []
        assert _links(taken) == {(APP, alone.digest)}

    async def test_bytes_stay_while_another_repository_holds_them(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """A permission can go without its bytes."""
        image = samples.image()
        await push(store, image, repository=OTHER)
        blob = await link(store, image.blobs[0])
        clock.advance(GRACE + HOUR)

        taken = await collected(store, clock)

        assert _links(taken) == {(APP, blob.digest)}
        assert _bytes(taken) == set()
        assert await store.get_blob(OTHER, blob.digest)

    async def test_unlinked_blob_goes_after_the_grace(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """Deleting a blob leaves its bytes to the collector."""
        blob = await link(store, b"content")
        clock.advance(GRACE * 2)
        await store.commit(BlobUnlinked(APP, blob.digest), occasion=Occasion())
        early = await collected(store, clock)
        clock.advance(GRACE + HOUR)

        taken = await collected(store, clock)

        assert early == []
        assert [(each.digest, each.repository) for each in taken] == [(blob.digest, None)]

    async def test_deleted_repository_goes_after_the_grace(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """All its permissions go, and bytes that nobody else holds."""
        image = samples.image()
        await push(store, image, tags=["v1"])
        await link(store, image.blobs[0], OTHER)
        await put(
            store,
            samples.index(samples.described(image.blobs[0], "application/x.cache")),
            repository=OTHER,
        )
        await store.commit(RepositoryDeleted(APP), occasion=Occasion())
        clock.advance(GRACE + HOUR)

        taken = await collected(store, clock)

        digests = {Digest.of(content) for content in image.blobs}
        assert _links(taken) == {(APP, digest) for digest in digests}
        assert _bytes(taken) == digests - {Digest.of(image.blobs[0])}

    async def test_promise_that_a_blob_exists_keeps_it_for_another_grace(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """A client that was told so may leave the blob out of its push."""
        blob = await link(store, b"content")
        clock.advance(GRACE - HOUR)
        await store.get_blob(APP, blob.digest, vouch=True)
        clock.advance(GRACE - HOUR)

        early = await collected(store, clock)
        clock.advance(HOUR * 2)
        late = await collected(store, clock)

        assert early == []
        assert _bytes(late) == {blob.digest}

    async def test_promise_about_what_has_gone_is_not_made(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """Once the permission has gone, nobody is told that the blob exists."""
        blob = await link(store, b"content")
        clock.advance(GRACE + HOUR)
        await collected(store, clock)

        with pytest.raises(BlobUnknown):
            await store.get_blob(APP, blob.digest, vouch=True)

    async def test_doomed_bytes_are_returned_until_they_are_buried(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """A collector that dies between forgetting and deleting leaks nothing."""
        blob = await doomed(store, clock)

        again = await store.condemn(before=clock() - GRACE, limit=100)
        still = await store.still_doomed(blob.digest)
        await store.bury(blob.digest)

        assert [(each.digest, each.repository) for each in again.taken] == [(blob.digest, None)]
        assert still
        assert not await store.still_doomed(blob.digest)
        assert await collected(store, clock) == []

    async def test_pushing_doomed_bytes_again_saves_them(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """What is linked again is not doomed any more, and has its grace before it."""
        blob = await doomed(store, clock)

        await link(store, b"content")

        assert not await store.still_doomed(blob.digest)
        assert await store.get_blob(APP, blob.digest) == blob
        assert await collected(store, clock) == []

    async def test_rounds_are_as_large_as_is_asked(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """Small rounds take the same as a large one would."""
        blobs = [await link(store, b"%d" % number) for number in range(7)]
        clock.advance(GRACE + HOUR)

        taken = await collected(store, clock, limit=3)

        assert _links(taken) == {(APP, blob.digest) for blob in blobs}
        assert _bytes(taken) == {blob.digest for blob in blobs}

    async def test_step_that_takes_nothing_does_not_end_the_round(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """What was named since it was queued is looked at, and others come after it."""
        await push(store, tags=["v1"])
        clock.advance(HOUR)
        blob = await link(store, b"content")
        clock.advance(GRACE + HOUR)

        first = await store.condemn(before=clock() - GRACE, limit=1)
        rest = await collected(store, clock, limit=1)

        assert ([*first.taken], first.finished) == ([], False)
        assert [each.digest for each in rest] == [blob.digest] * 2

    async def test_round_is_not_finished_while_doomed_bytes_take_up_all_room(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """What there was no room to look at is still to be looked at."""
        for number in range(3):
            await link(store, b"%d" % number)
        clock.advance(GRACE + HOUR)
        steps = [await store.condemn(before=clock() - GRACE, limit=2) for _ in range(4)]

        assert not any(step.finished for step in steps)
        assert len(_bytes(await collected(store, clock, limit=2))) == 3

    async def test_rehearsal_changes_nothing(self, store: MetadataStore) -> None:
        """What is done to a copy stays in the copy."""
        manifest = await push(store, tags=["v1"])

        async with store.rehearsal() as copy:
            await copy.commit(ManifestDeleted(APP, manifest.digest), occasion=Occasion())
            gone = await tags_of(copy)

        assert gone == []
        assert await store.get_manifest(APP, Tag("v1")) == manifest

    async def test_what_an_ended_manifest_named_is_kept_until_it_cannot_be_undone(
        self, undoing: MetadataStore, clock: Clock
    ) -> None:
        """The undo window is longer than the grace, and ends for all of it at once."""
        image = samples.image()
        await push(undoing, image)
        await undoing.commit(ManifestDeleted(APP, image.manifest.digest), occasion=Occasion())
        clock.advance(timedelta(days=3) - HOUR)

        early = await collected(undoing, clock)
        clock.advance(HOUR * 2)
        late = await collected(undoing, clock)

        assert early == []
        assert _bytes(late) == {Digest.of(content) for content in image.blobs}

    async def test_event_of_a_collected_manifest_has_an_empty_body(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """The log outlives the bytes it speaks of."""
        manifest = await push(store)
        await store.commit(ManifestDeleted(APP, manifest.digest), occasion=Occasion())
        clock.advance(GRACE + HOUR)
        await collected(store, clock)

        events = await store.events(after=0, limit=100)

        bodies = [
            event.change.manifest.body for event in events if isinstance(event.change, ManifestPut)
        ]
        assert bodies == [b""]

    async def test_what_was_deleted_may_go_before_what_was_pushed(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """The end of a name needs no grace of its own; a blob that waits for its manifest does."""
        gone = await push(store, samples.image(1), tags=["v1"])
        await link(store, b"waits for its manifest")
        await store.commit(ManifestDeleted(APP, gone.digest), occasion=Occasion())
        clock.advance(timedelta(seconds=1))

        links = await store.condemn(before=clock() - HOUR, ended_before=clock(), limit=100)
        rest = await store.condemn(before=clock() - HOUR, ended_before=clock(), limit=100)

        taken = {digest for _, digest in _links([*links.taken, *rest.taken])}
        assert taken == {Digest.of(each) for each in samples.image(1).blobs}
        assert (await store.kept()).waiting == 1

    async def test_what_was_asked_for_since_it_was_deleted_stays(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """Whoever was told that it is there leaves it out of a push, however short ago it ended."""
        gone = await push(store, samples.image(1), tags=["v1"])
        first, *others = samples.image(1).blobs
        await store.commit(ManifestDeleted(APP, gone.digest), occasion=Occasion())
        clock.advance(timedelta(seconds=1))
        await store.get_blob(APP, Digest.of(first), vouch=True)
        clock.advance(timedelta(seconds=1))

        step = await store.condemn(before=clock() - HOUR, ended_before=clock(), limit=100)

        assert {digest for _, digest in _links(step.taken)} == {Digest.of(each) for each in others}

    async def test_mount_of_a_blob_begins_a_grace_of_its_own(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """A blob that was mounted stays for its manifest to come, whatever its source loses."""
        blob = await link(store, b"content")
        clock.advance(GRACE)
        await store.commit(BlobLinked(OTHER, blob, source=APP), occasion=Occasion())
        clock.advance(HOUR)

        taken = await collected(store, clock)

        assert _links(taken) == {(APP, blob.digest)}
        assert _bytes(taken) == set()
        assert await store.get_blob(OTHER, blob.digest) == blob
