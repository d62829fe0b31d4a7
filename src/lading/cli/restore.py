"""``lading restore``: a registry out of a copy that `lading backup` made."""

from pathlib import Path

import click

from lading.app.backup import restore
from lading.app.backup_file import read_backup
from lading.app.maintenance import configured
from lading.cli.copies import SHAPE, ended, is_file, link_option, without_links
from lading.cli.files import reading_once
from lading.cli.names import examples
from lading.cli.output import Output, output_option, root_options
from lading.cli.running import run

_AS_IT_WAS = "The directory is what it was before; run the same again."


@click.command(
    "restore",
    epilog=examples(
        "lading restore --root restored backup",
        "lading restore --root restored backup.tar",
        "gzip -d < backup.tar.gz | lading restore --root restored -",
    ),
)
@click.argument("source", metavar="DIR|FILE.tar|-")
@root_options
@link_option
@output_option(shape=SHAPE)
def command(
    *, source: str, root: str | None, config_file: str | None, link: bool, out: Output
) -> int:
    """Make a registry of the copy in DIR or FILE.tar, in a directory where there is none.

    `lading fsck` then reads back every byte of it. The exit code is 1 when the copy lacks blobs.
    What comes out of a file is checked at once. When a restore fails or is ended, nothing stays; one
    that was killed is completed by the same command.
    """
    target = configured(file=config_file, root=root).config.root
    if is_file(source):
        without_links(link=link)
        with reading_once(source) as file:
            copied = run(read_backup(file, target), interrupted=_AS_IT_WAS)
    else:
        copied = run(restore(Path(source), target, link=link), interrupted=_AS_IT_WAS)
    return ended(copied, out, into=str(target))
