"""``lading version``: what a report of a fault should begin with."""

import click

from lading.app.versions import versions
from lading.cli.names import examples
from lading.cli.output import Output, output_option
from lading.cli.shapes import strings


@click.command("version", epilog=examples("lading version"))
@output_option(shape=strings("Versions by what they are of."))
def command(*, out: Output) -> None:
    """Say which versions are at work."""
    found = versions()
    lines = [f"{name} {version}" for name, version in found.items()]
    out.end("\n".join(lines), dict(found))
