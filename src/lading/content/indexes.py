"""Indexes of several images: made, added to, taken from.

What is not changed keeps its place and its fields, also those that nobody here knows.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from lading.content.configs import platform_of
from lading.errors import ManifestInvalid
from lading.interfaces.repository import ContentSource
from lading.oci import media_types
from lading.oci.descriptor import Descriptor, encoded
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.platform import Platform


async def entry_for(
    source: ContentSource, digest: Digest, platform: Platform | None = None
) -> Descriptor:
    """How an index lists the manifest *digest*: with its platform, which the config tells.

    Raises:
        ManifestUnknown: there is none.
        BlobUnknown: the config is missing.
        ManifestInvalid: the config is no JSON object.
    """
    manifest = await source.get_manifest(digest)
    artifact_type = manifest.document.get("artifactType") or None
    found = replace(manifest.descriptor, artifact_type=artifact_type, platform=platform)
    if platform is None:
        found = replace(found, platform=await platform_of(source, manifest))
    return found


def index_of(
    entries: Iterable[Descriptor],
    *,
    artifact_type: str | None = None,
    annotations: Mapping[str, str] | None = None,
    subject: Descriptor | None = None,
) -> Manifest:
    """An index of *entries*, about *subject* if that is given.

    Raises:
        ManifestInvalid: *artifact_type* is no media type.
    """
    document: dict[str, Any] = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX}
    if artifact_type:
        media_types.require_artifact_type(artifact_type)
        document["artifactType"] = artifact_type
    document["manifests"] = [each.as_json() for each in entries]
    if subject is not None:
        document["subject"] = subject.as_json()
    if annotations:
        document["annotations"] = dict(annotations)
    return _made(document)


def added(index: Manifest, entries: Iterable[Descriptor]) -> Manifest:
    """*index* with *entries*; one that is there already gets what is said about it now.

    Raises:
        ManifestInvalid: it is no index.
    """
    listed = _entries(index)
    for each in entries:
        ours = [at for at, other in enumerate(listed) if other["digest"] == str(each.digest)]
        for at in ours:
            listed[at] = listed[at] | each.as_json()
        if not ours:
            listed.append(each.as_json())
    return _made(dict(index.document) | {"manifests": listed})


def removed(index: Manifest, unwanted: Callable[[Descriptor], bool]) -> Manifest:
    """*index* without the entries that are *unwanted*.

    Raises:
        ManifestInvalid: it is no index.
    """
    kept = [each for each in _entries(index) if not unwanted(Descriptor.from_json(each))]
    return _made(dict(index.document) | {"manifests": kept})


def _entries(index: Manifest) -> list[dict[str, Any]]:
    if not index.is_index:
        raise ManifestInvalid(f"{index.digest} is not an index")
    return list(index.document["manifests"])


def _made(document: Mapping[str, Any]) -> Manifest:
    return Manifest.verified(encoded(document), document.get("mediaType") or media_types.OCI_INDEX)
