"""The part of `MetadataStoreContract` about manifests, their tags, and the blobs that they need."""

import asyncio

import pytest

from lading.errors import BlobUnknown, ManifestBlobUnknown, ManifestUnknown, NameUnknown
from lading.interfaces.access import Occasion
from lading.interfaces.changes import BlobLinked, Event
from lading.interfaces.metadata import MetadataStore
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Tag
from lading.testing import samples
from lading.testing.metadata_writing import APP, OTHER, link, push, put, tags_of


class ContentContract:
    """What was put is found, and nothing is put that is not whole."""

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
