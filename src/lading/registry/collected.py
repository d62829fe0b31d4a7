"""What background work takes away: one value for each thing, and how they add up."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from lading.interfaces.blobs import UploadId
from lading.interfaces.metadata import Kept
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName


class What(Enum):
    """The kinds of things that can be collected."""

    MANIFEST = "manifest"
    """A manifest ended; its bytes are a row, and go with the undo window."""
    LINK = "link"
    """A repository can no longer read a blob that it had."""
    BLOB = "blob"
    """Bytes that no repository could read any more."""
    WASTE = "waste"
    """Bytes that no row ever spoke of: a crash came between publishing and linking them."""
    UPLOAD = "upload"
    """An upload that nobody went on with."""


@dataclass(frozen=True, slots=True)
class Collected:
    """One thing that was collected, and why; an upload has an id and no digest.

    `What.BLOB`, `What.WASTE` and `What.UPLOAD` free its *size*, the others do not.
    """

    what: What
    digest: Digest | None
    size: int
    repository: RepositoryName | None
    reason: str
    upload: UploadId | None = None


Listener = Callable[[Collected], None]
"""Is told of each thing when it has been collected."""


def unheard(_collected: Collected) -> None:
    """Listen to nothing."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What is kept: a *repository*, a *manifest* in it, or a *blob* that the manifest names.

    The children of an index are blobs here as well, if the index comes before them.
    """

    repository: RepositoryName
    manifest: Digest | None = None
    blob: Digest | None = None


Marker = Callable[[Mark], None]
"""Is told of each thing that is kept."""


@dataclass(slots=True)
class Tally:
    """How much was collected; *freed* is in bytes, *failed* counts what could not be deleted.

    *kept* is what is left, if somebody counted it.
    """

    manifests: int = 0
    links: int = 0
    blobs: int = 0
    waste: int = 0
    uploads: int = 0
    failed: int = 0
    freed: int = 0
    kept: Kept | None = field(default=None, compare=False)

    def count(self, collected: Collected) -> None:
        """Add one thing."""
        match collected.what:
            case What.MANIFEST:
                self.manifests += 1
            case What.LINK:
                self.links += 1
            case What.BLOB:
                self.blobs += 1
                self.freed += collected.size
            case What.WASTE:
                self.waste += 1
                self.freed += collected.size
            case What.UPLOAD:
                self.uploads += 1
                self.freed += collected.size

    def add(self, other: "Tally") -> None:
        """Add all that *other* counted."""
        self.manifests += other.manifests
        self.links += other.links
        self.blobs += other.blobs
        self.waste += other.waste
        self.uploads += other.uploads
        self.failed += other.failed
        self.freed += other.freed
        self.kept = other.kept or self.kept

    def __bool__(self) -> bool:
        return any((self.manifests, self.links, self.blobs, self.waste, self.uploads, self.failed))
