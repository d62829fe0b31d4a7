"""What ``backup`` and ``restore`` have in common: what they take, and what they say in the end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from lading.app.backup import Copied
from lading.cli.files import STANDARD
from lading.cli.output import Output, amount, counted, say
from lading.cli.shapes import number, record

F = TypeVar("F", bound=Callable[..., Any])

_COMPRESSED = (".tgz", ".tar.gz", ".tar.zst", ".tar.xz", ".tar.bz2")

SHAPE = record(
    "What was copied.",
    blobs=number("Blobs that the copy has."),
    size=number("Their bytes."),
    new=number("How many of them it did not have before."),
    newSize=number("Their bytes."),
    gone=number("Blobs that were removed from the copy, since nothing names them any more."),
    lost=number("Blobs that were not there, or not whole, and are not in the copy."),
)


def link_option(command: F) -> F:
    """Add ``--link``."""
    return click.option(
        "--link",
        is_flag=True,
        help="Let blobs be the same files in both, which takes no room; on one file system only.",
    )(command)


def is_file(place: str) -> bool:
    """Whether *place* is a tar file, and not a directory.

    Raises:
        click.UsageError: by its name it is compressed.
    """
    if place.endswith(_COMPRESSED) and not Path(place).is_dir():
        raise click.UsageError(
            f"{place}: a backup is not compressed here: lading backup - | gzip > FILE.tar.gz writes"
            " such a file, and gunzip < FILE.tar.gz | lading restore - reads it"
        )
    return place == STANDARD or (place.endswith(".tar") and not Path(place).is_dir())


def without_links(*, link: bool) -> None:
    """Refuse to link what goes into a file, or comes out of one."""
    if link:
        raise click.UsageError("--link is for directories: a tar file has its own bytes")


def ended(copied: Copied, out: Output, *, into: str = "") -> int:
    """Say what was *copied*, and *into* which directory; return the exit code."""
    code = lost(copied)
    missed = len(copied.failures)
    gone = f"; {counted(copied.gone, 'blob')} removed" if copied.gone else ""
    missing = f"; {counted(missed, 'blob')} lost" if missed else ""
    out.end(
        f"{counted(copied.blobs, 'blob')} ({amount(copied.size)}), "
        f"{copied.new} of them new ({amount(copied.new_size)}){gone}{missing}{f'; in {into}' if into else ''}",
        {
            "blobs": copied.blobs,
            "size": copied.size,
            "new": copied.new,
            "newSize": copied.new_size,
            "gone": copied.gone,
            "lost": missed,
        },
    )
    return code


def lost(copied: Copied) -> int:
    """Say what could not be copied; return the exit code."""
    for each in copied.failures:
        say(f"lading: {each}")
    return 1 if copied.failures else 0
