"""``lading pull``: the files of an artifact."""

from pathlib import Path

import click

from lading.app.clients import ClientOptions
from lading.cli.escapes import one_line
from lading.cli.names import examples
from lading.cli.output import Output, amount, counted, output_option, say
from lading.cli.places import AGAIN, at, made, platform_option
from lading.cli.progress import Progress, progress_option
from lading.cli.running import run
from lading.cli.shapes import descriptor, many, number, text
from lading.cli.shapes import made as made_shape
from lading.cli.sides import side_options
from lading.content.artifacts import pull
from lading.oci.platform import Platform


@click.command(
    "pull",
    epilog=examples(
        "lading pull localhost:5000/team/files:v1",
        "lading pull -C out --include '*.txt' localhost:5000/team/files:v1",
    ),
)
@click.argument("reference", metavar="REF")
@click.option(
    "-C",
    "--directory",
    metavar="DIR",
    default=".",
    show_default=True,
    help="Where the files are written.",
)
@click.option(
    "--include", metavar="GLOB", multiple=True, help="Only files that match one of these."
)
@click.option("--keep", is_flag=True, help="Fail where a file is in the way.")
@platform_option
@progress_option
@output_option(
    shape=made_shape(
        files=many(text("A path"), "What was written."),
        skipped=many(descriptor("A layer"), "Layers that have no name, and were not written."),
        bytesMoved=number("Bytes that came."),
    )
)
@side_options
def command(
    *,
    reference: str,
    directory: str,
    include: tuple[str, ...],
    keep: bool,
    platform: Platform | None,
    progress: Progress,
    out: Output,
    side: ClientOptions,
) -> None:
    """Write the files of the artifact REF, and print their paths.

    A file is there only when all of it is verified, and nothing is written outside of DIR. Images
    are not for this: `lading save` writes them to a file.
    """

    async def work() -> None:
        async with at(reference, side, listener=progress.heard) as located:
            report = await pull(
                located.repository,
                located.reference,
                Path(directory),
                include=include or ("*",),
                platform=platform,
                overwrite=not keep,
                listener=progress.heard,
            )
            facts = made(located, report.descriptor) | {
                "files": [str(each) for each in report.files],
                "skipped": [each.as_json() for each in report.skipped],
                "bytesMoved": report.bytes_moved,
            }
        progress.close()
        out.end("\n".join(map(one_line, facts["files"])), facts)
        said = f"{counted(len(report.files), 'file')} ({amount(report.bytes_moved)}) pulled"
        skipped = f"; {counted(len(report.skipped), 'layer')} without a name left"
        say(said + (skipped if report.skipped else ""))

    run(work(), interrupted=AGAIN)
