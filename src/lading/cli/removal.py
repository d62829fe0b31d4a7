"""Removing manifests: what else goes is told before, and somebody has to agree."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from lading.app.clients import ClientOptions
from lading.app.locate import Located
from lading.cli.output import Output, counted, say
from lading.cli.places import at
from lading.cli.shapes import Shape, choice, many, record, text
from lading.content.referrers import by_index
from lading.errors import RegistryError
from lading.interfaces.repository import Repository
from lading.oci.digest import Digest
from lading.oci.names import Tag

Command = TypeVar("Command", bound=Callable[..., Any])

_AT_ONCE = 8


def removal_options(command: Command) -> Command:
    """Add ``--yes``."""
    return click.option("-y", "--yes", is_flag=True, help="Do not list what goes, and do not ask.")(
        command
    )


def removal_shape() -> Shape:
    """What commands print that remove something."""
    return record(
        "What was removed.",
        kind=choice("What it was.", "tag", "manifest", "blob"),
        reference=text("What was removed."),
        tags=many(text("A tag"), "Tags that named the manifest; none are listed with --yes."),
        referrers=many(
            text("A digest"), "Manifests about it, which stay without it; none with --yes."
        ),
    )


async def remove_manifest(reference: str, *, yes: bool, out: Output, side: ClientOptions) -> None:
    """Remove the manifest that *reference* names, if somebody agrees."""
    async with at(reference, side, changing=True) as located:
        repository = located.repository
        digest = (
            located.reference
            if isinstance(located.reference, Digest)
            else (await repository.resolve(located.reference)).digest
        )
        tags: list[str] = []
        referrers: list[str] = []
        if not yes:
            tags = [each async for each in _tags_of(repository, digest)]
            referrers = await _referrers_of(repository, digest)
            _ask(located, digest, tags, referrers)
        await repository.delete_manifest(digest)
        removed = f"{located.place}@{digest}"
    facts = {"kind": "manifest", "reference": removed, "tags": tags, "referrers": referrers}
    out.end(f"removed {removed}", facts)


def _ask(located: Located, digest: Digest, tags: list[str], referrers: list[str]) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("removing a manifest has to be confirmed: say --yes")
    say(f"This removes the manifest {digest} from {located.place}")
    if tags:
        say(f"and {counted(len(tags), 'tag')} that name it: {', '.join(tags)}")
    if referrers:
        say(f"and leaves {counted(len(referrers), 'referrer')} without it: {', '.join(referrers)}")
    if not click.confirm("Remove it?", err=True):
        say("nothing was removed")
        raise click.exceptions.Exit(1)


async def _tags_of(repository: Repository, digest: Digest) -> Any:
    """The tags that name *digest*, in the order of the repository."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def names(tag: Tag) -> bool:
        async with room:
            try:
                return (await repository.resolve(tag)).digest == digest
            except RegistryError:
                return False  # removed since it was listed

    after: Tag | None = None
    more = True
    while more:
        page = await repository.tags(after=after, limit=1000)
        found = await asyncio.gather(*(names(tag) for tag in page.items))
        for after, ours in zip(page.items, found, strict=True):
            if ours:
                yield str(after)
        more = page.more and len(page.items) > 0


async def _referrers_of(repository: Repository, digest: Digest) -> list[str]:
    return [str(each.digest) async for each in by_index(repository, digest)]
