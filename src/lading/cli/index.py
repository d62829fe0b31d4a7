"""``lading index``: one name for several images."""

import click

from lading.app.clients import ClientOptions
from lading.app.locate import Located, locate
from lading.cli.names import examples
from lading.cli.output import Output, output_option, say
from lading.cli.places import (
    AGAIN,
    annotations_option,
    at,
    client_for,
    made,
    platforms_option,
    tags_in,
    typed,
)
from lading.cli.progress import Progress, progress_option
from lading.cli.running import run
from lading.cli.shapes import descriptor, many
from lading.cli.shapes import made as made_shape
from lading.cli.sides import side_options
from lading.content.copy import CopyOptions, copy
from lading.content.indexes import added, entry_for, index_of, removed
from lading.content.steps import Listener
from lading.errors import ManifestUnknown
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.platform import Platform

_SHAPE = made_shape(manifests=many(descriptor("An entry"), "What the index lists."))


@click.group("index")
def command() -> None:
    """Make an index of several images, and change one."""


@command.command(
    "create",
    epilog=examples(
        "lading index create localhost:5000/team/all:v1"
        " localhost:5000/team/app:v1 localhost:5000/team/app:old",
    ),
)
@click.argument("reference", metavar="REF")
@click.argument("images", metavar="IMAGE...", nargs=-1)
@click.option("--artifact-type", metavar="TYPE", help="What kind of artifact the index is.")
@annotations_option
@progress_option
@output_option(shape=_SHAPE)
@side_options
def create(
    *,
    reference: str,
    images: tuple[str, ...],
    artifact_type: str | None,
    annotations: dict[str, str],
    progress: Progress,
    out: Output,
    side: ClientOptions,
) -> None:
    """Push an index of IMAGEs as REF, and print REPOSITORY@DIGEST.

    Images that are elsewhere are copied into the repository first. The platform of each is what
    its config says.
    """

    async def work() -> None:
        async with at(reference, side, writing=True) as located:
            entries = await _entries(located, images, side, progress.heard)
            index = index_of(entries, artifact_type=artifact_type, annotations=annotations)
            progress.close()
            await _put(located, index, out)

    run(work(), interrupted=AGAIN)


@command.command(
    "add",
    epilog=examples(
        "lading index add localhost:5000/team/multi:v1 localhost:5000/team/app:v1",
    ),
)
@click.argument("reference", metavar="REF")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@progress_option
@output_option(shape=_SHAPE)
@side_options
def add(
    *,
    reference: str,
    images: tuple[str, ...],
    progress: Progress,
    out: Output,
    side: ClientOptions,
) -> None:
    """Add IMAGEs to the index that REF names, and let REF name the new one.

    Everything else in it stays as it is.
    """

    async def work() -> None:
        async with at(reference, side, changing=True) as located:
            index = await located.repository.get_manifest(located.reference)
            entries = await _entries(located, images, side, progress.heard)
            progress.close()
            await _put(located, added(index, entries), out)

    run(work(), interrupted=AGAIN)


@command.command(
    "rm",
    epilog=examples(
        "lading index rm --platform linux/arm64 localhost:5000/team/multi:v1",
    ),
)
@click.argument("reference", metavar="REF")
@click.argument("digests", metavar="DIGEST...", nargs=-1)
@platforms_option
@output_option(shape=_SHAPE)
@side_options
def remove(
    *,
    reference: str,
    digests: tuple[str, ...],
    platforms: tuple[Platform, ...],
    out: Output,
    side: ClientOptions,
) -> None:
    """Take images out of the index that REF names, and let REF name the new one.

    The images themselves stay in the repository.
    """
    unwanted = {typed(Digest.parse, each) for each in digests}
    if not unwanted and not platforms:
        raise click.UsageError("say which: by DIGEST, or by --platform")

    def goes(entry: Descriptor) -> bool:
        normal = entry.platform.normal if entry.platform else None
        return entry.digest in unwanted or normal in platforms

    async def work() -> None:
        async with at(reference, side, changing=True) as located:
            index = await located.repository.get_manifest(located.reference)
            smaller = removed(index, goes)
            if len(smaller.manifests) == len(index.manifests):
                raise ManifestUnknown(f"{reference} lists none of them")
            await _put(located, smaller, out)

    run(work())


async def _entries(
    located: Located, images: tuple[str, ...], side: ClientOptions, listener: Listener
) -> list[Descriptor]:
    """What the index lists for *images*, after they were copied to where it will be."""
    entries = []
    async with client_for(side) as client:
        for text in images:
            async with locate(text, client) as image:
                report = await copy(
                    image.repository,
                    located.repository,
                    image.reference,
                    options=CopyOptions(),
                    mount_from=image.repository.name,
                    listener=listener,
                )
            entries += [await entry_for(located.repository, each.digest) for each in report.roots]
    return entries


async def _put(located: Located, index: Manifest, out: Output) -> None:
    await located.repository.put_manifest(index, tags=tags_in(located))
    facts = made(located, index.descriptor)
    out.end(facts["reference"], facts | {"manifests": [e.as_json() for e in index.manifests]})
    say(f"the index lists {len(index.manifests)} images")
