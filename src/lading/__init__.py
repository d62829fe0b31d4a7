"""Lading: an OCI registry, as a server and as a library.

The names in ``__all__`` are promised; everything else can be imported, and may change. They are
loaded when they are first used, so that ``import lading`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lading.app.clients import Client, ClientOptions, open_client
    from lading.app.locate import Located, locate
    from lading.app.stand_in import StandIn, stand_in
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
    from lading.content.artifacts import (
        Annotated,
        FileToPush,
        PullReport,
        PushReport,
        attach,
        pull,
        push,
    )
    from lading.content.blob_files import get_blob, put_file
    from lading.content.check import Checked, check
    from lading.content.copy import CopyOptions, copy, copy_tags
    from lading.content.report import CopyReport
    from lading.content.steps import Step
    from lading.content.tree import Tree, tree
    from lading.errors import LadingError, RegistryError, StorageFailed, UpstreamFailed
    from lading.interfaces.blobs import UploadId
    from lading.interfaces.repository import Page, Receipt, Registry, Repository, Upload
    from lading.oci.descriptor import Descriptor
    from lading.oci.digest import Digest
    from lading.oci.locator import Locator
    from lading.oci.manifest import Manifest
    from lading.oci.names import Reference, RepositoryName, Tag, parse_reference
    from lading.oci.platform import Platform

__all__ = [
    "Annotated",
    "BlobContent",
    "Bytes",
    "Checked",
    "Client",
    "ClientOptions",
    "CopyOptions",
    "CopyReport",
    "Descriptor",
    "Digest",
    "Elsewhere",
    "FileSource",
    "FileSpan",
    "FileToPush",
    "Held",
    "Inbound",
    "LadingError",
    "Located",
    "Locator",
    "Manifest",
    "Page",
    "Platform",
    "PullReport",
    "PushReport",
    "Receipt",
    "Reference",
    "Registry",
    "RegistryError",
    "Repository",
    "RepositoryName",
    "Source",
    "Span",
    "StandIn",
    "Step",
    "StorageFailed",
    "Stream",
    "Tag",
    "Tree",
    "Upload",
    "UploadId",
    "UpstreamFailed",
    "attach",
    "check",
    "copy",
    "copy_tags",
    "get_blob",
    "locate",
    "open_client",
    "open_registry",
    "parse_reference",
    "pull",
    "push",
    "put_file",
    "stand_in",
    "tree",
]

_HOMES = {
    "lading.app.clients": ("Client", "ClientOptions", "open_client"),
    "lading.app.locate": ("Located", "locate"),
    "lading.app.stand_in": ("StandIn", "stand_in"),
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
    "lading.content.artifacts": (
        "Annotated",
        "FileToPush",
        "PullReport",
        "PushReport",
        "attach",
        "pull",
        "push",
    ),
    "lading.content.blob_files": ("get_blob", "put_file"),
    "lading.content.check": ("Checked", "check"),
    "lading.content.copy": ("CopyOptions", "copy", "copy_tags"),
    "lading.content.report": ("CopyReport",),
    "lading.content.steps": ("Step",),
    "lading.content.tree": ("Tree", "tree"),
    "lading.errors": ("LadingError", "RegistryError", "StorageFailed", "UpstreamFailed"),
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
