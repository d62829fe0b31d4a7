"""The part of `MetadataStoreContract` about what is there, and what is wrong with it."""

import pytest

from lading.errors import BlobUnknown
from lading.interfaces.access import Occasion
from lading.interfaces.changes import BlobUnlinked, ManifestDeleted
from lading.interfaces.metadata import MetadataStore
from lading.oci.digest import Digest
from lading.oci.names import Tag
from lading.testing import samples
from lading.testing.metadata_collection import collected, doomed
from lading.testing.metadata_writing import APP, GRACE, HOUR, OTHER, Clock, link, push, put


class AuditContract:
    """Every promise of `Audit`, and what is told to those who count and mark."""

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
        children = sorted((image.manifest for image in images), key=lambda each: str(each.digest))
        made = (samples.index(*children, annotations={"n": str(n)}) for n in range(1000))
        # One child comes before these, and another after them.
        low, high = str(children[0].digest), str(children[-1].digest)
        index, again = [each for each in made if low < str(each.digest) < high][:2]
        for repository in (APP, OTHER):
            for image in images:
                await push(store, image, repository=repository)
            await put(store, index, repository=repository)
        await put(store, again)
        (first, second) = sorted([APP, OTHER])

        whole = [
            (repository, digest, {*named})
            for repository in (first, second)
            for digest, named in await store.marked(repository, after=None, limit=100)
        ]
        page = await store.marked(APP, after=None, limit=2)
        rest = await store.marked(APP, after=page[-1][0], limit=100)

        before: set[Digest] = set()
        everything = (index, again, *children)
        named_by = {each.digest: each for each in everything}
        for _, digest, named in whole:
            before.add(digest)
            edges = {edge.digest for edge in named_by[digest].edges}
            assert named == edges - before
            before |= edges
        assert [row[0] for row in (*page, *rest)] == sorted(
            (digest for name, digest, _ in whole if name == APP), key=str
        )

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
        forgotten = await doomed(store, clock)
        unlinked = await link(store, b"unlinked")
        await store.commit(BlobUnlinked(APP, unlinked.digest), occasion=Occasion())
        stray = Digest.of(b"stray")

        found = await store.unknown([forgotten.digest, stray, unlinked.digest])

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
        await collected(store, clock)

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
