"""Which configuration a command of Distribution's is for."""

from pathlib import Path

import click

from lading.app.config.sources import configuration_path


def named_file(context: click.Context, file: str | None) -> Path:
    """*file*, or without one what ``REGISTRY_CONFIGURATION_PATH`` names.

    Where neither names any, that is said as Distribution says it, and the command ends with 1.
    """
    named = configuration_path() if file is None else file
    if not named:
        click.echo("configuration error: configuration path unspecified", err=True)
        click.echo(context.get_usage(), err=True)
        context.exit(1)
    return Path(named)
