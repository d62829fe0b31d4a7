"""What can be asked of a copy."""

from dataclasses import dataclass

from lading.oci.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOptions:
    """What is copied, and how.

    With ``referrers``, what refers to the root, to its children and to other referrers comes
    along. ``platforms`` are those of an index that are wanted: a new index of them is made, or
    with ``sparse`` the index keeps its bytes and names some that are missing. ``image`` asks for
    the one image of an index that suits a platform, without the index. ``deep`` looks at all
    that a manifest names even where its presence proves theirs. Without ``clobber``, tags that
    name something else stay. With ``keep_going``, what fails does not stop the rest.
    ``blobs`` and ``manifests`` are how many move at once.
    """

    referrers: bool = True
    platforms: tuple[Platform, ...] = ()
    sparse: bool = False
    image: Platform | None = None
    deep: bool = False
    clobber: bool = True
    keep_going: bool = False
    dry_run: bool = False
    blobs: int = 4
    manifests: int = 8
