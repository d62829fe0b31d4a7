"""What ``copy``, ``save`` and ``load`` share: two places, one copy, and what is said about it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import NamedTuple

import click

from lading.app.clients import Client
from lading.app.locate import Located, locate
from lading.cli.files import STANDARD
from lading.cli.output import Output, amount, counted, say
from lading.cli.places import client_for, hinting
from lading.cli.shapes import Shape, many, number, record, text, truth
from lading.cli.sides import Sides
from lading.content.copy import CopyOptions, Fetch, copy, copy_tags
from lading.content.report import CopyReport
from lading.content.steps import Listener
from lading.errors import LadingError, PartlyDone
from lading.oci.names import Tag


class Transfer(NamedTuple):
    """What is copied from where to where; with *globs*, the tags that match."""

    source: str
    target: str
    sides: Sides
    options: CopyOptions
    globs: Sequence[str] = ()
    exclude: Sequence[str] = ()
    external: bool = False
    chunk_size: int | None = None

    @property
    def fitting(self) -> CopyOptions:
        """The options as the target can have them: a docker-archive holds images and no more."""
        if not self.target.startswith("docker-archive:"):
            return self.options
        platforms = self.options.platforms
        if len(platforms) > 1:
            raise click.UsageError("a docker-archive holds one image: name one --platform")
        image = platforms[0] if platforms else None
        return replace(self.options, referrers=False, platforms=(), image=image)

    @property
    def on_standard_output(self) -> bool:
        """Whether an archive takes the place of the result there."""
        kind, _, rest = self.target.partition(":")
        return kind.endswith("-archive") and rest.partition(":")[0] == STANDARD


class Transferred(NamedTuple):
    """What came of it; ``place`` is the repository it was copied to."""

    place: str
    report: CopyReport
    on_standard_output: bool


def copy_shape() -> Shape:
    """What commands print that copy."""
    return record(
        "What was copied, or with --dry-run would be.",
        repository=text("Where it was copied to."),
        roots=many(text("REPOSITORY@DIGEST"), "The manifests that were asked for, at the target."),
        made=truth("Whether a new index was made, of some images of the one that was asked for."),
        dryRun=truth("Whether nothing was done."),
        tags=many(text("A tag"), "Tags that were set."),
        tagsThere=many(text("A tag"), "Tags that named the same already."),
        tagsKept=many(text("A tag"), "Tags that name something else, and were left."),
        manifestsCopied=number("Manifests that were pushed."),
        manifestsThere=number("Manifests that were there."),
        blobsCopied=number("Blobs that were pushed."),
        blobsMounted=number("Blobs that the target took from another of its repositories."),
        blobsThere=number("Blobs that were there."),
        blobsElsewhere=number("Layers that stay at their URLs."),
        bytesMoved=number("Bytes of blobs that were pushed."),
        bytesHashed=number("Of those, bytes that were hashed in this process."),
        bytesRelayed=number("Of those, bytes whose digest the target has named."),
        referrers=number("Manifests about others that are at the target now."),
        failures=many(text("What failed"), "What was not copied, with --keep-going."),
    )


async def transfer(wanted: Transfer, listener: Listener) -> Transferred:
    """Copy what is *wanted*; what failed, with ``keep_going``, stands in the report."""
    async with _ends(wanted, listener) as (source, target, client):
        fetch = client.fetch if wanted.external else None
        try:
            report = await _copied(wanted, source, target, fetch, listener)
        except PartlyDone as partly:
            if not isinstance(partly.done, CopyReport):
                raise
            # What was copied is to stay, also where it is written at the end: in an archive.
            report = partly.done
        return Transferred(target.place, report, wanted.on_standard_output)


async def _copied(
    wanted: Transfer,
    source: Located,
    target: Located,
    fetch: Fetch | None,
    listener: Listener,
) -> CopyReport:
    mount_from = source.repository.name if source.registry is target.registry else None
    if wanted.globs:
        for each in (source, target):
            if each.named:
                raise click.UsageError(
                    f"{each.text}: a tag cannot be named when several are copied"
                )
        return await copy_tags(
            source.repository,
            target.repository,
            include=wanted.globs,
            exclude=wanted.exclude,
            options=wanted.fitting,
            mount_from=mount_from,
            fetch=fetch,
            listener=listener,
        )
    return await copy(
        source.repository,
        target.repository,
        source.reference,
        tags=_tags(source, target),
        options=wanted.fitting,
        mount_from=mount_from,
        fetch=fetch,
        listener=listener,
    )


@asynccontextmanager
async def _ends(
    wanted: Transfer, listener: Listener
) -> AsyncIterator[tuple[Located, Located, Client]]:
    async with (
        client_for(wanted.sides.source, listener, chunk_size=wanted.chunk_size) as reader,
        _same_or_other(reader, wanted, listener) as writer,
        _locate(
            wanted.source, reader, "source", writing=False, several=bool(wanted.globs)
        ) as source,
        _locate(
            wanted.target, writer, "target", writing=True, trial=wanted.options.dry_run
        ) as target,
    ):
        yield source, target, reader


@asynccontextmanager
async def _same_or_other(
    reader: Client, wanted: Transfer, listener: Listener
) -> AsyncIterator[Client]:
    """One client for both sides where they are the same: it asks for each token once."""
    if wanted.sides.source == wanted.sides.target:
        yield reader
        return
    async with client_for(wanted.sides.target, listener, chunk_size=wanted.chunk_size) as writer:
        yield writer


@asynccontextmanager
async def _locate(
    text: str,
    client: Client,
    where: str,
    *,
    writing: bool,
    trial: bool = False,
    several: bool = False,
) -> AsyncIterator[Located]:
    async with AsyncExitStack() as stack:
        try:
            located = await stack.enter_async_context(
                locate(text, client, writing=writing, fresh=True, trial=trial, several=several)
            )
            if not writing:
                await stack.enter_async_context(hinting(located))
        except LadingError as error:
            error.where = error.where or where
            raise
        yield located


def _tags(source: Located, target: Located) -> tuple[Tag, ...]:
    """What the copy is called: by the tag of the target, else by that of the source."""
    if target.named:
        return (target.reference,) if isinstance(target.reference, Tag) else ()
    return (source.reference,) if isinstance(source.reference, Tag) else ()


def show(done: Transferred, out: Output) -> None:
    """Print where the copies are: REPOSITORY@DIGEST, one a line."""
    report = done.report
    roots = [f"{done.place}@{each.digest}" for each in report.roots]
    facts = {
        "repository": done.place,
        "roots": roots,
        "made": report.made,
        "dryRun": report.dry_run,
        "tags": list(report.tags),
        "tagsThere": list(report.tags_there),
        "tagsKept": list(report.tags_kept),
        "manifestsCopied": report.manifests_copied,
        "manifestsThere": report.manifests_there,
        "blobsCopied": report.blobs_copied,
        "blobsMounted": report.blobs_mounted,
        "blobsThere": report.blobs_there,
        "blobsElsewhere": report.blobs_elsewhere,
        "bytesMoved": report.bytes_moved,
        "bytesHashed": report.bytes_hashed,
        "bytesRelayed": report.bytes_relayed,
        "referrers": report.referrers,
        "failures": [str(each) for each in report.failures],
    }
    if done.on_standard_output:
        say("\n".join(roots))
    else:
        out.end("\n".join(roots), facts)


def sum_up(report: CopyReport) -> None:
    """Say what was done, on standard error."""
    would = "would be " if report.dry_run else ""
    copied = [
        counted(count, noun)
        for count, noun in (
            (report.manifests_copied, "manifest"),
            (report.blobs_copied, "blob"),
        )
        if count
    ]
    moved = f" ({amount(report.bytes_moved)})" if report.bytes_moved else ""
    parts = [f"{', '.join(copied) or 'nothing'}{moved} {would}copied"]
    for count, what in (
        (report.blobs_mounted, "mounted"),
        (report.manifests_there + report.blobs_there, "already there"),
        (report.blobs_elsewhere, "left at their URLs"),
        (report.referrers, "referring to others"),
    ):
        if count:
            parts.append(f"{count} {what}")
    if report.tags_kept:
        parts.append(f"left as they are: {', '.join(report.tags_kept)}")
    say("; ".join(parts))
    if report.bytes_moved and not report.dry_run:
        say(
            f"verified: {amount(report.bytes_hashed)} hashed here, "
            f"{amount(report.bytes_relayed)} by the target"
        )
    if report.made:
        say(
            "a new index was made of the platforms that were asked for; "
            "what refers to the old one was left behind"
        )


def told(done: Transferred, out: Output) -> None:
    """Print the result, and what was done.

    Raises:
        PartlyDone: some of it was not.
    """
    show(done, out)
    sum_up(done.report)
    if done.report.failures:
        raise PartlyDone(done.place, failures=done.report.failures)
