"""``lading backup``: a registry in another directory or in a file, while it is served."""

from pathlib import Path

import click

from lading.app.backup import Copied, back_up
from lading.app.backup_file import write_backup
from lading.app.maintenance import configured
from lading.cli.copies import SHAPE, ended, is_file, link_option, lost, without_links
from lading.cli.files import STANDARD, writing
from lading.cli.names import examples
from lading.cli.output import Output, output_option, root_options
from lading.cli.running import run

_NOTHING_LEFT = "Nothing of it is left, and an older backup is as it was; run the same again."
_CUT_SHORT = "What was written is cut short, and is no backup; run the same again."


@click.command(
    "backup",
    epilog=examples(
        "lading backup --root data backup",
        "lading backup --root data backup.tar",
        "lading backup --root data - | gzip > backup.tar.gz",
    ),
)
@click.argument("target", metavar="DIR|FILE.tar|-")
@root_options
@link_option
@output_option(shape=SHAPE)
def command(
    *, target: str, root: str | None, config_file: str | None, link: bool, out: Output
) -> int:
    """Make DIR a copy of a registry as it is now, or bring a copy that is there up to date.

    Pushes, pulls and deletes go on meanwhile; collection waits. Blobs that DIR has are not copied
    again, and what has been deleted since goes from DIR as well. The exit code is 1 when the
    registry has lost blobs, which the copy then lacks too.

    A name that ends in .tar is that of one file, which is new, and is there only when it is whole;
    with a dash, it is written to standard output.
    """
    loaded = configured(file=config_file, root=root)
    if not is_file(target):
        work = back_up(loaded.config.root, Path(target), link=link)
        return ended(run(work, interrupted=_NOTHING_LEFT), out)
    without_links(link=link)
    if target == STANDARD and out.form != "text":
        raise click.UsageError("standard output is the backup; name a file to be told of it")
    work = _write(loaded.config.root, target)
    if target == STANDARD:
        return lost(run(work, interrupted=_CUT_SHORT))
    return ended(run(work, interrupted=_NOTHING_LEFT), out)


async def _write(root: Path, target: str) -> Copied:
    beside = None if target == STANDARD else Path(target).parent
    with writing(target, new=True) as file:
        return await write_backup(root, file, beside=beside)
