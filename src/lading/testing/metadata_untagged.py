"""The part of `MetadataStoreContract` about manifests that nothing names any more."""

from datetime import timedelta

import pytest

from lading.errors import ManifestUnknown
from lading.interfaces.access import Occasion
from lading.interfaces.changes import ManifestDeleted, TagDeleted
from lading.interfaces.metadata import MetadataStore
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import RepositoryName, Tag
from lading.testing import samples
from lading.testing.metadata_writing import APP, GRACE, HOUR, OTHER, Clock, link, push, put


def _rows(*manifests: Manifest) -> list[tuple[RepositoryName, Digest, int]]:
    found = [(APP, each.digest, len(each.body)) for each in manifests]
    return sorted(found, key=lambda row: str(row[1]))


class UntaggedContract:
    """What is untagged, since when, and what keeps it."""

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
