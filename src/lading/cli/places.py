"""The places a command works on."""

import importlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, TypeVar

import click

from lading.app.clients import Client, ClientOptions, open_client
from lading.app.locate import Located, locate
from lading.cli.output import say
from lading.content.steps import Listener, silent
from lading.errors import (
    DigestInvalid,
    LadingError,
    ManifestUnknown,
    ReferenceInvalid,
    TagInvalid,
)
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.names import Tag
from lading.oci.platform import Platform

Result = TypeVar("Result")
Command = TypeVar("Command", bound=Callable[..., Any])

_LOOKED_AT = 1000
_NOTICED = 2.0

AGAIN = "Run the same again to go on; what is there already is not moved twice."
"""What to do after an interrupt, for commands that move content."""


def client_for(
    side: ClientOptions, listener: Listener = silent, *, chunk_size: int | None = None
) -> AbstractAsyncContextManager[Client]:
    """A client for one side of a command; what registries warn about or wait for is said."""
    return open_client(
        options=side,
        listener=listener,
        chunk_size=chunk_size,
        on_warning=lambda warning: say(f"lading: the registry warns: {warning}"),
        on_retry=_told_of_waiting,
    )


def _told_of_waiting(trouble: str, seconds: float) -> None:
    """Say why nothing happens, where somebody would notice it."""
    if seconds >= _NOTICED:
        say(f"lading: {trouble}; trying again in {seconds:.0f} s")


@asynccontextmanager
async def at(
    text: str,
    side: ClientOptions,
    *,
    writing: bool = False,
    changing: bool = False,
    several: bool = False,
    listener: Listener = silent,
    chunk_size: int | None = None,
) -> AsyncIterator[Located]:
    """What *text* names, for one command: to read, to write, or to change what is there.

    It may name *several* images, where the command is about all of them.
    """
    async with (
        client_for(side, listener, chunk_size=chunk_size) as client,
        locate(
            text, client, writing=writing or changing, create=not changing, several=several
        ) as located,
        hinting(located),
    ):
        yield located


@asynccontextmanager
async def hinting(located: Located) -> AsyncIterator[None]:
    """Let the error that a tag is not there say which ones are that look like it."""
    try:
        yield
    except ManifestUnknown as error:
        if isinstance(located.reference, Tag) and error.subject == str(located.reference):
            with suppress(LadingError):
                page = await located.repository.tags(limit=_LOOKED_AT)
                # Imported only now, when something has gone wrong anyway.
                difflib = importlib.import_module("difflib")
                if close := difflib.get_close_matches(located.reference, page.items):
                    error.advice = f"Did you mean {' or '.join(close)}?"
        raise


def typed(parse: Callable[[str], Result], text: str) -> Result:
    """*text* as *parse* reads it; that it cannot be read is a mistake of whoever typed it.

    Raises:
        click.UsageError: it cannot be read.
    """
    try:
        return parse(text)
    except (TagInvalid, DigestInvalid) as error:
        raise click.UsageError(f"{error}. {error.advice}") from None


def platform_option(command: Command) -> Command:
    """Add ``--platform``; the command gets a `Platform` or ``None`` as ``platform``."""
    return click.option(
        "--platform",
        metavar="OS/ARCH[/VARIANT]",
        callback=_platform,
        help="Which image of an index is meant, such as linux/arm64.",
    )(command)


def _platform(
    ctx: click.Context,  # noqa: ARG001 - click's signature
    param: click.Parameter,  # noqa: ARG001 - click's signature
    value: str | None,
) -> Platform | None:
    return None if value is None else Platform.parse(value)


def platforms_option(command: Command) -> Command:
    """Add ``--platform``, which may be repeated; the command gets ``platforms``."""
    return click.option(
        "--platform",
        "platforms",
        metavar="OS/ARCH[/VARIANT]",
        multiple=True,
        callback=lambda _ctx, _param, values: tuple(map(Platform.parse, values)),
        help="Only the images of an index for this platform. May be repeated.",
    )(command)


def chunk_option(command: Command) -> Command:
    """Add ``--chunk-size``; the command gets ``chunk_size`` in bytes, or ``None``."""
    return click.option(
        "--chunk-size",
        metavar="SIZE",
        callback=lambda _ctx, _param, value: None if value is None else size_of(value),
        help="Upload in pieces of so many bytes, such as 64MiB, for proxies that allow no more.",
    )(command)


def size_of(text: str) -> int:
    """Read a number of bytes: ``1000``, ``64MiB``, ``10MB``."""
    parts = re.fullmatch(r"([0-9]+) ?(?:([kKMGT])(i?)B?|B?)", text)
    if parts is None or int(parts[1]) == 0:
        raise click.BadParameter(f"{text!r} is not a size such as 64MiB")
    number, unit, binary = parts.groups()
    power = "KMGT".index(unit.upper()) + 1 if unit else 0
    base = 1024 if binary else 1000
    size: int = int(number) * base**power
    return size


def jobs_option(command: Command) -> Command:
    """Add ``--jobs``; the command gets ``jobs``."""
    return click.option(
        "-j",
        "--jobs",
        metavar="N",
        type=click.IntRange(min=1, max=32),
        default=4,
        show_default=True,
        help="How many blobs are moved or read at once.",
    )(command)


def annotations_option(command: Command) -> Command:
    """Add ``--annotation``; the command gets ``annotations``, strings by name."""
    return click.option(
        "-a",
        "--annotation",
        "annotations",
        metavar="KEY=VALUE",
        multiple=True,
        callback=_pairs,
        help="Annotate the manifest. May be repeated.",
    )(command)


def _pairs(
    ctx: click.Context,  # noqa: ARG001 - click's signature
    param: click.Parameter,  # noqa: ARG001 - click's signature
    values: tuple[str, ...],
) -> dict[str, str]:
    found = {}
    for each in values:
        key, equals, value = each.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{each!r} is not KEY=VALUE")
        found[key] = value
    return found


def made(located: Located, descriptor: Descriptor) -> dict[str, Any]:
    """What is said for programs about a manifest: see `lading.cli.shapes.made`."""
    return {
        "reference": f"{located.place}@{descriptor.digest}",
        "repository": located.place,
        "digest": str(descriptor.digest),
        "mediaType": descriptor.media_type,
        "size": descriptor.size,
    }


def digest_in(located: Located) -> Digest:
    """The digest that was named.

    Raises:
        ReferenceInvalid: there is none.
    """
    if not isinstance(located.reference, Digest):
        error = ReferenceInvalid(f"{located.text!r} has no digest")
        error.advice = "Name the content by NAME@DIGEST."
        raise error
    return located.reference


def tags_in(located: Located) -> tuple[Tag, ...]:
    """The tag that was named, if there was one."""
    return (located.reference,) if isinstance(located.reference, Tag) else ()
