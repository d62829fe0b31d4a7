"""``lading load``: pushes what is in a file or directory."""

import tarfile
from pathlib import Path

import click

from lading.app.clients import ClientOptions
from lading.cli.copying import Transfer, Transferred, copy_shape, told, transfer
from lading.cli.files import STANDARD, reading
from lading.cli.names import examples
from lading.cli.output import Output, output_option
from lading.cli.places import AGAIN, chunk_option, platforms_option
from lading.cli.progress import Progress, progress_option
from lading.cli.running import run
from lading.cli.sides import Sides, side_options
from lading.content.copy import CopyOptions
from lading.errors import LayoutInvalid, ReferenceInvalid
from lading.oci.platform import Platform


@click.command(
    "load",
    epilog=examples(
        "lading load app.tar localhost:5000/team/app:v3",
        "lading load layout localhost:5000/team/app:v3",
        "lading load --name localhost:5000/team/app:v1 docker.tar localhost:5000/team/app:v3",
    ),
)
@click.argument("file", metavar="FILE|DIR|-")
@click.argument("reference", metavar="REF")
@click.option(
    "--name",
    metavar="TAG|HOST/NAME:TAG",
    help="Which image is meant, if there are several; in full for what docker saved.",
)
@platforms_option
@click.option("--no-referrers", is_flag=True, help="Leave behind what refers to the image.")
@chunk_option
@progress_option
@output_option(shape=copy_shape())
@side_options
def command(
    *,
    file: str,
    reference: str,
    name: str | None,
    platforms: tuple[Platform, ...],
    no_referrers: bool,
    chunk_size: int | None,
    progress: Progress,
    out: Output,
    side: ClientOptions,
) -> None:
    """Push the image in FILE as REF, and print REPOSITORY@DIGEST.

    FILE is an image layout, in a directory or an archive, or what `docker save` wrote.
    """
    options = CopyOptions(referrers=not no_referrers, platforms=platforms)
    suffix = f":{name}" if name else ""
    if Path(file).is_dir():
        source = f"oci:{file}{suffix}"
        wanted = Transfer(source, reference, Sides(side, side), options, chunk_size=chunk_size)
        done = run(_load(wanted, progress), interrupted=AGAIN)
    else:
        with reading(file) as opened:
            path = f"/dev/fd/{opened.fileno()}" if file == STANDARD else file
            source = f"{_kind(path, file)}:{path}{suffix}"
            wanted = Transfer(source, reference, Sides(side, side), options, chunk_size=chunk_size)
            done = run(_load(wanted, progress), interrupted=AGAIN)
    progress.close()
    told(done, out)


async def _load(wanted: Transfer, progress: Progress) -> Transferred:
    try:
        return await transfer(wanted, progress.heard)
    except ReferenceInvalid as error:
        if error.where == "source":
            error.advice = "Say by --name which image is meant."
        raise


def _kind(path: str, name: str) -> str:
    """What kind of archive it is. What docker 25 and later write is both; the older kind says more.

    Raises:
        LayoutInvalid: it is neither.
    """
    try:
        with tarfile.open(path) as archive:
            names = {each.removeprefix("./") for each in archive.getnames()}
    except tarfile.ReadError as error:
        # What it says is a line for each way in which it tried to read the file.
        refused = LayoutInvalid(f"{name} is no tar archive that can be read")
        refused.advice = "If it is compressed with zstd, unpack it first, with zstd -d."
        raise refused from error
    except (tarfile.TarError, OSError, EOFError) as error:
        raise LayoutInvalid(f"{name}: {error}") from error
    if "manifest.json" in names:
        return "docker-archive"
    if "oci-layout" in names:
        return "oci-archive"
    raise LayoutInvalid(f"{name} has neither oci-layout nor manifest.json in it")
