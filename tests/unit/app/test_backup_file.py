"""A registry is written to one file, and made again of it; a damaged file leaves nothing."""

import errno
import io
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lading.app.backup_file import read_backup, write_backup
from lading.errors import BackupInvalid, LadingError
from lading.metadata.snapshot import DATABASE
from lading.oci.digest import Digest
from lading.testing import samples
from tests.unit.app.directories import make_newer, put, tags


class OneWay(io.RawIOBase):
    """What cannot be sought: a pipe with *content*."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)

    def readable(self) -> bool:
        """It is."""
        return True

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Append *data*."""
        self.content += data
        return len(data)

    def readinto(self, buffer: Any) -> int:
        """Take from the beginning."""
        taken = self.content[: len(buffer)]
        buffer[: len(taken)] = taken
        del self.content[: len(taken)]
        return len(taken)


async def written(root: Path) -> bytes:
    """The backup of a registry, as it comes out of a pipe."""
    pipe = OneWay()
    await write_backup(root, io.BufferedWriter(pipe), beside=None)
    return bytes(pipe.content)


async def read(content: bytes, root: Path) -> None:
    """Restore what comes out of a pipe."""
    await read_backup(io.BufferedReader(OneWay(content)), root)


def files(root: Path) -> list[Path]:
    """All content and all rows below *root*, whole or not."""
    found = [path for path in root.rglob("*") if path.is_file()]
    return [path for path in found if path.name != "lading.lock"]


async def test_what_comes_through_a_pipe_is_whole(root: Path, tmp_path: Path) -> None:
    """One image and another, pushed while nobody looked; all of it is read back."""
    await put(root, "two", "v2")

    copied = await write_backup(root, io.BufferedWriter(OneWay()), beside=tmp_path)
    await read(await written(root), tmp_path / "again")

    assert await tags(tmp_path / "again") == ["v1", "v2"]
    assert (copied.blobs, copied.failures) == (6 - len(_shared()), ())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "data"]


def _shared() -> set[bytes]:
    return {*samples.image("one").blobs} & {*samples.image("two").blobs}


async def test_any_tar_unpacks_it_to_a_data_directory(root: Path, tmp_path: Path) -> None:
    """Whoever has only the file and no program of ours can still get at everything."""
    content = await written(root)

    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        names = archive.getnames()
        archive.extractall(tmp_path / "unpacked", filter="data")

    assert names[0] == "metadata/registry.db"
    assert names[1:-1] == sorted(names[1:-1])
    assert await tags(tmp_path / "unpacked") == ["v1"]


@pytest.mark.parametrize("part", [0, 0.1, 0.5, 0.9, 1])
async def test_file_that_is_cut_short_leaves_nothing(
    root: Path, tmp_path: Path, part: float
) -> None:
    """Wherever it ends, also just before its last member; and then it can be tried again."""
    content = await written(root)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        last = archive.getmembers()[-1].offset

    with pytest.raises(BackupInvalid, match="cut short"):
        await read(content[: int(last * part)], tmp_path / "again")

    assert files(tmp_path / "again") == []
    await read(content, tmp_path / "again")
    assert await tags(tmp_path / "again") == ["v1"]


class Failing(OneWay):
    """A pipe that breaks where its content ends."""

    def readinto(self, buffer: Any) -> int:
        """Take from the beginning, and fail at the end."""
        if not self.content:
            raise OSError(errno.EIO, "Input/output error")
        return super().readinto(buffer)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
async def test_file_that_cannot_be_read_is_what_is_told_of(
    root: Path, tmp_path: Path, part: float
) -> None:
    """Not the place to which it was to be restored, where nothing stays."""
    content = await written(root)
    failing = io.BufferedReader(Failing(content[: int(len(content) * part)]))

    with pytest.raises(BackupInvalid, match="it cannot be read: Input/output error"):
        await read_backup(failing, tmp_path / "again")

    assert files(tmp_path / "again") == []


async def test_changed_bytes_are_noticed(root: Path, tmp_path: Path) -> None:
    """A blob is kept only if it is the one that it says."""
    content = await written(root)
    layer = samples.image("one").blobs[-1]
    assert layer in content

    with pytest.raises(BackupInvalid, match="other bytes"):
        await read(content.replace(layer, layer[::-1]), tmp_path / "again")

    assert files(tmp_path / "again") == []


async def test_other_tar_files_are_refused(tmp_path: Path) -> None:
    """The image that somebody saved is no backup."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../../etc/passwd"), io.BytesIO())

    with pytest.raises(BackupInvalid, match="no backup"):
        await read(file.getvalue(), tmp_path / "again")


def _empty(database: Path) -> None:
    database.write_bytes(b"")


def _foreign(database: Path) -> None:
    database.unlink()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE blobs (digest TEXT)")


def _no_database(database: Path) -> None:
    database.write_bytes(b"rows" * 5_000)


@pytest.mark.parametrize("changed", [make_newer, _empty, _foreign, _no_database])
async def test_rows_that_no_registry_can_be_made_of_are_refused_before_anything_is_kept(
    root: Path, tmp_path: Path, changed: Callable[[Path], None]
) -> None:
    """The directory can be restored to afterwards, as if nothing had been tried."""
    content = await written(root)
    there = tmp_path / "again"
    other = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(content)) as archive,
        tarfile.open(fileobj=other, mode="w") as made,
    ):
        archive.extractall(tmp_path / "unpacked", filter="data")
        changed(tmp_path / "unpacked" / DATABASE)
        for member in archive.getnames():
            made.add(tmp_path / "unpacked" / member, member)

    with pytest.raises(BackupInvalid, match="the database in it"):
        await read(other.getvalue(), there)
    assert files(there) == []

    await read(content, there)
    assert await tags(there) == ["v1"]


async def test_what_is_not_named_is_refused(root: Path, tmp_path: Path) -> None:
    """Nothing is kept that the rows do not speak of, wherever its name leads."""
    content = await written(root)
    changed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(content)) as archive,
        tarfile.open(fileobj=changed, mode="w") as other,
    ):
        for member in archive.getmembers():
            if member.name == "end-of-backup":
                other.addfile(tarfile.TarInfo("../more"), io.BytesIO())
            other.addfile(member, archive.extractfile(member))

    with pytest.raises(BackupInvalid, match="does not name"):
        await read(changed.getvalue(), tmp_path / "again")

    assert files(tmp_path / "again") == []


async def test_lost_blob_is_told_on_both_ways(root: Path, tmp_path: Path) -> None:
    """The rest is backed up, and restored."""
    value = Digest.of(samples.image("one").blobs[0]).value
    path = root / "docker/registry/v2/blobs/sha256" / value[:2] / value / "data"
    path.unlink()
    pipe = OneWay()

    copied = await write_backup(root, io.BufferedWriter(pipe), beside=None)
    back = await read_backup(io.BytesIO(pipe.content), tmp_path / "again")

    assert [value in str(error) for error in copied.failures] == [True]
    assert [value in str(error) for error in back.failures] == [True]
    assert back.blobs == copied.blobs == 2


async def test_nothing_is_restored_over_a_registry_or_blobs(root: Path, tmp_path: Path) -> None:
    """Neither over one that is there, nor over what is left of one."""
    content = await written(root)
    before = sorted(files(root))
    (root / "metadata/registry.db").rename(tmp_path / "kept")
    with pytest.raises(LadingError, match="there are blobs in"):
        await read(content, root)
    (tmp_path / "kept").rename(root / "metadata/registry.db")

    with pytest.raises(LadingError, match="there is a registry in"):
        await read(content, root)

    assert sorted(files(root)) == before
    assert await tags(root) == ["v1"]
