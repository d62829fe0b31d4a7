"""The part of `MetadataStoreContract` about lists: of tags, of repositories, of referrers."""

import pytest

from lading.errors import NameUnknown
from lading.interfaces.access import Occasion
from lading.interfaces.changes import ManifestDeleted
from lading.interfaces.metadata import MetadataStore
from lading.oci.names import RepositoryName, Tag
from lading.testing import samples
from lading.testing.metadata_writing import APP, OTHER, link, push, put, tags_of


class ListsContract:
    """Lists are in an order, a page at a time."""

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

    async def test_page_may_be_longer_than_anything(self, store: MetadataStore) -> None:
        """Whoever wants all names any number, however many digits it has."""
        await push(store, tags=["v1", "v2"])

        tags = await store.list_tags(APP, after=None, limit=10**30)
        repositories = await store.list_repositories(after=None, limit=10**30)

        assert ([*tags.items], tags.more) == (["v1", "v2"], False)
        assert ([*repositories.items], repositories.more) == ([APP], False)

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
