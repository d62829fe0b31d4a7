"""``lading attach``: files as an artifact about an image."""

import click

from lading.app.clients import ClientOptions
from lading.cli.names import examples
from lading.cli.output import Output
from lading.cli.places import AGAIN, at, platform_option
from lading.cli.progress import Progress
from lading.cli.pushing import annotated, pushing_options, to_push, told
from lading.cli.running import run
from lading.content.artifacts import attach
from lading.oci.platform import Platform


@click.command(
    "attach",
    epilog=examples(
        "lading attach --artifact-type application/spdx+json localhost:5000/team/app:v1 sbom.json",
        "lading attach --artifact-type application/vnd.example.note -a note=reviewed"
        " localhost:5000/team/app:v1",
    ),
)
@click.argument("reference", metavar="REF")
@click.argument("files", metavar="FILE[:TYPE]...", nargs=-1)
@click.option("--artifact-type", metavar="TYPE", required=True, help="What kind of artifact it is.")
@platform_option
@pushing_options
def command(
    *,
    reference: str,
    files: tuple[str, ...],
    artifact_type: str,
    platform: Platform | None,
    annotations: dict[str, str],
    annotation_file: str | None,
    chunk_size: int | None,
    progress: Progress,
    out: Output,
    side: ClientOptions,
) -> None:
    """Push files as an artifact about what REF names now, and print REPOSITORY@DIGEST.

    `lading tree` shows it, `lading copy` takes it along. Without files, the artifact consists of
    its annotations.
    """

    async def work() -> None:
        async with at(
            reference, side, changing=True, listener=progress.heard, chunk_size=chunk_size
        ) as located:
            report = await attach(
                located.repository,
                located.reference,
                found,
                artifact_type=artifact_type,
                annotations=annotated(annotations, annotation_file),
                platform=platform,
                listener=progress.heard,
            )
            progress.close()
            told(located, report, out)

    with to_push(files) as found:
        run(work(), interrupted=AGAIN)
