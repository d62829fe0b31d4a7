"""A registry in one tar file, as it was at one moment.

The rows come first, then the blobs that they name, by digest, under the names that they have in a
data directory, and last an empty member: a file that was cut short has none. It is written and read
from its beginning to its end, so both may be pipes.
"""

import asyncio
import contextlib
import io
import os
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from lading.app.backup import Copied, require_empty
from lading.app.directory import prepare, require_registry
from lading.app.endable import EndableReader, EndableWriter, GoOn, in_thread
from lading.app.stores import open_stores
from lading.app.target import making
from lading.bodies import BLOCK
from lading.errors import BackupInvalid, BlobUnknown, LadingError, StorageDamaged, StorageUnfit
from lading.metadata import snapshot
from lading.storage.duplicate import opened, prune, received
from lading.storage.layout import blob_path
from lading.storage.publish import Publisher
from lading.wall import storage_errors

_ROWS = "rows.db"
_END = "end-of-backup"


async def write_backup(root: Path, file: BinaryIO, *, beside: Path | None) -> Copied:
    """Write a copy of the registry in *root* to *file*, durably if it is one.

    Pushes, pulls and deletes go on meanwhile; collection waits. The rows are kept in the directory
    *beside* until they are written, or where temporary files are. When this is cancelled, *file*
    has a part of it.

    Raises:
        StorageUnfit: there is no registry in *root*.
        StorageFailed: something cannot be read.
        OSError: *file* cannot be written.
    """
    await asyncio.to_thread(require_registry, root)
    async with open_stores(root) as stores, stores.metadata.background(wait=True):
        return await in_thread(partial(_write, root, file, beside))


async def read_backup(file: BinaryIO, root: Path) -> Copied:
    """Make a registry in *root*, where there is none, of the copy in *file*.

    When that cannot be done or is cancelled, *root* is as it was.

    Raises:
        StorageUnfit: there is something in *root* already.
        BackupInvalid: *file* is no such copy, is cut short, or has other bytes than were written.
        StorageFailed: something cannot be written.
    """
    return await in_thread(partial(_read, file, root))


def _write(root: Path, file: BinaryIO, beside: Path | None, go_on: GoOn) -> Copied:
    with TemporaryDirectory(prefix=".lading-backup-", dir=beside) as folder:
        rows = Path(folder) / _ROWS
        snapshot.take(root, rows, go_on)
        with tarfile.open(
            fileobj=EndableWriter(file, go_on), mode="w|", format=tarfile.PAX_FORMAT, bufsize=BLOCK
        ) as archive:
            with rows.open("rb") as content:
                _add(archive, snapshot.DATABASE, rows.stat().st_size, content)
            copied = _write_blobs(root, rows, archive)
            _add(archive, _END, 0, io.BytesIO())
    file.flush()
    # A pipe has nothing to be synced.
    with contextlib.suppress(OSError):
        os.fsync(file.fileno())
    return copied


def _write_blobs(root: Path, rows: Path, archive: tarfile.TarFile) -> Copied:
    count = size = 0
    failures: list[LadingError] = []
    for blob in snapshot.blobs(rows):
        try:
            content = opened(str(root), blob.digest, blob.size)
        except (BlobUnknown, StorageDamaged) as error:
            failures.append(error)
            continue
        with content:
            _add(archive, blob_path(blob.digest), blob.size, content)
        count += 1
        size += blob.size
    return _all_new(count, size, failures)


def _all_new(count: int, size: int, failures: Sequence[LadingError]) -> Copied:
    return Copied(
        blobs=count, size=size, new=count, new_size=size, gone=0, failures=tuple(failures)
    )


def _add(archive: tarfile.TarFile, name: str, size: int, content: BinaryIO) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = size
    archive.addfile(entry, content)
    _forget(archive)


def _read(file: BinaryIO, root: Path, go_on: GoOn) -> Copied:
    with making(root, require_empty) as made:
        # What a process has left that was killed: all of it comes again.
        prune(str(root), ())
        with (
            _damage_named(),
            tarfile.open(fileobj=EndableReader(file, go_on), mode="r|", bufsize=BLOCK) as archive,
        ):
            _read_rows(archive, made.rows)
            copied = _read_blobs(archive, made.rows, root)
        snapshot.put(made.rows, root)
    prepare(root)
    return copied


@contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except tarfile.TarError as error:
        raise BackupInvalid(f"it is no tar file, or is cut short: {error}") from error
    except StorageDamaged as error:
        raise BackupInvalid(error.subject) from error
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> BackupInvalid:
    return BackupInvalid(f"it cannot be read: {error.strerror or error}")


def _read_rows(archive: tarfile.TarFile, rows: Path) -> None:
    entry, content = _next(archive)
    if entry.name != snapshot.DATABASE:
        raise BackupInvalid(f"it is no backup of a registry: it begins with {entry.name[:200]}")
    with storage_errors(rows), rows.open("wb") as target:
        target.writelines(_blocks(content))
        target.flush()
        os.fsync(target.fileno())
    try:
        snapshot.require_restorable(rows, subject="the database in it")
    except StorageUnfit as error:
        raise BackupInvalid(error.subject) from error
    except StorageDamaged as error:
        raise BackupInvalid("the database in it is none, or is damaged") from error


def _read_blobs(archive: tarfile.TarFile, rows: Path, root: Path) -> Copied:
    count = size = 0
    failures: list[LadingError] = []
    publisher = Publisher()
    entry, content = _next(archive)
    for blob in snapshot.blobs(rows):
        # The names in the file are only ever compared, and lead nowhere.
        if entry.name != blob_path(blob.digest):
            failures.append(BlobUnknown(blob.digest))
            continue
        received(str(root), blob.digest, _blocks(content), publisher)
        count += 1
        size += blob.size
        entry, content = _next(archive)
    if entry.name != _END:
        raise BackupInvalid(f"it has something that it does not name: {entry.name[:200]}")
    return _all_new(count, size, failures)


def _blocks(content: BinaryIO) -> Iterator[bytes]:
    try:
        while block := content.read(BLOCK):
            yield block
    except OSError as error:
        # No failure of whoever keeps what it gives.
        raise _unreadable(error) from error


def _next(archive: tarfile.TarFile) -> tuple[tarfile.TarInfo, BinaryIO]:
    entry = archive.next()
    content = archive.extractfile(entry) if entry is not None and entry.isreg() else None
    if entry is None or content is None:
        raise BackupInvalid("it is cut short")
    _forget(archive)
    return entry, content  # type: ignore[return-value]  # it is read from, and nothing else


def _forget(archive: tarfile.TarFile) -> None:
    # It would remember every member, and there may be millions.
    archive.members = []  # type: ignore[attr-defined]
