"""``lading config``: the configuration of an image."""

import click

from lading.app.clients import ClientOptions
from lading.cli.names import examples
from lading.cli.output import Output, output_option
from lading.cli.places import at, platform_option, run
from lading.cli.shapes import anything
from lading.cli.sides import side_options
from lading.content.configs import config_of
from lading.content.images import image_for
from lading.errors import ManifestInvalid
from lading.oci.platform import Platform


@click.command(
    "config",
    epilog=examples(
        "lading config localhost:5000/team/app:v1",
        "lading config --platform linux/arm64 localhost:5000/team/multi:v1",
        "lading config --format '{architecture}' localhost:5000/team/app:v1",
    ),
)
@click.argument("reference", metavar="REF")
@platform_option
@output_option("raw", shape=anything("The config of the image (image-spec, Image Configuration)."))
@side_options
def command(*, reference: str, platform: Platform | None, out: Output, side: ClientOptions) -> None:
    """Print the config of the image REF, byte by byte as it is stored.

    An index with several images needs --platform.
    """
    run(_config(reference, platform, out=out, side=side))


async def _config(
    text: str, platform: Platform | None, *, out: Output, side: ClientOptions
) -> None:
    async with at(text, side) as located:
        manifest = await image_for(located.repository, located.reference, platform)
        found = await config_of(located.repository, manifest)
    out.document(found, ManifestInvalid(f"the config of {manifest.digest} is not a JSON object"))
