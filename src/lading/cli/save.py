"""``lading save``: an image in a file or directory."""

import click

from lading.app.clients import ClientOptions
from lading.cli.copying import Transfer, copy_shape, told, transfer
from lading.cli.files import STANDARD
from lading.cli.names import examples
from lading.cli.output import Output, output_option
from lading.cli.places import AGAIN, platforms_option
from lading.cli.progress import Progress, progress_option
from lading.cli.running import run
from lading.cli.sides import Sides, side_options
from lading.content.copy import CopyOptions
from lading.oci.locator import LATEST, Locator
from lading.oci.platform import Platform

_FORMATS = ("oci-archive", "docker-archive", "oci")


@click.command(
    "save",
    epilog=examples(
        "lading save localhost:5000/team/app:v1 app.tar",
        "lading save --form docker-archive localhost:5000/team/app:v1 app.tar",
        "lading save localhost:5000/team/app:v1 - | lading load - localhost:5000/team/app:again",
        "lading save --form oci localhost:5000/team/app:v1 directory",
    ),
)
@click.argument("reference", metavar="REF")
@click.argument("file", metavar="FILE|DIR|-")
@click.option(
    "--form",
    type=click.Choice(_FORMATS),
    default=_FORMATS[0],
    show_default=True,
    help="oci-archive: an image layout in a tar file; docker-archive: what every `docker load` "
    "reads; oci: an image layout in a directory.",
)
@platforms_option
@click.option("--no-referrers", is_flag=True, help="Leave behind what refers to the image.")
@progress_option
@output_option(shape=copy_shape())
@side_options
def command(
    *,
    reference: str,
    file: str,
    form: str,
    platforms: tuple[Platform, ...],
    no_referrers: bool,
    progress: Progress,
    out: Output,
    side: ClientOptions,
) -> None:
    """Write the image REF to FILE, or to standard output.

    A docker-archive holds one image: --platform says which, if REF is an index.
    """
    if file == STANDARD and form == "oci":
        raise click.UsageError("a directory cannot be written to standard output")
    options = CopyOptions(referrers=not no_referrers, platforms=platforms)
    wanted = Transfer(reference, _target(form, file, reference), Sides(side, side), options)
    done = run(transfer(wanted, progress.heard), interrupted=AGAIN)
    progress.close()
    told(done, out)


def _target(form: str, file: str, reference: str) -> str:
    """Where the image goes, under the name that *reference* has for it."""
    if reference.startswith(tuple(f"{each}:" for each in _FORMATS)):
        return f"{form}:{file}"
    named = Locator.parse(reference)
    tag = named.tag or (None if named.digest else LATEST)
    if form == "docker-archive":
        return f"{form}:{file}:{named.host}/{named.repository}{f':{tag}' if tag else ''}"
    return f"{form}:{file}{f':{tag}' if tag else ''}"
