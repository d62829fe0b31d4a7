"""``lading backup``: a registry in another directory, while it is served."""

import asyncio
from pathlib import Path

import click

from lading.app.backup import back_up
from lading.app.maintenance import configured
from lading.cli.copies import SHAPE, ended, link_option
from lading.cli.names import examples
from lading.cli.output import Output, output_option, root_options


@click.command("backup", epilog=examples("lading backup --root data backup"))
@click.argument("target", metavar="DIR")
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
    """
    loaded = configured(file=config_file, root=root)
    return ended(asyncio.run(back_up(loaded.config.root, Path(target), link=link)), out)
