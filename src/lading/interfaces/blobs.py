"""Content by digest: bytes and nothing about repositories.

The life of a blob: `BlobIntake.create` begins an upload, its `BlobWriter` takes bytes, in one
request or in many, in one process or in several; `BlobWriter.commit` verifies, makes durable and
publishes in one act. Nothing is readable before.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from lading.bodies import BlobContent, Inbound, Span
from lading.oci.digest import CANONICAL, Digest


class UploadId(str):
    """The name of an upload; opaque to everybody but the store that gave it."""

    __slots__ = ()


class StoredBlob(NamedTuple):
    """Bytes that a walk found: their digest by name, length, and when they were published."""

    digest: Digest
    size: int
    published_at: datetime


class StaleUpload(NamedTuple):
    """An upload that nobody went on with: how many bytes it has, and when the last of them came."""

    id: UploadId
    size: int
    touched_at: datetime


class Finished(NamedTuple):
    """A blob was published: its size in bytes, and whether what was to follow did."""

    size: int
    followed: bool


class BlobWriter(Protocol):
    """One blob on its way in.

    Nothing written is visible to readers until `commit` returns. A writer that is closed without
    `commit` or `abort` can be found again by its upload id, from any process.
    """

    @property
    def offset(self) -> int:
        """How many bytes the upload has."""
        ...

    async def write(self, body: Inbound) -> None:
        """Append all of *body*; what arrived before a failure stays, and `offset` says how much.

        Raises:
            BodyIncomplete: the sender went away.
            UploadOutOfOrder: another writer is at work on this upload, or has moved it on.
            UploadUnknown: the upload ended meanwhile.
            StorageFailed: the bytes could not be kept.
        """
        ...

    async def commit(self, expected: Digest) -> int:
        """Verify, make durable, publish; return the size. The upload is over.

        Publishing a blob that is already there succeeds.

        Raises:
            DigestInvalid: the bytes have another digest; the upload is over all the same.
            UploadOutOfOrder: another writer is at work on this upload, or has moved it on.
            UploadUnknown: the upload ended meanwhile.
            StorageFailed: the bytes could not be made durable; nothing was published.
        """
        ...

    async def finish(
        self, body: Inbound, expected: Digest, then: Callable[[int], None]
    ) -> Finished | None:
        """Append what *body* has to give and, if that is all of it, `commit`; all in one go.

        *then* is called with the size as soon as the blob is published, in a thread in which it
        may block; what it raises is raised here. A store that needs no thread, or would lose time
        by it, does not call it: then ``followed`` is false, and it is the caller's to see to. A
        sender that pauses is not waited for: when not all of *body* came, or it cannot be told,
        what came is kept as by `write`, nothing is published, and ``None`` is returned.

        Raises:
            BodyIncomplete, DigestInvalid, UploadOutOfOrder, UploadUnknown, StorageFailed: as
                `write` and `commit`.
        """
        ...

    async def abort(self) -> None:
        """Forget everything written. Aborting twice is not an error."""
        ...

    async def aclose(self) -> None:
        """Let go of the writer and keep its bytes for `BlobIntake.resume`."""
        ...


class BlobSource(Protocol):
    """Reading."""

    async def stat(self, digest: Digest) -> int:
        """Size in bytes.

        Raises:
            BlobUnknown: there is no such blob.
        """
        ...

    async def open(self, digest: Digest, *, spans: Sequence[Span] = ()) -> BlobContent:
        """The content, or the parts of it that *spans* ask for; whoever gets it closes it.

        Raises:
            BlobUnknown: there is no such blob.
            RangeUnsatisfiable: none of the spans lies within the content.
            StorageDamaged: the content is known not to be what was published.
        """
        ...


class BlobIntake(Protocol):
    """Writing."""

    async def create(self, upload_id: UploadId, *, algorithm: str = CANONICAL) -> BlobWriter:
        """Begin an upload; *algorithm* is a guess at what its digest will be made with.

        Raises:
            StorageFailed: there is no room to begin one.
        """
        ...

    async def resume(self, upload_id: UploadId) -> BlobWriter:
        """Go on with an upload that any process began.

        Raises:
            UploadUnknown: there is none of that id.
        """
        ...

    async def count_uploads(self) -> int:
        """How many uploads are open, in all processes; may lag by a second."""
        ...


class BlobUpkeep(Protocol):
    """Repair, audit and removal; never on the path of a request."""

    async def delete(self, digest: Digest) -> None:
        """Remove the bytes. Deleting what is not there is fine."""
        ...

    def walk(self) -> AsyncIterator[StoredBlob]:
        """Every blob whose bytes are there, in no order."""
        ...

    async def measure(self, digest: Digest) -> Digest:
        """Read the bytes that are there and say what their digest really is.

        Raises:
            BlobUnknown: there is no such blob.
        """
        ...

    async def quarantine(self, digest: Digest) -> str:
        """Put damaged bytes aside, out of every reader's way; return where they are now.

        Raises:
            BlobUnknown: there is no such blob.
        """
        ...


class UploadUpkeep(Protocol):
    """What becomes of uploads that nobody goes on with."""

    async def abandon(self, *, before: datetime, dry_run: bool = False) -> Sequence[StaleUpload]:
        """Drop uploads that took no byte since *before*; return which.

        With *dry_run*, only say which.
        """
        ...


class BlobStore(BlobSource, BlobIntake, BlobUpkeep, UploadUpkeep, Protocol):
    """All of it: what a place that keeps blobs can do."""
