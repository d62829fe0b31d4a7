"""The content that both registries are given before they are compared, always the same bytes."""

import json
from collections.abc import Mapping
from typing import Any

from lading.oci import media_types
from lading.oci.digest import Digest

CONFIG = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
LAYER = b"layer " * 20
OTHER = b"another layer " * 20
LOOSE = b"a blob that nothing names"
LARGE = bytes(range(256)) * 1024
EMPTY = b""
ABSENT = b"never pushed"

DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
OCI_FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
MANIFESTS = ", ".join(sorted(media_types.MANIFESTS | media_types.INDEXES))
"""What clients accept."""


def digest(content: bytes, algorithm: str = "sha256") -> str:
    """The name of *content*."""
    return str(Digest.of(content, algorithm))


def described(content: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    """A descriptor of *content*."""
    return {"mediaType": media_type, "size": len(content), "digest": digest(content), **more}


def document(media_type: str | None, **fields: Any) -> bytes:
    """A manifest of that type."""
    said = {"mediaType": media_type} if media_type else {}
    return json.dumps({"schemaVersion": 2, **said, **fields}).encode()


def image(*layers: Mapping[str, Any], docker: bool = False, **more: Any) -> bytes:
    """An image of *layers*, of one that is there unless told otherwise."""
    kind, config, layer = (
        (media_types.DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER)
        if docker
        else (media_types.OCI_MANIFEST, media_types.OCI_CONFIG, media_types.OCI_LAYER_GZIP)
    )
    found = list(layers) or [described(LAYER, layer)]
    return document(kind, **{"config": described(CONFIG, config), "layers": found, **more})


def index(*children: Mapping[str, Any], docker: bool = False, **more: Any) -> bytes:
    """An index of *children*."""
    kind = media_types.DOCKER_LIST if docker else media_types.OCI_INDEX
    return document(kind, manifests=list(children), **more)


OCI_IMAGE = image()
DOCKER_IMAGE = image(docker=True)
UNTYPED = document(
    None,
    config=described(CONFIG, media_types.OCI_CONFIG),
    layers=[described(OTHER, media_types.OCI_LAYER_GZIP)],
)
PLATFORM = {"architecture": "amd64", "os": "linux"}
OCI_INDEX = index(described(OCI_IMAGE, media_types.OCI_MANIFEST, platform=PLATFORM))
DOCKER_LIST = index(
    described(DOCKER_IMAGE, media_types.DOCKER_MANIFEST, platform=PLATFORM), docker=True
)
ARTIFACT = document(
    media_types.OCI_MANIFEST,
    artifactType="application/vnd.example.sbom",
    config=described(b"{}", media_types.OCI_EMPTY),
    layers=[described(b"{}", media_types.OCI_EMPTY)],
    subject=described(OCI_IMAGE, media_types.OCI_MANIFEST),
)
PLUGIN = document(
    media_types.DOCKER_MANIFEST,
    config=described(CONFIG, "application/vnd.docker.plugin.v1+json"),
    layers=[described(LAYER, DOCKER_LAYER)],
)
