"""Writing a layout as an archive, byte for byte the same whenever its content is.

``manifest.json`` is written beside the index for those images that docker can load from there;
it takes layers as they are in the layout, compressed with gzip or not at all.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from lading.bodies import BLOCK
from lading.errors import LayoutInvalid
from lading.layout import tar
from lading.layout.catalogue import Catalogue, Reader
from lading.layout.directory import MARKER
from lading.layout.files import Folder
from lading.layout.index import Entry, Index, Name
from lading.layout.writing import INDEX, Directory, blob
from lading.oci import media_types
from lading.oci.descriptor import encoded
from lading.oci.digest import Digest
from lading.oci.manifest import Kind, Manifest
from lading.oci.platform import UNKNOWN
from lading.wall import storage_errors

DOCKER_INDEX = "manifest.json"
"""The file in which docker looks up what there is in an archive."""

LAYERS = frozenset(
    {
        media_types.OCI_LAYER,
        media_types.OCI_LAYER_GZIP,
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    }
)
"""Layers that every docker can load."""


def obstacle(manifest: Manifest) -> str:
    """Why docker cannot load *manifest* from an archive; empty if it can."""
    config = manifest.config
    if manifest.is_index or config is None:
        return "it is an index: a docker archive holds images of one platform each"
    if manifest.subject is not None:
        return "it is about another manifest, which a docker archive cannot say"
    if config.media_type not in media_types.CONFIGS:
        return f"it is no image: its config is of type {config.media_type}"
    for layer in manifest.layers:
        if layer.media_type not in LAYERS:
            return f"not every docker can load a layer of type {layer.media_type}"
    return ""


def pack(
    root: Path,
    target: BinaryIO,
    image: str | None,
    *,
    written: str | None,
    stopped: threading.Event,
) -> None:
    """Write the layout in *root* to *target*, as an archive.

    *image* is the full name of which its tags are, and *written* how docker is told it.
    Who sets *stopped* wants it to end early.

    Raises:
        LayoutInvalid: the layout was changed meanwhile, or *stopped* was set.
        StorageFailed: it cannot be read or written.
    """
    folder = Folder(root)
    directory = Directory(folder, image)
    reader = Reader(directory)
    index, catalogue = reader.current()
    index = index.in_order()
    files = {MARKER: folder.read(MARKER, limit=BLOCK) or b"", INDEX: index.as_bytes()}
    images = list(_images(index, catalogue, directory, image=image, written=written))
    if images:
        files[DOCKER_INDEX] = encoded(images)
    with storage_errors("the archive"):
        target.writelines(
            tar.header(name, len(content)) + content + tar.padding(len(content))
            for name, content in files.items()
        )
        for name in _blobs(root):
            _copy(folder, name, target, stopped)
        target.write(tar.END)


def _blobs(root: Path) -> Sequence[str]:
    found = (root / "blobs").glob("*/*")
    return sorted(f"blobs/{each.parent.name}/{each.name}" for each in found)


def _copy(folder: Folder, name: str, target: BinaryIO, stopped: threading.Event) -> None:
    file = folder.open(name)
    if file is None:
        raise LayoutInvalid(f"{name} was removed while the archive was written")
    with os.fdopen(file, "rb", buffering=0) as source:
        size = os.fstat(file).st_size
        target.write(tar.header(name, size))
        block = memoryview(bytearray(BLOCK))
        left = size
        while left:
            if stopped.is_set():
                raise LayoutInvalid("writing the archive was stopped")
            count = source.readinto(block[: min(left, BLOCK)])
            if not count:
                raise LayoutInvalid(f"{name} was cut short while the archive was written")
            target.write(block[:count])
            left -= count
        target.write(tar.padding(size))


def _images(
    index: Index,
    catalogue: Catalogue,
    directory: Directory,
    *,
    image: str | None,
    written: str | None,
) -> Iterator[dict[str, Any]]:
    """What docker is told, one for each image that it can load."""
    reader = Reader(directory)
    listed: dict[Digest, list[Entry]] = {}
    for entry in index.entries:
        listed.setdefault(entry.digest, []).append(entry)
    for digest, entries in listed.items():
        manifest = _only(digest, catalogue, reader)
        if manifest is None or manifest.config is None or obstacle(manifest):
            continue
        parts = [manifest.config, *manifest.layers]
        if any(directory.size(each.digest) is None for each in parts):
            continue
        told = {_told(name, image, written) for entry in entries for name in entry.names}
        names = sorted(name for name in told if name is not None)
        yield {
            "Config": blob(manifest.config.digest),
            "RepoTags": names or None,
            "Layers": [blob(each.digest) for each in manifest.layers],
        }


def _told(name: Name, image: str | None, written: str | None) -> str | None:
    """The full name that docker is told; ``None`` for a tag of nobody knows what."""
    ours = name.image is None or name.image == image
    known = (ours and written) or name.image
    return f"{known}:{name.tag}" if known is not None else None


def _only(digest: Digest, catalogue: Catalogue, reader: Reader) -> Manifest | None:
    """The image that *digest* names, itself or as an index of one platform."""
    facts = catalogue.manifests.get(digest)
    if facts is None:
        return None
    manifest = reader.manifest(digest, facts.descriptor.media_type)
    if manifest is None or not manifest.is_index:
        return manifest
    children = [
        each.digest
        for each in manifest.manifests
        if each.platform is None or each.platform.architecture != UNKNOWN
    ]
    if len(children) != 1 or not all(e.kind is Kind.MANIFEST for e in manifest.edges):
        return None
    child = _only(children[0], catalogue, reader)
    return child if child is not None and not child.is_index else None
