"""``lading tag``: gives tags to an image."""

import click

from lading.app.clients import ClientOptions
from lading.cli.names import examples
from lading.cli.output import Output, output_option
from lading.cli.places import at, made, platform_option, typed
from lading.cli.running import run
from lading.cli.shapes import made as made_shape
from lading.cli.shapes import many, text
from lading.cli.sides import side_options
from lading.content.images import manifest_for
from lading.oci.names import Tag
from lading.oci.platform import Platform


@click.command(
    "tag",
    epilog=examples("lading tag localhost:5000/team/app:v1 stable v1.2"),
)
@click.argument("reference", metavar="REF")
@click.argument("tags", metavar="TAG...", nargs=-1, required=True)
@platform_option
@output_option(shape=made_shape(tags=many(text("A tag"), "The tags that name it now.")))
@side_options
def command(
    *,
    reference: str,
    tags: tuple[str, ...],
    platform: Platform | None,
    out: Output,
    side: ClientOptions,
) -> None:
    """Let each TAG name what REF names, in the same repository, and print REPOSITORY@DIGEST."""
    run(
        _tag(
            reference, tuple(typed(Tag.parse, each) for each in tags), platform, out=out, side=side
        )
    )


async def _tag(
    text: str,
    tags: tuple[Tag, ...],
    platform: Platform | None,
    *,
    out: Output,
    side: ClientOptions,
) -> None:
    async with at(text, side, changing=True) as located:
        manifest = await manifest_for(located.repository, located.reference, platform)
        receipt = await located.repository.put_manifest(manifest, tags=tags)
        facts = made(located, receipt.descriptor)
    out.end(facts["reference"], facts | {"tags": [str(each) for each in tags]})
