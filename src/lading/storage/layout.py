"""Which path a blob, an upload and a quarantined file have below the root.

Blobs lie where Distribution 2 and 3 put them, so that a tree of theirs is adopted without moving
a byte and can be handed back. Nothing here touches the disk. Every name that becomes part of a
path is checked here against a grammar without separators, so no path leads out of the root.
"""

import re

from lading.errors import BlobUnknown, UploadUnknown
from lading.interfaces.blobs import UploadId
from lading.oci.digest import Digest

BLOBS = "docker/registry/v2/blobs"
"""Directory of all blobs, below the root."""

UPLOADS = "uploads"
"""Directory of unfinished uploads, below the root; one file each."""

QUARANTINE = "quarantine"
"""Directory of damaged bytes that were put aside, below the root."""

_VALUES = {
    "sha256": re.compile(r"[a-f0-9]{64}", re.ASCII),
    "sha384": re.compile(r"[a-f0-9]{96}", re.ASCII),
    "sha512": re.compile(r"[a-f0-9]{128}", re.ASCII),
}
_UPLOAD_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}", re.ASCII)


def blob_path(digest: Digest) -> str:
    """Where the bytes of *digest* are, below the root.

    Raises:
        BlobUnknown: nothing can be kept here under such a digest.
    """
    value = digest.value
    grammar = _VALUES.get(digest.algorithm)
    if grammar is None or grammar.fullmatch(value) is None:
        raise BlobUnknown(digest)
    return f"{BLOBS}/{digest.algorithm}/{value[:2]}/{value}/data"


def digest_at(path: str) -> Digest | None:
    """The digest whose `blob_path` is *path*, or ``None`` if it is not the path of a blob."""
    parts = path.removeprefix(f"{BLOBS}/").split("/")
    if len(parts) != 4:
        return None
    digest = Digest(parts[0], parts[2])
    try:
        return digest if blob_path(digest) == path else None
    except BlobUnknown:
        return None


def upload_path(upload_id: UploadId) -> str:
    """Where the bytes of an upload are staged, below the root.

    Raises:
        UploadUnknown: no upload can have such an id.
    """
    if not is_upload(upload_id):
        raise UploadUnknown(upload_id[:128])
    return f"{UPLOADS}/{upload_id}"


def is_upload(name: str) -> bool:
    """Whether a file called *name* among the staged ones is an upload."""
    return _UPLOAD_ID.fullmatch(name) is not None


def quarantine_path(digest: Digest, number: int) -> str:
    """Where damaged bytes of *digest* go, below the root; *number* tells several apart.

    Raises:
        BlobUnknown: nothing can be kept here under such a digest.
    """
    blob_path(digest)
    return f"{QUARANTINE}/{digest.algorithm}-{digest.value}.{number}"
