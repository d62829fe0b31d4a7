"""``lading rm``: removes a tag, or a manifest, and never one in place of the other."""

import click

from lading.app.clients import ClientOptions
from lading.cli.names import examples
from lading.cli.output import Output, output_option
from lading.cli.removal import removal_options, removal_shape, remove_manifest
from lading.cli.running import run
from lading.cli.sides import side_options
from lading.cli.untag import remove_tag


@click.command(
    "rm",
    epilog=examples(
        "lading rm localhost:5000/team/app:v2",
        "lading rm --manifest --yes localhost:5000/team/app:old",
    ),
)
@click.argument("reference", metavar="REF")
@click.option(
    "--manifest", "whole", is_flag=True, help="Remove the manifest that a tag names, not the tag."
)
@removal_options
@output_option(shape=removal_shape())
@side_options
def command(*, reference: str, whole: bool, yes: bool, out: Output, side: ClientOptions) -> None:
    """Remove what REF names: the tag if it has one, the manifest if it has a digest.

    A tag goes alone: other tags on the same image stay, and so does the image. Where a registry
    cannot do that, this fails. Removing a manifest takes all its tags; they are listed, and you
    are asked.
    """
    run(_remove(reference, whole=whole, yes=yes, out=out, side=side))


async def _remove(text: str, *, whole: bool, yes: bool, out: Output, side: ClientOptions) -> None:
    if not whole and "@" not in text:
        await remove_tag(text, out=out, side=side)
    else:
        await remove_manifest(text, yes=yes, out=out, side=side)
