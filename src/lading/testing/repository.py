"""What every repository promises, as tests: local, remote, cached, guarded or wrapped.

Subclass `RepositoryContract` in a pytest module and give it a fixture ``registry``, an empty
registry that refuses manifests whose content is missing::

    class TestMyRegistry(RepositoryContract):
        @pytest.fixture
        async def registry(self) -> AsyncIterator[Registry]:
            async with open_mine() as registry:
                yield registry
"""

import pytest

from lading.bodies import Span
from lading.errors import (
    BlobUnknown,
    ManifestUnknown,
    NameUnknown,
    RangeUnsatisfiable,
)
from lading.interfaces.repository import Registry, Repository
from lading.oci.digest import ALGORITHMS, Digest
from lading.oci.names import RepositoryName, Tag
from lading.testing import samples
from lading.testing.finding import FindingContract, RemovingContract
from lading.testing.places import NAME, NOWHERE, OTHER
from lading.testing.pushing import MountingContract, PushingContract
from lading.testing.upload import UploadContract


class ReadingContract:
    """Every promise of `ContentSource`."""

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    @pytest.mark.parametrize("size", [0, 1, 3_000_000])
    async def test_blob_reads_back_byte_for_byte(
        self, repository: Repository, algorithm: str, size: int
    ) -> None:
        """What was pushed is what is read, under the digest that it was pushed by (trap T3)."""
        content = samples.blob(size)

        pushed = await samples.put_blob(repository, content, algorithm=algorithm)

        assert pushed.digest == Digest.of(content, algorithm)
        assert await samples.content_of(await repository.open_blob(pushed.digest)) == content
        assert (await repository.stat_blob(pushed.digest)).size == size

    @pytest.mark.parametrize(
        ("spans", "expected"),
        [
            ([Span(0, 0)], b"0"),
            ([Span(3)], b"3456789"),
            ([Span(None, 4)], b"6789"),
            ([Span(8, 500)], b"89"),
            ([Span(1, 2), Span(5, 5), Span(77)], b"125"),
        ],
    )
    async def test_blob_can_be_read_in_parts(
        self, repository: Repository, spans: list[Span], expected: bytes
    ) -> None:
        """Several parts can be asked for; those that lie outside are left out."""
        pushed = await samples.put_blob(repository, b"0123456789")

        body = await repository.open_blob(pushed.digest, spans=spans)

        assert await samples.content_of(body) == expected

    @pytest.mark.parametrize("span", [Span(10), Span(500, 0), Span(None, 0)])
    async def test_part_outside_of_blob_is_refused(
        self, repository: Repository, span: Span
    ) -> None:
        """The error says how long the blob is; a backward range is one too (trap T12)."""
        pushed = await samples.put_blob(repository, b"0123456789")

        with pytest.raises(RangeUnsatisfiable) as caught:
            await repository.open_blob(pushed.digest, spans=[span])

        assert caught.value.total == 10

    async def test_blob_that_nobody_pushed_is_unknown(self, repository: Repository) -> None:
        """An unknown blob is an error, not an absence."""
        digest = Digest.of(b"never pushed")

        with pytest.raises(BlobUnknown):
            await repository.stat_blob(digest)
        with pytest.raises(BlobUnknown):
            await repository.open_blob(digest)

    async def test_blob_of_another_repository_stays_unknown(
        self, repository: Repository, other: Repository
    ) -> None:
        """Asking for a blob never makes it readable here (trap T10)."""
        pushed = await samples.put_blob(other, b"theirs")

        for _ in range(2):
            with pytest.raises(BlobUnknown):
                await repository.stat_blob(pushed.digest)
            with pytest.raises(BlobUnknown):
                await repository.open_blob(pushed.digest)

    @pytest.mark.parametrize("docker", [False, True])
    async def test_manifest_reads_back_by_tag_and_by_digest(
        self, repository: Repository, docker: bool
    ) -> None:
        """The exact bytes and the type they were pushed as come back."""
        image = samples.image(docker=docker)
        await samples.put_image(repository, image, tags=["v1"])

        by_tag = await repository.get_manifest(Tag("v1"))
        by_digest = await repository.get_manifest(image.manifest.digest)

        assert by_tag == by_digest == image.manifest
        assert await repository.resolve(Tag("v1")) == image.manifest.descriptor
        assert await repository.resolve(image.manifest.digest) == image.manifest.descriptor

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    async def test_manifest_keeps_the_digest_it_was_pushed_by(
        self, repository: Repository, algorithm: str
    ) -> None:
        """A push by sha512 is answered, found and resolved by sha512 (trap T3)."""
        image = samples.image(algorithm=algorithm)

        receipt = await samples.put_image(repository, image, tags=["v1"])

        assert receipt.descriptor.digest == Digest.of(image.manifest.body, algorithm)
        assert (await repository.resolve(Tag("v1"))).digest == receipt.descriptor.digest
        assert await repository.get_manifest(receipt.descriptor.digest) == image.manifest

    async def test_manifest_that_nobody_pushed_is_unknown(
        self, repository: Repository, registry: Registry
    ) -> None:
        """By tag, by digest, here and in a repository that does not exist (R11, R44)."""
        await samples.put_image(repository, tags=["v1"])

        for place in (repository, registry.repository(NOWHERE)):
            for reference in (Tag("v2"), Digest.of(b"never pushed")):
                with pytest.raises(ManifestUnknown):
                    await place.get_manifest(reference)
                with pytest.raises(ManifestUnknown):
                    await place.resolve(reference)

    async def test_tag_that_looks_like_a_digest_is_a_tag(self, repository: Repository) -> None:
        """``sha256-…`` names what was tagged so, never the digest (trap T44)."""
        image = await samples.put_image(repository)
        lookalike = Tag.parse(str(image.descriptor.digest).replace(":", "-"))

        with pytest.raises(ManifestUnknown):
            await repository.resolve(lookalike)
        about = await samples.put_image(repository, samples.image(1), tags=[lookalike])

        assert (await repository.resolve(lookalike)).digest == about.descriptor.digest

    async def test_tags_that_differ_in_case_are_two_tags(self, repository: Repository) -> None:
        """Tags are compared byte by byte (R3)."""
        lower = await samples.put_image(repository, samples.image(1), tags=["v1"])
        upper = await samples.put_image(repository, samples.image(2), tags=["V1"])

        assert await repository.resolve(Tag("v1")) == lower.descriptor
        assert await repository.resolve(Tag("V1")) == upper.descriptor


class RegistryContract:
    """Every promise of `Registry`."""

    async def test_repositories_appear_by_being_pushed_to(
        self, registry: Registry, repository: Repository
    ) -> None:
        """Asking for one does not make it."""
        with pytest.raises(ManifestUnknown):
            await registry.repository(NOWHERE).resolve(Tag("v1"))
        before = await registry.repositories()

        await samples.put_image(repository)

        assert list(before.items) == []
        assert list((await registry.repositories()).items) == [repository.name]

    async def test_repositories_come_in_byte_order_and_in_pages(self, registry: Registry) -> None:
        """As tags do: after a name that need not exist, each once."""
        names = ["a/b", "a-b", "a", "a.b", "z9", "z10"]
        for name in names:
            await samples.put_image(registry.repository(RepositoryName.parse(name)))

        first = await registry.repositories(limit=4)
        second = await registry.repositories(after=first.items[-1], limit=4)
        inner = await registry.repositories(after=RepositoryName.parse("b"), limit=1)

        assert [*first.items, *second.items] == sorted(names)
        assert (first.more, second.more) == (True, False)
        assert (list(inner.items), inner.more) == (["z10"], True)

    async def test_deleted_repository_takes_everything_in_it(
        self, registry: Registry, repository: Repository, other: Repository
    ) -> None:
        """Tags, manifests and blobs are gone there, and stay everywhere else."""
        image = samples.image()
        for place in (repository, other):
            await samples.put_image(place, image, tags=["v1"])

        await registry.delete(repository.name)

        for reference in (Tag("v1"), image.manifest.digest):
            with pytest.raises(ManifestUnknown):
                await repository.get_manifest(reference)
        with pytest.raises(BlobUnknown):
            await repository.stat_blob(Digest.of(image.blobs[0]))
        with pytest.raises(NameUnknown):
            await repository.tags()
        with pytest.raises(NameUnknown):
            await registry.delete(repository.name)
        assert list((await registry.repositories()).items) == [other.name]
        assert await other.get_manifest(Tag("v1")) == image.manifest

    async def test_deleted_repository_can_be_pushed_to_again(
        self, registry: Registry, repository: Repository
    ) -> None:
        """It begins anew, with nothing of what was there."""
        await samples.put_image(repository, samples.image(1), tags=["old"])
        await registry.delete(repository.name)

        await samples.put_image(repository, samples.image(2), tags=["new"])

        assert list((await repository.tags()).items) == ["new"]

    async def test_holders_of_a_blob_are_found(
        self, registry: Registry, repository: Repository, other: Repository
    ) -> None:
        """All that have it, as many as were asked for."""
        for place in (repository, other):
            pushed = await samples.put_blob(place, b"shared")

        holders = await registry.holders(pushed.digest)

        assert sorted(holders) == sorted([repository.name, other.name])
        assert len(await registry.holders(pushed.digest, limit=1)) == 1
        assert list(await registry.holders(Digest.of(b"never pushed"))) == []


class RepositoryContract(
    ReadingContract,
    PushingContract,
    MountingContract,
    UploadContract,
    FindingContract,
    RemovingContract,
    RegistryContract,
):
    """Every promise of `Registry`, `Repository` and `Upload`."""

    @pytest.fixture
    def repository(self, registry: Registry) -> Repository:
        """A repository in which nothing is."""
        return registry.repository(NAME)

    @pytest.fixture
    def other(self, registry: Registry) -> Repository:
        """Another one of the same registry."""
        return registry.repository(OTHER)
