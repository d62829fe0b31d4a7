"""Copying whole graphs from one repository to another, wherever they live.

Bytes stay what they are, so digests do as well; only an index for fewer platforms is made anew.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from lading.content import crowd
from lading.content.blobs import Blobs, Fetch
from lading.content.copier import Copier
from lading.content.digest_tags import is_fallback
from lading.content.options import CopyOptions
from lading.content.pages import every
from lading.content.report import CopyReport, Tally
from lading.content.sides import SOURCE, at
from lading.content.steps import Listener, silent
from lading.errors import LadingError, PartlyDone
from lading.interfaces.repository import Page, Repository
from lading.oci.descriptor import Descriptor
from lading.oci.names import Reference, RepositoryName, Tag

__all__ = ["CopyOptions", "CopyReport", "Fetch", "copy", "copy_tags"]

DEFAULT = CopyOptions()
"""Everything, and what refers to it."""

_PAGE = 1000
_ROOTS = 4
"""How many tags are copied at once."""


async def copy(
    source: Repository,
    target: Repository,
    reference: Reference,
    *,
    tags: Sequence[Tag] = (),
    options: CopyOptions = DEFAULT,
    mount_from: RepositoryName | None = None,
    fetch: Fetch | None = None,
    listener: Listener = silent,
) -> CopyReport:
    """Copy what *reference* names in *source* to *target*, and let *tags* name it there.

    *mount_from* is a repository in the registry of *target* that may have the blobs: the name of
    *source*, if both are in one registry. With *fetch*, non-distributable layers come along, from
    *source* or from their URLs. Tags are written last; after an error, the same call goes on
    where it ended. The ``where`` of an error begins with "source" or "target".

    Raises:
        ManifestUnknown: *reference* names nothing in *source*.
        PlatformUnknown: there is no image for a platform that was asked for.
        ManifestInvalid: the graph is too deep or too large.
        SizeInvalid: content has another length than its descriptor says.
        DigestInvalid: content has another digest than its descriptor says.
        PartlyDone: with ``keep_going``, something failed; ``done`` is the report.
    """
    tally = Tally()
    copier = _copier(
        source,
        target,
        tally,
        options=options,
        mount_from=mount_from,
        fetch=fetch,
        listener=listener,
    )
    root = await copier.root(reference)
    there = False
    try:
        there = await copier.copy(root, tags)
    except LadingError as error:
        if not options.keep_going:
            raise
        copier.remember(error)
    return _done(tally, [root.manifest.descriptor] if there else [], options)


async def copy_tags(
    source: Repository,
    target: Repository,
    *,
    include: Sequence[str] = ("*",),
    exclude: Sequence[str] = (),
    options: CopyOptions = DEFAULT,
    mount_from: RepositoryName | None = None,
    fetch: Fetch | None = None,
    listener: Listener = silent,
) -> CopyReport:
    """Copy every tag of *source* that matches one of *include* and none of *exclude* (globs).

    See `copy`; what tags share is copied once. A tag that lists what refers to something that is
    copied is not copied itself: what it lists comes along, and the target lists it in its way.

    Raises:
        NameUnknown: there is no such repository.
        LadingError: as `copy` does.
    """
    tally = Tally()
    copier = _copier(
        source,
        target,
        tally,
        options=options,
        mount_from=mount_from,
        fetch=fetch,
        listener=listener,
    )
    roots: dict[Tag, Descriptor] = {}

    async def one(tag: Tag) -> None:
        try:
            if is_fallback(tag) and await copier.came_along(tag):
                return
            root = await copier.root(tag)
            if await copier.copy(root, [tag]):
                roots[tag] = root.manifest.descriptor
        except LadingError as error:
            if not options.keep_going:
                raise
            copier.remember(error)

    matching = await _matching(source, include, exclude)
    # Whether such a tag lists what came along shows when everything else is there.
    for late in (False, True):
        await crowd.each(one, [tag for tag in matching if is_fallback(tag) is late], most=_ROOTS)
    return _done(tally, [roots[tag] for tag in sorted(roots)], options)


async def _matching(
    source: Repository, include: Sequence[str], exclude: Sequence[str]
) -> Sequence[Tag]:
    async def page(after: Tag | None) -> Page[Tag]:
        with at(SOURCE):
            return await source.tags(after=after, limit=_PAGE)

    return [tag async for tag in every(page) if _matches(tag, include, exclude)]


def _matches(tag: Tag, include: Sequence[str], exclude: Sequence[str]) -> bool:
    wanted = any(fnmatchcase(tag, glob) for glob in include)
    return wanted and not any(fnmatchcase(tag, glob) for glob in exclude)


def _copier(
    source: Repository,
    target: Repository,
    tally: Tally,
    *,
    options: CopyOptions,
    mount_from: RepositoryName | None,
    fetch: Fetch | None,
    listener: Listener,
) -> Copier:
    blobs = Blobs(
        source,
        target,
        tally,
        mount_from=mount_from,
        fetch=fetch,
        dry_run=options.dry_run,
        most=options.blobs,
        listener=listener,
    )
    return Copier(source, target, options, blobs=blobs, tally=tally, listener=listener)


def _done(tally: Tally, roots: Sequence[Descriptor], options: CopyOptions) -> CopyReport:
    report = tally.report(roots, dry_run=options.dry_run)
    if options.keep_going and report.failures:
        count = len(report.failures)
        raise PartlyDone(
            f"{count} failed, the first by: {report.failures[0]}",
            failures=report.failures,
            done=report,
        )
    return report
