"""``garbage-collect``: what `registry garbage-collect` does, for the cron jobs that call it.

The output is that of Distribution where it says the same: a summary, then a line for each thing.
"""

import asyncio
from pathlib import Path

import click

from lading.app.config.sources import configuration_path, load
from lading.app.maintenance import Collected, Tally, What, collect_at_once
from lading.cli.names import examples
from lading.cli.output import counted
from lading.errors import LadingError

_LINES = {
    What.MANIFEST: "manifest eligible for deletion: {{{repository} {digest} []}}",
    What.LINK: "{repository}: layer link eligible for deletion: {digest}",
    What.BLOB: "blob eligible for deletion: {digest}",
    What.WASTE: "blob eligible for deletion: {digest}",
}


@click.command("garbage-collect", epilog=examples("lading garbage-collect --dry-run config.yml"))
@click.argument("file", metavar="CONFIG.yml", required=False)
@click.option("-d", "--dry-run", is_flag=True, help="Only say what would go.")
@click.option(
    "-m", "--delete-untagged", is_flag=True, help="First end manifests that nothing names any more."
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing.")
@click.pass_context
def command(
    context: click.Context, *, file: str | None, dry_run: bool, delete_untagged: bool, quiet: bool
) -> int:
    """Free at once what nothing names any more, in the registry that CONFIG.yml is for.

    The server may go on serving. Blobs that no manifest named yet stay for an hour after they were
    pushed, mounted or asked for, and longer while uploads are open. Manifests without a tag stay
    unless --delete-untagged says otherwise; children of indexes and what refers to something that
    stays are never taken.

    This is the command of Distribution; `lading gc` says why each thing goes, and has more options.
    """
    named = Path(file) if file else configuration_path()
    if named is None:
        click.echo("configuration error: configuration path unspecified", err=True)
        click.echo(context.get_usage(), err=True)
        return 1
    found: list[Collected] = []
    try:
        loaded = load(file=named)
        tally = asyncio.run(
            collect_at_once(
                loaded, untagged=delete_untagged, dry_run=dry_run, listener=found.append
            )
        )
    except LadingError as error:
        click.echo(f"failed to garbage collect: {error}. {error.advice}".rstrip(), err=True)
        return 1
    if not quiet:
        _tell(found, tally)
    if tally.failed:
        click.echo(
            f"failed to garbage collect: {counted(tally.failed, 'blob')} could not be deleted; "
            "the lines above say why, and the next run tries again",
            err=True,
        )
    return 1 if tally.failed else 0


def _tell(found: list[Collected], tally: Tally) -> None:
    assert tally.kept is not None
    manifests = [each for each in found if each.what is What.MANIFEST]
    # The bytes of a manifest are a blob there, and are counted as one.
    blobs = [each for each in found if each.what in {What.BLOB, What.WASTE}]
    for each in manifests:
        _line(each)
    marked = tally.kept.blobs + tally.kept.manifests
    click.echo(
        f"\n{marked} blobs marked, {len(blobs) + len(manifests)} blobs and "
        f"{len(manifests)} manifests eligible for deletion"
    )
    for each in manifests:
        click.echo(f"blob eligible for deletion: {each.digest}")
    for each in (*blobs, *(each for each in found if each.what is What.LINK)):
        _line(each)
    if tally.uploads:
        click.echo(f"{counted(tally.uploads, 'stale upload')} eligible for deletion")
    if tally.kept.waiting:
        click.echo(
            f"{counted(tally.kept.waiting, 'blob')} without a manifest kept for now: pushed, mounted "
            "or asked for within the hour, or while uploads are open"
        )


def _line(collected: Collected) -> None:
    text = _LINES[collected.what].format(repository=collected.repository, digest=collected.digest)
    click.echo(text)
