"""``lading check``: reads and verifies every byte."""

import click

from lading.app.clients import ClientOptions
from lading.cli.names import examples
from lading.cli.output import Output, amount, counted, output_option, say
from lading.cli.places import at, jobs_option, made, platform_option
from lading.cli.progress import Progress, progress_option
from lading.cli.running import run
from lading.cli.shapes import made as made_shape
from lading.cli.shapes import many, number, record, text
from lading.cli.sides import side_options
from lading.content.check import Checked, check
from lading.content.images import manifest_for
from lading.oci.platform import Platform

_MISSING = 3
_DAMAGED = 6


@click.command(
    "check",
    epilog=examples(
        "lading check localhost:5000/team/app:v1",
        "lading check --no-referrers -o json oci:layout:v1",
    ),
)
@click.argument("reference", metavar="REF")
@platform_option
@click.option("--no-referrers", is_flag=True, help="Leave out what refers to it.")
@jobs_option
@progress_option
@output_option(
    shape=made_shape(
        manifests=number("Manifests that were read."),
        blobs=number("Blobs that were read, and are right."),
        elsewhere=number("Layers that are only named by a URL."),
        bytes=number("Bytes that were verified."),
        faults=many(
            record(digest=text("The content."), problem=text("What is wrong with it.")),
            "What is missing or damaged.",
        ),
    ),
    items="faults",
)
@side_options
def command(
    *,
    reference: str,
    platform: Platform | None,
    no_referrers: bool,
    jobs: int,
    progress: Progress,
    out: Output,
    side: ClientOptions,
) -> int:
    """Read all that REF leads to, and what refers to it, and verify every byte.

    The exit code is 6 if something is damaged, 3 if something is missing.
    """

    async def work() -> int:
        async with at(reference, side, listener=progress.heard) as located:
            repository = located.repository
            root = await manifest_for(repository, located.reference, platform)
            found = await check(
                repository,
                root.digest,
                referrers=None if no_referrers else repository,
                blobs=jobs,
                listener=progress.heard,
            )
            progress.close()
            return _tell(found, made(located, root.descriptor), out)

    return run(work())


def _tell(found: Checked, facts: dict[str, object], out: Output) -> int:
    for fault in found.faults:
        out.item(
            f"{fault.digest}: {fault.error}",
            {"digest": str(fault.digest), "problem": str(fault.error)},
        )
    out.end(
        "" if found.faults else str(facts["reference"]),
        facts
        | {
            "manifests": found.manifests,
            "blobs": found.blobs,
            "elsewhere": found.elsewhere,
            "bytes": found.size,
        },
    )
    read = f"{counted(found.manifests, 'manifest')} and {counted(found.blobs, 'blob')}"
    wrong = f"; {counted(len(found.faults), 'fault')}" if found.faults else ""
    say(f"{read} ({amount(found.size)}) verified{wrong}")
    if not found.faults:
        return 0
    codes = {fault.error.exit_code for fault in found.faults}
    return _MISSING if codes == {_MISSING} else _DAMAGED
