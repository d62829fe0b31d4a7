"""``lading doctor``: what a registry can and cannot do, and what ails a server."""

import click

from lading.app.checkup import check_up
from lading.app.clients import ClientOptions
from lading.app.doctor import examine
from lading.app.findings import Finding, Verdict
from lading.cli.names import examples
from lading.cli.output import Output, output_option
from lading.cli.places import client_for
from lading.cli.running import run
from lading.cli.shapes import choice, many, record, text
from lading.cli.sides import side_options
from lading.oci.locator import parse_host, split_host

_FILES = (".yml", ".yaml")
_SHAPE = record(
    "What was found out.",
    registry=text("The registry, or else the configuration file or data directory of a server."),
    findings=many(
        record(
            subject=text("What was looked at."),
            verdict=choice(
                "What came of it.",
                *(each.value for each in Verdict),
            ),
            detail=text("More about it."),
            advice=text("What to do about it; often nothing."),
        ),
        "One for each thing that was looked at.",
    ),
)


@click.command(
    "doctor",
    epilog=examples(
        "lading doctor localhost:5000",
        "lading doctor --write localhost:5000/team/app",
        "lading doctor --root data",
        "lading doctor config.yml",
    ),
)
@click.argument("place", metavar="[HOST[/REPOSITORY]|CONFIG.yml]", required=False)
@click.option(
    "--write",
    is_flag=True,
    help="Also push something small to REPOSITORY, see what can be done with it, and remove it.",
)
@click.option("--root", metavar="DIR", help="Look at the server that keeps everything there.")
@click.option("--config", "file", metavar="FILE", help="Look at the server that has this file.")
@output_option("table", shape=_SHAPE, items="findings")
@side_options
def command(
    *,
    place: str | None,
    write: bool,
    root: str | None,
    file: str | None,
    out: Output,
    side: ClientOptions,
) -> int:
    """Find out what the registry HOST can and cannot do, and say what to do about it.

    Nothing is changed there without --write, which needs a REPOSITORY that you may push to. With
    CONFIG.yml, --config or --root, a server is looked at instead: its configuration, its directory, and this
    machine; it may run meanwhile. The exit code is 1 if something failed that has to succeed.
    """
    if file is None and place is not None and place.endswith(_FILES):
        file, place = place, None
    if root is not None or file is not None:
        if write or place is not None:
            raise click.UsageError("--root and --config go with each other, and not with HOST")
        return _check_up(file, root, out)
    if place is None:
        raise click.UsageError("name a HOST, or a server by CONFIG.yml or --root")
    host, repository = split_host(place) if "/" in place else (parse_host(place), "")
    if write and not repository:
        raise click.UsageError("--write needs HOST/REPOSITORY")

    async def work() -> int:
        failed = False
        async with client_for(side) as client:
            async for finding in examine(client, host, repository, write=write):
                failed = failed or finding.verdict is Verdict.FAILED
                out.item(_line(finding), _facts(finding))
        out.end("", {"registry": host})
        return 1 if failed else 0

    return run(work())


def _check_up(file: str | None, root: str | None, out: Output) -> int:
    failed = False
    for finding in check_up(file=file, root=root):
        failed = failed or finding.verdict is Verdict.FAILED
        out.item(_line(finding), _facts(finding))
    out.end("", {"registry": file or root or ""})
    return 1 if failed else 0


def _line(finding: Finding) -> str:
    detail = f"  {finding.detail}" if finding.detail else ""
    advice = f"\n{'':34}{finding.advice}" if finding.advice else ""
    return f"{finding.verdict.value:8}  {finding.subject:24}{detail}{advice}".rstrip()


def _facts(finding: Finding) -> dict[str, str]:
    return {
        "subject": finding.subject,
        "verdict": finding.verdict.value,
        "detail": finding.detail,
        "advice": finding.advice,
    }
