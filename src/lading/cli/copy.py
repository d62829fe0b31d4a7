"""``lading copy``: anything to anywhere, with all that refers to it."""

from typing import Any

import click

from lading.cli.copying import Transfer, copy_shape, told, transfer
from lading.cli.names import examples
from lading.cli.output import Output, output_option
from lading.cli.places import AGAIN, chunk_option, jobs_option, platforms_option
from lading.cli.progress import Progress, progress_option
from lading.cli.running import run
from lading.cli.sides import Sides, sides_options
from lading.content.copy import CopyOptions


@click.command(
    "copy",
    epilog=examples(
        "lading copy localhost:5000/team/app:v1 localhost:5000/mirror/app:v1",
        "lading copy --platform linux/arm64 localhost:5000/team/multi:v1 oci:arm:v1",
        "lading copy --all-tags --dry-run localhost:5000/team/app localhost:5000/mirror/app",
        "lading copy --tag-glob 'v*' localhost:5000/team/app localhost:5000/mirror/app",
        "lading copy oci:layout:v1 localhost:5000/team/loaded:v1",
    ),
)
@click.argument("source")
@click.argument("target")
@click.option("--all-tags", is_flag=True, help="Copy every tag of SOURCE.")
@click.option(
    "--tag-glob",
    "globs",
    metavar="GLOB",
    multiple=True,
    help="Copy the tags of SOURCE that match this. May be repeated.",
)
@click.option(
    "--exclude",
    metavar="GLOB",
    multiple=True,
    help="Of several tags, not those that match this. May be repeated.",
)
@platforms_option
@click.option(
    "--sparse",
    is_flag=True,
    help="With --platform: keep the index as it is, though it then names images that are missing. "
    "Few registries take that.",
)
@click.option("--no-referrers", is_flag=True, help="Leave behind what refers to the images.")
@click.option(
    "--deep",
    is_flag=True,
    help="Look at every part, also where the presence of the whole proves that of its parts.",
)
@click.option(
    "--include-external",
    "external",
    is_flag=True,
    help="Fetch layers that are only named by a URL, and push them.",
)
@click.option("--no-clobber", is_flag=True, help="Leave tags that name something else.")
@click.option("--keep-going", is_flag=True, help="Copy the rest when something fails; end with 7.")
@click.option("--dry-run", is_flag=True, help="Only say what would be copied.")
@jobs_option
@chunk_option
@progress_option
@output_option(shape=copy_shape())
@sides_options
def command(
    *,
    source: str,
    target: str,
    all_tags: bool,
    globs: tuple[str, ...],
    exclude: tuple[str, ...],
    no_referrers: bool,
    no_clobber: bool,
    external: bool,
    jobs: int,
    chunk_size: int | None,
    progress: Progress,
    out: Output,
    sides: Sides,
    **given: Any,
) -> None:
    """Copy SOURCE to TARGET, and print REPOSITORY@DIGEST of what is there then.

    All that SOURCE leads to comes along: the images of an index, and what refers to it, to its
    images and to other referrers, such as signatures and bills of materials. What is there already
    is not copied again. Bytes never change, unless --platform asks for some images of an index:
    that makes a new index, and leaves behind what refers to the old one.

    A TARGET without tag and digest gets the tag of SOURCE.

    What is said about registries (--plain-http and all after it) holds for both sides; with --from-
    or --to- in front, as in --from-plain-http, for one.
    """
    options = CopyOptions(referrers=not no_referrers, clobber=not no_clobber, blobs=jobs, **given)
    wanted = Transfer(
        source,
        target,
        sides,
        options,
        globs=("*",) if all_tags else globs,
        exclude=exclude,
        external=external,
        chunk_size=chunk_size,
    )
    done = run(transfer(wanted, progress.heard), interrupted=AGAIN)
    progress.close()
    told(done, out)
