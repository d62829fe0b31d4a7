"""``lading version``: what a report of a fault should begin with."""

import click

from lading.app.versions import versions
from lading.cli.output import Output, output_option


@click.command("version")
@output_option
def command(*, output: str) -> None:
    """Say which versions are at work."""
    found = versions()
    lines = [f"{name} {version}" for name, version in found.items()]
    Output(output).end("\n".join(lines), dict(found))
