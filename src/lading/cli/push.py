"""``lading push``: files as an artifact."""

import click

from lading.app.clients import ClientOptions
from lading.cli.names import examples
from lading.cli.output import Output
from lading.cli.places import AGAIN, at, tags_in
from lading.cli.progress import Progress
from lading.cli.pushing import annotated, pushing_options, to_push, told
from lading.cli.running import run
from lading.content.artifacts import FileToPush, push


@click.command(
    "push",
    epilog=examples(
        "lading push localhost:5000/team/notes:v1 notes.txt:text/plain",
        "lading push --artifact-type application/vnd.example.report localhost:5000/team/report:v1"
        " sbom.json:application/spdx+json notes.txt",
        "lading push localhost:5000/team/notes:v2 - < notes.txt",
        "lading push -a org.opencontainers.image.version=1.2 localhost:5000/team/docs:v1 docs",
    ),
)
@click.argument("reference", metavar="REF")
@click.argument("files", metavar="FILE[:TYPE]...", nargs=-1)
@click.option("--artifact-type", metavar="TYPE", help="What kind of artifact it is.")
@click.option("--config", metavar="FILE[:TYPE]", help="The config of the artifact.")
@pushing_options
def command(
    *,
    reference: str,
    files: tuple[str, ...],
    artifact_type: str | None,
    config: str | None,
    annotations: dict[str, str],
    annotation_file: str | None,
    chunk_size: int | None,
    progress: Progress,
    out: Output,
    side: ClientOptions,
) -> None:
    """Push files and directories as one artifact, and print REPOSITORY@DIGEST.

    `lading pull` and oras write them again under the same names, which therefore have to be
    relative and may not lead out of the working directory. A dash is standard input, and is called
    stdin.
    """

    async def work() -> None:
        async with at(
            reference, side, writing=True, listener=progress.heard, chunk_size=chunk_size
        ) as located:
            report = await push(
                located.repository,
                found,
                tags=tags_in(located),
                artifact_type=artifact_type,
                config=FileToPush.parse(config) if config else None,
                annotations=annotated(annotations, annotation_file),
                listener=progress.heard,
            )
            progress.close()
            told(located, report, out)

    with to_push(files) as found:
        run(work(), interrupted=AGAIN)
