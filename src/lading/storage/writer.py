"""An upload to the file system, as one request sees it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from lading.bodies import Inbound, Pourable
from lading.errors import DigestInvalid, UploadOutOfOrder, UploadUnknown
from lading.interfaces.blobs import Finished, UploadId
from lading.oci.digest import Digest
from lading.storage import layout, staging
from lading.storage.aside import Aside
from lading.storage.hashes import RunningHashes
from lading.storage.publish import Publisher
from lading.storage.staging import Progress
from lading.storage.threads import Threads
from lading.wall import storage_errors

SHORT = 64 << 10
"""Bodies of fewer bytes are taken at once, on the event loop, where there is no disk."""

POURED = 2 << 20
"""The longest upload that is taken there as it comes: if all is there, in some 2 ms."""

_FREED_SOON = 4 << 20
"""How many bytes may be given back there; that takes about a millisecond."""


@dataclass(slots=True)
class Shared:
    """What a store and its writers have in common.

    ``disk`` are threads for short work, ``bodies`` for bytes on their way in and for publishing,
    ``aside`` hashes what one of them writes; ``diskless`` says that there is no disk to wait for;
    ``uploads`` is how many are open as far as this process knows.
    """

    root: str
    publisher: Publisher
    disk: Threads
    bodies: Threads
    aside: Aside
    diskless: bool
    hashes: RunningHashes = field(default_factory=RunningHashes)
    uploads: int = 0


class FilesystemWriter:
    """A `BlobWriter`; made by the store.

    It holds no descriptor and no lock between its calls.
    """

    def __init__(self, shared: Shared, upload_id: UploadId, path: str, progress: Progress) -> None:
        self._shared = shared
        self._id = upload_id
        self._path = path
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
        poured = self._poured(body)
        if poured is not None:
            with suppress(UploadOutOfOrder):
                await self._absorb_poured(poured)
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
        with self._ending():
            if self._can_publish_at_once(expected):
                with suppress(UploadOutOfOrder):
                    return self._commit(expected, patient=False)
            return await self._shared.bodies.run(self._commit, expected)

    async def finish(
        self, body: Inbound, expected: Digest, then: Callable[[int], None]
    ) -> Finished | None:
        """See `BlobWriter.finish`; it takes one visit to one thread, or none."""
        self._progress.stopped = False
        with self._ending():
            if self._can_publish_at_once(expected):
                with suppress(UploadOutOfOrder):
                    poured = self._poured(body)
                    if poured is not None:
                        return await self._finish_poured(poured, expected, body.length)
                    if body.length is not None and body.length < SHORT:
                        return self._finish(body, expected, None, patient=False)
            # Where there is no disk, what follows takes less time on the event loop.
            following = None if self._shared.diskless else then
            return await self._shared.bodies.run_or_stop(
                self._stop, self._finish, body, expected, following
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

    def _can_publish_at_once(self, expected: Digest) -> bool:
        """Whether publishing takes less time than the way to a thread and back.

        A long one may have to be hashed first, or give its pages back, or those that it replaces.
        """
        progress = self._progress
        return (
            self._shared.diskless
            and progress.offset <= _FREED_SOON
            and progress.has_hashed(expected.algorithm)
        )

    def _poured(self, body: Inbound) -> Pourable | None:
        """*body*, if it can be taken on the event loop, as it comes."""
        if (
            self._shared.diskless
            and isinstance(body, Pourable)
            and body.length is not None
            and self._progress.offset + body.length <= POURED
        ):
            return body
        return None

    def _stop(self) -> None:
        self._progress.stopped = True

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """A step after which there may be no upload any more."""
        try:
            yield
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

    async def _absorb_poured(self, body: Pourable) -> None:
        at = self._progress.offset
        flags = os.O_WRONLY | os.O_APPEND
        with staging.claimed(self._path, self._id, flags, at=at, patient=False) as file:
            await body.pour(partial(staging.append, file, self._id, self._progress))

    async def _finish_poured(
        self, body: Pourable, expected: Digest, length: int | None
    ) -> Finished | None:
        progress = self._progress
        begun = progress.offset
        flags = os.O_RDWR | os.O_APPEND
        with staging.claimed(self._path, self._id, flags, at=begun, patient=False) as file:
            await body.pour(partial(staging.append, file, self._id, progress))
            if progress.offset - begun != length:
                return None
            self._publish(file, expected, written=length > 0)
        return Finished(progress.offset, followed=False)

    def _finish(
        self,
        body: Inbound,
        expected: Digest,
        then: Callable[[int], None] | None,
        *,
        patient: bool = True,
    ) -> Finished | None:
        progress = self._progress
        begun = progress.offset
        flags = os.O_RDWR | os.O_APPEND
        with staging.claimed(self._path, self._id, flags, at=begun, patient=patient) as file:
            staging.drain(file, self._id, progress, body, self._shared.aside)
            if body.length is None or progress.offset != begun + body.length:
                return None
            self._publish(file, expected, written=body.length > 0)
        if then is not None:
            then(progress.offset)
        return Finished(progress.offset, followed=then is not None)

    def _commit(self, expected: Digest, *, patient: bool = True) -> int:
        size = self._progress.offset
        with staging.claimed(self._path, self._id, os.O_RDONLY, at=size, patient=patient) as file:
            self._publish(file, expected, written=False)
        return size

    def _publish(self, file: int, expected: Digest, *, written: bool) -> None:
        if not staging.proves(file, self._id, self._progress, expected):
            staging.discard(self._path, self._id)
            self._gone = True
            raise DigestInvalid(expected)
        if not written:
            with storage_errors(self._path):
                # A walk reports when it was published. Bytes appended just now say so already.
                os.utime(file)
        final = f"{self._shared.root}/{layout.blob_path(expected)}"
        self._shared.publisher.publish(file, self._path, final, upload_id=self._id)
        self._gone = True
