"""``lading restore``: a registry out of a copy that `lading backup` made."""

import asyncio
from pathlib import Path

import click

from lading.app.backup import restore
from lading.app.maintenance import configured
from lading.cli.copies import SHAPE, ended, link_option
from lading.cli.names import examples
from lading.cli.output import Output, output_option, root_options


@click.command("restore", epilog=examples("lading restore --root restored backup"))
@click.argument("source", metavar="DIR")
@root_options
@link_option
@output_option(shape=SHAPE)
def command(
    *, source: str, root: str | None, config_file: str | None, link: bool, out: Output
) -> int:
    """Make a registry of the copy in DIR, in a directory where there is none.

    `lading fsck` then reads back every byte of it. The exit code is 1 when the copy lacks blobs.
    """
    loaded = configured(file=config_file, root=root)
    return ended(asyncio.run(restore(Path(source), loaded.config.root, link=link)), out)
