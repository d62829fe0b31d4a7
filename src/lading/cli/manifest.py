"""``lading manifest``: manifests as they are stored."""

import asyncio

import click

from lading.app.clients import ClientOptions
from lading.cli.files import read_small
from lading.cli.names import examples
from lading.cli.output import Output, output_option
from lading.cli.places import at, made, platform_option, tags_in
from lading.cli.removal import removal_options, removal_shape, remove_manifest
from lading.cli.running import run
from lading.cli.shapes import anything
from lading.cli.shapes import made as made_shape
from lading.cli.sides import side_options
from lading.content.images import manifest_for
from lading.errors import ManifestInvalid
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.platform import Platform

LIMIT = 16 << 20
"""The longest manifest that is sent, in bytes; most registries take 4 MiB."""


@click.group("manifest")
def command() -> None:
    """Get, put and remove manifests."""


@command.command(
    "get",
    epilog=examples(
        "lading manifest get localhost:5000/team/app:v1",
        "lading manifest get --platform linux/arm64 localhost:5000/team/multi:v1",
    ),
)
@click.argument("reference", metavar="REF")
@platform_option
@output_option("raw", shape=anything("The manifest (image-spec)."))
@side_options
def get(*, reference: str, platform: Platform | None, out: Output, side: ClientOptions) -> None:
    """Print the manifest that REF names, byte by byte as it is stored."""
    run(_get(reference, platform, out=out, side=side))


async def _get(text: str, platform: Platform | None, *, out: Output, side: ClientOptions) -> None:
    async with at(text, side) as located:
        manifest = await manifest_for(located.repository, located.reference, platform)
    out.document(manifest.body, ManifestInvalid(manifest.digest))


@command.command(
    "put",
    epilog=examples(
        "lading manifest put localhost:5000/team/app:copy manifest.json",
        "lading manifest get localhost:5000/team/app:v1"
        " | lading manifest put localhost:5000/team/app:v2 -",
    ),
)
@click.argument("reference", metavar="REF")
@click.argument("file", metavar="FILE|-")
@click.option(
    "--media-type", metavar="TYPE", help="What it is, if the document itself does not say so."
)
@output_option(shape=made_shape())
@side_options
def put(
    *, reference: str, file: str, media_type: str | None, out: Output, side: ClientOptions
) -> None:
    """Push the bytes of FILE as the manifest REF, and print REPOSITORY@DIGEST.

    What the manifest names has to be in the repository already. A digest in REF has to be that of
    the bytes.
    """
    run(_put(reference, file, media_type, out=out, side=side))


async def _put(
    text: str, file: str, media_type: str | None, *, out: Output, side: ClientOptions
) -> None:
    body = await asyncio.to_thread(read_small, file, LIMIT)
    async with at(text, side, writing=True) as located:
        expected = located.reference if isinstance(located.reference, Digest) else None
        manifest = Manifest.verified(body, media_type, expected)
        receipt = await located.repository.put_manifest(manifest, tags=tags_in(located))
        facts = made(located, receipt.descriptor)
    out.end(facts["reference"], facts)


@command.command(
    "rm",
    epilog=examples(
        "lading manifest rm --yes localhost:5000/team/app:old",
    ),
)
@click.argument("reference", metavar="REF")
@removal_options
@output_option(shape=removal_shape())
@side_options
def remove(*, reference: str, yes: bool, out: Output, side: ClientOptions) -> None:
    """Remove the manifest that REF names, with all tags that name it."""
    run(remove_manifest(reference, yes=yes, out=out, side=side))
