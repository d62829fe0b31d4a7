"""What every repository promises about lists and deletes; part of `lading.testing.repository`."""

import pytest

from lading.errors import (
    BlobInUse,
    BlobUnknown,
    ManifestUnknown,
    NameUnknown,
)
from lading.interfaces.repository import Registry, Repository
from lading.oci import media_types
from lading.oci.digest import Digest
from lading.oci.names import Tag
from lading.testing import samples
from lading.testing.places import NOWHERE


class FindingContract:
    """Every promise of `ContentIndex`."""

    async def test_tags_come_in_byte_order(self, repository: Repository) -> None:
        """Upper case sorts before lower case, digits before both (R46, trap T19)."""
        await samples.put_image(repository, tags=["b", "B", "a.1", "a-1", "_", "10", "9"])

        page = await repository.tags()

        assert list(page.items) == ["10", "9", "B", "_", "a-1", "a.1", "b"]
        assert not page.more

    async def test_tags_come_in_pages(self, repository: Repository) -> None:
        """Going on after the last of a page leads through all of them, each once (R47 to R49)."""
        await samples.put_image(repository, tags=[f"v{number}" for number in range(7)])

        first = await repository.tags(limit=3)
        second = await repository.tags(after=first.items[-1], limit=3)
        third = await repository.tags(after=second.items[-1], limit=3)

        assert [*first.items, *second.items, *third.items] == [f"v{n}" for n in range(7)]
        assert (first.more, second.more, third.more) == (True, True, False)

    async def test_page_that_ends_with_the_list_has_no_more(self, repository: Repository) -> None:
        """A full page at the end of the list does not promise another."""
        await samples.put_image(repository, tags=["a", "b"])

        assert not (await repository.tags(limit=2)).more

    async def test_tags_go_on_after_one_that_does_not_exist(self, repository: Repository) -> None:
        """The starting point is a place in the order, not an entry (R49)."""
        await samples.put_image(repository, tags=["a", "c"])

        assert list((await repository.tags(after=Tag("b"))).items) == ["c"]
        assert list((await repository.tags(after=Tag("c"))).items) == []

    async def test_tags_of_an_unknown_repository_are_an_error(self, registry: Registry) -> None:
        """The list of a repository that nobody pushed to is not empty, it is not there."""
        with pytest.raises(NameUnknown):
            await registry.repository(NOWHERE).tags()

    async def test_repository_outlives_its_last_tag(self, repository: Repository) -> None:
        """Without tags its list is empty, and not an error."""
        await samples.put_image(repository, tags=["v1"])

        await repository.delete_tag(Tag("v1"))

        assert list((await repository.tags()).items) == []

    async def test_referrers_are_listed_as_the_spec_describes_them(
        self, repository: Repository
    ) -> None:
        """By their own artifact type, else by that of the config, else by none (R51)."""
        subject = samples.image().manifest
        await samples.put_image(repository)
        typed = samples.artifact(subject)
        untyped = samples.image_manifest(subject=subject.descriptor)
        listing = samples.index(subject=subject.descriptor, annotations={"a": "b"})
        await samples.put_blob(repository, samples.EMPTY)

        for each in (typed, untyped, listing):
            await repository.put_manifest(each)

        found = {each.digest: each for each in (await repository.referrers(subject.digest)).items}
        assert set(found) == {typed.digest, untyped.digest, listing.digest}
        assert found[typed.digest].artifact_type == "application/vnd.example.sbom"
        assert found[typed.digest].annotations == {"org.example.seed": "0"}
        assert found[untyped.digest].artifact_type == media_types.OCI_EMPTY
        assert found[listing.digest] == listing.as_referrer

    async def test_referrers_can_be_filtered(self, repository: Repository) -> None:
        """Only those of one artifact type are listed (R52)."""
        subject = samples.image().manifest
        sbom = samples.artifact(subject)
        signature = samples.artifact(subject, artifact_type="application/vnd.example.signature")
        for each in (sbom, signature):
            await samples.put_artifact(repository, each)

        page = await repository.referrers(
            subject.digest, artifact_type="application/vnd.example.signature"
        )

        assert [each.digest for each in page.items] == [signature.digest]
        assert not (await repository.referrers(subject.digest, artifact_type="a/b")).items

    async def test_referrers_may_come_before_their_subject(self, repository: Repository) -> None:
        """An artifact about what is not here yet is taken and listed (R40)."""
        about = samples.artifact(samples.image().manifest)

        receipt = await samples.put_artifact(repository, about)

        assert receipt.subject == samples.image().manifest.digest
        page = await repository.referrers(samples.image().manifest.digest)
        assert [each.digest for each in page.items] == [about.digest]

    async def test_referrers_are_those_of_this_repository(
        self, repository: Repository, other: Repository, registry: Registry
    ) -> None:
        """And there are none, rather than an error, where nothing is (R50, trap T9)."""
        await samples.put_artifact(other, samples.artifact(samples.image().manifest))

        for place in (repository, registry.repository(NOWHERE)):
            page = await place.referrers(samples.image().manifest.digest)

            assert list(page.items) == []
            assert not page.more

    async def test_referrers_go_on_after_a_digest(self, repository: Repository) -> None:
        """A list that is gone through from any of its digests on has the rest of it (R53)."""
        subject = samples.image().manifest
        for seed in range(5):
            await samples.put_artifact(repository, samples.artifact(subject, seed=seed))
        every = [each.digest for each in (await repository.referrers(subject.digest)).items]

        rest = await repository.referrers(subject.digest, after=every[2])

        assert len(every) == 5
        assert [each.digest for each in rest.items] == every[3:]

    async def test_deleted_referrer_is_not_listed(self, repository: Repository) -> None:
        """The list is of what is here."""
        subject = samples.image().manifest
        about = samples.artifact(subject)
        await samples.put_artifact(repository, about)

        await repository.delete_manifest(about.digest)

        assert list((await repository.referrers(subject.digest)).items) == []


class RemovingContract:
    """Every promise of `Curation`."""

    async def test_deleted_tag_leaves_its_manifest(self, repository: Repository) -> None:
        """Only the name goes (R57)."""
        image = await samples.put_image(repository, tags=["v1", "v2"])

        await repository.delete_tag(Tag("v1"))

        with pytest.raises(ManifestUnknown):
            await repository.resolve(Tag("v1"))
        assert await repository.resolve(Tag("v2")) == image.descriptor
        assert await repository.resolve(image.descriptor.digest) == image.descriptor

    async def test_deleted_manifest_takes_all_its_tags(self, repository: Repository) -> None:
        """It is gone by digest and by every name it had; others stay (R58)."""
        gone = await samples.put_image(repository, samples.image(1), tags=["a", "b"])
        kept = await samples.put_image(repository, samples.image(2), tags=["c"])

        await repository.delete_manifest(gone.descriptor.digest)

        for reference in (gone.descriptor.digest, Tag("a"), Tag("b")):
            with pytest.raises(ManifestUnknown):
                await repository.get_manifest(reference)
        assert await repository.resolve(Tag("c")) == kept.descriptor
        assert list((await repository.tags()).items) == ["c"]

    async def test_deleting_what_is_not_there_is_an_error(
        self, repository: Repository, registry: Registry
    ) -> None:
        """Also twice, and where there is no repository (R58, R59)."""
        image = await samples.put_image(repository)
        await repository.delete_manifest(image.descriptor.digest)

        for place in (repository, registry.repository(NOWHERE)):
            with pytest.raises(ManifestUnknown):
                await place.delete_manifest(image.descriptor.digest)
            with pytest.raises(ManifestUnknown):
                await place.delete_tag(Tag("v1"))
            with pytest.raises(BlobUnknown):
                await place.delete_blob(Digest.of(b"never pushed"))

    async def test_deleted_manifest_can_be_pushed_again(self, repository: Repository) -> None:
        """Its blobs are still here, so that the manifest is all it takes."""
        image = samples.image()
        await samples.put_image(repository, image)
        await repository.delete_manifest(image.manifest.digest)

        await repository.put_manifest(image.manifest, tags=[Tag("v1")])

        assert await repository.get_manifest(Tag("v1")) == image.manifest

    async def test_deleted_blob_is_gone_here_only(
        self, repository: Repository, other: Repository
    ) -> None:
        """Another repository that has the blob keeps it (trap T11)."""
        pushed = await samples.put_blob(repository, b"shared")
        await samples.put_blob(other, b"shared")

        await repository.delete_blob(pushed.digest)

        with pytest.raises(BlobUnknown):
            await repository.stat_blob(pushed.digest)
        with pytest.raises(BlobUnknown):
            await repository.delete_blob(pushed.digest)
        assert await samples.content_of(await other.open_blob(pushed.digest)) == b"shared"

    async def test_deleted_blob_can_be_pushed_again(self, repository: Repository) -> None:
        """Deleting leaves nothing behind that would stand in the way."""
        pushed = await samples.put_blob(repository, b"again")
        await repository.delete_blob(pushed.digest)

        await samples.put_blob(repository, b"again")

        assert await samples.content_of(await repository.open_blob(pushed.digest)) == b"again"

    async def test_blob_in_use_is_not_deleted(self, repository: Repository) -> None:
        """While a manifest names it, deleting it is refused, and the manifest is named."""
        image = samples.image()
        await samples.put_image(repository, image)
        digest = Digest.of(image.blobs[1])

        with pytest.raises(BlobInUse) as caught:
            await repository.delete_blob(digest)
        still = await samples.content_of(await repository.open_blob(digest))
        await repository.delete_manifest(image.manifest.digest)
        await repository.delete_blob(digest)

        assert caught.value.manifest == str(image.manifest.digest)
        assert still == image.blobs[1]
        with pytest.raises(BlobUnknown):
            await repository.stat_blob(digest)
