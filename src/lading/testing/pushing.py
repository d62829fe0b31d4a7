"""What every repository promises about pushes and mounts; part of `lading.testing.repository`."""

import pytest

from lading.errors import (
    BlobInUse,
    BlobUnknown,
    ManifestBlobUnknown,
    ManifestUnknown,
)
from lading.interfaces.repository import Registry, Repository, Spared
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.names import Tag
from lading.testing import samples
from lading.testing.places import NOWHERE


class PushingContract:
    """Every promise of `ContentTarget.put_manifest`."""

    async def test_receipt_says_what_became_of_the_push(self, repository: Repository) -> None:
        """The descriptor, the subject and every tag, several at once (R41, R43)."""
        subject = Descriptor(media_types.OCI_MANIFEST, Digest.of(b"not here"), 8)
        about = samples.artifact(subject)
        await samples.put_blob(repository, samples.EMPTY)

        receipt = await repository.put_manifest(about, tags=[Tag("a"), Tag("b")])

        assert receipt.descriptor == about.descriptor
        assert receipt.subject == subject.digest
        assert receipt.tags == ("a", "b")
        assert (await repository.resolve(Tag("b"))).digest == about.digest

    async def test_manifest_is_refused_while_content_is_missing(
        self, repository: Repository
    ) -> None:
        """All that is missing is named at once, and nothing is stored (R39)."""
        image = samples.image(layers=3)
        config, here, *away = (Digest.of(content) for content in image.blobs)
        await samples.put_blob(repository, image.blobs[1])

        with pytest.raises(ManifestBlobUnknown) as caught:
            await repository.put_manifest(image.manifest, tags=[Tag("v1")])

        assert sorted(caught.value.missing) == sorted(map(str, (config, *away)))
        assert str(here) not in caught.value.missing
        with pytest.raises(ManifestUnknown):
            await repository.resolve(image.manifest.digest)
        with pytest.raises(ManifestUnknown):
            await repository.resolve(Tag("v1"))

    async def test_content_of_another_repository_does_not_count(
        self, repository: Repository, other: Repository
    ) -> None:
        """A manifest cannot borrow blobs or children from where they are readable."""
        image = samples.image()
        await samples.put_image(other, image)

        with pytest.raises(ManifestBlobUnknown):
            await repository.put_manifest(image.manifest)
        with pytest.raises(ManifestBlobUnknown):
            await repository.put_manifest(samples.index(image.manifest))

    async def test_sparse_manifest_is_taken_when_asked_for(self, repository: Repository) -> None:
        """A cache stores manifests before their content."""
        image = samples.image()

        await repository.put_manifest(image.manifest, tags=[Tag("v1")], sparse=True)

        assert await repository.get_manifest(Tag("v1")) == image.manifest

    @pytest.mark.parametrize("docker", [False, True])
    async def test_index_needs_its_manifests(self, repository: Repository, docker: bool) -> None:
        """An index is refused until each manifest it lists is here."""
        image = samples.image(docker=docker)
        listing = samples.index(image.manifest, docker=docker)

        with pytest.raises(ManifestBlobUnknown) as caught:
            await repository.put_manifest(listing, tags=[Tag("v1")])
        await samples.put_image(repository, image)
        await repository.put_manifest(listing, tags=[Tag("v1")])

        assert caught.value.missing == (str(image.manifest.digest),)
        assert await repository.get_manifest(Tag("v1")) == listing

    async def test_index_may_list_blobs(self, repository: Repository) -> None:
        """Build caches are indexes of layers; these have to be here as well (trap T34)."""
        layer = samples.described(samples.layer(), media_types.OCI_LAYER_GZIP)
        cache = samples.described(b"{}", "application/vnd.buildkit.cacheconfig.v0")
        listing = samples.index(layer, cache)

        await samples.put_blob(repository, samples.layer())
        with pytest.raises(ManifestBlobUnknown) as caught:
            await repository.put_manifest(listing)
        await samples.put_blob(repository, b"{}")
        await repository.put_manifest(listing, tags=[Tag("cache")])

        assert caught.value.missing == (str(cache.digest),)
        with pytest.raises(BlobInUse):
            await repository.delete_blob(layer.digest)

    @pytest.mark.parametrize("media_type", sorted(media_types.NON_DISTRIBUTABLE))
    async def test_layer_that_may_not_be_distributed_need_not_be_here(
        self, repository: Repository, media_type: str
    ) -> None:
        """Such layers are fetched from elsewhere (trap T15)."""
        manifest = samples.image_manifest(layers=[samples.described(b"licensed", media_type)])
        await samples.put_blob(repository, samples.EMPTY)

        await repository.put_manifest(manifest)

        assert await repository.get_manifest(manifest.digest) == manifest

    async def test_manifest_without_content_is_taken(self, repository: Repository) -> None:
        """No layers and no children are no mistake (trap T14)."""
        await samples.put_blob(repository, samples.EMPTY)
        for empty in (samples.image_manifest(), samples.index()):
            await repository.put_manifest(empty)

            assert await repository.get_manifest(empty.digest) == empty

    async def test_pushing_again_changes_nothing(self, repository: Repository) -> None:
        """A push is repeatable, and so is tagging by it (trap T46)."""
        first = await samples.put_image(repository, tags=["v1"])

        second = await samples.put_image(repository, tags=["v1", "v2"])

        assert second.descriptor == first.descriptor
        assert list((await repository.tags()).items) == ["v1", "v2"]

    async def test_tag_moves_and_leaves_the_old_manifest(self, repository: Repository) -> None:
        """What a tag named before stays readable by its digest (trap T16)."""
        old = await samples.put_image(repository, samples.image(1), tags=["v1"])
        new = await samples.put_image(repository, samples.image(2), tags=["v1"])

        assert await repository.resolve(Tag("v1")) == new.descriptor
        assert await repository.resolve(old.descriptor.digest) == old.descriptor


class MountingContract:
    """Every promise of `ContentTarget.mount_blob`."""

    @pytest.mark.parametrize("named", [True, False])
    async def test_mounted_blob_is_readable_and_stays(
        self, repository: Repository, other: Repository, named: bool
    ) -> None:
        """From a source or from wherever it is; and it outlives the source (R33, R35, T11)."""
        pushed = await samples.put_blob(other, b"shared")

        assert await repository.mount_blob(pushed.digest, other.name if named else None)
        await other.delete_blob(pushed.digest)

        body = await repository.open_blob(pushed.digest)
        assert await samples.content_of(body) == b"shared"

    async def test_announced_blob_of_another_repository_is_readable(
        self, repository: Repository, other: Repository
    ) -> None:
        """Whether its bytes are taken or it is mounted as the upload begins (R34)."""
        pushed = await samples.put_blob(other, b"shared")

        upload = await repository.start_upload(expected=pushed)
        spared = isinstance(upload, Spared) and upload.mounted
        await upload.write(samples.inbound(b"" if spared else b"shared"))
        committed = await upload.commit(pushed.digest)
        await other.delete_blob(pushed.digest)

        body = await repository.open_blob(pushed.digest)
        assert await samples.content_of(body) == b"shared"
        assert committed.digest == pushed.digest

    async def test_blob_that_is_nowhere_cannot_be_mounted(
        self, repository: Repository, other: Repository
    ) -> None:
        """That is no error: the caller uploads it instead (R34, trap T13)."""
        digest = Digest.of(b"never pushed")

        assert not await repository.mount_blob(digest, other.name)
        assert not await repository.mount_blob(digest, NOWHERE)
        assert not await repository.mount_blob(digest, None)
        with pytest.raises(BlobUnknown):
            await repository.stat_blob(digest)

    async def test_source_without_the_blob_does_not_give_it(
        self, repository: Repository, other: Repository, registry: Registry
    ) -> None:
        """A blob is mounted from where the caller said, not from elsewhere."""
        pushed = await samples.put_blob(registry.repository(NOWHERE), b"somewhere else")

        assert not await repository.mount_blob(pushed.digest, other.name)

    async def test_blob_that_is_here_counts_as_mounted(
        self, repository: Repository, other: Repository
    ) -> None:
        """Nothing has to be done, whatever the source."""
        pushed = await samples.put_blob(repository, b"here")

        assert await repository.mount_blob(pushed.digest, other.name)
        assert await repository.mount_blob(pushed.digest, None)
