"""The part of `MetadataStoreContract` about what is deleted, and what that takes along."""

import pytest

from lading.errors import BlobInUse, BlobUnknown, ManifestUnknown, NameUnknown
from lading.interfaces.access import Occasion
from lading.interfaces.changes import BlobUnlinked, ManifestDeleted, RepositoryDeleted, TagDeleted
from lading.interfaces.metadata import MetadataStore
from lading.oci.digest import Digest
from lading.oci.names import Tag
from lading.testing import samples
from lading.testing.metadata_writing import APP, push, put, tags_of


class DeletingContract:
    """What ends, what stays, and what can begin again."""

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
