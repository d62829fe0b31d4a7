"""``lading fsck``: is everything that was acknowledged still there and whole?"""

import asyncio

import click

from lading.app.maintenance import Finding, Verdict, audit, configured
from lading.cli.names import examples
from lading.cli.output import Output, amount, counted, output_option, root_options
from lading.cli.shapes import many, number, record, text

_SHAPE = record(
    "What was found.",
    blobs=number("Blobs that were looked at."),
    size=number("Their bytes."),
    damage=number("How much is missing, truncated or changed."),
    repaired=number("How much of that was put aside."),
    waste=number("How much nothing needs."),
    wasted=number("Its bytes."),
    items=many(
        record(
            grade=text("Whether it is damage or waste."),
            subject=text("What it is about."),
            problem=text("What is wrong with it."),
            remedy=text("What was done, or has to be; may be empty."),
        ),
        "One for each thing.",
    ),
)


_REPAIRING = "Damaged blobs are put aside by `lading fsck --repair`."
_HEALING = (
    "Push them again after that; where a client skips them since the manifest is there, "
    "delete the tag first (`lading untag`), or use `lading copy`."
)


@click.command("fsck", epilog=examples("lading fsck --root data"))
@root_options
@click.option("--fast", is_flag=True, help="Compare lengths only; do not read the content.")
@click.option(
    "--repair",
    is_flag=True,
    help="Put damaged content aside, so that the next push of it heals what names it.",
)
@output_option(shape=_SHAPE, items="items")
def command(
    *, root: str | None, config_file: str | None, fast: bool, repair: bool, out: Output
) -> int:
    """Compare what is recorded with what is there, and tell damage from waste.

    Works while a server runs on the directory, and when none does. Nothing is ever deleted. The
    exit code is 1 when there is damage, also when it was repaired, and 0 when there is only waste,
    which `lading gc` frees.
    """

    def hear(finding: Finding) -> None:
        out.item(
            _line(finding),
            {
                "grade": finding.grade.value,
                "subject": finding.subject,
                "problem": finding.problem,
                "remedy": finding.remedy,
            },
        )

    loaded = configured(file=config_file, root=root)
    verdict = asyncio.run(audit(loaded, fast=fast, repair=repair, listener=hear))
    out.end(
        _summary(verdict, repair=repair),
        {
            "blobs": verdict.blobs,
            "size": verdict.size,
            "damage": verdict.damage,
            "repaired": verdict.repaired,
            "waste": verdict.waste,
            "wasted": verdict.wasted,
        },
    )
    return 1 if verdict.damage else 0


def _line(finding: Finding) -> str:
    remedy = f"; {finding.remedy}" if finding.remedy else ""
    return f"{finding.grade.value}: {finding.subject} {finding.problem}{remedy}"


def _summary(verdict: Verdict, *, repair: bool) -> str:
    looked = f"{counted(verdict.blobs, 'blob')} looked at ({amount(verdict.size)})"
    waste = f"; waste: {counted(verdict.waste, 'thing')} ({amount(verdict.wasted)})"
    waste = f"{waste}, freed by lading gc" if verdict.waste else ""
    if not verdict.damage:
        return f"{looked}, no damage{waste}"
    found = f"{looked}, damage: {verdict.damage}, repaired: {verdict.repaired}{waste}"
    return f"{found}\n{_HEALING if repair else f'{_REPAIRING} {_HEALING}'}"
