"""Copying whole graphs from one repository to another, wherever they live."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from lading.bodies import Source
from lading.content.report import CopyReport
from lading.content.steps import Listener, silent
from lading.interfaces.repository import Repository
from lading.oci.names import Reference, RepositoryName, Tag
from lading.oci.platform import Platform

Fetch = Callable[[str], Awaitable[Source]]
"""Opens what is at a URL."""


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


async def copy(
    source: Repository,
    target: Repository,
    reference: Reference,
    *,
    tags: Sequence[Tag] = (),
    options: CopyOptions = CopyOptions(),
    mount_from: RepositoryName | None = None,
    fetch: Fetch | None = None,
    listener: Listener = silent,
) -> CopyReport:
    """Copy what *reference* names in *source* to *target*, and let *tags* name it there.

    *mount_from* is a repository in the registry of *target* that may have the blobs: the name of
    *source*, if both are in one registry. With *fetch*, non-distributable layers come along, from
    *source* or from their URLs. Tags are written last; after an error, the same call goes on
    where it ended. Errors say by ``where`` whether "source" or "target" failed.

    Raises:
        ManifestUnknown: *reference* names nothing in *source*.
        PlatformUnknown: there is no image for a platform that was asked for.
        ManifestInvalid: the graph is too deep or too large.
        SizeInvalid: content has another length than its descriptor says.
        DigestInvalid: content has another digest than its descriptor says.
        PartlyDone: with ``keep_going``, something failed; ``done`` is the report.
    """
    raise NotImplementedError


async def copy_tags(
    source: Repository,
    target: Repository,
    *,
    include: Sequence[str] = ("*",),
    exclude: Sequence[str] = (),
    options: CopyOptions = CopyOptions(),
    mount_from: RepositoryName | None = None,
    fetch: Fetch | None = None,
    listener: Listener = silent,
) -> CopyReport:
    """Copy every tag of *source* that matches one of *include* and none of *exclude* (globs).

    See `copy`; what tags share is copied once.
    """
    raise NotImplementedError
