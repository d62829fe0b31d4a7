"""An upload to the file system, as one request sees it."""

import os
from dataclasses import dataclass, field

from lading.bodies import Inbound
from lading.errors import DigestInvalid, UploadOutOfOrder, UploadUnknown
from lading.interfaces.blobs import UploadId
from lading.oci.digest import Digest
from lading.storage import layout, staging
from lading.storage.hashes import RunningHashes
from lading.storage.publish import Publisher
from lading.storage.staging import Progress
from lading.storage.threads import Threads


@dataclass(slots=True)
class Shared:
    """What a store and its writers have in common.

    ``disk`` are threads for short work, ``bodies`` for bytes on their way in and for publishing;
    ``uploads`` is how many are open as far as this process knows.
    """

    root: str
    publisher: Publisher
    disk: Threads
    bodies: Threads
    hashes: RunningHashes = field(default_factory=RunningHashes)
    uploads: int = 0


class FilesystemWriter:
    """A `BlobWriter`; made by the store.

    It holds no descriptor and no lock between its calls.
    """

    def __init__(self, shared: Shared, upload_id: UploadId, progress: Progress) -> None:
        self._shared = shared
        self._id = upload_id
        self._path = f"{shared.root}/{layout.upload_path(upload_id)}"
        self._progress = progress
        self._over = False

    @property
    def offset(self) -> int:
        """See `BlobWriter.offset`."""
        return self._progress.offset

    async def write(self, body: Inbound) -> None:
        """See `BlobWriter.write`; a body that pauses holds neither a thread nor the lock."""
        bodies = self._shared.bodies
        self._progress.stopped = False
        while await body.ready():
            await bodies.run_or_stop(
                self._stop, staging.absorb, self._path, self._id, self._progress, body
            )

    async def commit(self, expected: Digest) -> int:
        """See `BlobWriter.commit`."""
        try:
            size = await self._shared.bodies.run(self._publish, expected)
        except (DigestInvalid, UploadUnknown):
            self._end()
            raise
        self._end()
        return size

    async def abort(self) -> None:
        """See `BlobWriter.abort`."""
        await self._shared.disk.run(staging.discard, self._path, self._id)
        self._end()

    async def aclose(self) -> None:
        """See `BlobWriter.aclose`; the next request in this process goes on with the hash."""
        hasher, self._progress.hasher = self._progress.hasher, None
        if hasher is not None and not self._over:
            self._shared.hashes.keep(self._id, self._progress.offset, hasher)

    def _stop(self) -> None:
        self._progress.stopped = True

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._shared.uploads = max(0, self._shared.uploads - 1)

    def _publish(self, expected: Digest) -> int:
        progress = self._progress
        with staging.claimed(self._path, self._id, os.O_RDONLY) as (file, size):
            if size != progress.offset:
                raise UploadOutOfOrder(self._id, offset=size)
            if not staging.proves(file, self._id, progress, expected):
                staging.discard(self._path, self._id)
                raise DigestInvalid(expected)
            final = f"{self._shared.root}/{layout.blob_path(expected)}"
            self._shared.publisher.publish(file, self._path, final, upload_id=self._id)
        return size
