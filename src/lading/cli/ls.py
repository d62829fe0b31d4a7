"""``lading ls``: the tags of a repository, or the repositories of a registry."""

import re
from collections.abc import AsyncIterator, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

import click

from lading.app.clients import ClientOptions
from lading.cli.escapes import one_line
from lading.cli.names import examples
from lading.cli.output import Output, output_option
from lading.cli.places import at, client_for
from lading.cli.running import run
from lading.cli.shapes import choice, many, record, text
from lading.cli.sides import side_options
from lading.content.pages import every
from lading.oci.locator import parse_host

_PAGE = 1000

_SHAPE = record(
    "What is in a place.",
    place=text("The registry or repository."),
    items=many(
        record(
            name=text("The tag, or the name of the repository."),
            kind=choice("What it is.", "tag", "repository"),
            reference=text("The same, with all that stands before it."),
        ),
        "What was found, in the order of the registry unless another was asked for.",
    ),
)


class _Wanted(NamedTuple):
    include: Sequence[str]
    exclude: Sequence[str]
    natural: bool
    limit: int | None

    def has(self, name: str) -> bool:
        included = not self.include or any(fnmatchcase(name, each) for each in self.include)
        return included and not any(fnmatchcase(name, each) for each in self.exclude)


@click.command(
    "ls",
    epilog=examples(
        "lading ls localhost:5000",
        "lading ls localhost:5000/team/app",
        "lading ls --include 'v*' --exclude '*-rc*' --sort natural localhost:5000/team/app",
        "lading ls --full-ref -o jsonl localhost:5000/team/app",
    ),
)
@click.argument("place", metavar="HOST|REPOSITORY")
@click.option("--include", metavar="GLOB", multiple=True, help="Only what matches one of these.")
@click.option("--exclude", metavar="GLOB", multiple=True, help="Not what matches one of these.")
@click.option("--full-ref", is_flag=True, help="Print what stands before each name as well.")
@click.option(
    "--sort",
    type=click.Choice(["none", "natural"]),
    default="none",
    show_default=True,
    help="natural: v10 comes after v9. Nothing is printed then before all was listed.",
)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Stop after so many.")
@output_option(shape=_SHAPE, items="items")
@side_options
def command(
    *,
    place: str,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    full_ref: bool,
    sort: str,
    limit: int | None,
    out: Output,
    side: ClientOptions,
) -> None:
    """List the tags of REPOSITORY, or the repositories of the registry HOST.

    Repositories below a path are listed by `HOST` with `--include 'path/*'`. Some registries, and
    Docker Hub among them, do not list their repositories.
    """
    wanted = _Wanted(include, exclude, natural=sort == "natural", limit=limit)
    run(_list(place, wanted, full_ref=full_ref, out=out, side=side))


async def _list(
    place: str, wanted: _Wanted, *, full_ref: bool, out: Output, side: ClientOptions
) -> None:
    if is_registry(place):
        host = parse_host(place.rstrip("/"))
        async with client_for(side) as client:
            registry = client.registry(host)
            names = every(lambda after: registry.repositories(after=after, limit=_PAGE))
            await _print(names, wanted, f"{host}/", "repository", full_ref=full_ref, out=out)
        out.end("", {"place": host})
        return
    async with at(place, side, several=True) as located:
        if located.named:
            raise click.UsageError(f"{place}: leave out the tag or digest, all tags are listed")
        tags = every(lambda after: located.repository.tags(after=after, limit=_PAGE))
        where = located.place
        await _print(tags, wanted, f"{where}:", "tag", full_ref=full_ref, out=out)
        out.end("", {"place": where})


async def _print(
    names: AsyncIterator[str],
    wanted: _Wanted,
    prefix: str,
    kind: str,
    *,
    full_ref: bool,
    out: Output,
) -> None:
    def show(name: str) -> None:
        facts = {"name": name, "kind": kind, "reference": prefix + name}
        out.item(one_line(facts["reference"] if full_ref else name), facts)

    kept: list[str] = []
    shown = 0
    async for name in names:
        if not wanted.has(name):
            continue
        if wanted.natural:
            kept.append(name)
            continue
        show(name)
        shown += 1
        if shown == wanted.limit:
            return
    for name in sorted(kept, key=_natural)[: wanted.limit]:
        show(name)


def is_registry(text: str) -> bool:
    """Whether *text* names a registry, and not a repository of Docker Hub."""
    host, slash, rest = text.partition("/")
    kinds = ("oci:", "oci-archive:", "docker-archive:")
    return (
        not rest
        and not text.startswith(kinds)
        and (bool(slash) or host == "localhost" or any(mark in host for mark in ".:["))
    )


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Runs of digits by their number, all else by its letters."""
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in re.findall(r"[0-9]+|[^0-9]+", name)
    ]
