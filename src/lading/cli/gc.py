"""``lading gc``: collect now, whether a server runs on the directory or not."""

import asyncio
from typing import Any

import click

from lading.app.maintenance import Collected, Tally, What, collect, configured
from lading.cli.names import examples
from lading.cli.output import Output, amount, counted, output_option, root_options
from lading.cli.shapes import many, maybe, number, record, text, truth

_DONE = {
    What.MANIFEST: "ended",
    What.LINK: "forgotten",
    What.BLOB: "deleted",
    What.WASTE: "deleted",
    What.UPLOAD: "deleted",
}


_SHAPE = record(
    "What was removed, or with --dry-run would be.",
    dryRun=truth("Whether nothing was done."),
    manifests=number("Manifests that were ended."),
    links=number("Blobs that a repository forgot."),
    blobs=number("Blobs that were deleted."),
    unrecorded=number("Blobs that nobody knew of, and that were deleted."),
    uploads=number("Stale uploads that were ended."),
    failed=number("Blobs that could not be deleted."),
    freed=number("Bytes that were freed."),
    items=many(
        record(
            what=text("What kind of thing it was."),
            digest=maybe(text("Its digest; an upload has none yet.")),
            upload=maybe(text("The id, if it is an upload.")),
            size=number("Its length in bytes."),
            repository=maybe(text("The repository, where it was in one.")),
            reason=text("Why it went."),
        ),
        "One for each thing.",
    ),
)


@click.command("gc", epilog=examples("lading gc --root data --dry-run"))
@root_options
@click.option(
    "--grace",
    metavar="DURATION",
    help="Leave what became unreferenced less than this ago: 90s, 15m, 24h, 7d or 0. "
    "Unless configured, what the last server on the directory was told, or 24h.",
)
@click.option("--untagged", is_flag=True, help="First end manifests that nothing names any more.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@output_option(shape=_SHAPE, items="items")
def command(
    *,
    root: str | None,
    config_file: str | None,
    grace: str | None,
    untagged: bool,
    dry_run: bool,
    out: Output,
) -> int:
    """Remove content that nothing refers to, and what interrupted pushes left behind.

    Works while a server runs on the directory, and when none does. With a grace of 0, images
    whose push is still under way may lose blobs that they had pushed and not named yet; such a
    push fails and succeeds when it is tried again.
    """

    def hear(collected: Collected) -> None:
        out.item(_line(collected, dry_run=dry_run), _facts(collected))

    loaded = configured(file=config_file, root=root, grace=grace)
    tally = asyncio.run(collect(loaded, untagged=untagged, dry_run=dry_run, listener=hear))
    out.end(_summary(tally, dry_run=dry_run), _totals(tally, dry_run=dry_run))
    return 1 if tally.failed else 0


def _line(collected: Collected, *, dry_run: bool) -> str:
    where = f" in {collected.repository}" if collected.repository else ""
    size = "" if collected.what is What.LINK else f" ({amount(collected.size)})"
    verb = ("would be " if dry_run else "") + _DONE[collected.what]
    name = collected.upload or collected.digest
    return f"{collected.what.value} {name}{where} {verb}{size}: {collected.reason}"


def _facts(collected: Collected) -> dict[str, Any]:
    return {
        "what": collected.what.value,
        "digest": None if collected.digest is None else str(collected.digest),
        "upload": collected.upload,
        "size": collected.size,
        "repository": collected.repository,
        "reason": collected.reason,
    }


def _summary(tally: Tally, *, dry_run: bool) -> str:
    if not tally:
        return "nothing to collect"
    parts = [
        counted(number, noun)
        for number, noun in (
            (tally.manifests, "manifest"),
            (tally.links, "link"),
            (tally.blobs, "blob"),
            (tally.waste, "unrecorded blob"),
            (tally.uploads, "stale upload"),
        )
        if number
    ]
    would = "would be " if dry_run else ""
    failed = f"; {counted(tally.failed, 'blob')} could not be deleted" if tally.failed else ""
    what = ", ".join(parts) or "nothing"
    return f"{what} {would}removed, {amount(tally.freed)} {would}freed{failed}"


def _totals(tally: Tally, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dryRun": dry_run,
        "manifests": tally.manifests,
        "links": tally.links,
        "blobs": tally.blobs,
        "unrecorded": tally.waste,
        "uploads": tally.uploads,
        "failed": tally.failed,
        "freed": tally.freed,
    }
