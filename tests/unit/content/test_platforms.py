"""Parts of an index, by platform."""

from dataclasses import replace

import pytest

from lading.content.platforms import chosen, image_for, kept, narrowed
from lading.errors import PlatformUnknown
from lading.interfaces.repository import Repository
from lading.oci import media_types
from lading.oci.manifest import Manifest
from lading.oci.names import Tag
from lading.oci.platform import Platform
from lading.testing import samples

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
V1 = Tag("v1")


async def _image(repository: Repository, config: bytes, media_type: str) -> Manifest:
    await samples.put_blob(repository, config)
    manifest = samples.image_manifest(config=samples.described(config, media_type))
    await repository.put_manifest(manifest, tags=[V1])
    return manifest


async def test_indexes_within_indexes_are_followed(source: Repository) -> None:
    """Where they name a platform themselves."""
    image = samples.image()
    await samples.put_image(source, image)
    inner = samples.index(replace(image.manifest.descriptor, platform=ARM64))
    outer = samples.index(replace(inner.descriptor, platform=ARM64))
    await source.put_manifest(inner)
    await source.put_manifest(outer, tags=[V1])

    assert await image_for(source, V1, ARM64) == image.manifest


async def test_indexes_are_not_followed_for_ever(source: Repository) -> None:
    """Nobody nests them so."""
    index = samples.index()
    await source.put_manifest(index)
    for _ in range(5):
        index = samples.index(replace(index.descriptor, platform=ARM64))
        await source.put_manifest(index)

    with pytest.raises(PlatformUnknown, match="too deeply"):
        await image_for(source, index.digest, ARM64)


async def test_image_says_by_its_config_what_it_is_for(source: Repository) -> None:
    """The config has to be read for that."""
    await _image(source, samples.config(), media_types.OCI_CONFIG)

    assert (await image_for(source, V1, AMD64)).config is not None
    with pytest.raises(PlatformUnknown):
        await image_for(source, V1, ARM64)


@pytest.mark.parametrize("config", [b"{}", b"[]", b"no JSON", b"{" + b" " * (4 << 20)])
async def test_config_that_says_nothing_fits_everything(source: Repository, config: bytes) -> None:
    """It cannot be held against the image."""
    image = await _image(source, config, media_types.OCI_CONFIG)

    assert await image_for(source, V1, ARM64) == image


async def test_artifacts_are_for_every_platform(source: Repository) -> None:
    """Only configs of images are looked into; those that are missing say nothing."""
    artifact = await _image(source, samples.config(), "application/vnd.example.config")
    gone = samples.image_manifest(
        config=samples.described(b"gone", media_types.OCI_CONFIG), annotations={"config": "gone"}
    )
    await source.put_manifest(gone, sparse=True)

    assert await image_for(source, V1, ARM64) == artifact
    assert await image_for(source, gone.digest, ARM64) == gone


def test_smaller_index_keeps_everything_but_what_was_left_out() -> None:
    """Order, annotations and fields that nobody here knows."""
    one, two = samples.image_manifest(), samples.image_manifest(annotations={"a": "b"})
    index = samples.index(
        replace(one.descriptor, platform=AMD64, rest={"odd": 1}),
        replace(two.descriptor, platform=ARM64),
        annotations={"x": "y"},
    )

    smaller = narrowed(index, kept(index, [AMD64]))

    assert [each.rest for each in smaller.manifests] == [{"odd": 1}]
    assert smaller.annotations == {"x": "y"}
    assert [each.digest for each in chosen(index, [ARM64, AMD64])] == [one.digest, two.digest]
