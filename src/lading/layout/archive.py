"""Image layouts in tar archives (oci-archive), as registries of one repository.

Archives are read where they are, and written whole: what is put goes to a directory beside the
archive, and the archive is in its place when the context is left without an error.
"""

import os
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from lading.errors import LayoutInvalid
from lading.layout import boxes, streams
from lading.layout.catalogue import Reader
from lading.layout.directory import opened
from lading.layout.files import discard
from lading.layout.index import full_image
from lading.layout.packing import pack
from lading.layout.reading import LayoutReader
from lading.layout.registry import LAYOUT, LayoutRegistry
from lading.layout.tar import Archive
from lading.layout.workers import Workers
from lading.layout.writing import INDEX, blob
from lading.oci.manifest import Manifest
from lading.oci.names import RepositoryName
from lading.wall import is_special, storage_errors

Reading = Callable[[Archive, str | None], boxes.Box]
"""Makes out what is in an archive, given the full name of the image that is meant."""


@asynccontextmanager
async def open_archive(
    file: Path | BinaryIO,
    *,
    write: bool = False,
    keep: bool = False,
    name: RepositoryName = LAYOUT,
    image: str | None = None,
) -> AsyncIterator[LayoutRegistry]:
    """The layout in the archive *file*, as a registry of one repository, *name*.

    A stream (a binary file object) is read to its end when the context is entered, or written
    when it is left. Archives that gzip compressed are read as well.

    With *write* a new archive is made, and takes the place of an old one when the context is
    left without an error; a device or a pipe is written to, as a stream is. With *keep* as well, it begins with all the images of the old file, if
    there is one. With *image* (``host/name``, without a tag), tags are those of that
    image, where the archive has names of several, and what is tagged carries its full name.

    Raises:
        LayoutInvalid: it is no archive of a layout, or not to be trusted.
        ReferenceInvalid: *image* is no name of an image.
        StorageFailed: it cannot be read or written.
    """
    if write:
        async with writing(file, name, image, kept=boxes.layout if keep else None) as registry:
            yield registry
    else:
        async with reading(file, name, image, boxes.layout) as registry:
            yield registry


@asynccontextmanager
async def reading(
    file: Path | BinaryIO, name: RepositoryName, image: str | None, read: Reading
) -> AsyncIterator[LayoutRegistry]:
    """The archive *file*, as *read* understands it."""
    full = None if image is None else full_image(image)
    workers = Workers()
    try:
        stopped = threading.Event()
        descriptor = await workers.run(
            streams.opened, file, stopped, stop=stopped.set, undo=os.close
        )
        try:
            box = await workers.run(_understood, descriptor, streams.name(file), full, read)
            yield LayoutRegistry(LayoutReader(name, box, workers))
        finally:
            os.close(descriptor)
    finally:
        workers.close()


def _understood(file: int, where: str, image: str | None, read: Reading) -> boxes.Box:
    with storage_errors(where):
        return read(Archive(file, where), image)


@asynccontextmanager
async def writing(
    file: Path | BinaryIO,
    name: RepositoryName,
    image: str | None,
    *,
    written: str | None = None,
    accepts: Callable[[Manifest, bool], None] | None = None,
    kept: Reading | None = None,
) -> AsyncIterator[LayoutRegistry]:
    """A new archive of what *accepts* lets in; *written* is how docker is told the image.

    It begins with what *kept* finds in the old one.
    """
    full = None if image is None else full_image(image)
    leave = partial(_leave, file)
    workers, stack = Workers(1), ExitStack()
    try:
        place = await workers.run(_place, file, undo=leave)
        stack.callback(leave, place)
        staged = await workers.run(_staged, place, undo=_forget)
        try:
            if kept is not None and isinstance(place, Path):
                stopped = threading.Event()
                await workers.run(_unpack, place, staged, kept, stopped, stop=stopped.set)
            async with opened(
                staged, create=True, name=name, image=full, accepts=accepts
            ) as registry:
                yield registry
            stopped = threading.Event()
            await workers.run(_write, staged, place, full, written, stopped, stop=stopped.set)
        finally:
            await workers.run(_forget, staged)
    finally:
        stack.close()
        workers.close()


def _place(file: Path | BinaryIO) -> Path | BinaryIO:
    """Where the archive goes: to where a link leads; a device or a pipe is a stream."""
    if not isinstance(file, Path):
        return file
    if is_special(file):
        with storage_errors(file):
            return file.open("wb")
    return Path(os.path.realpath(file))


def _leave(file: Path | BinaryIO, place: Path | BinaryIO) -> None:
    """Close what was opened for *file*."""
    if place is not file and not isinstance(place, Path):
        place.close()


def _staged(file: Path | BinaryIO) -> Path:
    """A directory for what is put; beside a file, where there is room for it."""
    beside = file.parent if isinstance(file, Path) else None
    with storage_errors(beside or "the directory for temporary files"):
        if beside is not None:
            beside.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".lading-", dir=beside))


def _forget(staged: Path) -> None:
    shutil.rmtree(staged, ignore_errors=True)


def _unpack(file: Path, staged: Path, read: Reading, stopped: threading.Event) -> None:
    """Begin with what an archive has: its manifests, and what they name."""
    if not file.exists():
        return
    descriptor = streams.opened(file, stopped)
    try:
        with storage_errors(file):
            box = read(Archive(descriptor, str(file)), None)
            index, catalogue = Reader(box).current()
            found = dict.fromkeys(catalogue.manifests)
            for facts in catalogue.manifests.values():
                found.update(dict.fromkeys(edge.digest for edge in facts.edges))
            for digest in found:
                if stopped.is_set():
                    raise LayoutInvalid("reading the archive was stopped")
                if box.size(digest) is not None:
                    path = staged / blob(digest)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    box.save(digest, path)
            (staged / INDEX).write_bytes(index.as_bytes())
    finally:
        os.close(descriptor)


def _write(
    staged: Path,
    file: Path | BinaryIO,
    image: str | None,
    written: str | None,
    stopped: threading.Event,
) -> None:
    if not isinstance(file, Path):
        pack(staged, file, image, written=written, stopped=stopped)
        with storage_errors("the stream"):
            file.flush()
        return
    # Not in the directory that is packed, and on the same file system as the archive.
    packed = staged.with_name(f"{staged.name}.tar")
    try:
        with storage_errors(file), packed.open("xb") as target:
            pack(staged, target, image, written=written, stopped=stopped)
            target.flush()
            if file.exists():
                # An old archive is not given up before the new one is on disk.
                os.fsync(target.fileno())
        with storage_errors(file):
            packed.replace(file)
    except BaseException:
        discard(packed)
        raise
