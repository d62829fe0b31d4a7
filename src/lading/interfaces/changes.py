"""What can happen to a registry: each change is one value, and one event once it was committed."""

from dataclasses import dataclass
from datetime import datetime

from lading.interfaces.access import Occasion
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import RepositoryName, Tag


@dataclass(frozen=True, slots=True)
class BlobLinked:
    """A blob became readable in *repository*; mounted from *source*, or else just published.

    Committing it for a mount raises `BlobUnknown` when *source* does not hold the blob (any more).
    """

    repository: RepositoryName
    descriptor: Descriptor
    source: RepositoryName | None = None


@dataclass(frozen=True, slots=True)
class BlobUnlinked:
    """A blob is no longer readable in *repository*."""

    repository: RepositoryName
    digest: Digest


@dataclass(frozen=True, slots=True)
class ManifestPut:
    """A manifest was stored, and every tag in *tags* now names it.

    With *sparse*, what it names may be missing.
    """

    repository: RepositoryName
    manifest: Manifest
    tags: tuple[Tag, ...] = ()
    sparse: bool = False


@dataclass(frozen=True, slots=True)
class ManifestDeleted:
    """A manifest ended, and with it every tag that named it.

    With *untagged_before*, it ends only if `Collection.untagged` would still list it for that time;
    else committing it raises `ManifestUnknown`. So a collector never takes what was just named.
    *ended_before* is that of `Collection.untagged`.
    """

    repository: RepositoryName
    digest: Digest
    untagged_before: datetime | None = None
    ended_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class TagDeleted:
    """A tag ended."""

    repository: RepositoryName
    tag: Tag


@dataclass(frozen=True, slots=True)
class RepositoryDeleted:
    """A repository ended with everything in it."""

    repository: RepositoryName


Change = BlobLinked | BlobUnlinked | ManifestPut | ManifestDeleted | TagDeleted | RepositoryDeleted
"""Everything that can happen to a registry."""


@dataclass(frozen=True, slots=True)
class Event:
    """A change that was committed: its number, when, on whose behalf, and what.

    Numbers only grow. In an event that was read back, the manifest of a `ManifestPut` is whole as
    long as it is kept, and has an empty body after that. ``ended`` are the tags that ended with
    the manifest of a `ManifestDeleted`, in byte order.
    """

    number: int
    at: datetime
    occasion: Occasion
    change: Change
    ended: tuple[Tag, ...] = ()
