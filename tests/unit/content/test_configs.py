"""Configs of images."""

from dataclasses import replace

import pytest

from lading.content.configs import CONFIG_LIMIT, config_of, image_config_of, platform_of
from lading.errors import BlobUnknown, ManifestInvalid, ManifestTooLarge, SizeInvalid
from lading.interfaces.repository import Repository
from lading.oci import media_types
from lading.oci.manifest import Manifest
from lading.testing import samples


async def _image(source: Repository, config: bytes) -> Manifest:
    await samples.put_blob(source, config)
    return samples.image_manifest(config=samples.described(config, media_types.OCI_CONFIG))


async def test_config_is_read_and_verified(source: Repository) -> None:
    """By whoever asks for it."""
    image = samples.image()
    await samples.put_image(source, image)

    assert await config_of(source, image.manifest) == image.blobs[0]


async def test_config_that_cannot_be_had_is_told(source: Repository) -> None:
    """There is none, it is too long, or it is missing."""
    config = samples.described(b"gone", media_types.OCI_CONFIG)
    long = replace(config, size=CONFIG_LIMIT + 1)

    with pytest.raises(ManifestInvalid):
        await config_of(source, samples.index())
    with pytest.raises(ManifestTooLarge):
        await config_of(source, samples.image_manifest(config=long))
    with pytest.raises(BlobUnknown):
        await config_of(source, samples.image_manifest(config=config))


async def test_config_that_is_longer_than_was_said_is_not_read(source: Repository) -> None:
    """It would not be what the manifest names."""
    config = samples.described(b"{} ", media_types.OCI_CONFIG)
    await samples.put_blob(source, b"{} ")

    with pytest.raises(SizeInvalid, match="3 bytes, not 2"):
        await config_of(source, samples.image_manifest(config=replace(config, size=2)))


@pytest.mark.parametrize("config", [b"[]", b"{", b"[" * 200_000, b"\xff"])
async def test_config_of_an_image_has_to_be_an_object(source: Repository, config: bytes) -> None:
    """Whatever else was pushed as one."""
    image = await _image(source, config)

    with pytest.raises(ManifestInvalid):
        await image_config_of(source, image)


async def test_config_of_an_artifact_is_none_of_an_image(source: Repository) -> None:
    """Nothing is asked for: it may be anything."""
    assert await image_config_of(source, samples.artifact()) is None
    assert await image_config_of(source, samples.index()) is None


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (b'{"os": "linux", "architecture": "arm", "variant": "v7", "rootfs": {}}', "linux/arm/v7"),
        (b'{"os": "linux", "architecture": null}', "None"),
        (b'{"architecture": "arm"}', "None"),
        (b"{}", "None"),
    ],
)
async def test_image_is_for_what_its_config_says(
    source: Repository, config: bytes, expected: str
) -> None:
    """Half a platform is none."""
    assert str(await platform_of(source, await _image(source, config))) == expected
