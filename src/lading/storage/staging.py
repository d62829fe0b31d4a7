"""Uploads on disk: one file each, whose bytes and length are all the state there is.

Everything here blocks: in a worker thread or, where there is no disk, for a moment on the event
loop. A claim lasts while bytes flow and a moment longer, so an upload whose sender is silent costs
nothing, and any process can go on with it.
"""

import fcntl
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lading.bodies import BLOCK, Inbound
from lading.errors import UploadOutOfOrder, UploadUnknown
from lading.interfaces.blobs import StaleUpload, UploadId
from lading.oci.digest import Digest, Hasher
from lading.storage import layout
from lading.storage.aside import Aside
from lading.wall import failure, storage_errors

FILE_MODE = 0o666
"""Of what is stored, masked by the umask: who may read it is the operator's decision."""

_TRIES = 25
_PAUSE = 0.002
_EAGER = 8 << 20
"""Bytes after which the kernel is asked to begin writing a body to disk.

Measured on ext4, 256 MiB with its final sync: 15 to 25 % faster than leaving all to the sync.
"""


@dataclass(slots=True)
class Progress:
    """How far one writer has come with an upload.

    ``hasher`` has seen exactly the first ``offset`` bytes, or is ``None`` when another process
    took some of them. The kernel was told to write back what lies before ``begun``. ``stopped``
    asks the thread at work to leave after the block in its hands.
    """

    offset: int
    hasher: Hasher | None
    begun: int = 0
    stopped: bool = False

    def has_hashed(self, algorithm: str) -> bool:
        """Whether the digest by *algorithm* is known without reading the upload again."""
        return self.hasher is not None and self.hasher.algorithm == algorithm


def begin(path: str, upload_id: UploadId) -> None:
    """Make the file of a new upload.

    Raises:
        StorageFailed: it cannot be made.
    """
    with storage_errors(f"upload {upload_id}"):
        # Without opening it: nobody has anything to write yet.
        os.mknod(path, stat.S_IFREG | FILE_MODE)


def length(path: str, upload_id: UploadId) -> int:
    """How many bytes an upload has.

    Raises:
        UploadUnknown: there is none of that id.
    """
    with storage_errors(f"upload {upload_id}"):
        try:
            return os.stat(path).st_size
        except FileNotFoundError:
            raise UploadUnknown(upload_id) from None


class claimed:  # noqa: N801  # reads as what it does; a generator would cost a blob more
    """Hold an upload alone; gives a descriptor.

    The lock is the kernel's and ends with the descriptor, so a process that dies leaves none.

    Raises:
        UploadUnknown: it has ended.
        UploadOutOfOrder: another writer, of this process or another, is at work on it (when
            *patient*: and goes on for longer than it takes to find out that it comes too late), or
            has brought it elsewhere than to *at*, if that is given.
    """

    __slots__ = ("_at", "_file", "_flags", "_id", "_path", "_patient")

    def __init__(
        self,
        path: str,
        upload_id: UploadId,
        flags: int,
        *,
        at: int | None = None,
        patient: bool = True,
    ) -> None:
        self._path = path
        self._id = upload_id
        self._flags = flags | os.O_CLOEXEC | os.O_NOFOLLOW
        self._at = at
        self._patient = patient
        self._file = -1

    def __enter__(self) -> int:
        with storage_errors(f"upload {self._id}"):
            try:
                self._file = os.open(self._path, self._flags)
            except FileNotFoundError:
                raise UploadUnknown(self._id) from None
        try:
            _lock(self._file, self._path, self._id, at=self._at, patient=self._patient)
        except BaseException:
            os.close(self._file)
            raise
        return self._file

    def __exit__(self, *_: object) -> None:
        os.close(self._file)


def _lock(file: int, path: str, upload_id: UploadId, *, at: int | None, patient: bool) -> None:
    with storage_errors(f"upload {upload_id}"):
        if not _locked(file, patient=patient):
            raise UploadOutOfOrder(upload_id, offset=os.fstat(file).st_size)
        # Between open and lock another writer may have published this very file: one more byte
        # appended to it now would damage a blob. Publishing renames under the lock, so what the
        # name says from here on stays true.
        here = os.fstat(file)
        try:
            there = os.stat(path)
        except FileNotFoundError:
            raise UploadUnknown(upload_id) from None
        if (here.st_ino, here.st_dev) != (there.st_ino, there.st_dev):
            raise UploadUnknown(upload_id)
        if at not in {None, here.st_size}:
            raise UploadOutOfOrder(upload_id, offset=here.st_size)


def _locked(file: int, *, patient: bool) -> bool:
    # Somebody who comes too late holds the lock for the moment it takes to find that out. Were it
    # not waited for, of two writers both could be refused.
    for _ in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not patient:
                break
            time.sleep(_PAUSE)
        else:
            return True
    return False


def absorb(path: str, upload_id: UploadId, progress: Progress, body: Inbound, aside: Aside) -> None:
    """Append what *body* has to give without a pause; *progress* is true whatever happens.

    The lock is let go of when the body pauses: a silent sender yields to a newer one, and finds
    out by the length when it wakes up.

    Raises:
        BodyIncomplete: the sender went away.
        UploadOutOfOrder, UploadUnknown, StorageFailed: as `BlobWriter.write`.
    """
    with claimed(path, upload_id, os.O_WRONLY | os.O_APPEND, at=progress.offset) as file:
        drain(file, upload_id, progress, body, aside)


def drain(file: int, upload_id: UploadId, progress: Progress, body: Inbound, aside: Aside) -> None:
    """As `absorb`, for an upload that is claimed already, where *progress* says."""
    for block in body.blocks():
        hasher = progress.hasher
        if hasher is not None and aside.helps(progress.offset, len(block)):
            # Of a block that was written in part it has seen too much: then all is hashed anew, from
            # the file.
            progress.hasher = None
            with aside.doing(hasher.update, block):
                append(file, upload_id, progress, block)
            progress.hasher = hasher
        else:
            append(file, upload_id, progress, block)
        if progress.offset - progress.begun >= _EAGER:
            _begin_writing_back(file, progress)
        if progress.stopped:
            break


def append(file: int, upload_id: UploadId, progress: Progress, block: memoryview) -> None:
    """Write *block* at the end of a claimed upload, and hash it; *progress* is true whatever happens.

    Raises:
        StorageFailed: there is no room for all of it.
    """
    while block:
        try:
            written = os.write(file, block)
        except OSError as error:
            # A full disk takes a part of a block before it refuses: that part was counted and
            # hashed below, and the upload can go on from there.
            raise failure(error, f"upload {upload_id}") from error
        if progress.hasher is not None:
            progress.hasher.update(block[:written])
        progress.offset += written
        block = block[written:]


def _begin_writing_back(file: int, progress: Progress) -> None:
    # DONTNEED begins to write dirty pages, does not wait, and drops only those that are clean
    # already: none of these. So a pull right after the push still comes from memory.
    span = progress.offset - progress.begun
    os.posix_fadvise(file, progress.begun, span, os.POSIX_FADV_DONTNEED)
    progress.begun = progress.offset


def proves(file: int, upload_id: UploadId, progress: Progress, expected: Digest) -> bool:
    """Whether the bytes of a claimed upload have the digest *expected*.

    The file is read only when the running hash is missing or of another algorithm.
    """
    if not expected.storable:
        return False
    if progress.hasher is not None and progress.has_hashed(expected.algorithm):
        return progress.hasher.digest() == expected
    with storage_errors(f"upload {upload_id}"):
        return digest_of(file, expected.algorithm) == expected


def digest_of(file: int, algorithm: str) -> Digest:
    """Hash an open file from its beginning."""
    hasher = Hasher(algorithm)
    block = memoryview(bytearray(BLOCK))
    at = 0
    while count := os.preadv(file, (block,), at):
        hasher.update(block[:count])
        at += count
    return hasher.digest()


def discard(path: str, upload_id: UploadId) -> bool:
    """Remove an upload; ``False`` if there was none.

    Takes no lock: a writer at work finds out at its next step that the name is gone.

    Raises:
        StorageFailed: it cannot be removed.
    """
    with storage_errors(f"upload {upload_id}"):
        try:
            os.unlink(path)
        except FileNotFoundError:
            return False
        return True


def count(directory: str) -> int:
    """How many uploads are staged in *directory*."""
    with storage_errors(directory):
        return sum(map(layout.is_upload, os.listdir(directory)))


def abandon(directory: str, before: float, *, dry_run: bool) -> Sequence[StaleUpload]:
    """Remove uploads that took no byte since *before* (POSIX seconds); return which.

    Those that are held by a writer now stay. With *dry_run*, all stay.
    """
    with storage_errors(directory):
        names = os.listdir(directory)
    uploads = (UploadId(name) for name in names if layout.is_upload(name))
    expired = (_expire(f"{directory}/{each}", each, before, dry_run=dry_run) for each in uploads)
    return [upload for upload in expired if upload is not None]


def _expire(path: str, upload_id: UploadId, before: float, *, dry_run: bool) -> StaleUpload | None:
    with storage_errors(f"upload {upload_id}"):
        try:
            if os.stat(path).st_mtime >= before:
                return None
            with claimed(path, upload_id, os.O_RDONLY) as file:
                # Again, now that nobody else can be writing.
                found = os.fstat(file)
                if found.st_mtime >= before or not (dry_run or discard(path, upload_id)):
                    return None
                touched = datetime.fromtimestamp(found.st_mtime, UTC)
                return StaleUpload(upload_id, found.st_size, touched)
        except (FileNotFoundError, UploadUnknown, UploadOutOfOrder):
            return None
