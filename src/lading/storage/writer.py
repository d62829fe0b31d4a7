"""An upload to the file system, as one request sees it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from lading.bodies import Inbound, Pourable, pourable
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

MOST_POURED = 2 << 20
"""The longest body that is taken on the event loop, where there is no disk, in bytes."""

_POURING = 16
"""How many are taken there at a time: the loop serves nobody else for what all of them have sent."""

_FREED_SOON = 4 << 20
"""How many bytes may be given back there; that takes about a millisecond."""


@dataclass(slots=True)
class Shared:
    """What a store and its writers have in common.

    ``disk`` are threads for short work, ``bodies`` for bytes on their way in and for publishing,
    ``aside`` hashes what one of them writes; ``diskless`` says that there is no disk to wait for;
    ``uploads`` is how many are open as far as this process knows, and ``pouring`` how many bodies
    are taken on the event loop.
    """

    root: str
    publisher: Publisher
    disk: Threads
    bodies: Threads
    aside: Aside
    diskless: bool
    hashes: RunningHashes = field(default_factory=RunningHashes)
    uploads: int = 0
    pouring: int = 0


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
        """See `BlobWriter.write`; a body that pauses soon holds neither a thread nor the lock."""
        self._progress.stopped = False
        while await body.ready():
            poured = self._pourable(body)
            if poured is not None:
                with suppress(UploadOutOfOrder):
                    await self._absorb_here(poured)
                    continue
            await self._shared.bodies.run_or_stop(
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
            poured = self._pourable(body)
            if poured is not None and self._can_publish_at_once(expected):
                with suppress(UploadOutOfOrder):
                    return await self._finish_here(poured, expected)
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

    def _pourable(self, body: Inbound) -> Pourable | None:
        """*body*, if it is to be taken on the event loop, as it comes."""
        length, shared = body.length, self._shared
        if (
            not shared.diskless
            or length is None
            or length > MOST_POURED
            or shared.pouring >= _POURING
        ):
            return None
        return pourable(body)

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

    async def _pour(self, body: Pourable, file: int) -> None:
        self._shared.pouring += 1
        try:
            await body.pour(partial(staging.append, file, self._id, self._progress))
        finally:
            self._shared.pouring -= 1

    async def _absorb_here(self, body: Pourable) -> None:
        """As `staging.absorb`, on the event loop."""
        at, flags = self._progress.offset, os.O_WRONLY | os.O_APPEND
        with staging.claimed(self._path, self._id, flags, at=at, patient=False) as file:
            await self._pour(body, file)

    async def _finish_here(self, body: Pourable, expected: Digest) -> Finished | None:
        """As `_finish`, on the event loop."""
        at, flags = self._progress.offset, os.O_RDWR | os.O_APPEND
        with staging.claimed(self._path, self._id, flags, at=at, patient=False) as file:
            await self._pour(body, file)
            if not self._publish_whole(file, body, expected, begun=at):
                return None
        return Finished(self._progress.offset, followed=False)

    def _finish(
        self, body: Inbound, expected: Digest, then: Callable[[int], None] | None
    ) -> Finished | None:
        at, flags = self._progress.offset, os.O_RDWR | os.O_APPEND
        with staging.claimed(self._path, self._id, flags, at=at) as file:
            staging.drain(file, self._id, self._progress, body, self._shared.aside)
            if not self._publish_whole(file, body, expected, begun=at):
                return None
        size = self._progress.offset
        if then is not None:
            then(size)
        return Finished(size, followed=then is not None)

    def _publish_whole(self, file: int, body: Inbound, expected: Digest, *, begun: int) -> bool:
        """Publish, if all of *body* came since the upload had *begun* bytes; whether it did."""
        if body.length is None or self._progress.offset != begun + body.length:
            return False
        self._publish(file, expected, written=body.length > 0)
        return True

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
