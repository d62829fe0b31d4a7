"""Lading: an OCI registry and toolkit.

An embedded registry, without a server::

    async with lading.open_registry(Path("data")) as registry:
        repository = registry.repository(lading.RepositoryName.parse("team/app"))

Everything that is not listed here can be imported and is not promised.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lading.app.wiring import open_registry
    from lading.bodies import Bytes, Span, read
    from lading.errors import (
        BlobInUse,
        BlobUnknown,
        DigestInvalid,
        LadingError,
        ManifestBlobUnknown,
        ManifestInvalid,
        ManifestUnknown,
        NameInvalid,
        NameUnknown,
        RegistryError,
        StorageFailed,
        TagInvalid,
        Unsupported,
        UploadUnknown,
    )
    from lading.interfaces.repository import Page, Receipt, Registry, Repository, Upload
    from lading.oci.descriptor import Descriptor
    from lading.oci.digest import Digest
    from lading.oci.manifest import Manifest
    from lading.oci.names import RepositoryName, Tag, parse_reference

__all__ = [
    "BlobInUse",
    "BlobUnknown",
    "Bytes",
    "Descriptor",
    "Digest",
    "DigestInvalid",
    "LadingError",
    "Manifest",
    "ManifestBlobUnknown",
    "ManifestInvalid",
    "ManifestUnknown",
    "NameInvalid",
    "NameUnknown",
    "Page",
    "Receipt",
    "Registry",
    "RegistryError",
    "Repository",
    "RepositoryName",
    "Span",
    "StorageFailed",
    "Tag",
    "TagInvalid",
    "Unsupported",
    "Upload",
    "UploadUnknown",
    "open_registry",
    "parse_reference",
    "read",
]

_HOMES = {
    "Bytes": "lading.bodies",
    "Descriptor": "lading.oci.descriptor",
    "Digest": "lading.oci.digest",
    "Manifest": "lading.oci.manifest",
    "Page": "lading.interfaces.repository",
    "Receipt": "lading.interfaces.repository",
    "Registry": "lading.interfaces.repository",
    "Repository": "lading.interfaces.repository",
    "RepositoryName": "lading.oci.names",
    "Span": "lading.bodies",
    "Tag": "lading.oci.names",
    "Upload": "lading.interfaces.repository",
    "open_registry": "lading.app.wiring",
    "parse_reference": "lading.oci.names",
    "read": "lading.bodies",
}


def __getattr__(name: str) -> object:
    """Import what is asked for, when it is asked for: the package itself has to load fast."""
    if name not in __all__:
        raise AttributeError(f"module 'lading' has no attribute {name!r}")
    found = getattr(import_module(_HOMES.get(name, "lading.errors")), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
