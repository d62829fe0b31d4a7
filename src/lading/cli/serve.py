"""``lading serve``: a registry on this machine, with nothing to configure first."""

from pathlib import Path

import click

from lading.app.config.sources import configuration_path, load
from lading.app.launch import run
from lading.cli.names import examples


@click.command(
    "serve",
    # As there, whatever else is named is not looked at.
    context_settings={"allow_extra_args": True},
    epilog=examples(
        "lading serve --root data --listen 127.0.0.1:5000",
        "lading serve /etc/distribution/config.yml",
    ),
)
@click.argument("given", metavar="[CONFIG.yml]", required=False)
@click.option("--root", metavar="DIR", help="Where everything is kept; ./lading-data by default.")
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Where to listen; 127.0.0.1:5000 by default. Port 0 picks a free one.",
)
@click.option(
    "--workers",
    metavar="N",
    help="How many processes serve; one for each usable core by default, at most eight.",
)
@click.option("--config", "file", metavar="FILE", help="Read settings from this YAML file.")
@click.option(
    "--allow-missing", is_flag=True, help="Take manifests that name content that is not here."
)
@click.option("--read-only", is_flag=True, help="Refuse everything that would change content.")
@click.option("--no-access-log", is_flag=True, help="Write no line for each request.")
@click.option(
    "--grace",
    metavar="DURATION",
    help="How long content may stay unreferenced; 24h by default.",
)
def command(
    *,
    given: str | None,
    root: str | None,
    listen: str | None,
    workers: str | None,
    file: str | None,
    allow_missing: bool,
    read_only: bool,
    no_access_log: bool,
    grace: str | None,
) -> int:
    """Serve a registry until Ctrl-C or SIGTERM, which let requests in flight finish.

    Each option overrides the environment (LADING__LISTEN and the like), which overrides the
    configuration file. The file is named by CONFIG.yml, by --config, or by the variable
    REGISTRY_CONFIGURATION_PATH; it may be one of Distribution's.
    """
    if given is not None and file is not None:
        raise click.UsageError("CONFIG.yml and --config name the same thing; give one of them.")
    named = file if given is None else given
    return run(
        load(
            file=configuration_path() if named is None else Path(named),
            flags={
                "root": ("--root", root),
                "listen": ("--listen", listen),
                "workers": ("--workers", workers),
                "manifests.missing": ("--allow-missing", "allow" if allow_missing else None),
                "read_only": ("--read-only", "true" if read_only else None),
                "log.access": ("--no-access-log", "false" if no_access_log else None),
                "collector.grace": ("--grace", grace),
            },
        )
    )
