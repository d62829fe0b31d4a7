"""Files that commands read and write; a dash is standard input or output."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from lading.bodies import BLOCK
from lading.errors import FileRefused
from lading.wall import is_special

STANDARD = "-"
"""Standard input, or output."""


def read_small(file: str, limit: int) -> bytes:
    """All of *file*.

    Raises:
        FileRefused: it cannot be read, or is longer than *limit* bytes.
    """
    with _named(file):
        if file == STANDARD:
            found = sys.stdin.buffer.read(limit + 1)
        else:
            with Path(file).open("rb") as opened:
                found = opened.read(limit + 1)
    if len(found) > limit:
        raise FileRefused(f"{file} is longer than {limit} bytes")
    return found


@contextmanager
def reading(file: str) -> Iterator[BinaryIO]:
    """*file*, to be read from anywhere in it; what comes on standard input is kept meanwhile.

    Raises:
        FileRefused: it cannot be read, or is no file.
    """
    with ExitStack() as stack:
        with _named(file):
            if file == STANDARD:
                from shutil import copyfileobj  # noqa: PLC0415 - most commands start without it
                from tempfile import TemporaryFile  # noqa: PLC0415 - as above

                opened: BinaryIO = stack.enter_context(TemporaryFile())
                copyfileobj(sys.stdin.buffer, opened, BLOCK)
                opened.flush()
            elif Path(file).is_dir():
                raise FileRefused(f"{file} is a directory")
            else:
                opened = stack.enter_context(Path(file).open("rb"))
        yield opened


@contextmanager
def reading_once(file: str) -> Iterator[BinaryIO]:
    """*file*, to be read from its beginning to its end.

    Raises:
        FileRefused: it cannot be read.
    """
    if file == STANDARD:
        yield sys.stdin.buffer
        return
    with ExitStack() as stack:
        with _named(file):
            opened = stack.enter_context(Path(file).open("rb"))
        yield opened


@contextmanager
def writing(file: str, *, new: bool = False) -> Iterator[BinaryIO]:
    """*file*, which is there only when the context is left without an error.

    What is no regular file, such as a device or a pipe, is written to as it is; and a link goes on
    leading to where it leads.

    Raises:
        FileRefused: it cannot be written, or has to be *new* and is there already.
    """
    if file == STANDARD:
        with _named("standard output"):
            sys.stdout.flush()
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        return
    if new:
        _require_absent(Path(file))
    if is_special(Path(file)):
        with _named(file), Path(file).open("wb") as opened:
            yield opened
        return
    from tempfile import mkstemp  # noqa: PLC0415 - most commands start without it

    final = Path(os.path.realpath(file))
    with _named(file):
        number, name = mkstemp(prefix=f".{final.name}.", dir=final.parent)
    partial = Path(name)
    try:
        with os.fdopen(number, "wb") as opened, _named(file):
            yield opened
        if new:
            _require_absent(Path(file))
        with _named(file):
            # As any new file would have: mkstemp lets only its owner read.
            partial.chmod(0o666 & ~_umask())
            partial.replace(final)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _require_absent(file: Path) -> None:
    if os.path.lexists(file):
        raise FileRefused(f"{file} is there already; choose another name, or remove it")


@contextmanager
def _named(file: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileRefused(f"{file}: {error.strerror or error}") from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
