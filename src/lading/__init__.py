"""Lading: an OCI registry, as a server and as a library.

The names in ``__all__`` are promised; everything else can be imported, and may change. They are
loaded when they are first used, so that ``import lading`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lading.app.wiring import open_registry
    from lading.bodies import (
        BlobContent,
        Bytes,
        Elsewhere,
        FileSource,
        FileSpan,
        Held,
        Inbound,
        Source,
        Span,
        Stream,
    )
    from lading.errors import LadingError, RegistryError, StorageFailed
    from lading.interfaces.blobs import UploadId
    from lading.interfaces.repository import Page, Receipt, Registry, Repository, Upload
    from lading.oci.descriptor import Descriptor
    from lading.oci.digest import Digest
    from lading.oci.locator import Locator
    from lading.oci.manifest import Manifest
    from lading.oci.names import Reference, RepositoryName, Tag, parse_reference
    from lading.oci.platform import Platform

__all__ = [
    "BlobContent",
    "Bytes",
    "Descriptor",
    "Digest",
    "Elsewhere",
    "FileSource",
    "FileSpan",
    "Held",
    "Inbound",
    "LadingError",
    "Locator",
    "Manifest",
    "Page",
    "Platform",
    "Receipt",
    "Reference",
    "Registry",
    "RegistryError",
    "Repository",
    "RepositoryName",
    "Source",
    "Span",
    "StorageFailed",
    "Stream",
    "Tag",
    "Upload",
    "UploadId",
    "open_registry",
    "parse_reference",
]

_HOMES = {
    "lading.app.wiring": ("open_registry",),
    "lading.bodies": (
        "BlobContent",
        "Bytes",
        "Elsewhere",
        "FileSource",
        "FileSpan",
        "Held",
        "Inbound",
        "Source",
        "Span",
        "Stream",
    ),
    "lading.errors": ("LadingError", "RegistryError", "StorageFailed"),
    "lading.interfaces.blobs": ("UploadId",),
    "lading.interfaces.repository": ("Page", "Receipt", "Registry", "Repository", "Upload"),
    "lading.oci.descriptor": ("Descriptor",),
    "lading.oci.digest": ("Digest",),
    "lading.oci.locator": ("Locator",),
    "lading.oci.manifest": ("Manifest",),
    "lading.oci.names": ("Reference", "RepositoryName", "Tag", "parse_reference"),
    "lading.oci.platform": ("Platform",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_HOME[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
