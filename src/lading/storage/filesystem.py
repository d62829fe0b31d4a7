"""A blob store on a local file system.

Blobs lie at Distribution's paths, uploads beside them: `layout` knows which is where, `staging`
how uploads grow, `publish` how they become blobs, `tree` how blobs are read and removed. Whatever
touches the disk runs in threads of the store's own; where there is none, short work is done on the
event loop. Several processes may use one root at once.
"""

import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

from lading.bodies import BlobContent, Held, Span, extents
from lading.interfaces.blobs import BlobWriter, StaleUpload, StoredBlob, UploadId
from lading.oci.digest import ALGORITHMS, CANONICAL, Digest, Hasher
from lading.storage import layout, staging, tree
from lading.storage.aside import Aside
from lading.storage.cache import BlobCache
from lading.storage.publish import Publisher, Sync
from lading.storage.root import make_directories
from lading.storage.staging import Progress
from lading.storage.threads import Threads
from lading.storage.writer import FilesystemWriter, Shared

CACHE = 16 << 20
"""Bytes of small blobs that a store keeps in memory, unless it is told otherwise."""

THREADS = 8
"""Threads for short work. It waits for the disk and hardly computes; more would only queue there."""

TRANSFERS = 32
"""Threads for bodies and their publishing.

One is taken while bytes flow and given back when they pause, so this is the number of senders
that are faster than the disk at the same moment, not the number of uploads. More of them would
not be faster together, and each costs a stack and a buffer of 1 MiB.
"""

_COUNT_LASTS = 1.0


@asynccontextmanager
async def open_filesystem(
    root: Path,
    *,
    cache: int = CACHE,
    threads: int = THREADS,
    transfers: int = TRANSFERS,
    sync: Sync = os.fsync,
    diskless: bool = False,
) -> AsyncIterator["FilesystemBlobs"]:
    """A store of blobs below *root*, which is made if it is not there.

    *cache* bounds the memory for small blobs (bytes, in each process; 0 for none), *threads* and
    *transfers* the threads for short work and for bodies. *sync* makes the data of a descriptor
    durable; tests let it fail. *diskless* says that *root* has no disk to wait for: then small
    blobs are taken and published on the event loop, and directories are not synced.

    Raises:
        StorageFailed: the directories cannot be made.
    """
    disk, bodies = Threads("lading-disk", threads), Threads("lading-body", transfers)
    aside = Aside(bodies)
    try:
        publisher = Publisher(sync, diskless=diskless)
        where = await disk.run(make_directories, root, publisher)
        yield FilesystemBlobs(
            Shared(where, publisher, disk, bodies, aside, diskless), BlobCache(cache)
        )
    finally:
        bodies.close()
        aside.close()
        disk.close()


class FilesystemBlobs:
    """Blobs and uploads below one root; made by `open_filesystem`."""

    def __init__(self, shared: Shared, small: BlobCache) -> None:
        self._shared = shared
        self._small = small
        self._root = shared.root
        self._disk = shared.disk
        self._counted_at = float("-inf")

    async def stat(self, digest: Digest) -> int:
        """See `BlobSource.stat`."""
        held = self._small.get(digest)
        if held is not None:
            return held.total
        return await self._disk.run(tree.size, self._root, digest)

    async def open(self, digest: Digest, *, spans: Sequence[Span] = ()) -> BlobContent:
        """See `BlobSource.open`; small blobs come from memory, others as an open file.

        A big file that was changed behind the store's back is given as it is.

        Raises:
            StorageDamaged: the bytes of a small one are not those that were published.
        """
        held = self._small.get(digest)
        if held is not None:
            return Held(held.data, extents(spans, held.total)) if spans else held
        content = await self._disk.run_or_undo(tree.let_go, tree.content, self._root, digest, spans)
        if isinstance(content, Held):
            self._small.put(digest, Held(content.data, extents((), content.total)))
        return content

    async def create(self, upload_id: UploadId, *, algorithm: str = CANONICAL) -> BlobWriter:
        """See `BlobIntake.create`.

        Raises:
            DigestInvalid: nothing can be kept under *algorithm*.
            UploadUnknown: *upload_id* cannot be the name of an upload.
        """
        hasher = Hasher(algorithm)
        path = f"{self._root}/{layout.upload_path(upload_id)}"
        # Inline: an empty file is made in the kernel's memory, which costs a fifth of the way to a
        # thread and back, also while others sync.
        staging.begin(path, upload_id)
        self._shared.uploads += 1
        return FilesystemWriter(self._shared, upload_id, path, Progress(0, hasher))

    async def resume(self, upload_id: UploadId) -> BlobWriter:
        """See `BlobIntake.resume`."""
        path = f"{self._root}/{layout.upload_path(upload_id)}"
        # Inline: the name was made or read a moment ago, so this is a look into the kernel's
        # memory, and costs a tenth of the way to a thread and back.
        offset = staging.length(path, upload_id)
        hasher = self._shared.hashes.take(upload_id, offset)
        progress = Progress(offset, hasher, begun=offset)
        return FilesystemWriter(self._shared, upload_id, path, progress)

    async def count_uploads(self) -> int:
        """See `BlobIntake.uploads`; counted again when the last count is a second old."""
        now = time.monotonic()
        if now - self._counted_at >= _COUNT_LASTS:
            # Before counting, so that those who ask meanwhile do not count as well.
            self._counted_at = now
            self._shared.uploads = await self._disk.run(staging.count, self._uploads)
        return self._shared.uploads

    async def delete(self, digest: Digest) -> None:
        """See `BlobUpkeep.delete`.

        Small blobs in the memory of other processes stay there: whether a blob may still be read
        is for the metadata to say.
        """
        await self._disk.run(tree.delete, self._root, digest)
        self._small.drop(digest)

    async def walk(self) -> AsyncIterator[StoredBlob]:
        """See `BlobUpkeep.walk`; what has no digest for a name, or no bytes, is passed over."""
        for algorithm in ALGORITHMS:
            for shard in await self._disk.run(tree.shards, self._root, algorithm):
                for blob in await self._disk.run(tree.blobs, self._root, shard):
                    yield blob

    async def measure(self, digest: Digest) -> Digest:
        """See `BlobUpkeep.measure`."""
        return await self._shared.bodies.run(tree.measure, self._root, digest)

    async def quarantine(self, digest: Digest) -> str:
        """See `BlobUpkeep.quarantine`.

        Raises:
            BlobUnknown: there is no such blob.
        """
        sync_directory = self._shared.publisher.sync_directory
        aside = await self._disk.run(tree.put_aside, self._root, digest, sync_directory)
        self._small.drop(digest)
        return aside

    async def abandon(self, *, before: datetime, dry_run: bool = False) -> Sequence[StaleUpload]:
        """See `UploadUpkeep.abandon`; one that is being written at this moment is left alone."""
        abandon = partial(staging.abandon, self._uploads, before.timestamp(), dry_run=dry_run)
        stale = await self._disk.run(abandon)
        if not dry_run:
            self._shared.uploads = max(0, self._shared.uploads - len(stale))
        return stale

    @property
    def _uploads(self) -> str:
        return f"{self._root}/{layout.UPLOADS}"
