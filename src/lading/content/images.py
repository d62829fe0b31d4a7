"""One image of several: what a reference means, with a platform and without."""

from lading.content import platforms
from lading.errors import PlatformUnknown
from lading.interfaces.repository import ContentSource
from lading.oci.manifest import Manifest
from lading.oci.names import Reference
from lading.oci.platform import UNKNOWN, Platform


async def manifest_for(
    source: ContentSource, reference: Reference, platform: Platform | None = None
) -> Manifest:
    """The manifest that *reference* names; with a *platform*, the image in it that suits that.

    Raises:
        ManifestUnknown: it names nothing.
        PlatformUnknown: it names no image for *platform*.
    """
    if platform is None:
        return await source.get_manifest(reference)
    return await platforms.image_for(source, reference, platform)


async def image_for(
    source: ContentSource, reference: Reference, platform: Platform | None = None
) -> Manifest:
    """The one image that *reference* names; of an index with several, the one for *platform*.

    Raises:
        ManifestUnknown: it names nothing.
        PlatformUnknown: it names several images, and none or no one of them is meant.
    """
    manifest = await manifest_for(source, reference, platform)
    if not manifest.is_index:
        return manifest
    images = [
        each
        for each in manifest.manifests
        if each.platform is None or each.platform.architecture != UNKNOWN
    ]
    if len(images) != 1:
        present = [each.platform for each in images if each.platform is not None]
        error = PlatformUnknown(f"{reference} names {len(images)} images", present=present)
        error.advice = "Say which one is meant by its platform."
        raise error
    return await source.get_manifest(images[0].digest)
