"""What ``push`` and ``attach`` share."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import click

from lading.app.locate import Located
from lading.cli.files import STANDARD, reading
from lading.cli.output import Command, Output, amount, counted, output_option, say
from lading.cli.places import annotations_option, chunk_option, made
from lading.cli.progress import progress_option
from lading.cli.shapes import Shape, descriptor, many, number
from lading.cli.shapes import made as made_shape
from lading.cli.sides import side_options
from lading.content.artifacts import (
    Annotated,
    FileToPush,
    PushReport,
    read_annotations,
)


def pushing_options(command: Command) -> Command:
    """Add what both take beside the files; they also get ``progress``, ``out`` and ``side``."""
    command = output_option(shape=_pushed_shape())(side_options(command))
    command = chunk_option(progress_option(command))
    return annotations_option(_annotation_file_option(command))


def _annotation_file_option(command: Command) -> Command:
    return click.option(
        "--annotation-file",
        metavar="FILE",
        help="Annotations as JSON: of $manifest, of $config, and of files by their names.",
    )(command)


def _pushed_shape() -> Shape:
    return made_shape(
        files=many(descriptor("A file"), "The files, in the order in which they were given."),
        blobsCopied=number("Blobs that were pushed."),
        blobsThere=number("Blobs that were there."),
        bytesMoved=number("Bytes that were pushed."),
    )


@contextmanager
def to_push(words: Sequence[str]) -> Iterator[list[FileToPush]]:
    """The files that are meant by ``FILE[:TYPE]``; a dash is standard input, called ``stdin``.

    Raises:
        FileRefused: a path is absolute or leads out of the working directory.
    """
    with ExitStack() as stack:
        yield [_file(word, stack) for word in words]


def _file(word: str, stack: ExitStack) -> FileToPush:
    path, _, media_type = word.partition(":")
    if path != STANDARD:
        return FileToPush.parse(word)
    opened = stack.enter_context(reading(STANDARD))
    # Its number is its name: it has been taken out of the folder that it was made in.
    kept = Path(f"/dev/fd/{opened.fileno()}")
    return FileToPush(path=kept, title="stdin", media_type=media_type or None)


def annotated(annotations: Mapping[str, str], file: str | None) -> Annotated:
    """What the command line and a file of annotations say; the command line holds.

    Raises:
        FileRefused: the file cannot be read, or is something else.
    """
    found = read_annotations(Path(file)) if file else Annotated()
    return replace(found, manifest=dict(found.manifest) | dict(annotations))


def told(located: Located, report: PushReport, out: Output) -> None:
    """Print where the artifact is, and say what it took."""
    facts = made(located, report.descriptor) | {
        "files": [each.as_json() for each in report.files],
        "blobsCopied": report.blobs_copied,
        "blobsThere": report.blobs_there,
        "bytesMoved": report.bytes_moved,
    }
    out.end(facts["reference"], facts)
    there = f"; {report.blobs_there} already there" if report.blobs_there else ""
    say(f"{counted(report.blobs_copied, 'blob')} ({amount(report.bytes_moved)}) pushed{there}")
