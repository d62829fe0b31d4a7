"""Directories as archives, in the form in which oras packs them.

The same directory always gives the same bytes: entries are sorted, and have neither times nor
owners. What is unpacked comes from strangers, so it is put together aside, links last, and
nothing in it may lead out of it.
"""

import gzip
import os
import stat
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from lading.content import titles
from lading.content.files import file_errors
from lading.content.threads import still_wanted
from lading.errors import DigestInvalid, FileRefused
from lading.oci.digest import Digest, Hasher

_LEVEL = 6
_BLOCK = 1 << 20
_END = 2 * tarfile.BLOCKSIZE
_LONGEST_HEADERS = 4 << 20
"""The most bytes that may come before an entry: names and attributes, which are kept in memory."""

_MOST_KEPT = 200_000
"""How many directories and links an archive may have, which are kept in mind until its end."""

_MOST_TIMES = 200
"""How many times as long as its compressed form it may be: zeros grow a thousandfold."""

_HARMLESS = 4 << 30
"""The bytes that any archive may have unpacked: an image of a disk may be nothing but zeros."""


class _TooLong(Exception):
    """There is more in it than whoever wrote it can have meant well with."""


class _Hashed:
    """A file of which everything that is written or read is hashed."""

    def __init__(self, inner: BinaryIO | gzip.GzipFile) -> None:
        self._inner = inner
        self.hasher = Hasher()
        self.size = 0
        self.end: int | None = None
        """Where it has to end, if it may not go on for ever."""
        self.most: int | None = None
        """How many bytes may be read of it in all, if that is bounded."""

    def write(self, data: bytes) -> int:
        self._inner.write(data)
        self._seen(data)
        return len(data)

    def read(self, size: int) -> bytes:
        if self.end is not None and self.size >= self.end:
            raise tarfile.ReadError("what comes before an entry is too long")
        data = self._inner.read(size)
        self._seen(data)
        if self.most is not None and self.size > self.most:
            raise _TooLong
        return data

    def tell(self) -> int:
        return self.size

    def _seen(self, data: bytes) -> None:
        still_wanted()
        self.hasher.update(data)
        self.size += len(data)


def pack(folder: Path, title: str, into: BinaryIO) -> tuple[Digest, Digest, int]:
    """Write the archive of *folder* to *into*; the digest of the tar, that of all, and its size.

    Raises:
        FileRefused: something in it cannot be read, or is neither file, directory nor link.
    """
    whole = _Hashed(into)
    with gzip.GzipFile(
        filename="", mode="wb", compresslevel=_LEVEL, fileobj=cast("IO[bytes]", whole), mtime=0
    ) as squeezed:
        plain = _Hashed(squeezed)
        # It is not closed, since that would pad it further than to its end: oras hashes what it
        # reads, and nothing that comes behind.
        archive = tarfile.TarFile(
            fileobj=cast("IO[bytes]", plain), mode="w", format=tarfile.PAX_FORMAT
        )
        for path, name in _entries(folder, "/".join(titles.parts(title, directory=True))):
            _add(archive, path, name)
        plain.write(bytes(_END))
    return plain.hasher.digest(), whole.hasher.digest(), whole.size


def _entries(folder: Path, name: str) -> Iterator[tuple[Path, str]]:
    """What is in *folder*, itself included, parents first and otherwise by name."""
    if name:
        yield folder, name
    with file_errors(folder):
        inner = sorted(each.name for each in folder.iterdir())
    for each in inner:
        path, below = folder / each, f"{name}/{each}" if name else each
        if path.is_dir() and not path.is_symlink():
            yield from _entries(path, below)
        else:
            yield path, below


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    with file_errors(path):
        found = path.lstat()
        entry = tarfile.TarInfo(name)
        entry.mode = stat.S_IMODE(found.st_mode) & 0o777
        if stat.S_ISDIR(found.st_mode):
            entry.type = tarfile.DIRTYPE
            archive.addfile(entry)
        elif stat.S_ISLNK(found.st_mode):
            entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, str(path.readlink()), 0o777
            archive.addfile(entry)
        elif stat.S_ISREG(found.st_mode):
            entry.size = found.st_size
            with path.open("rb") as file:
                archive.addfile(entry, file)
        else:
            raise FileRefused(f"{path} is neither a file, a directory nor a link")


def unpack(packed: Path, title: str, expected: str | None, into: Path) -> None:
    """Unpack the archive of a directory called *title* into the new directory *into*.

    *expected* is the digest of the archive before it was compressed, if that is known.

    Raises:
        FileRefused: it is no such archive, is compressed far too well, or leads out of the
            directory.
        DigestInvalid: its digest is not *expected*.
    """
    prefix = titles.parts(title, directory=True)
    with packed.open("rb") as file:
        try:
            with gzip.GzipFile(fileobj=file) as squeezed:
                plain = _Hashed(squeezed)
                plain.end = _LONGEST_HEADERS
                plain.most = max(_HARMLESS, os.fstat(file.fileno()).st_size * _MOST_TIMES)
                with tarfile.open(fileobj=cast("IO[bytes]", plain), mode="r|") as archive:
                    _Unpacking(into, prefix).all(_entries_of(archive, plain))
                while plain.read(_BLOCK):
                    pass  # what is behind the end of the archive belongs to its digest
        except _TooLong:
            refused = FileRefused(f"{title!r} is more than {_MOST_TIMES} times as long unpacked")
            refused.advice = (
                "If you know who made it, fetch its archive with `lading blob get` and unpack that."
            )
            raise refused from None
        except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, ValueError) as error:
            raise FileRefused(f"{title!r} is a damaged archive: {error}") from error
        except OSError as error:
            raise FileRefused(f"{title!r} cannot be unpacked: {error.strerror}") from error
    found = plain.hasher.digest()
    if expected is not None and str(found) != expected:
        raise DigestInvalid(f"the archive of {title!r} is {found}, not {expected}")


def _entries_of(
    archive: tarfile.TarFile, plain: _Hashed
) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Each entry of *archive*, which is read from *plain*, and its content if it is a file."""
    while True:
        plain.end = plain.size + _LONGEST_HEADERS
        entry = archive.next()
        plain.end = None
        if entry is None:
            return
        yield entry, archive.extractfile(entry) if entry.isreg() else None
        # It would remember every entry that it has read.
        cast("Any", archive).members.clear()


class _Unpacking:
    """One archive on its way out."""

    def __init__(self, into: Path, prefix: tuple[str, ...]) -> None:
        self._into = into
        self._prefix = prefix
        self._links: dict[Path, str] = {}
        self._modes: dict[Path, int] = {}

    def all(self, entries: Iterable[tuple[tarfile.TarInfo, IO[bytes] | None]]) -> None:
        """Write every one of *entries*; links are made when nothing is written any more."""
        self._into.mkdir()
        for entry, content in entries:
            self._one(entry, content, self._place(entry.name))
            if len(self._links) + len(self._modes) > _MOST_KEPT:
                raise FileRefused(f"there are more than {_MOST_KEPT} directories and links")
        for path, goal in self._links.items():
            path.symlink_to(goal)
        root = os.path.realpath(self._into)
        for path, goal in self._links.items():
            real = os.path.realpath(path)
            if goal.startswith("/") or os.path.commonpath((real, root)) != root:
                raise FileRefused(f"{path.name!r} is a link that leads out of the directory")
        for path, mode in reversed(self._modes.items()):
            # No more than whoever unpacks it would let others do by their umask.
            path.chmod(mode & stat.S_IMODE(path.stat().st_mode) | 0o700)

    def _place(self, name: str) -> Path:
        names = titles.parts(name, directory=True)
        if names[: len(self._prefix)] != self._prefix:
            raise FileRefused(f"{name!r} is not in {'/'.join(self._prefix)!r}")
        return self._into.joinpath(*names[len(self._prefix) :])

    def _one(self, entry: tarfile.TarInfo, content: IO[bytes] | None, path: Path) -> None:
        if entry.isdir():
            path.mkdir(parents=True, exist_ok=True)
            self._modes[path] = entry.mode
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.issparse():
            # A few bytes would become a file as long as they say.
            raise FileRefused(f"{entry.name!r} is a sparse file")
        if content is not None:
            with open(path, "xb", opener=_with_mode(entry.mode & 0o777)) as file:
                _copy(content, file)
        elif entry.issym():
            if self._links.setdefault(path, entry.linkname) != entry.linkname:
                raise FileRefused(f"{entry.name!r} is two different links")
        elif entry.islnk():
            os.link(self._place(entry.linkname), path, follow_symlinks=False)
        else:
            raise FileRefused(f"{entry.name!r} is neither a file, a directory nor a link")


def _with_mode(mode: int) -> Any:
    return lambda path, flags: os.open(path, flags, mode)


def _copy(source: IO[bytes], target: BinaryIO) -> None:
    while block := source.read(_BLOCK):
        target.write(block)
