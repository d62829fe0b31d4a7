"""``lading logout``: forgets a login."""

from collections.abc import Sequence

import click

from lading.app.clients import ClientOptions
from lading.cli.names import examples
from lading.cli.output import Output, output_option
from lading.cli.places import client_for
from lading.cli.running import run
from lading.cli.shapes import many, record, text
from lading.cli.sides import connection_options
from lading.oci.locator import parse_host


@click.command("logout", epilog=examples("lading logout localhost:5000"))
@click.argument("host")
@output_option(
    shape=record(
        "What was forgotten.",
        registry=text("The registry."),
        removedFrom=many(text("A file or program"), "Where there was a login."),
    )
)
@connection_options
def command(*, host: str, out: Output, side: ClientOptions) -> None:
    """Forget every login for the registry HOST."""
    registry = parse_host(host)
    places = run(_log_out(registry, side))
    facts = {"registry": registry, "removedFrom": list(places)}
    told = f"removed from {', '.join(places)}" if places else "there was no login"
    out.end(f"{registry}: {told}", facts)


async def _log_out(host: str, side: ClientOptions) -> Sequence[str]:
    async with client_for(side) as client:
        return await client.log_out(host)
