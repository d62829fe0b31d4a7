"""An upload to the file system, as one request sees it."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from lading.bodies import Inbound
from lading.errors import DigestInvalid, UploadUnknown
from lading.interfaces.blobs import UploadId
from lading.oci.digest import Digest
from lading.storage import layout, staging
from lading.storage.aside import Aside
from lading.storage.hashes import RunningHashes
from lading.storage.publish import Publisher
from lading.storage.staging import Progress
from lading.storage.threads import Threads

Size = TypeVar("Size", int, int | None)


@dataclass(slots=True)
class Shared:
    """What a store and its writers have in common.

    ``disk`` are threads for short work, ``bodies`` for bytes on their way in and for publishing,
    ``aside`` hashes what one of them writes; ``uploads`` is how many are open as far as this
    process knows.
    """

    root: str
    publisher: Publisher
    disk: Threads
    bodies: Threads
    aside: Aside
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
        self._gone = False
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
                self._stop,
                staging.absorb,
                self._path,
                self._id,
                self._progress,
                body,
                self._shared.aside,
            )

    async def commit(self, expected: Digest) -> int:
        """See `BlobWriter.commit`."""
        return await self._ending(self._shared.bodies.run(self._commit, expected))

    async def finish(
        self, body: Inbound, expected: Digest, then: Callable[[int], None]
    ) -> int | None:
        """See `BlobWriter.finish`; it takes one visit to one thread."""
        self._progress.stopped = False
        return await self._ending(
            self._shared.bodies.run_or_stop(self._stop, self._finish, body, expected, then)
        )

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

    async def _ending(self, step: Awaitable[Size]) -> Size:
        """The outcome of a step after which there may be no upload any more."""
        try:
            return await step
        except UploadUnknown:
            self._gone = True
            raise
        finally:
            if self._gone:
                self._end()

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._shared.uploads = max(0, self._shared.uploads - 1)

    def _finish(self, body: Inbound, expected: Digest, then: Callable[[int], None]) -> int | None:
        progress = self._progress
        begun = progress.offset
        with staging.claimed(self._path, self._id, os.O_RDWR | os.O_APPEND, at=begun) as file:
            staging.drain(file, self._id, progress, body, self._shared.aside)
            if body.length is None or progress.offset != begun + body.length:
                return None
            self._publish(file, expected)
        then(progress.offset)
        return progress.offset

    def _commit(self, expected: Digest) -> int:
        size = self._progress.offset
        with staging.claimed(self._path, self._id, os.O_RDONLY, at=size) as file:
            self._publish(file, expected)
        return size

    def _publish(self, file: int, expected: Digest) -> None:
        if not staging.proves(file, self._id, self._progress, expected):
            staging.discard(self._path, self._id)
            self._gone = True
            raise DigestInvalid(expected)
        final = f"{self._shared.root}/{layout.blob_path(expected)}"
        self._shared.publisher.publish(file, self._path, final, upload_id=self._id)
        self._gone = True
