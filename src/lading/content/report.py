"""What came of a copy, for whoever asked for it."""

from collections.abc import Iterable
from dataclasses import dataclass

from lading.errors import LadingError
from lading.oci.descriptor import Descriptor
from lading.oci.names import Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyReport:
    """What was moved, or with ``dry_run`` what would be.

    ``roots`` are the manifests that were asked for, as they are at the target; ``made`` says that
    bytes were changed, and a new index stands there in place of the one that was asked for. Of
    the bytes that moved, ``hashed`` were hashed in this process (on the way, or read back), and
    ``relayed`` were checked by the target, which named the digest.
    """

    roots: tuple[Descriptor, ...] = ()
    made: bool = False
    dry_run: bool = False
    manifests_copied: int = 0
    manifests_there: int = 0
    blobs_copied: int = 0
    blobs_mounted: int = 0
    blobs_there: int = 0
    blobs_elsewhere: int = 0
    """Non-distributable layers that stay at their URLs."""
    bytes_moved: int = 0
    bytes_hashed: int = 0
    bytes_relayed: int = 0
    referrers: int = 0
    """Manifests about others that are at the target now."""
    tags: tuple[Tag, ...] = ()
    tags_there: tuple[Tag, ...] = ()
    """Tags that named the same at the target already."""
    tags_kept: tuple[Tag, ...] = ()
    """Tags that name something else at the target, and were not to be moved."""
    failures: tuple[LadingError, ...] = ()


class Tally:
    """A report in the making."""

    def __init__(self) -> None:
        self.made = False
        self.manifests_copied = 0
        self.manifests_there = 0
        self.blobs_copied = 0
        self.blobs_mounted = 0
        self.blobs_there = 0
        self.blobs_elsewhere = 0
        self.bytes_moved = 0
        self.bytes_hashed = 0
        self.bytes_relayed = 0
        self.referrers = 0
        self.tags: set[Tag] = set()
        self.tags_there: set[Tag] = set()
        self.tags_kept: set[Tag] = set()
        self.failures: list[LadingError] = []

    def report(self, roots: Iterable[Descriptor], *, dry_run: bool) -> CopyReport:
        """The report as it stands."""
        return CopyReport(
            roots=tuple(roots),
            made=self.made,
            dry_run=dry_run,
            manifests_copied=self.manifests_copied,
            manifests_there=self.manifests_there,
            blobs_copied=self.blobs_copied,
            blobs_mounted=self.blobs_mounted,
            blobs_there=self.blobs_there,
            blobs_elsewhere=self.blobs_elsewhere,
            bytes_moved=self.bytes_moved,
            bytes_hashed=self.bytes_hashed,
            bytes_relayed=self.bytes_relayed,
            referrers=self.referrers,
            tags=tuple(sorted(self.tags)),
            tags_there=tuple(sorted(self.tags_there - self.tags)),
            tags_kept=tuple(sorted(self.tags_kept)),
            failures=tuple(self.failures),
        )
