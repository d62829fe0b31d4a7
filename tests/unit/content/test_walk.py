"""Walking graphs of manifests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from lading.content.walk import DEPTH, NODES, Node, walk
from lading.errors import ManifestInvalid, ManifestUnknown
from lading.interfaces.repository import Page, Repository
from lading.metadata.sqlite import open_sqlite
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Kind, Manifest
from lading.oci.names import Tag
from lading.registry.forwarding import ForwardingRepository
from lading.registry.registry import LocalRegistry
from lading.storage.memory import open_memory
from lading.testing import samples
from lading.testing.places import NAME


@pytest.fixture
async def repository() -> AsyncIterator[Repository]:
    """A repository that takes sparse images."""
    async with AsyncExitStack() as stack:
        blobs = await stack.enter_async_context(open_memory())
        metadata = await stack.enter_async_context(open_sqlite(None, grace=timedelta(hours=24)))
        yield LocalRegistry(blobs, metadata, sparse=True).repository(NAME)


async def _nodes(
    repository: Repository, root: Digest | Tag, *, depth: int = DEPTH, nodes: int = NODES
) -> list[Node]:
    return [node async for node in walk(repository, root, depth=depth, nodes=nodes)]


def _blobs(image: samples.Image) -> list[tuple[Digest, Kind]]:
    return [(Digest.of(content), Kind.BLOB) for content in image.blobs]


async def _put(repository: Repository, *manifests: Manifest) -> None:
    for manifest in manifests:
        await repository.put_manifest(manifest)


async def test_children_come_before_what_names_them(repository: Repository) -> None:
    """So the whole can be pushed in this order."""
    one, two = samples.image(1), samples.image(2)
    for image in (one, two):
        await samples.put_image(repository, image)
    listing = samples.index(one.manifest, two.manifest)
    await repository.put_manifest(listing, tags=[Tag("v1")])

    nodes = await _nodes(repository, Tag("v1"))

    assert [(node.digest, node.kind) for node in nodes] == [
        *_blobs(one),
        (one.manifest.digest, Kind.MANIFEST),
        *_blobs(two),
        (two.manifest.digest, Kind.MANIFEST),
        (listing.digest, Kind.MANIFEST),
    ]
    assert [node.manifest for node in nodes if node.kind is Kind.MANIFEST] == [
        one.manifest,
        two.manifest,
        listing,
    ]


async def test_what_is_named_often_is_visited_once(repository: Repository) -> None:
    """Diamonds are common: images that share a base, indexes that share images."""
    shared = samples.image()
    await samples.put_image(repository, shared)
    lower = samples.index(shared.manifest, shared.manifest)
    upper = samples.index(lower, shared.manifest)
    await _put(repository, lower, upper)

    digests = [node.digest for node in await _nodes(repository, upper.digest)]

    assert len(digests) == len(set(digests)) == len(shared.blobs) + 3


async def test_referrers_follow_what_they_are_about(repository: Repository) -> None:
    """Also referrers of referrers, and those of children; each once."""
    image = samples.image()
    await samples.put_image(repository, image)
    listing = samples.index(image.manifest)
    sbom = samples.artifact(image.manifest)
    signature = samples.artifact(sbom, artifact_type="application/vnd.example.signature")
    await _put(repository, listing, sbom, signature)

    found = [
        node.digest
        async for node in walk(repository, listing.digest, referrers=repository)
        if node.kind is Kind.MANIFEST
    ]

    assert sorted(map(str, found)) == sorted(
        str(each.digest) for each in (image.manifest, sbom, signature, listing)
    )
    assert found.index(image.manifest.digest) < found.index(sbom.digest)
    assert found.index(sbom.digest) < found.index(signature.digest)


async def test_referrer_that_is_a_child_as_well_is_visited_once(repository: Repository) -> None:
    """Some tools list an attestation beside the image that it is about."""
    image = samples.image()
    await samples.put_image(repository, image)
    sbom = samples.artifact(image.manifest)
    listing = samples.index(sbom, image.manifest)
    await _put(repository, sbom, listing)

    found = [
        node.digest
        async for node in walk(repository, listing.digest, referrers=repository)
        if node.kind is Kind.MANIFEST
    ]

    assert found == [sbom.digest, image.manifest.digest, listing.digest]


class _Hasty(ForwardingRepository):
    """Lists referrers that are gone before anybody can read them."""

    async def referrers(
        self, subject: Digest, *, artifact_type: str | None = None, after: Digest | None = None
    ) -> Page[Descriptor]:
        page = await super().referrers(subject, artifact_type=artifact_type, after=after)
        for each in page.items:
            await self.delete_manifest(each.digest)
        return page


async def test_referrer_that_goes_during_the_walk_is_passed_over(repository: Repository) -> None:
    """Nothing that a walk goes over stands still."""
    image = samples.image()
    await samples.put_image(repository, image)
    await _put(repository, samples.artifact(image.manifest))
    hasty = _Hasty(repository)

    found = [
        node.digest
        async for node in walk(hasty, image.manifest.digest, referrers=hasty)
        if node.kind is Kind.MANIFEST
    ]

    assert found == [image.manifest.digest]


async def test_referrers_are_left_out_unless_asked_for(repository: Repository) -> None:
    """What is about an image is not part of it."""
    image = samples.image()
    await samples.put_image(repository, image)
    await samples.put_artifact(repository, samples.artifact(image.manifest))

    assert len(await _nodes(repository, image.manifest.digest)) == len(image.blobs) + 1


async def test_entry_that_may_be_either_is_found_out(repository: Repository) -> None:
    """Entries of a type that is no manifest's are looked up (trap T34)."""
    strange = Manifest.verified(
        b'{"schemaVersion":2,"layers":[]}', "application/vnd.example.unheard-of+json"
    )
    await repository.put_manifest(strange)
    layer = samples.described(b"layer", media_types.OCI_LAYER)
    cache = samples.index(layer, strange)
    await repository.put_manifest(cache)

    nodes = await _nodes(repository, cache.digest)

    assert nodes == [
        Node(layer.digest, Kind.BLOB),
        Node(strange.digest, Kind.MANIFEST, strange),
        Node(cache.digest, Kind.MANIFEST, cache),
    ]


async def test_entry_that_may_be_either_and_was_seen_is_not_visited_again(
    repository: Repository,
) -> None:
    """One index may call a manifest by its type, and another by a type that nobody knows."""
    listed = samples.index()
    disguised = Descriptor("application/vnd.example", listed.digest, len(listed.body))
    whole = samples.index(listed, disguised)
    await _put(repository, listed, whole)

    digests = [node.digest for node in await _nodes(repository, whole.digest)]

    assert digests == [listed.digest, whole.digest]


async def test_manifest_that_is_missing_is_a_node_without_one(repository: Repository) -> None:
    """A walk goes around holes."""
    gone = samples.image().manifest
    listing = samples.index(gone)
    await repository.put_manifest(listing)

    nodes = await _nodes(repository, listing.digest)

    assert nodes == [
        Node(gone.digest, Kind.MANIFEST),
        Node(listing.digest, Kind.MANIFEST, listing),
    ]


async def test_graph_that_is_too_deep_is_refused(repository: Repository) -> None:
    """Somebody may nest indexes to wear out whoever follows them."""
    inner = samples.index()
    await repository.put_manifest(inner)
    for _ in range(3):
        inner = samples.index(inner)
        await repository.put_manifest(inner)

    assert len(await _nodes(repository, inner.digest, depth=4)) == 4
    with pytest.raises(ManifestInvalid, match="deep"):
        await _nodes(repository, inner.digest, depth=3)


async def test_graph_that_is_too_large_is_refused(repository: Repository) -> None:
    """What was visited is kept in memory, so there is a bound."""
    image = samples.image(layers=5)
    await samples.put_image(repository, image)

    assert len(await _nodes(repository, image.manifest.digest, nodes=7)) == 7
    with pytest.raises(ManifestInvalid, match="more than 6"):
        await _nodes(repository, image.manifest.digest, nodes=6)


async def test_root_that_is_unknown_is_an_error(repository: Repository) -> None:
    """There is nothing to walk."""
    with pytest.raises(ManifestUnknown):
        await _nodes(repository, Tag("nothing"))
