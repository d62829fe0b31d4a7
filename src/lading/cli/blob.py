"""``lading blob``: blobs by their digests."""

import click

from lading.app.clients import ClientOptions
from lading.cli.files import reading, writing
from lading.cli.names import examples
from lading.cli.output import Output, output_option
from lading.cli.places import AGAIN, at, chunk_option, digest_in, made
from lading.cli.progress import Progress, progress_option
from lading.cli.removal import removal_shape
from lading.cli.running import run
from lading.cli.shapes import made as made_shape
from lading.cli.sides import side_options
from lading.content.blob_files import get_blob, put_file
from lading.oci import media_types
from lading.oci.digest import Digest


@click.group("blob")
def command() -> None:
    """Get, put and remove blobs."""


@command.command(
    "get",
    epilog=examples(
        "lading blob get localhost:5000/team/app@$BLOB",
        "lading blob get localhost:5000/team/app@$BLOB layer.tar.gz",
    ),
)
@click.argument("reference", metavar="REPOSITORY@DIGEST")
@click.argument("file", metavar="[FILE|-]", default="-")
@progress_option
@side_options
def get(*, reference: str, file: str, progress: Progress, side: ClientOptions) -> None:
    """Write a blob to FILE, or to standard output.

    Every byte is checked: FILE is there only if all of them are right.
    """
    run(
        _get(reference, file, progress=progress, side=side),
        interrupted="Nothing was written to the file.",
    )


async def _get(text: str, file: str, *, progress: Progress, side: ClientOptions) -> None:
    async with at(text, side) as located:
        with writing(file) as opened:
            await get_blob(located.repository, digest_in(located), opened, listener=progress.heard)


@command.command(
    "put",
    epilog=examples(
        "lading blob put localhost:5000/team/app notes.txt",
        "lading blob put localhost:5000/team/app - < notes.txt",
    ),
)
@click.argument("reference", metavar="REPOSITORY[@DIGEST]")
@click.argument("file", metavar="FILE|-")
@click.option(
    "--media-type",
    metavar="TYPE",
    default=media_types.OCTETS,
    show_default=True,
    help="What the result says it is; the registry does not keep it.",
)
@chunk_option
@progress_option
@output_option(shape=made_shape())
@side_options
def put(
    *,
    reference: str,
    file: str,
    media_type: str,
    chunk_size: int | None,
    progress: Progress,
    out: Output,
    side: ClientOptions,
) -> None:
    """Push FILE as a blob, unless it is there already, and print REPOSITORY@DIGEST.

    Blobs that no manifest names are removed by most registries after a while.
    """

    async def work() -> None:
        async with at(
            reference, side, writing=True, listener=progress.heard, chunk_size=chunk_size
        ) as located:
            expected = located.reference if isinstance(located.reference, Digest) else None
            with reading(file) as opened:
                descriptor = await put_file(
                    located.repository,
                    opened,
                    media_type=media_type,
                    expected=expected,
                    listener=progress.heard,
                )
            facts = made(located, descriptor)
        progress.close()
        out.end(facts["reference"], facts)

    run(work(), interrupted=AGAIN)


@command.command("head", epilog=examples("lading blob head localhost:5000/team/app@$BLOB"))
@click.argument("reference", metavar="REPOSITORY@DIGEST")
@output_option(shape=made_shape())
@side_options
def head(*, reference: str, out: Output, side: ClientOptions) -> None:
    """Say whether a blob is there: print its length in bytes, or end with 3."""
    run(_head(reference, out=out, side=side))


async def _head(text: str, *, out: Output, side: ClientOptions) -> None:
    async with at(text, side) as located:
        descriptor = await located.repository.stat_blob(digest_in(located))
        facts = made(located, descriptor)
    out.end(str(facts["size"]), facts)


@command.command("rm", epilog=examples("lading blob rm localhost:5000/team/app@$UNUSED"))
@click.argument("reference", metavar="REPOSITORY@DIGEST")
@output_option(shape=removal_shape())
@side_options
def remove(*, reference: str, out: Output, side: ClientOptions) -> None:
    """Remove a blob from a repository. Many registries refuse while a manifest names it."""
    run(_remove(reference, out=out, side=side))


async def _remove(text: str, *, out: Output, side: ClientOptions) -> None:
    async with at(text, side, changing=True) as located:
        digest = digest_in(located)
        await located.repository.delete_blob(digest)
        removed = f"{located.place}@{digest}"
    facts = {"kind": "blob", "reference": removed, "tags": [], "referrers": []}
    out.end(f"removed {removed}", facts)
