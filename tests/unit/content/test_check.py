"""Reading every byte of a graph."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from lading.bodies import BlobContent, Bytes, Span, Stream
from lading.content.check import check
from lading.content.steps import Event, Step
from lading.errors import (
    BlobUnknown,
    DigestInvalid,
    LadingError,
    ManifestUnknown,
    SizeInvalid,
)
from lading.interfaces.repository import Repository
from lading.oci import media_types
from lading.oci.digest import Digest
from lading.oci.names import Tag
from lading.registry.forwarding import ForwardingRepository
from lading.testing import samples

V1 = Tag("v1")


async def test_whole_graph_has_no_faults(source: Repository) -> None:
    """Everything is counted once, referrers if they are asked for."""
    image = samples.image()
    await samples.put_image(source, image)
    cache = samples.described(samples.EMPTY, "application/vnd.odd")
    await samples.put_blob(source, samples.EMPTY)
    index = samples.index(image.manifest, cache)
    await source.put_manifest(index, tags=[V1])
    await samples.put_artifact(source, samples.artifact(index))
    steps: list[Step] = []

    alone = await check(source, V1, listener=steps.append)
    found = await check(source, V1, referrers=source)

    assert (alone.manifests, alone.blobs, alone.faults) == (2, 4, [])
    assert alone.size == sum(map(len, image.blobs)) + 2 + len(index.body) + len(image.manifest.body)
    assert (found.manifests, found.faults) == (3, [])
    assert [step.event for step in steps].count(Event.DONE) == 4


async def test_what_is_missing_is_a_fault(source: Repository) -> None:
    """Manifests and blobs; layers that may be elsewhere are only counted."""
    layer = samples.described(b"gone", media_types.OCI_LAYER)
    foreign = samples.described(b"far", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
    await samples.put_blob(source, samples.EMPTY)
    image = samples.image_manifest(layers=[layer, foreign])
    gone = samples.image_manifest(annotations={"gone": "yes"})
    await source.put_manifest(image, sparse=True)
    await source.put_manifest(samples.index(image, gone), tags=[V1], sparse=True)

    found = await check(source, V1)

    assert {each.digest: type(each.error) for each in found.faults} == {
        layer.digest: BlobUnknown,
        gone.digest: ManifestUnknown,
    }
    assert found.elsewhere == 1


async def test_sizes_that_lie_are_faults(source: Repository) -> None:
    """Of manifests and of blobs."""
    image = samples.image()
    await samples.put_image(source, image)
    lower = samples.image_manifest(layers=[replace(image.manifest.layers[0], size=7)])
    await samples.put_blob(source, samples.EMPTY)
    await source.put_manifest(lower)
    index = samples.index(lower, replace(image.manifest.descriptor, size=3))
    await source.put_manifest(index, tags=[V1])

    found = await check(source, V1)

    assert {each.digest: type(each.error) for each in found.faults} == {
        image.manifest.layers[0].digest: SizeInvalid,
        image.manifest.digest: SizeInvalid,
    }


class _Damaged(ForwardingRepository):
    """A source whose blobs are not what they are called."""

    async def open_blob(
        self, digest: Digest, *, spans: Sequence[Span] = (), url_ok: bool = False
    ) -> BlobContent:
        size = len(await samples.content_of(await super().open_blob(digest)))
        return Stream(Bytes(bytes(size)), ((0, size),), size)


async def test_bytes_that_are_wrong_are_faults(source: Repository) -> None:
    """Nothing is taken on trust."""
    image = samples.image(layers=1)
    await samples.put_image(source, image, tags=["v1"])

    found = await check(_Damaged(source), V1)

    assert [type(each.error) for each in found.faults] == [DigestInvalid, DigestInvalid]
    assert all(isinstance(each.error, LadingError) for each in found.faults)


async def test_root_has_to_be_there(source: Repository) -> None:
    """Else there is nothing to check."""
    with pytest.raises(ManifestUnknown):
        await check(source, V1)
