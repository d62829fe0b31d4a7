"""``lading digest``: what a tag names now."""

import click

from lading.app.clients import ClientOptions
from lading.cli.names import examples
from lading.cli.output import Output, output_option
from lading.cli.places import at, made, platform_option
from lading.cli.running import run
from lading.cli.shapes import made as shape
from lading.cli.sides import side_options
from lading.content.images import manifest_for
from lading.oci.descriptor import Descriptor
from lading.oci.platform import Platform


@click.command(
    "digest",
    epilog=examples(
        "lading digest localhost:5000/team/app:v1",
        "lading digest --full-ref --platform linux/arm64 localhost:5000/team/multi:v1",
        "lading digest oci:layout:v1",
    ),
)
@click.argument("reference", metavar="REF")
@platform_option
@click.option("--full-ref", is_flag=True, help="Print REPOSITORY@DIGEST.")
@output_option(shape=shape())
@side_options
def command(
    *,
    reference: str,
    platform: Platform | None,
    full_ref: bool,
    out: Output,
    side: ClientOptions,
) -> None:
    """Print the digest of what REF names now; nothing is fetched but that."""
    run(_digest(reference, platform, full_ref=full_ref, out=out, side=side))


async def _digest(
    text: str, platform: Platform | None, *, full_ref: bool, out: Output, side: ClientOptions
) -> None:
    async with at(text, side) as located:
        found: Descriptor
        if platform is None:
            found = await located.repository.resolve(located.reference)
        else:
            found = (await manifest_for(located.repository, located.reference, platform)).descriptor
        facts = made(located, found)
        out.end(facts["reference"] if full_ref else facts["digest"], facts)
