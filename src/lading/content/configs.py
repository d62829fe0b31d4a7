"""Configs of images: read, and asked what the image is for."""

import json
from collections.abc import Mapping
from typing import Any

from lading.content.threads import collect
from lading.content.verify import opened
from lading.errors import ManifestInvalid, ManifestTooLarge
from lading.interfaces.repository import ContentSource
from lading.oci import media_types
from lading.oci.manifest import Manifest
from lading.oci.platform import Platform

CONFIG_LIMIT = 32 << 20
"""The longest config that is read, in bytes."""

_KEYS = ("os", "architecture", "variant", "os.version", "os.features")


async def config_of(source: ContentSource, manifest: Manifest) -> bytes:
    """The config of the image *manifest*, verified.

    Raises:
        ManifestInvalid: it has none.
        ManifestTooLarge: the config is too long to be one.
        BlobUnknown: the config is missing.
        SizeInvalid: it has another length than the manifest says.
    """
    config = manifest.config
    if config is None:
        raise ManifestInvalid(f"{manifest.digest} has no config")
    if config.size > CONFIG_LIMIT:
        raise ManifestTooLarge(f"config {config.digest} has {config.size} bytes")
    body = await opened(source, config.digest, config.size)
    try:
        found = await collect(body, limit=config.size)
    finally:
        await body.aclose()
    assert found is not None, "its length was checked"
    return found


async def image_config_of(source: ContentSource, manifest: Manifest) -> Mapping[str, Any] | None:
    """What the config of *manifest* says (image-spec, Image Configuration); ``None`` if no image.

    Raises:
        ManifestInvalid: it is not a JSON object.
        ManifestTooLarge: it is too long.
        BlobUnknown: it is missing.
        SizeInvalid: it has another length than the manifest says.
    """
    if manifest.config is None or manifest.config.media_type not in media_types.CONFIGS:
        return None
    try:
        document = json.loads(await config_of(source, manifest))
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise ManifestInvalid(f"the config of {manifest.digest} is not a JSON object")
    return document


async def platform_of(source: ContentSource, manifest: Manifest) -> Platform | None:
    """What the image *manifest* is for; ``None`` if it is no image, or does not say.

    Raises:
        ManifestInvalid, ManifestTooLarge, BlobUnknown, SizeInvalid: as `image_config_of` does.
    """
    document = await image_config_of(source, manifest) or {}
    found = Platform.from_json({key: document[key] for key in _KEYS if document.get(key)})
    return found if found.os and found.architecture else None
