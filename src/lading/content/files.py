"""Files of artifacts on disk: read to be pushed, and written where nothing else is touched."""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lading.bodies import BLOCK, Inbound
from lading.content.threads import in_thread, still_wanted, wanted
from lading.errors import FileRefused, LadingError, StorageFull
from lading.oci.digest import Digest, Hasher

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def file_errors(subject: object) -> Iterator[None]:
    """Turn what the operating system says about *subject* into our own errors.

    Raises:
        StorageFull: there is no room.
        FileRefused: anything else.
    """
    try:
        yield
    except OSError as error:
        raise _named(error)(f"{subject}: {error.strerror or error}") from error


def _named(error: OSError) -> type[LadingError]:
    return StorageFull if error.errno in _FULL else FileRefused


def open_file(path: Path) -> int:
    """A descriptor of the regular file at *path*, or that a link there leads to.

    Raises:
        FileRefused: it is none, or cannot be read.
    """
    with file_errors(path):
        # Opening a pipe would wait for whoever writes to it.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        if stat.S_ISREG(os.fstat(file).st_mode):
            return file
        os.close(file)
    raise FileRefused(f"{path} is not a regular file")


def measured(file: int) -> tuple[Digest, int]:
    """Digest and length of all that the open *file* has."""
    hasher, at = Hasher(), 0
    buffer = memoryview(bytearray(BLOCK))
    while count := os.preadv(file, [buffer], at):
        still_wanted()
        hasher.update(buffer[:count])
        at += count
    return hasher.digest(), at


async def save(body: Inbound, path: Path, mode: int) -> None:
    """Write all of *body* to a new file.

    Raises:
        FileRefused: there is something, or it cannot be written.
        LadingError: as *body* does.
    """
    with file_errors(path):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            while await body.ready():
                await in_thread(_drain, file, body)
        finally:
            os.close(file)


def _drain(file: int, body: Inbound) -> None:
    for block in wanted(body.blocks()):
        rest = block
        while rest:
            rest = rest[os.write(file, rest) :]


class Folder:
    """A directory into which files are put, each when it is whole, and nothing beside it.

    What is not whole yet is in a working directory inside, which goes when this is closed.
    """

    def __init__(self, path: Path) -> None:
        """*path* is made, if it is not there.

        Raises:
            FileRefused: it cannot be used.
        """
        self.path = path
        with file_errors(path):
            path.mkdir(parents=True, exist_ok=True)
            self._working = Path(tempfile.mkdtemp(prefix=".lading-", dir=path))
        self._number = 0

    def scratch(self) -> Path:
        """A path for something that is not whole yet."""
        self._number += 1
        return self._working / str(self._number)

    def check(self, names: Sequence[str], *, overwrite: bool) -> None:
        """Look whether something can be put at *names*.

        Raises:
            FileRefused: something is in the way.
        """
        place = self._below(names[:-1], make=False)
        if not overwrite and names and place is not None and os.path.lexists(place / names[-1]):
            raise FileRefused(f"{place / names[-1]} is there already")

    def put(self, whole: Path, names: Sequence[str]) -> Path:
        """Move the file *whole* to where *names* lead; a file that is there is replaced.

        Raises:
            FileRefused: a directory is there, or a link or a file on the way.
        """
        parent = self._below(names[:-1], make=True)
        assert parent is not None, "it was made"
        final = parent / names[-1]
        with file_errors(final):
            whole.replace(final)
        return final

    def merge(self, whole: Path, names: Sequence[str]) -> Path:
        """Move what is in the directory *whole* into the one to which *names* lead.

        Raises:
            FileRefused: something that is no directory is in the way.
        """
        for folder, inner, files in os.walk(whole):
            below = (*names, *Path(folder).relative_to(whole).parts)
            place = self._below(below, make=True)
            assert place is not None, "it was made"
            with file_errors(place):
                if below:
                    place.chmod(stat.S_IMODE(os.lstat(folder).st_mode))
            # Links to directories are listed among these, and are moved as they are.
            links = [each for each in inner if (Path(folder) / each).is_symlink()]
            for name in (*files, *links):
                self.put(Path(folder) / name, (*below, name))
        return self.path.joinpath(*names)

    def close(self) -> None:
        """Remove all that is not whole."""
        shutil.rmtree(self._working, ignore_errors=True)

    def _below(self, names: Sequence[str], *, make: bool) -> Path | None:
        """The directory at *names*, without following links; ``None`` if it is not there."""
        place = self.path
        for name in names:
            place /= name
            with file_errors(place):
                try:
                    if make:
                        place.mkdir()
                except FileExistsError:
                    pass
                try:
                    found = place.lstat()
                except FileNotFoundError:
                    return None
            if not stat.S_ISDIR(found.st_mode):
                raise FileRefused(f"{place} is in the way, and is no directory")
        return place
