"""The media types a registry looks at, and what each one is (image-spec, Media Types).

Everything else is content to be kept as it is.
"""

import re

from lading.errors import ManifestInvalid

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_PLUGIN = "application/vnd.docker.plugin.v1+json"
DOCKER_SCHEMA_1 = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)
OCTETS = "application/octet-stream"

CONFIGS = frozenset({OCI_CONFIG, DOCKER_CONFIG})
"""Documents that say what an image is for, and how it is run."""

MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
"""Documents with a config and layers."""

INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
"""Documents that list other manifests."""

NON_DISTRIBUTABLE = frozenset(
    {
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    }
)
"""Layers that are fetched from elsewhere and need not be here."""

_PART = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_GRAMMAR = re.compile(rf"{_PART}/{_PART}", re.ASCII)


def well_formed(media_type: str) -> bool:
    """Whether *media_type* is a type and a subtype without parameters (RFC 6838, 4.2)."""
    return _GRAMMAR.fullmatch(media_type) is not None


def require_artifact_type(text: str) -> None:
    """Make sure that an artifact which is made here may be of the type *text*.

    Raises:
        ManifestInvalid: it is not `well_formed`.
    """
    if not well_formed(text):
        failure = ManifestInvalid(f"artifact type {text!r} is not a media type")
        failure.advice = "Write TYPE/SUBTYPE without parameters, such as application/spdx+json."
        raise failure


def tolerable(media_type: str) -> bool:
    """Whether *media_type* may stand in a descriptor: writers put parameters there, and worse."""
    return 0 < len(media_type) <= 255 and media_type.isascii() and media_type.isprintable()


def without_parameters(media_type: str) -> str:
    """*media_type* without ``; charset=…`` and the like, in the form in which it is compared."""
    return media_type.partition(";")[0].strip()
