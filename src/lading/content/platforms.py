"""Parts of an index: the image for one platform, or a smaller index for a few."""

from collections.abc import Iterable, Sequence
from typing import Any

from lading.content.configs import platform_of
from lading.errors import BlobUnknown, ManifestInvalid, ManifestTooLarge, PlatformUnknown
from lading.interfaces.repository import ContentSource
from lading.oci.descriptor import Descriptor, encoded
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Reference
from lading.oci.platform import UNKNOWN, Platform, choose

ABOUT = "vnd.docker.reference.digest"
"""In an index, the annotation of an attestation that names the image it is about (trap T35)."""

_DEEPEST = 4


async def image_for(source: ContentSource, reference: Reference, platform: Platform) -> Manifest:
    """The image of what *reference* names that suits *platform* best.

    That is one of an index, or what is named itself, if it is an image for that platform.

    Raises:
        ManifestUnknown: *reference* names nothing.
        PlatformUnknown: there is no such image.
    """
    manifest = await source.get_manifest(reference)
    if not manifest.is_index:
        await check(source, manifest, platform)
    for _ in range(_DEEPEST):
        if not manifest.is_index:
            return manifest
        manifest = await source.get_manifest(chosen(manifest, [platform])[0].digest)
    raise PlatformUnknown(f"{platform} in {reference}, whose indexes are nested too deeply")


def chosen(index: Manifest, platforms: Iterable[Platform]) -> Sequence[Descriptor]:
    """For each of *platforms* what suits it best in *index*, each once, in the index's order.

    Raises:
        PlatformUnknown: there is nothing for one of them.
    """
    offered = [(each.platform, each) for each in index.manifests if each.platform is not None]
    wanted: set[Digest] = set()
    for platform in platforms:
        found = choose(platform, offered)
        if found is None:
            present = [each for each, _ in offered if each.architecture != UNKNOWN]
            raise PlatformUnknown(platform, present=present)
        wanted.add(found.digest)
    return [each for each in index.manifests if each.digest in wanted]


def kept(index: Manifest, platforms: Iterable[Platform]) -> frozenset[Digest]:
    """What *index* lists for *platforms*: the images, and attestations about them.

    Raises:
        PlatformUnknown: there is nothing for one of them.
    """
    images = {str(each.digest) for each in chosen(index, platforms)}
    return frozenset(
        each.digest
        for each in index.manifests
        if str(each.digest) in images or (each.annotations or {}).get(ABOUT) in images
    )


def narrowed(index: Manifest, digests: frozenset[Digest]) -> Manifest:
    """*index* with nothing but *digests* in its list; itself, if that is all it has."""
    entries = [
        each for each in index.document["manifests"] if Digest.parse(each["digest"]) in digests
    ]
    if len(entries) == len(index.document["manifests"]):
        return index
    document: dict[str, Any] = {**index.document, "manifests": entries}
    body = encoded(document)
    return Manifest.verified(body, index.media_type, Digest.of(body, index.digest.algorithm))


async def check(source: ContentSource, image: Manifest, platform: Platform) -> None:
    """Look into the config of *image* whether it is for *platform*; what says nothing is for any.

    Raises:
        PlatformUnknown: it is for another one.
    """
    try:
        found = await platform_of(source, image)
    except (BlobUnknown, ManifestInvalid, ManifestTooLarge):
        return
    if found is not None and choose(platform, [(found, True)]) is None:
        raise PlatformUnknown(platform, present=[found])
