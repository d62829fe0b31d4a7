"""What ``docker save`` and ``podman save`` write, and ``docker load`` reads.

Docker 25 and later put an image layout into the archive: then that is what is read, byte for
byte. What older ones wrote has no manifests; one is made for each image, always the same: of OCI
types, with the config as it is and the layers as they are, compressed or not.

What is written is an image layout with ``manifest.json`` beside it, which every docker and podman
can load and from which the same manifests are read again. It takes images of one platform each,
with layers that are compressed with gzip or not at all.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

from lading.errors import DigestInvalid, LayoutInvalid, ReferenceInvalid, Unsupported
from lading.layout import boxes
from lading.layout.archive import reading, writing
from lading.layout.catalogue import MANIFEST_LIMIT
from lading.layout.files import digest_of
from lading.layout.index import Entry, Index, Name, parsed
from lading.layout.packing import DOCKER_INDEX, obstacle
from lading.layout.registry import LAYOUT, LayoutRegistry
from lading.layout.tar import Archive, Member
from lading.oci import media_types
from lading.oci.descriptor import Descriptor, encoded
from lading.oci.digest import CANONICAL, Digest
from lading.oci.locator import Locator
from lading.oci.manifest import Manifest
from lading.oci.names import RepositoryName

LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
_COMPRESSED = {b"\x1f\x8b": media_types.OCI_LAYER_GZIP, b"\x28\xb5\x2f\xfd": LAYER_ZSTD}


@asynccontextmanager
async def open_docker_archive(
    file: Path | BinaryIO,
    *,
    write: bool = False,
    keep: bool = False,
    name: RepositoryName = LAYOUT,
    image: str | None = None,
) -> AsyncIterator[LayoutRegistry]:
    """The archive *file*, as a registry of one repository, *name*.

    *image* is ``name`` or ``host/name``, without a tag: which of the images in the archive is
    meant, or what the images that are written are called. Without it, tags of all images are
    read, and docker is told no names. Streams, *write* and *keep* are as for `open_archive`.

    What cannot be kept is refused with `Unsupported` when it is put: indexes, artifacts,
    referrers, sparse images, and layers that not every docker can load.

    Raises:
        LayoutInvalid: it is no such archive, or not to be trusted.
        ReferenceInvalid: *image* is no name of an image.
        StorageFailed: it cannot be read or written.
    """
    if write:
        kept = _understood if keep else None
        async with writing(
            file, name, image, written=image, accepts=_accept, kept=kept
        ) as registry:
            yield registry
    else:
        async with reading(file, name, image, _understood) as registry:
            yield registry


def _accept(manifest: Manifest, sparse: bool) -> None:
    why = "its content may be missing" if sparse else obstacle(manifest)
    if why:
        refused = Unsupported(f"{manifest.digest} cannot be in a docker archive: {why}")
        refused.advice = "Choose one image with --platform, or write an oci-archive."
        raise refused


def _understood(archive: Archive, image: str | None) -> boxes.Box:
    if boxes.is_layout(archive):
        return boxes.layout(archive, image)
    listed = archive.find(DOCKER_INDEX)
    if listed is None:
        why = f"it has no {DOCKER_INDEX} in it"
        if archive.find("repositories") is not None:
            why += "; it was written by docker before 1.10"
        raise LayoutInvalid(f"{archive.where}: {why}")
    found = parsed(archive.read(listed, limit=MANIFEST_LIMIT), f"{archive.where}: {DOCKER_INDEX}")
    if not isinstance(found, list):
        raise LayoutInvalid(f"{archive.where}: {DOCKER_INDEX} is no list of images")
    maker = _Maker(archive)
    entries = [entry for position, each in enumerate(found) for entry in maker.add(each, position)]
    index = Index.empty(image).holding(entries)
    return boxes.Box(archive, index, places=maker.places, made=maker.made)


class _Maker:
    """Makes manifests of what the archive says about its images."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.places: dict[Digest, Member] = {}
        self.made: dict[Digest, bytes] = {}

    def add(self, found: Any, position: int) -> list[Entry]:
        """One image: the entries that list it, one for each of its names."""
        where = f"{self._archive.where}: {DOCKER_INDEX}[{position}]"
        config, layers, names = _fields(found, where)
        member = self._file(config, where)
        body = self._archive.read(member, limit=MANIFEST_LIMIT)
        digest = Digest.of(body)
        self.places[digest] = member
        diff_ids = _diff_ids(parsed(body, f"{where}: {config}"), len(layers), where)
        document = {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_MANIFEST,
            "config": Descriptor(media_types.OCI_CONFIG, digest, len(body)).as_json(),
            "layers": [
                self._layer(path, diff_id, where).as_json()
                for path, diff_id in zip(layers, diff_ids, strict=True)
            ],
        }
        made = encoded(document)
        descriptor = Descriptor(media_types.OCI_MANIFEST, Digest.of(made), len(made))
        self.made[descriptor.digest] = made
        return [Entry.of(descriptor, _name(text, where)) for text in names] or [
            Entry.of(descriptor)
        ]

    def _file(self, path: str, where: str) -> Member:
        member = self._archive.find(path.removeprefix("./"))
        if member is None:
            raise LayoutInvalid(f"{where} names {path[:200]!r}, which is not in the archive")
        return member

    def _layer(self, path: str, diff_id: Digest, where: str) -> Descriptor:
        member = self._file(path, where)
        start = os.pread(self._archive.file, min(4, member.size), member.offset)
        packed = [kind for magic, kind in _COMPRESSED.items() if start.startswith(magic)]
        if packed:
            file, offset = self._archive.file, member.offset
            digest = digest_of(file, CANONICAL, offset=offset, size=member.size)
        else:
            # The config says what an uncompressed layer is called; whoever takes it checks that.
            digest = diff_id
        media_type = packed[0] if packed else media_types.OCI_LAYER
        self.places[digest] = member
        return Descriptor(media_type, digest, member.size)


def _fields(found: Any, where: str) -> tuple[str, list[str], list[str]]:
    if not isinstance(found, dict) or not isinstance(found.get("Config"), str):
        raise LayoutInvalid(f"{where} names no config")
    lists = []
    for key in ("Layers", "RepoTags"):
        value = found.get(key) or []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise LayoutInvalid(f"{where} has no valid {key}")
        lists.append(value)
    return found["Config"], lists[0], lists[1]


def _diff_ids(config: Any, count: int, where: str) -> list[Digest]:
    root = config.get("rootfs") if isinstance(config, dict) else None
    found = root.get("diff_ids") if isinstance(root, dict) else None
    if not isinstance(found or [], list) or not all(isinstance(e, str) for e in found or []):
        raise LayoutInvalid(f"{where}: its config has no valid diff_ids")
    if len(found or []) != count:
        raise LayoutInvalid(
            f"{where} has {count} layers, but its config speaks of {len(found or [])}"
        )
    try:
        return [Digest.parse(each) for each in found or []]
    except DigestInvalid as error:
        raise LayoutInvalid(f"{where}: its config has no valid diff_ids: {error}") from None


def _name(text: str, where: str) -> Name:
    try:
        found = Locator.parse(text)
    except ReferenceInvalid as error:
        raise LayoutInvalid(f"{where}: {error}") from None
    if found.tag is None:
        raise LayoutInvalid(f"{where}: {text!r} has no tag")
    return Name(found.tag, f"{found.host}/{found.repository}")
