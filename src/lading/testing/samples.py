"""Small, valid, deterministic content, and bodies that arrive as bodies do.

The same arguments always give the same bytes, and other seeds give others.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lading.bodies import BlobContent, Bytes, Elsewhere, Inbound, source_of
from lading.errors import BodyIncomplete
from lading.interfaces.repository import ContentTarget, Receipt
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import CANONICAL, Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Tag

EMPTY = b"{}"
"""The content that artifacts without a config of their own use for it."""


def blob(size: int = 100, seed: object = 0) -> bytes:
    """*size* bytes that look random."""
    return hashlib.shake_128(repr(seed).encode()).digest(size)


def described(content: bytes, media_type: str, *, algorithm: str = CANONICAL) -> Descriptor:
    """What it takes to name *content*."""
    return Descriptor(media_type, Digest.of(content, algorithm), len(content))


def layer(seed: object = 0, size: int = 100) -> bytes:
    """Bytes that stand for a layer."""
    return blob(size, ("layer", seed))


def config(seed: object = 0) -> bytes:
    """An image config."""
    return _json({"architecture": "amd64", "os": "linux", "author": f"sample {seed}"})


def image_manifest(
    *,
    config: Descriptor | None = None,
    layers: Sequence[Descriptor | Digest] = (),
    subject: Descriptor | None = None,
    artifact_type: str | None = None,
    annotations: dict[str, str] | None = None,
    docker: bool = False,
    algorithm: str = CANONICAL,
) -> Manifest:
    """An image manifest. Its config is the empty one, and layers by digest are of 100 bytes."""
    media_type = media_types.DOCKER_MANIFEST if docker else media_types.OCI_MANIFEST
    named = [
        Descriptor(media_types.OCI_LAYER_GZIP, each, 100) if isinstance(each, Digest) else each
        for each in layers
    ]
    empty = described(EMPTY, media_types.OCI_EMPTY)
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": (config or empty).as_json(),
        "layers": [each.as_json() for each in named],
    }
    if artifact_type is not None:
        document["artifactType"] = artifact_type
    return _manifest(document, subject, annotations, algorithm)


def index(
    *children: Descriptor | Manifest,
    subject: Descriptor | None = None,
    artifact_type: str | None = None,
    annotations: dict[str, str] | None = None,
    docker: bool = False,
    algorithm: str = CANONICAL,
) -> Manifest:
    """An index, or a Docker list, of *children*."""
    named = [each.descriptor if isinstance(each, Manifest) else each for each in children]
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_types.DOCKER_LIST if docker else media_types.OCI_INDEX,
        "manifests": [each.as_json() for each in named],
    }
    if artifact_type is not None:
        document["artifactType"] = artifact_type
    return _manifest(document, subject, annotations, algorithm)


def artifact(
    subject: Descriptor | Manifest | None = None,
    *,
    artifact_type: str = "application/vnd.example.sbom",
    seed: object = 0,
    algorithm: str = CANONICAL,
) -> Manifest:
    """An artifact about *subject*, of one empty layer; it needs `EMPTY` and nothing else."""
    return image_manifest(
        layers=[described(EMPTY, media_types.OCI_EMPTY)],
        subject=subject.descriptor if isinstance(subject, Manifest) else subject,
        artifact_type=artifact_type,
        annotations={"org.example.seed": str(seed)},
        algorithm=algorithm,
    )


@dataclass(frozen=True, slots=True)
class Image:
    """A manifest and everything it names."""

    manifest: Manifest
    blobs: tuple[bytes, ...]
    algorithm: str = CANONICAL


def image(
    seed: object = 0,
    *,
    layers: int = 2,
    size: int = 100,
    docker: bool = False,
    algorithm: str = CANONICAL,
) -> Image:
    """A whole image of so many *layers* of *size* bytes each."""
    config_type = media_types.DOCKER_CONFIG if docker else media_types.OCI_CONFIG
    layer_type = (
        "application/vnd.docker.image.rootfs.diff.tar.gzip"
        if docker
        else media_types.OCI_LAYER_GZIP
    )
    contents = [layer((seed, number), size) for number in range(layers)]
    manifest = image_manifest(
        config=described(config(seed), config_type, algorithm=algorithm),
        layers=[described(each, layer_type, algorithm=algorithm) for each in contents],
        docker=docker,
        algorithm=algorithm,
    )
    return Image(manifest, (config(seed), *contents), algorithm)


async def put_blob(
    repository: ContentTarget, content: bytes, *, algorithm: str = CANONICAL
) -> Descriptor:
    """Push *content* in one piece."""
    upload = await repository.start_upload(algorithm=algorithm)
    await upload.write(Bytes(content))
    return await upload.commit(Digest.of(content, algorithm))


async def put_image(
    repository: ContentTarget, pushed: Image | None = None, *, tags: Sequence[str] = ()
) -> Receipt:
    """Push a whole image, by default the one of seed 0."""
    pushed = pushed or image()
    for content in pushed.blobs:
        await put_blob(repository, content, algorithm=pushed.algorithm)
    return await repository.put_manifest(pushed.manifest, tags=[Tag.parse(tag) for tag in tags])


async def put_artifact(repository: ContentTarget, pushed: Manifest) -> Receipt:
    """Push an artifact that `artifact` made."""
    await put_blob(repository, EMPTY)
    return await repository.put_manifest(pushed)


def inbound(
    content: bytes, *, chunk: int = 7, said: bool = True, breaks_after: int | None = None
) -> Inbound:
    """*content* as a body that comes in pieces of *chunk* bytes, with a pause before each.

    Unless its length is *said*, it is not known before the end. The sender goes away when
    *breaks_after* bytes have come.
    """
    return _Trickle(content, chunk, said=said, breaks_after=breaks_after)


async def content_of(body: BlobContent) -> bytes:
    """The parts of *body* that were asked for, one after the other; closes it."""
    assert not isinstance(body, Elsewhere), f"nobody said that a URL would do: {body.url}"
    source = source_of(body)
    try:
        taken = bytearray()
        while await source.ready():
            # Where bytes come over a connection, waiting for them must not stop their sender.
            taken += await asyncio.to_thread(_joined, source)
        return bytes(taken)
    finally:
        await source.aclose()


def _joined(source: Inbound) -> bytes:
    return b"".join(bytes(block) for block in source.blocks())


class _Trickle:
    """A body that comes in pieces; nothing is there between two of them."""

    def __init__(self, content: bytes, chunk: int, *, said: bool, breaks_after: int | None) -> None:
        self.length = len(content) if said else None
        end = len(content) if breaks_after is None else breaks_after
        self._pieces = [
            memoryview(content)[start : min(start + chunk, end)] for start in range(0, end, chunk)
        ]
        self._pieces.reverse()
        self._breaks = breaks_after is not None

    async def ready(self) -> bool:
        if not self._pieces and self._breaks:
            raise BodyIncomplete("the sender went away")
        return bool(self._pieces)

    def blocks(self) -> Iterator[memoryview]:
        if self._pieces:
            yield self._pieces.pop()


def _manifest(
    document: dict[str, Any],
    subject: Descriptor | None,
    annotations: dict[str, str] | None,
    algorithm: str,
) -> Manifest:
    if subject is not None:
        document["subject"] = subject.as_json()
    if annotations is not None:
        document["annotations"] = annotations
    body = _json(document)
    return Manifest.verified(body, document["mediaType"], Digest.of(body, algorithm))


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
