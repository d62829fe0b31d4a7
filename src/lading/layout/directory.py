"""Image layouts in directories (image-spec, Image Layout), as registries of one repository.

What may be relied on: readers see whole blobs and a whole index at any time; writers, in this
process and in others, do not lose each other's entries; what was interrupted is invisible, and is
removed after a day. ``index.json`` is on disk before it takes the place of the old one. Blobs are
handed to the operating system: that they survive a power cut is promised only with *durable*.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from lading.errors import LayoutInvalid
from lading.layout.files import Folder
from lading.layout.index import Index, full_image, parsed
from lading.layout.registry import LAYOUT, LayoutRegistry
from lading.layout.uploads import Staging
from lading.layout.workers import Workers
from lading.layout.writing import INDEX, Directory, LayoutRepository
from lading.oci.manifest import Manifest
from lading.oci.names import RepositoryName
from lading.wall import storage_errors

MARKER = "oci-layout"
"""The file that says that a directory, or an archive, is an image layout."""

VERSION = "1.0.0"
_MARK = json.dumps({"imageLayoutVersion": VERSION}).encode()
_MARKER_LIMIT = 1 << 16


@asynccontextmanager
async def open_layout(
    path: Path,
    *,
    create: bool = False,
    name: RepositoryName = LAYOUT,
    image: str | None = None,
    durable: bool = False,
) -> AsyncIterator[LayoutRegistry]:
    """The layout in the directory *path*, as a registry of one repository, *name*.

    With *create*, the layout is made where there is none. With *image* (``host/name``, without
    a tag), tags are those of that image, where the layout has names of several, and what is
    tagged carries its full name. With *durable*, blobs are on disk when their upload is committed.

    Raises:
        LayoutInvalid: there is no layout, and it was not to be made; or it cannot be read.
        ReferenceInvalid: *image* is no name of an image.
        StorageFailed: the directory cannot be read or made.
    """
    full = None if image is None else full_image(image)
    async with opened(path, create=create, name=name, image=full, durable=durable) as registry:
        yield registry


@asynccontextmanager
async def opened(
    path: Path,
    *,
    create: bool,
    name: RepositoryName,
    image: str | None,
    durable: bool = False,
    accepts: Callable[[Manifest, bool], None] | None = None,
) -> AsyncIterator[LayoutRegistry]:
    """As `open_layout`, with the full name of the image; *accepts* judges what is put."""
    workers = Workers()
    try:
        folder = await workers.run(_prepared, path, create)
        staging = Staging(folder, workers, durable=durable)
        if create:
            await workers.run(staging.sweep)
        directory = Directory(folder, image)
        # What cannot be read is told now, and not in the middle of something.
        await workers.run(directory.index)
        repository = LayoutRepository(name, directory, staging, workers, accepts=accepts)
        try:
            yield LayoutRegistry(repository)
        finally:
            staging.close()
    finally:
        workers.close()


def _prepared(path: Path, create: bool) -> Folder:
    if create:
        with storage_errors(path):
            path.mkdir(parents=True, exist_ok=True)
    elif not path.is_dir():
        raise LayoutInvalid(f"{path} is no directory")
    folder = Folder(path)
    mark = folder.read(MARKER, limit=_MARKER_LIMIT)
    if mark is None and create:
        with folder.locked():
            mark = folder.read(MARKER, limit=_MARKER_LIMIT) or _made(folder, path)
    if mark is None:
        raise LayoutInvalid(f"{path} is no image layout: it has no file {MARKER}")
    check_mark(mark, f"{path}/{MARKER}")
    return folder


def _made(folder: Folder, path: Path) -> bytes:
    with storage_errors(path):
        foreign = [each.name for each in path.iterdir() if each.name not in (INDEX, "blobs")]
    if foreign:
        raise LayoutInvalid(f"{path} has other files in it, such as {foreign[0]}")
    folder.within("blobs")
    if folder.read(INDEX, limit=1 << 30) is None:
        folder.replace(INDEX, Index.empty().as_bytes(), sync=True)
    # Last, since it says that the rest is there.
    folder.replace(MARKER, _MARK, sync=True)
    return _MARK


def check_mark(mark: bytes, where: str) -> None:
    """Refuse layouts of versions that are not known here.

    Raises:
        LayoutInvalid: the file does not say what it must.
    """
    said = parsed(mark, where)
    if not isinstance(said, dict) or said.get("imageLayoutVersion") != VERSION:
        raise LayoutInvalid(f"{where} does not say that this is an image layout {VERSION}")
