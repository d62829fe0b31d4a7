"""One image of several."""

from dataclasses import replace

import pytest

from lading.content.images import image_for, manifest_for
from lading.errors import PlatformUnknown
from lading.interfaces.repository import Repository
from lading.oci.names import Tag
from lading.oci.platform import Platform
from lading.testing import samples

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
V1 = Tag("v1")


async def test_platform_chooses_the_image(source: Repository) -> None:
    """Without one, what is named is meant as it is."""
    one, two = samples.image(1), samples.image(2)
    for each in (one, two):
        await samples.put_image(source, each)
    index = samples.index(
        replace(one.manifest.descriptor, platform=AMD64),
        replace(two.manifest.descriptor, platform=ARM64),
    )
    await source.put_manifest(index, tags=[V1])

    assert await manifest_for(source, V1) == index
    assert await manifest_for(source, V1, ARM64) == two.manifest
    with pytest.raises(PlatformUnknown) as caught:
        await image_for(source, V1)
    assert caught.value.present == ("linux/amd64", "linux/arm64")


async def test_only_image_of_an_index_needs_no_platform(source: Repository) -> None:
    """Attestations do not count."""
    image = samples.image()
    attestation = samples.artifact()
    await samples.put_image(source, image)
    await samples.put_artifact(source, attestation)
    entry = replace(attestation.descriptor, platform=Platform("unknown", "unknown"))
    await source.put_manifest(samples.index(image.manifest, entry), tags=[V1])

    assert await image_for(source, V1) == image.manifest
    assert await image_for(source, image.manifest.digest) == image.manifest
