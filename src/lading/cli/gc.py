"""``lading gc``: collect now, whether a server runs on the directory or not."""

import asyncio
from typing import Any

import click

from lading.app.maintenance import Collected, Tally, What, collect, configured
from lading.cli.output import Output, amount, counted, output_option, root_options

_DONE = {
    What.MANIFEST: "ended",
    What.LINK: "forgotten",
    What.BLOB: "deleted",
    What.WASTE: "deleted",
}


@click.command("gc")
@root_options
@click.option(
    "--grace",
    metavar="DURATION",
    help="Leave what became unreferenced less than this ago: 90s, 15m, 24h, 7d or 0. "
    "Unless configured, what the last server on the directory was told, or 24h.",
)
@click.option("--untagged", is_flag=True, help="First end manifests that nothing names any more.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@output_option
def command(
    *,
    root: str | None,
    config_file: str | None,
    grace: str | None,
    untagged: bool,
    dry_run: bool,
    output: str,
) -> int:
    """Remove content that nothing refers to, and what interrupted pushes left behind.

    Works while a server runs on the directory, and when none does. With a grace of 0, images
    whose push is still under way may lose blobs that they had pushed and not named yet; such a
    push fails and succeeds when it is tried again.
    """
    out = Output(output)

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
    return f"{collected.what.value} {collected.digest}{where} {verb}{size}: {collected.reason}"


def _facts(collected: Collected) -> dict[str, Any]:
    return {
        "what": collected.what.value,
        "digest": str(collected.digest),
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
