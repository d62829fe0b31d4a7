"""Uploads to a layout: one file each, hashed while it is written, renamed when it is right.

No descriptor outlives a call, so that any process can go on with an upload.
"""

import os
import re
import secrets
import time
from enum import Enum, auto
from pathlib import Path

from lading.bodies import Inbound
from lading.errors import DigestInvalid, StorageBusy, UploadOutOfOrder, UploadUnknown
from lading.interfaces.blobs import UploadId
from lading.layout.files import Folder, digest_of, discard, lock, sync_directory
from lading.layout.workers import Workers
from lading.oci.descriptor import Descriptor
from lading.oci.digest import ALGORITHMS, Digest, Hasher
from lading.oci.media_types import OCTETS
from lading.wall import storage_errors

INGEST = ".ingest"
"""Where uploads are while they are none of the layout's blobs yet."""

KEPT = 24 * 3600
"""Seconds after which an upload that nobody went on with is removed."""

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_TOUCH = 0.05
"""Seconds for which a second writer waits for the first to find out that it came too late."""


class Staging:
    """The uploads of one layout; *durable* ones are on disk before they have a name."""

    def __init__(self, folder: Folder, workers: Workers, *, durable: bool) -> None:
        self.folder = folder
        self.workers = workers
        self.durable = durable
        self.hashes: dict[UploadId, tuple[int, Hasher]] = {}

    def path(self, upload_id: UploadId) -> Path:
        """Where an upload is."""
        return self.folder.root / INGEST / upload_id

    async def start(self, algorithm: str) -> "LayoutUpload":
        """Begin an upload."""
        if algorithm not in ALGORITHMS:
            raise DigestInvalid(algorithm)
        upload_id = UploadId(secrets.token_hex(16))
        await self.workers.run(self._begin, upload_id)
        return LayoutUpload(upload_id, self, 0, Hasher(algorithm))

    def _begin(self, upload_id: UploadId) -> None:
        self.folder.within(INGEST)
        path = self.path(upload_id)
        with storage_errors(path):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))

    async def resume(self, upload_id: UploadId) -> "LayoutUpload":
        """Go on with an upload."""
        if _ID.fullmatch(upload_id) is None:
            raise UploadUnknown(upload_id[:64])
        size = await self.workers.run(self._size, upload_id)
        offset, hasher = self.hashes.pop(upload_id, (0, Hasher()))
        return LayoutUpload(upload_id, self, size, hasher if offset == size else None)

    def _size(self, upload_id: UploadId) -> int:
        with storage_errors(upload_id):
            try:
                return self.path(upload_id).lstat().st_size
            except FileNotFoundError:
                raise UploadUnknown(upload_id) from None

    def sweep(self) -> None:
        """Remove what was begun long ago and never finished, and the folder when it is empty."""
        folder = self.folder.root / INGEST
        if folder.is_symlink() or not folder.is_dir():
            return
        with storage_errors(folder):
            for path in folder.iterdir():
                try:
                    old = path.lstat().st_mtime < time.time() - KEPT
                except FileNotFoundError:
                    continue
                if old and _ID.fullmatch(path.name):
                    discard(path)

    def close(self) -> None:
        """Leave no folder behind in which nothing is."""
        try:
            (self.folder.root / INGEST).rmdir()
        except OSError:
            # It holds uploads that can be resumed, or is not there.
            return


class _State(Enum):
    OPEN = auto()
    CLOSED = auto()
    OVER = auto()


class LayoutUpload:
    """One upload, as long as one caller has it in hands."""

    def __init__(
        self, upload_id: UploadId, staging: Staging, offset: int, hasher: Hasher | None
    ) -> None:
        self.id = upload_id
        self.offset = offset
        self._staging = staging
        self._hasher = hasher
        self._state = _State.OPEN
        self._stopped = False

    async def write(self, body: Inbound, *, at: int | None = None) -> int:
        """See `Upload.write`."""
        self._check_open()
        if at is not None and at != self.offset:
            raise UploadOutOfOrder(self.id, offset=self.offset)
        while await body.ready():
            await self._staging.workers.run(self._absorb, body, stop=self._stop)
        return self.offset

    def _absorb(self, body: Inbound) -> None:
        file = self._claim(os.O_WRONLY | os.O_APPEND)
        try:
            self._stopped = False
            for block in body.blocks():
                with storage_errors(self._path):
                    self._append(file, block)
                if self._stopped:
                    break
        finally:
            os.close(file)

    def _append(self, file: int, block: memoryview) -> None:
        while block:
            # A full disk takes a part of a block before it refuses: that part counts.
            written = os.write(file, block)
            if self._hasher is not None:
                self._hasher.update(block[:written])
            self.offset += written
            block = block[written:]

    def _stop(self) -> None:
        self._stopped = True

    async def commit(self, digest: Digest, last: Inbound | None = None) -> Descriptor:
        """See `Upload.commit`: durable only where the layout was opened to be."""
        self._check_open()
        if not digest.storable:
            raise DigestInvalid(digest)
        if last is not None:
            await self.write(last)
        try:
            await self._staging.workers.run(self._publish, digest)
        except DigestInvalid:
            self._state = _State.OVER
            raise
        self._state = _State.OVER
        return Descriptor(OCTETS, digest, self.offset)

    def _publish(self, digest: Digest) -> None:
        folder = self._staging.folder.within(f"blobs/{digest.algorithm}")
        file = self._claim(os.O_RDONLY)
        try:
            found = self._measured(file, digest.algorithm)
            if found != digest:
                discard(self._path)
                raise DigestInvalid(f"{digest} was named, {found} is that of the content")
            with storage_errors(digest):
                if self._staging.durable:
                    # A name that exists after a power cut has to hold the whole blob.
                    os.fsync(file)
                self._path.replace(folder / digest.value)
                if self._staging.durable:
                    sync_directory(folder)
        finally:
            os.close(file)

    def _measured(self, file: int, algorithm: str) -> Digest:
        if self._hasher is not None and self._hasher.algorithm == algorithm:
            return self._hasher.digest()
        with storage_errors(self._path):
            return digest_of(file, algorithm)

    async def cancel(self) -> None:
        """See `Upload.cancel`."""
        if self._state is _State.OPEN:
            self._state = _State.OVER
            await self._staging.workers.run(discard, self._path)
        elif self._state is _State.CLOSED:
            raise UploadUnknown(self.id)

    async def aclose(self) -> None:
        """See `Upload.aclose`."""
        if self._state is _State.OPEN:
            self._state = _State.CLOSED
            if self._hasher is not None:
                self._staging.hashes[self.id] = (self.offset, self._hasher)

    @property
    def _path(self) -> Path:
        return self._staging.path(self.id)

    def _check_open(self) -> None:
        if self._state is not _State.OPEN:
            raise UploadUnknown(self.id)

    def _claim(self, flags: int) -> int:
        """Hold the file alone, as this upload left it."""
        with storage_errors(self._path):
            try:
                file = os.open(self._path, flags | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                raise UploadUnknown(self.id) from None
        try:
            self._judge(file)
        except BaseException:
            os.close(file)
            raise
        return file

    def _judge(self, file: int) -> None:
        try:
            lock(file, self._path, patience=_TOUCH)
        except StorageBusy:
            raise UploadOutOfOrder(self.id, offset=self.offset) from None
        with storage_errors(self._path):
            here = os.fstat(file)
            try:
                there = self._path.lstat()
            except FileNotFoundError:
                raise UploadUnknown(self.id) from None
        # Between open and lock another may have published this very file: one more byte appended
        # to it would damage a blob.
        if not os.path.samestat(here, there):
            raise UploadUnknown(self.id)
        if here.st_size != self.offset:
            raise UploadOutOfOrder(self.id, offset=here.st_size)
