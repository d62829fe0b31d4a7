"""The contract of `MetadataStore`, as tests: an implementation that passes it is supported.

::

    class TestTapeMetadata(MetadataStoreContract):
        def opened(self, place, *, grace, undo, now):
            return open_tape(place, grace=grace, undo=undo, now=now)

The suite drives time by a clock of its own. The tests are coroutines; pytest-asyncio runs them in
its automatic mode. What concerns collection is in `metadata_collection`, what concerns those who are
told of events in `metadata_deliveries`; both come along.
"""

import asyncio
from datetime import timedelta

import pytest

from lading.errors import (
    BlobInUse,
    BlobUnknown,
    ManifestBlobUnknown,
    ManifestUnknown,
    NameUnknown,
)
from lading.interfaces.access import Occasion, Principal
from lading.interfaces.metadata import (
    BlobLinked,
    BlobUnlinked,
    Change,
    Event,
    ManifestDeleted,
    ManifestPut,
    MetadataStore,
    Pull,
    RepositoryDeleted,
    TagDeleted,
)
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import RepositoryName, Tag
from lading.testing import samples
from lading.testing.metadata_deliveries import DeliveriesContract
from lading.testing.metadata_writing import APP, OTHER, Clock, link, push, put, tags_of


class MetadataStoreContract(DeliveriesContract):
    """Every promise of `MetadataStore`. Subclass it and provide `opened`."""

    async def test_manifest_is_found_by_its_tag_and_by_its_digest(
        self, store: MetadataStore
    ) -> None:
        """What was put can be asked for by every name it has, byte for byte."""
        manifest = await push(store, tags=["v1", "latest"])

        found = [
            await store.get_manifest(APP, reference)
            for reference in (Tag("v1"), Tag("latest"), manifest.digest, Tag("v1"))
        ]

        assert found == [manifest] * 4

    async def test_manifest_keeps_the_algorithm_it_was_pushed_by(
        self, store: MetadataStore
    ) -> None:
        """A manifest pushed by sha512 is found by sha512 and not by sha256."""
        image = samples.image(algorithm="sha512")
        manifest = await push(store, image)

        assert await store.get_manifest(APP, manifest.digest) == manifest
        with pytest.raises(ManifestUnknown):
            await store.get_manifest(APP, Digest.of(manifest.body))

    async def test_manifest_of_another_repository_is_unknown(self, store: MetadataStore) -> None:
        """Repositories do not see each other's manifests."""
        manifest = await push(store, tags=["v1"])

        for reference in (Tag("v1"), manifest.digest):
            with pytest.raises(ManifestUnknown) as caught:
                await store.get_manifest(OTHER, reference)

            assert caught.value.subject == str(reference)

    async def test_resolving_says_what_a_reference_names(self, store: MetadataStore) -> None:
        """A reference resolves to the descriptor of its manifest, an unknown one to an error."""
        manifest = await push(store, tags=["v1"])

        assert await store.resolve(APP, Tag("v1")) == manifest.descriptor
        assert await store.resolve(APP, manifest.digest) == manifest.descriptor
        with pytest.raises(ManifestUnknown):
            await store.resolve(APP, Tag("v2"))
        with pytest.raises(ManifestUnknown):
            await store.resolve(APP, Digest.of(b"absent"))

    async def test_blob_is_readable_only_where_it_was_linked(self, store: MetadataStore) -> None:
        """The same bytes have to be linked in each repository that may read them."""
        blob = await link(store, b"content")

        assert await store.get_blob(APP, blob.digest) == blob
        with pytest.raises(BlobUnknown) as caught:
            await store.get_blob(OTHER, blob.digest)
        assert caught.value.subject == str(blob.digest)

    async def test_threads_may_commit_and_wait(self, store: MetadataStore) -> None:
        """Among commits of the loop; each is an event of its own, or is refused, as there."""
        blobs = [samples.described(bytes([number]), media_types.OCTETS) for number in range(40)]
        refused = BlobLinked(OTHER, samples.described(b"nowhere", media_types.OCTETS), source=APP)

        def commit(change: BlobLinked) -> Event | None:
            return store.commit_blocking(change, occasion=Occasion())

        in_threads = [asyncio.to_thread(commit, BlobLinked(APP, blob)) for blob in blobs[::2]]
        on_loop = [store.commit(BlobLinked(APP, blob), occasion=Occasion()) for blob in blobs[1::2]]
        events = await asyncio.gather(*in_threads, *on_loop)
        with pytest.raises(BlobUnknown):
            await asyncio.to_thread(commit, refused)

        assert len({event.number for event in events if event is not None}) == len(blobs)
        for blob in blobs:
            assert await store.get_blob(APP, blob.digest) == blob

    async def test_blob_is_mounted_from_a_repository_that_has_it(
        self, store: MetadataStore
    ) -> None:
        """A mount links what the source can read, and both then hold it."""
        blob = await link(store, b"content")

        await store.commit(BlobLinked(OTHER, blob, source=APP), occasion=Occasion())

        assert await store.get_blob(OTHER, blob.digest) == blob
        assert set(await store.holders(blob.digest, limit=10)) == {APP, OTHER}
        assert len(await store.holders(blob.digest, limit=1)) == 1

    async def test_mount_from_a_repository_without_the_blob_is_refused(
        self, store: MetadataStore
    ) -> None:
        """Nobody learns to read a blob through a repository that cannot read it."""
        blob = samples.described(b"never pushed", media_types.OCTETS)

        with pytest.raises(BlobUnknown):
            await store.commit(BlobLinked(OTHER, blob, source=APP), occasion=Occasion())

        with pytest.raises(BlobUnknown):
            await store.get_blob(OTHER, blob.digest)
        with pytest.raises(NameUnknown):
            await store.list_tags(OTHER, after=None, limit=10)

    async def test_manifest_without_its_children_is_refused_whole(
        self, store: MetadataStore
    ) -> None:
        """All that is missing is named at once, and nothing of the push stays."""
        image = samples.image()
        await link(store, image.blobs[0])
        missing = {str(Digest.of(blob)) for blob in image.blobs[1:]}

        with pytest.raises(ManifestBlobUnknown) as caught:
            await put(store, image.manifest, tags=["v1"])

        assert set(caught.value.missing) == missing
        assert await tags_of(store) == []
        with pytest.raises(ManifestUnknown):
            await store.get_manifest(APP, image.manifest.digest)

    async def test_blob_of_another_repository_does_not_complete_a_manifest(
        self, store: MetadataStore
    ) -> None:
        """A child has to be in the repository of the manifest."""
        image = samples.image()
        for blob in image.blobs:
            await link(store, blob, OTHER)

        with pytest.raises(ManifestBlobUnknown):
            await put(store, image.manifest)

    async def test_sparse_manifest_may_name_what_is_not_there(self, store: MetadataStore) -> None:
        """A sparse push is taken whatever is missing."""
        image = samples.image()

        await put(store, image.manifest, tags=["v1"], sparse=True)

        assert await store.get_manifest(APP, Tag("v1")) == image.manifest

    async def test_index_needs_its_manifests(self, store: MetadataStore) -> None:
        """An index whose manifests are blobs only, or nothing at all, is refused."""
        child = samples.image().manifest
        index = samples.index(child)
        await link(store, child.body)

        with pytest.raises(ManifestBlobUnknown) as caught:
            await put(store, index)
        await push(store)
        await put(store, index)

        assert caught.value.missing == (str(child.digest),)
        assert await store.get_manifest(APP, index.digest) == index

    async def test_index_entry_of_an_unknown_type_may_be_a_blob(self, store: MetadataStore) -> None:
        """Build caches list blobs in an index (trap T34)."""
        cache = samples.described(b"cache", "application/vnd.buildkit.cacheconfig.v0")
        index = samples.index(cache)

        with pytest.raises(ManifestBlobUnknown):
            await put(store, index)
        await link(store, b"cache")
        await put(store, index)

        assert await store.get_manifest(APP, index.digest) == index

    async def test_layer_that_lies_elsewhere_need_not_be_here(self, store: MetadataStore) -> None:
        """Non-distributable layers are fetched from where their URLs say (trap T15)."""
        foreign = Descriptor(
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Digest.of(b"windows"), 7
        )
        await link(store, samples.EMPTY)

        await put(store, samples.image_manifest(layers=[foreign]), tags=["v1"])

        assert await tags_of(store) == ["v1"]

    async def test_tag_moves_to_what_was_put_last(self, store: MetadataStore) -> None:
        """A tag names one manifest at a time, and the one it left stays."""
        first = await push(store, samples.image(1), tags=["v1"])

        second = await push(store, samples.image(2), tags=["v1"])

        assert await store.get_manifest(APP, Tag("v1")) == second
        assert await store.get_manifest(APP, first.digest) == first

    async def test_history_of_a_tag_tells_who_moved_it_when_and_from_where(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """Moving and deleting end an interval; putting the same digest again changes nothing."""
        first = await push(store, samples.image(1))
        second = await push(store, samples.image(2))
        begun = await put(store, first, tags=["v1"], by="ann")
        began_at = clock()
        clock.advance(timedelta(hours=1))
        await put(store, first, tags=["v1"], by="bob")
        moved = await put(store, second, tags=["v1"], by="cid")
        moved_at = clock()
        clock.advance(timedelta(hours=1))
        ended = await store.commit(TagDeleted(APP, Tag("v1")), occasion=Occasion())
        assert ended is not None

        late, early = await store.tag_history(APP, Tag("v1"))

        assert (early.digest, early.by, early.previous) == (first.digest, "ann", None)
        assert (early.since, early.until) == (begun, moved)
        assert (early.since_at, early.until_at) == (began_at, moved_at)
        assert (late.digest, late.by, late.previous) == (second.digest, "cid", first.digest)
        assert (late.since, late.until, late.until_at) == (moved, ended.number, clock())

    async def test_deleting_a_tag_leaves_its_manifest(self, store: MetadataStore) -> None:
        """Only the name goes; deleting it again is an error."""
        manifest = await push(store, tags=["v1", "v2"])

        await store.commit(TagDeleted(APP, Tag("v1")), occasion=Occasion())

        assert await tags_of(store) == ["v2"]
        assert await store.get_manifest(APP, manifest.digest) == manifest
        with pytest.raises(ManifestUnknown):
            await store.get_manifest(APP, Tag("v1"))
        with pytest.raises(ManifestUnknown):
            await store.commit(TagDeleted(APP, Tag("v1")), occasion=Occasion())

    async def test_deleting_a_manifest_ends_every_tag_that_names_it(
        self, store: MetadataStore
    ) -> None:
        """Neither its digest nor its tags are found afterwards; other tags are."""
        manifest = await push(store, samples.image(1), tags=["v1", "latest"])
        await push(store, samples.image(2), tags=["v2"])

        await store.commit(ManifestDeleted(APP, manifest.digest), occasion=Occasion())

        assert await tags_of(store) == ["v2"]
        for reference in (Tag("v1"), Tag("latest"), manifest.digest):
            with pytest.raises(ManifestUnknown):
                await store.get_manifest(APP, reference)
        with pytest.raises(ManifestUnknown):
            await store.commit(ManifestDeleted(APP, manifest.digest), occasion=Occasion())

    async def test_manifest_that_an_index_names_can_be_deleted(self, store: MetadataStore) -> None:
        """Indexes may be left with a gap on purpose (distribution-spec, Deleting Manifests)."""
        child = await push(store)
        index = samples.index(child)
        await put(store, index, tags=["v1"])

        await store.commit(ManifestDeleted(APP, child.digest), occasion=Occasion())

        assert await store.get_manifest(APP, Tag("v1")) == index

    async def test_deleted_manifest_can_be_put_again(self, store: MetadataStore) -> None:
        """A second life begins with the push and has no tags of the first."""
        manifest = await push(store, tags=["v1"])
        await store.commit(ManifestDeleted(APP, manifest.digest), occasion=Occasion())

        await put(store, manifest, tags=["v2"])

        assert await store.get_manifest(APP, manifest.digest) == manifest
        assert await tags_of(store) == ["v2"]

    async def test_same_bytes_as_another_media_type_replace_the_manifest(
        self, store: MetadataStore
    ) -> None:
        """The type that was pushed last is served, also by the tags from before."""
        first = samples.index()
        again = Manifest(first.body, media_types.DOCKER_LIST, first.digest)
        await put(store, first, tags=["v1"])

        await put(store, again, tags=["v2"])

        for reference in (Tag("v1"), Tag("v2"), first.digest):
            found = await store.get_manifest(APP, reference)
            assert found.media_type == media_types.DOCKER_LIST

    async def test_blob_in_use_cannot_be_deleted(self, store: MetadataStore) -> None:
        """The error names the manifest; once that is gone, the blob may go."""
        image = samples.image()
        await push(store, image)
        digest = Digest.of(image.blobs[0])

        with pytest.raises(BlobInUse) as caught:
            await store.commit(BlobUnlinked(APP, digest), occasion=Occasion())
        await store.commit(ManifestDeleted(APP, image.manifest.digest), occasion=Occasion())
        await store.commit(BlobUnlinked(APP, digest), occasion=Occasion())

        assert caught.value.manifest == str(image.manifest.digest)
        with pytest.raises(BlobUnknown):
            await store.get_blob(APP, digest)
        with pytest.raises(BlobUnknown):
            await store.commit(BlobUnlinked(APP, digest), occasion=Occasion())

    async def test_tags_are_listed_in_byte_order_a_page_at_a_time(
        self, store: MetadataStore
    ) -> None:
        """Pages follow each other without gap or repetition, from any starting point (R46, R49)."""
        names = ["10", "9", "A", "_x", "a", "b"]
        await push(store, tags=names)

        first = await store.list_tags(APP, after=None, limit=4)
        second = await store.list_tags(APP, after=first.items[-1], limit=4)
        between = await store.list_tags(APP, after=Tag("AA"), limit=1)

        assert ([*first.items], first.more) == (["10", "9", "A", "_x"], True)
        assert ([*second.items], second.more) == (["a", "b"], False)
        assert ([*between.items], between.more) == (["_x"], True)

    async def test_page_of_no_tags_promises_no_more(self, store: MetadataStore) -> None:
        """A page that is asked to be empty has nothing to go on after (R47)."""
        await push(store, tags=["v1"])

        page = await store.list_tags(APP, after=None, limit=0)

        assert ([*page.items], page.more) == ([], False)

    async def test_repository_exists_from_its_first_blob_on(self, store: MetadataStore) -> None:
        """Its tags can be asked for then, though it is listed from its first manifest on."""
        with pytest.raises(NameUnknown):
            await store.list_tags(APP, after=None, limit=10)

        await link(store, b"content")

        assert await tags_of(store) == []
        assert [*(await store.list_repositories(after=None, limit=10)).items] == []

    async def test_repositories_are_listed_in_byte_order_a_page_at_a_time(
        self, store: MetadataStore
    ) -> None:
        """Pages follow each other without gap or repetition."""
        names = [RepositoryName(name) for name in ("a", "a-b", "a/b", "b")]
        for name in reversed(names):
            await push(store, repository=name)

        first = await store.list_repositories(after=None, limit=3)
        second = await store.list_repositories(after=first.items[-1], limit=3)

        assert ([*first.items], first.more) == (names[:3], True)
        assert ([*second.items], second.more) == (names[3:], False)

    async def test_deleted_repository_is_gone_with_everything(self, store: MetadataStore) -> None:
        """No name of it is known; the history of its tags is."""
        image = samples.image()
        manifest = await push(store, image, tags=["v1"])
        await store.commit(RepositoryDeleted(APP), occasion=Occasion())

        with pytest.raises(NameUnknown):
            await store.list_tags(APP, after=None, limit=10)
        with pytest.raises(ManifestUnknown):
            await store.get_manifest(APP, manifest.digest)
        with pytest.raises(BlobUnknown):
            await store.get_blob(APP, Digest.of(image.blobs[0]))
        with pytest.raises(NameUnknown):
            await store.commit(RepositoryDeleted(APP), occasion=Occasion())
        assert [*(await store.list_repositories(after=None, limit=10)).items] == []
        assert [*await store.holders(Digest.of(image.blobs[0]), limit=10)] == []
        (interval,) = await store.tag_history(APP, Tag("v1"))
        assert interval.until is not None

    async def test_repository_can_begin_again(self, store: MetadataStore) -> None:
        """A push after the deletion finds an empty repository of that name."""
        await push(store, samples.image(1), tags=["v1"])
        await store.commit(RepositoryDeleted(APP), occasion=Occasion())

        await push(store, samples.image(2), tags=["v2"])

        assert await tags_of(store) == ["v2"]
        assert [*(await store.list_repositories(after=None, limit=10)).items] == [APP]

    async def test_referrers_are_listed_by_digest_and_type(self, store: MetadataStore) -> None:
        """A listing says of each manifest what image-spec descriptors say (R51)."""
        subject = await push(store)
        await link(store, samples.EMPTY)
        boms = [samples.artifact(subject, seed=seed) for seed in range(3)]
        signature = samples.artifact(subject, artifact_type="application/vnd.example.signature")
        for manifest in (*boms, signature):
            await put(store, manifest)

        everything = await store.list_referrers(APP, subject.digest, artifact_type=None, after=None)
        signatures = await store.list_referrers(
            APP, subject.digest, artifact_type=signature.artifact_type, after=None
        )

        expected = sorted(
            (each.as_referrer for each in (*boms, signature)), key=lambda each: str(each.digest)
        )
        assert ([*everything.items], everything.more) == (expected, False)
        assert [*signatures.items] == [signature.as_referrer]

    async def test_referrers_go_on_after_a_digest(self, store: MetadataStore) -> None:
        """A page can begin anywhere, and a subject without referrers has an empty one."""
        subject = samples.image().manifest
        await link(store, samples.EMPTY)
        for seed in range(3):
            await put(store, samples.artifact(subject, seed=seed))
        page = await store.list_referrers(APP, subject.digest, artifact_type=None, after=None)

        rest = await store.list_referrers(
            APP, subject.digest, artifact_type=None, after=page.items[0].digest
        )
        nothing = await store.list_referrers(OTHER, subject.digest, artifact_type=None, after=None)

        assert [*rest.items] == [*page.items[1:]]
        assert ([*nothing.items], nothing.more) == ([], False)

    async def test_page_of_referrers_closes_near_four_mebibytes(self, store: MetadataStore) -> None:
        """Clients read no more; what does not fit is on the next page (R53)."""
        subject = samples.image().manifest
        await link(store, samples.EMPTY)
        note = "n" * 1_500_000
        for seed in range(4):
            manifest = samples.image_manifest(
                subject=subject.descriptor, annotations={"note": note, "seed": str(seed)}
            )
            await put(store, manifest)

        first = await store.list_referrers(APP, subject.digest, artifact_type=None, after=None)
        second = await store.list_referrers(
            APP, subject.digest, artifact_type=None, after=first.items[-1].digest
        )

        assert (len(first.items), first.more) == (2, True)
        assert (len(second.items), second.more) == (2, False)

    async def test_deleted_referrer_is_not_listed(self, store: MetadataStore) -> None:
        """A manifest leaves the listing of its subject when it ends."""
        subject = samples.image().manifest
        await link(store, samples.EMPTY)
        referrer = samples.artifact(subject)
        await put(store, referrer)

        await store.commit(ManifestDeleted(APP, referrer.digest), occasion=Occasion())

        page = await store.list_referrers(APP, subject.digest, artifact_type=None, after=None)
        assert [*page.items] == []

    async def test_events_are_the_changes_in_their_order(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """Every committed change can be read back as it was, with its occasion; refusals leave none."""
        occasion = Occasion(Principal("ann"), {"address": "192.0.2.1", "agent": "t\u00e9st"})
        image = samples.image()
        blobs = [samples.described(blob, media_types.OCTETS) for blob in image.blobs]
        changes: list[Change] = [
            *(BlobLinked(APP, blob) for blob in blobs),
            BlobLinked(OTHER, blobs[0], source=APP),
            ManifestPut(APP, image.manifest, (Tag("v1"), Tag("v2"))),
            TagDeleted(APP, Tag("v1")),
            BlobUnlinked(OTHER, blobs[0].digest),
            ManifestDeleted(APP, image.manifest.digest),
            RepositoryDeleted(APP),
        ]
        committed = []
        for change in changes:
            committed.append(await store.commit(change, occasion=occasion))
            clock.advance(timedelta(seconds=1))
            with pytest.raises(NameUnknown):
                await store.commit(RepositoryDeleted(RepositoryName("absent")), occasion=occasion)

        found = [*await store.events(after=0, limit=100)]
        some = await store.events(after=found[1].number, limit=2)

        assert [event.change for event in found] == changes
        assert found == committed
        assert [*some] == found[2:4]
        assert [each.number for each in found] == sorted({each.number for each in found})

    async def test_change_that_changes_nothing_is_no_event(self, store: MetadataStore) -> None:
        """A client that pushes the same again and again does not make the log grow."""
        manifest = await push(store, tags=["v1", "v2"])
        before = [*await store.events(after=0, limit=100)]

        await push(store, tags=["v2"])
        again = await put(store, manifest)
        moved = await put(store, manifest, tags=["v1", "v3"])

        assert again is None
        after = [*await store.events(after=0, limit=100)]
        assert after[:-1] == before
        assert after[-1].number == moved

    async def test_later_pull_is_remembered_and_earlier_one_is_not(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """Pulls arrive in any order; pulls of what is gone are no error."""
        manifest = await push(store, tags=["v1"])
        late, early = clock() + timedelta(hours=2), clock() + timedelta(hours=1)

        await store.record_pulls(
            [
                Pull(APP, manifest.digest, Tag("v1"), late),
                Pull(APP, manifest.digest, Tag("v1"), early),
                Pull(APP, manifest.digest, None, late),
                Pull(OTHER, manifest.digest, Tag("v1"), late),
                Pull(APP, Digest.of(b"gone"), Tag("gone"), late),
            ]
        )

        (interval,) = await store.tag_history(APP, Tag("v1"))
        assert interval.pulled_at == late
