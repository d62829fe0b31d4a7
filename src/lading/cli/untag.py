"""``lading untag``: takes tags away; images stay."""

import click

from lading.app.clients import ClientOptions
from lading.cli.names import examples
from lading.cli.output import Output, output_option
from lading.cli.places import at
from lading.cli.removal import removal_shape
from lading.cli.running import run
from lading.cli.sides import side_options
from lading.errors import ReferenceInvalid
from lading.oci.names import Tag


@click.command("untag", epilog=examples("lading untag localhost:5000/team/app:v2"))
@click.argument("reference", metavar="REPOSITORY:TAG")
@output_option(shape=removal_shape())
@side_options
def command(*, reference: str, out: Output, side: ClientOptions) -> None:
    """Take a tag away. What it named stays, and so do other tags on it.

    Where a registry cannot do that, this fails, and nothing is removed.
    """
    run(remove_tag(reference, out=out, side=side))


async def remove_tag(text: str, *, out: Output, side: ClientOptions) -> None:
    """Take the tag away that *text* names; it has to be written out."""
    async with at(text, side, changing=True) as located:
        if not isinstance(located.reference, Tag) or not text.endswith(f":{located.reference}"):
            error = ReferenceInvalid(f"{text!r} has no tag")
            error.advice = "Name the tag that is to go by NAME:TAG."
            raise error
        await located.repository.delete_tag(located.reference)
        removed = f"{located.place}:{located.reference}"
    facts = {"kind": "tag", "reference": removed, "tags": [], "referrers": []}
    out.end(f"removed {removed}", facts)
