"""Archives from anywhere as open files that can be sought; everything here blocks."""

import gzip
import os
import select
import tempfile
import threading
import zlib
from pathlib import Path
from typing import BinaryIO, NoReturn

from lading.bodies import BLOCK
from lading.errors import LayoutInvalid
from lading.wall import storage_errors

MOST_TIMES = 200
"""How many times as long as its compressed form an archive may be: zeros grow a thousandfold."""

_PATIENCE = 200
"""Milliseconds between two looks at whether to go on."""
_GZIP = b"\x1f\x8b"
_OTHERS = {b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}


def opened(source: Path | BinaryIO, stopped: threading.Event) -> int:
    """A descriptor of the tar archive in *source*.

    A file is read where it is. What comes as a stream, or is compressed with gzip, is first
    unpacked to a file without a name, which goes when the descriptor does. Nothing may have been
    read from a stream before. Who sets *stopped* wants it to end early.

    Raises:
        LayoutInvalid: there is no such file; or it is compressed otherwise, or far too well; or
            *stopped* was set.
        StorageFailed: it cannot be read or unpacked.
    """
    file = _file(source) if isinstance(source, Path) else _spooled(source, stopped)
    try:
        start = os.pread(file, 8, 0)
        if start.startswith(_GZIP):
            return _unzipped(file, source, stopped)
        for magic, program in _OTHERS.items():
            if start.startswith(magic):
                refused = LayoutInvalid(f"{name(source)} is compressed with {program}")
                refused.advice = f"Unpack it first, with {program} -d."
                raise refused
        return os.dup(file)
    finally:
        os.close(file)


def name(source: Path | BinaryIO) -> str:
    """What errors call *source*."""
    return str(source) if isinstance(source, Path) else "the stream"


def _file(path: Path) -> int:
    with storage_errors(path):
        if not path.is_file():
            raise LayoutInvalid(f"{path} is no file")
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _spooled(stream: BinaryIO, stopped: threading.Event) -> int:
    with storage_errors("the stream"), tempfile.TemporaryFile() as spool:
        while block := _taken(stream, stopped):
            spool.write(block)
        spool.flush()
        return os.dup(spool.fileno())


def _taken(stream: BinaryIO, stopped: threading.Event) -> bytes:
    """What comes next; whoever waits at a terminal can be told to stop."""
    try:
        file = stream.fileno()
    except OSError:
        return stream.read(BLOCK)
    poll = select.poll()
    poll.register(file, select.POLLIN)
    while not poll.poll(_PATIENCE):
        _check(stopped)
    _check(stopped)
    return os.read(file, BLOCK)


def _check(stopped: threading.Event) -> None:
    if stopped.is_set():
        raise LayoutInvalid("reading the archive was stopped")


def _unzipped(file: int, source: Path | BinaryIO, stopped: threading.Event) -> int:
    most = os.fstat(file).st_size * MOST_TIMES
    with (
        storage_errors(name(source)),
        tempfile.TemporaryFile() as spool,
        os.fdopen(os.dup(file), "rb") as packed,
        gzip.GzipFile(fileobj=packed) as unpacked,
    ):
        packed.seek(0)
        while block := _next(unpacked, source):
            _check(stopped)
            spool.write(block)
            if spool.tell() > most:
                _refuse(source, f"is more than {MOST_TIMES} times as long unpacked")
        spool.flush()
        return os.dup(spool.fileno())


def _next(unpacked: gzip.GzipFile, source: Path | BinaryIO) -> bytes:
    try:
        return unpacked.read(BLOCK)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        _refuse(source, f"is damaged: {error}")


def _refuse(source: Path | BinaryIO, why: str) -> NoReturn:
    raise LayoutInvalid(f"{name(source)} {why}")
