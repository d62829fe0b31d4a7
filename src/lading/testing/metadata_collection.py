"""The part of `MetadataStoreContract` about what is kept, what goes, and who may work at once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lading.errors import BlobUnknown, ManifestUnknown
from lading.interfaces.access import Occasion
from lading.interfaces.metadata import (
    BlobLinked,
    BlobUnlinked,
    Doomed,
    ManifestDeleted,
    ManifestPut,
    MetadataStore,
    RepositoryDeleted,
    TagDeleted,
)
from lading.oci import media_types
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import RepositoryName, Tag
from lading.testing import samples
from lading.testing.metadata_writing import APP, OTHER, Clock, link, push, put, tags_of

GRACE = timedelta(hours=24)
"""The grace period of the stores in the suite."""

HOUR = timedelta(hours=1)


async def _collected(store: MetadataStore, clock: Clock, *, limit: int = 100) -> list[Doomed]:
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


def _links(taken: Sequence[Doomed]) -> set[tuple[RepositoryName, Digest]]:
    return {(each.repository, each.digest) for each in taken if each.repository is not None}


def _bytes(taken: Sequence[Doomed]) -> set[Digest]:
    return {each.digest for each in taken if each.repository is None}


def _rows(*manifests: Manifest) -> list[tuple[RepositoryName, Digest, int]]:
    found = [(APP, each.digest, len(each.body)) for each in manifests]
    return sorted(found, key=lambda row: str(row[1]))


class CollectionContract:
    """Every promise of `Collection`, `Audit`, `Exclusion` and `Rehearsal`."""

    def opened(
        self, place: Path, *, grace: timedelta, undo: timedelta, now: Callable[[], datetime]
    ) -> AbstractAsyncContextManager[MetadataStore]:
        """A new store, which may keep its files under *place*."""
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> Clock:
        """The time of the stores."""
        return Clock()

    @pytest.fixture
    async def store(self, tmp_path: Path, clock: Clock) -> AsyncIterator[MetadataStore]:
        """A store without an undo window."""
        undo = timedelta(0)
        async with self.opened(tmp_path / "store", grace=GRACE, undo=undo, now=clock) as store:
            yield store

    @pytest.fixture
    async def undoing(self, tmp_path: Path, clock: Clock) -> AsyncIterator[MetadataStore]:
        """A store in which everything can be undone for three days."""
        undo = timedelta(days=3)
        async with self.opened(tmp_path / "undoing", grace=GRACE, undo=undo, now=clock) as store:
            yield store

    async def test_blob_that_no_manifest_names_goes_after_the_grace(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """First the permission to read it, then its bytes; not before the grace has passed."""
        blob = await link(store, b"content")
        clock.advance(GRACE)
        early = await _collected(store, clock)

        clock.advance(HOUR)
        taken = await _collected(store, clock)

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
        assert await _collected(store, clock) == []

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

        taken = await _collected(store, clock)

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
        await _collected(store, clock)
        await store.commit(ManifestDeleted(APP, manifest.digest), occasion=Occasion())

        clock.advance(GRACE)
        early = await _collected(store, clock)
        clock.advance(HOUR)
        taken = await _collected(store, clock)

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

        taken = await _collected(store, clock)

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
        early = await _collected(store, clock)
        clock.advance(GRACE + HOUR)

        taken = await _collected(store, clock)

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

        taken = await _collected(store, clock)

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

        early = await _collected(store, clock)
        clock.advance(HOUR * 2)
        late = await _collected(store, clock)

        assert early == []
        assert _bytes(late) == {blob.digest}

    async def test_promise_about_what_has_gone_is_not_made(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """Once the permission has gone, nobody is told that the blob exists."""
        blob = await link(store, b"content")
        clock.advance(GRACE + HOUR)
        await _collected(store, clock)

        with pytest.raises(BlobUnknown):
            await store.get_blob(APP, blob.digest, vouch=True)

    async def test_doomed_bytes_are_returned_until_they_are_buried(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """A collector that dies between forgetting and deleting leaks nothing."""
        blob = await link(store, b"content")
        clock.advance(GRACE + HOUR)
        await store.condemn(before=clock() - GRACE, limit=100)

        again = await store.condemn(before=clock() - GRACE, limit=100)
        doomed = await store.still_doomed(blob.digest)
        await store.bury(blob.digest)

        assert [(each.digest, each.repository) for each in again.taken] == [(blob.digest, None)]
        assert doomed
        assert not await store.still_doomed(blob.digest)
        assert await _collected(store, clock) == []

    async def test_pushing_doomed_bytes_again_saves_them(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """What is linked again is not doomed any more, and has its grace before it."""
        blob = await link(store, b"content")
        clock.advance(GRACE + HOUR)
        await store.condemn(before=clock() - GRACE, limit=100)

        await link(store, b"content")

        assert not await store.still_doomed(blob.digest)
        assert await store.get_blob(APP, blob.digest) == blob
        assert await _collected(store, clock) == []

    async def test_rounds_are_as_large_as_is_asked(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """Small rounds take the same as a large one would."""
        blobs = [await link(store, b"%d" % number) for number in range(7)]
        clock.advance(GRACE + HOUR)

        taken = await _collected(store, clock, limit=3)

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
        rest = await _collected(store, clock, limit=1)

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
        assert len(_bytes(await _collected(store, clock, limit=2))) == 3

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

        early = await _collected(undoing, clock)
        clock.advance(HOUR * 2)
        late = await _collected(undoing, clock)

        assert early == []
        assert _bytes(late) == {Digest.of(content) for content in image.blobs}

    async def test_event_of_a_collected_manifest_has_an_empty_body(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """The log outlives the bytes it speaks of."""
        manifest = await push(store)
        await store.commit(ManifestDeleted(APP, manifest.digest), occasion=Occasion())
        clock.advance(GRACE + HOUR)
        await _collected(store, clock)

        events = await store.events(after=0, limit=100)

        bodies = [
            event.change.manifest.body for event in events if isinstance(event.change, ManifestPut)
        ]
        assert bodies == [b""]

    async def test_manifest_without_any_name_is_untagged(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """A tag, an index or a subject that is here is a name; so is one that ended just now."""
        lone = await push(store, samples.image(1))
        child = await push(store, samples.image(2))
        await put(store, samples.index(child), tags=["index"])
        tagged = await push(store, samples.image(3), tags=["v1"])
        await link(store, samples.EMPTY)
        await put(store, samples.artifact(child))
        orphan = samples.artifact(samples.image(9).manifest)
        await put(store, orphan)
        clock.advance(GRACE + HOUR)
        await store.commit(TagDeleted(APP, Tag("v1")), occasion=Occasion())

        now = await store.untagged(before=clock() - GRACE, limit=10)
        clock.advance(GRACE + HOUR)
        later = await store.untagged(before=clock() - GRACE, limit=10)

        assert [*now] == _rows(lone, orphan)
        assert [*later] == _rows(lone, orphan, tagged)

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

    async def test_manifest_whose_tag_moved_on_may_go_at_once(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """One that never had a name may be about to get one; one that was promised stays."""
        moved = await push(store, samples.image(1), tags=["v1"])
        promised = await push(store, samples.image(2), tags=["v2"])
        await push(store, samples.image(3), tags=["v1", "v2"])
        await push(store, samples.image(4))
        clock.advance(timedelta(seconds=1))
        await store.resolve(APP, promised.digest)
        clock.advance(timedelta(seconds=1))
        before, ended = clock() - HOUR, clock()

        found = await store.untagged(before=before, ended_before=ended, limit=10)

        assert [*found] == _rows(moved)
        await store.commit(ManifestDeleted(APP, moved.digest, before, ended), occasion=Occasion())
        with pytest.raises(ManifestUnknown):
            await store.commit(
                ManifestDeleted(APP, promised.digest, before, ended), occasion=Occasion()
            )

    async def test_what_is_kept_is_counted(self, store: MetadataStore) -> None:
        """Blobs and manifests each once, in however many repositories they are."""
        await push(store, samples.image(1), tags=["v1"])
        await link(store, b"waits for its manifest")

        kept = await store.kept()

        assert kept.named == len(set(samples.image(1).blobs)) + 1
        assert kept.waiting == 1

    async def test_what_manifests_name_is_told_once(self, store: MetadataStore) -> None:
        """By the first that names it: those who mark need to remember nothing."""
        images = [samples.image(seed) for seed in range(3)]
        for image in images:
            await push(store, image, repository=APP)
        await push(store, images[0], repository=OTHER)
        index = samples.index(*(image.manifest for image in images))
        await put(store, index)
        (first, second) = sorted([APP, OTHER])

        whole = [
            (repository, digest, {*named})
            for repository in (first, second)
            for digest, named in await store.marked(repository, after=None, limit=100)
        ]
        page = await store.marked(APP, after=None, limit=2)
        rest = await store.marked(APP, after=page[-1][0], limit=100)

        before: set[Digest] = set()
        manifests = {each.manifest.digest: each.manifest for each in images} | {index.digest: index}
        for _, digest, named in whole:
            before.add(digest)
            edges = {edge.digest for edge in manifests[digest].edges}
            assert named == edges - before
            before |= edges
        assert [row[0] for row in (*page, *rest)] == sorted(
            (digest for name, digest, _ in whole if name == APP), key=str
        )

    async def test_untagged_manifests_are_listed_a_page_at_a_time(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """Pages go on over the borders of repositories."""
        for repository in (OTHER, APP):
            for seed in range(3):
                await push(store, samples.image(seed), repository=repository)
        clock.advance(HOUR)

        everything = [*await store.untagged(before=clock(), limit=100)]
        pages: list[tuple[RepositoryName, Digest, int]] = []
        after = None
        while page := await store.untagged(before=clock(), limit=2, after=after):
            pages += page
            after = (page[-1][0], page[-1][1])

        assert pages == everything
        assert len(pages) == 6
        assert [row[0] for row in pages] == [APP] * 3 + [OTHER] * 3

    async def test_answer_that_a_digest_exists_keeps_it_from_being_untagged(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """A manifest that only its digest names is vouched for by being resolved."""
        manifest = await push(store)
        clock.advance(GRACE + HOUR)
        await store.resolve(APP, manifest.digest)
        clock.advance(HOUR)

        early = await store.untagged(before=clock() - GRACE, limit=10)
        clock.advance(GRACE)
        late = await store.untagged(before=clock() - GRACE, limit=10)

        assert [*early] == []
        assert [row[1] for row in late] == [manifest.digest]

    async def test_manifest_that_got_a_name_is_not_ended_as_untagged(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """A tag that came after the collector looked saves its manifest."""
        manifest = await push(store)
        clock.advance(GRACE + HOUR)
        before = clock() - GRACE
        change = ManifestDeleted(APP, manifest.digest, untagged_before=before)
        await put(store, manifest, tags=["v1"])

        with pytest.raises(ManifestUnknown):
            await store.commit(change, occasion=Occasion())

        assert await store.get_manifest(APP, Tag("v1")) == manifest

    async def test_blobs_are_listed_by_digest(self, store: MetadataStore) -> None:
        """An audit can go through all that is believed to be there."""
        digests = [(await link(store, b"%d" % number)).digest for number in range(5)]

        first = await store.blobs(after=None, limit=3)
        rest = await store.blobs(after=first[-1].digest, limit=3)

        assert [each.digest for each in (*first, *rest)] == sorted(digests, key=str)
        assert {each.size for each in (*first, *rest)} == {1}

    async def test_unknown_bytes_are_those_that_no_row_speaks_of(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """Bytes that are doomed or unlinked are known all the same."""
        doomed = await link(store, b"doomed")
        clock.advance(GRACE + HOUR)
        await store.condemn(before=clock() - GRACE, limit=100)
        unlinked = await link(store, b"unlinked")
        await store.commit(BlobUnlinked(APP, unlinked.digest), occasion=Occasion())
        stray = Digest.of(b"stray")

        found = await store.unknown([doomed.digest, stray, unlinked.digest])

        assert [*found] == [stray]

    async def test_mislaid_blob_is_readable_nowhere_until_it_is_pushed_again(
        self, store: MetadataStore
    ) -> None:
        """Manifests that name it stay, and a push heals them."""
        image = samples.image()
        digest = Digest.of(image.blobs[0])
        await push(store, image, tags=["v1"])
        await link(store, image.blobs[0], OTHER)

        where = await store.mislay(digest)
        for repository in (APP, OTHER):
            with pytest.raises(BlobUnknown):
                await store.get_blob(repository, digest)
        unknown = await store.unknown([digest])
        await link(store, image.blobs[0])

        assert {*where} == {APP, OTHER}
        assert [*unknown] == [digest]
        assert await store.get_manifest(APP, Tag("v1")) == image.manifest
        assert await store.get_blob(APP, digest)

    async def test_sound_store_has_nothing_wrong(self, store: MetadataStore, clock: Clock) -> None:
        """After pushes, deletions and collection everything leads somewhere."""
        manifest = await push(store, samples.image(1), tags=["v1"])
        await push(store, samples.image(2), tags=["v1", "v2"])
        await store.commit(ManifestDeleted(APP, manifest.digest), occasion=Occasion())
        clock.advance(GRACE + HOUR)
        await _collected(store, clock)

        assert [*await store.check()] == []

    async def test_content_that_was_there_and_is_not_is_found(self, store: MetadataStore) -> None:
        """A manifest that was only ever put sparse tells nothing; put whole once, it does."""
        image = samples.image()
        await put(store, image.manifest, sparse=True)
        never = [*await store.check()]
        await push(store, image)
        await put(store, image.manifest, sparse=True)
        whole = [*await store.check()]

        await store.mislay(Digest.of(image.blobs[0]))

        (lost,) = await store.check()
        assert (never, whole) == ([], [])
        assert str(Digest.of(image.blobs[0])) in lost
        assert str(image.manifest.digest) in lost

    async def test_deleter_waits_for_publishers(self, store: MetadataStore) -> None:
        """Publishers of a digest share it; a deleter has it alone."""
        digest = Digest.of(b"content")
        order: list[str] = []
        published = asyncio.Event()

        async def publish() -> None:
            async with store.publishing(digest), store.publishing(digest):
                published.set()
                await asyncio.sleep(0)
                order.append("published")

        async def delete() -> None:
            await published.wait()
            async with store.exclusively(digest):
                order.append("deleted")

        await asyncio.gather(delete(), publish())

        assert order == ["published", "deleted"]

    async def test_publisher_waits_for_a_deleter(self, store: MetadataStore) -> None:
        """A waiter that gives up leaves the lock as it was."""
        digest = Digest.of(b"content")

        async def publish() -> None:
            async with store.publishing(digest):
                pass

        async with store.exclusively(digest):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(publish(), 0.01)
        await publish()
        async with store.exclusively(digest):
            pass

    async def test_only_one_does_background_work(self, store: MetadataStore) -> None:
        """Whoever does not wait is told so; whoever waits has its turn."""
        async with store.background(wait=False) as first, store.background(wait=False) as second:
            pass
        async with store.background(wait=True) as third:
            pass

        assert (first, second, third) == (True, False, True)

    async def test_mount_of_a_blob_begins_a_grace_of_its_own(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """A blob that was mounted stays for its manifest to come, whatever its source loses."""
        blob = await link(store, b"content")
        clock.advance(GRACE)
        await store.commit(BlobLinked(OTHER, blob, source=APP), occasion=Occasion())
        clock.advance(HOUR)

        taken = await _collected(store, clock)

        assert _links(taken) == {(APP, blob.digest)}
        assert _bytes(taken) == set()
        assert await store.get_blob(OTHER, blob.digest) == blob
