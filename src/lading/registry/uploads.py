"""The life of an upload, from its first byte to a readable blob.

An upload belongs to one repository: its id carries a short hash of the repository's name, so an
id that leaks is of no use elsewhere. Any process can go on with it, since everything that must be
remembered is in the id and in the blob store.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterator
from enum import StrEnum, auto
from functools import lru_cache, partial

from lading.bodies import Inbound, pourable
from lading.errors import (
    DigestInvalid,
    TooManyRequests,
    UploadOutOfOrder,
    UploadTooLarge,
    UploadUnknown,
)
from lading.interfaces.access import Occasion
from lading.interfaces.blobs import BlobStore, BlobWriter, UploadId
from lading.interfaces.changes import BlobLinked
from lading.interfaces.metadata import MetadataStore
from lading.oci.descriptor import Descriptor
from lading.oci.digest import ALGORITHMS, CANONICAL, Digest
from lading.oci.media_types import OCTETS
from lading.oci.names import RepositoryName

_ID = re.compile(r"[a-z0-9]{1,64}-([0-9a-f]{16})(?:-[a-z0-9]{1,16})?", re.ASCII)
_REMEMBERED = 1024
"""Repositories whose marks are remembered: every request about an upload needs one."""
_PAUSE = 5
"""Seconds after which another try to begin an upload is invited."""


def random_id() -> str:
    """128 bits that nobody can guess, in hexadecimal."""
    return secrets.token_hex(16)


class _State(StrEnum):
    OPEN = auto()
    CLOSED = auto()
    OVER = auto()


class _Step(StrEnum):
    WRITE = auto()
    COMMIT = auto()
    CANCEL = auto()
    CLOSE = auto()


_NEXT: dict[_State, dict[_Step, _State]] = {
    _State.OPEN: {
        _Step.WRITE: _State.OPEN,
        _Step.COMMIT: _State.OVER,
        _Step.CANCEL: _State.OVER,
        _Step.CLOSE: _State.CLOSED,
    },
    _State.CLOSED: {_Step.CLOSE: _State.CLOSED},
    _State.OVER: {_Step.CANCEL: _State.OVER, _Step.CLOSE: _State.OVER},
}


class Uploads:
    """Begins uploads to the repositories of one registry, and finds them again.

    *blob_limit* is the longest blob that is taken, in bytes; *open_uploads* how many uploads may
    be open at once. With *repeats*, a blob that is there already is an event as well. *new_id* makes
    ids of lower-case letters and digits.
    """

    __slots__ = ("_blob_limit", "_blobs", "_metadata", "_new_id", "_open_uploads", "_repeats")

    def __init__(
        self,
        blobs: BlobStore,
        metadata: MetadataStore,
        *,
        blob_limit: int | None = None,
        open_uploads: int | None = None,
        repeats: bool = False,
        new_id: Callable[[], str] = random_id,
    ) -> None:
        self._blobs = blobs
        self._metadata = metadata
        self._blob_limit = blob_limit
        self._open_uploads = open_uploads
        self._repeats = repeats
        self._new_id = new_id

    async def start(
        self, repository: RepositoryName, occasion: Occasion, algorithm: str
    ) -> "LocalUpload":
        """Begin an upload to *repository*.

        Raises:
            DigestInvalid: no content can be stored under *algorithm*.
            TooManyRequests: as many uploads are open as are allowed.
        """
        if algorithm not in ALGORITHMS:
            raise DigestInvalid(algorithm)
        allowed = self._open_uploads
        if allowed is not None and await self._blobs.count_uploads() >= allowed:
            raise TooManyRequests(f"{allowed} uploads are open", retry_after=_PAUSE)
        upload_id = UploadId(f"{self._new_id()}-{_mark(repository)}{_suffix(algorithm)}")
        writer = await self._blobs.create(upload_id, algorithm=algorithm)
        return self._upload(repository, occasion, upload_id, writer)

    async def resume(
        self, repository: RepositoryName, occasion: Occasion, upload_id: UploadId
    ) -> "LocalUpload":
        """Go on with an upload to *repository*.

        Raises:
            UploadUnknown: there is none of that id, or it is another repository's.
        """
        parts = _ID.fullmatch(upload_id)
        if parts is None or parts[1] != _mark(repository):
            raise UploadUnknown(upload_id[:128])
        writer = await self._blobs.resume(upload_id)
        return self._upload(repository, occasion, upload_id, writer)

    def _upload(
        self,
        repository: RepositoryName,
        occasion: Occasion,
        upload_id: UploadId,
        writer: BlobWriter,
    ) -> "LocalUpload":
        return LocalUpload(
            upload_id,
            writer,
            repository,
            occasion,
            self._metadata,
            limit=self._blob_limit,
            repeats=self._repeats,
        )


class LocalUpload:
    """One upload, as long as one caller has it in hands."""

    __slots__ = (
        "_limit",
        "_metadata",
        "_occasion",
        "_repeats",
        "_repository",
        "_state",
        "_writer",
        "id",
    )

    def __init__(
        self,
        upload_id: UploadId,
        writer: BlobWriter,
        repository: RepositoryName,
        occasion: Occasion,
        metadata: MetadataStore,
        *,
        limit: int | None,
        repeats: bool = False,
    ) -> None:
        self.id = upload_id
        self._writer = writer
        self._repository = repository
        self._occasion = occasion
        self._metadata = metadata
        self._limit = limit
        self._repeats = repeats
        self._state = _State.OPEN

    @property
    def offset(self) -> int:
        """How many bytes it has."""
        return self._writer.offset

    async def write(self, body: Inbound, *, at: int | None = None) -> int:
        """Append *body*, which begins at *at* if the caller knows; return the new offset.

        Raises:
            UploadOutOfOrder: the upload stands elsewhere than *at*, or someone else is writing.
            UploadTooLarge: the blob would be longer than this registry takes. What fits stays.
            UploadUnknown: the upload is over.
            BodyIncomplete: the sender went away; what arrived stays.
            StorageFailed: the bytes could not be kept.
        """
        self._state = self._after(_Step.WRITE)
        if at is not None and at != self.offset:
            raise UploadOutOfOrder(self.id, offset=self.offset)
        await self._writer.write(self._bounded(body))
        return self.offset

    async def commit(self, digest: Digest, last: Inbound | None = None) -> Descriptor:
        """Append the *last* bytes, if there are any left, and publish the blob in the repository.

        On return it is durable and readable in full.

        Raises:
            DigestInvalid: the bytes have another digest, and the upload is over; or the digest
                is of an algorithm that cannot be checked here, and nothing happened.
            UploadOutOfOrder: someone else is writing to it.
            UploadUnknown: the upload is over.
            UploadTooLarge, BodyIncomplete: as `write`; the upload lives.
            StorageFailed: it could not be made durable; nothing was published.
        """
        over = self._after(_Step.COMMIT)
        if not digest.storable:
            raise DigestInvalid(digest)
        if last is not None:
            finished = await self._finished(digest, self._bounded(last))
            if finished is not None:
                return finished
        # The bytes are named before they are linked: a link must never lead to bytes that are not
        # there. What stops between the two leaves bytes that nobody may read, which is waste and
        # swept later. Deleters are kept away over both, or the bytes could go in between.
        async with self._metadata.publishing(digest):
            try:
                size = await self._writer.commit(digest)
            except DigestInvalid:
                self._state = over
                raise
            return await self._link(digest, size)

    async def _finished(self, digest: Digest, body: Inbound) -> Descriptor | None:
        """Append *body*, and do all the rest with it unless its sender pauses."""
        if await body.ready() or body.length == 0:
            async with self._metadata.publishing(digest):
                try:
                    done = await self._writer.finish(
                        body, digest, partial(self._link_blocking, digest)
                    )
                except DigestInvalid:
                    self._state = _State.OVER
                    raise
                if done is not None and not done.followed:
                    return await self._link(digest, done.size)
            if done is not None:
                return self._linked(digest, done.size).descriptor
            # Deleters must not have to wait for a sender.
            await self._writer.write(body)
        return None

    async def _link(self, digest: Digest, size: int) -> Descriptor:
        """The bytes are published: let the repository have them."""
        self._state = _State.OVER
        linked = self._linked(digest, size)
        await self._metadata.commit(linked, occasion=self._occasion, repeats=self._repeats)
        return linked.descriptor

    def _link_blocking(self, digest: Digest, size: int) -> None:
        """As `_link`, in a thread."""
        self._state = _State.OVER
        linked = self._linked(digest, size)
        self._metadata.commit_blocking(linked, occasion=self._occasion, repeats=self._repeats)

    def _linked(self, digest: Digest, size: int) -> BlobLinked:
        return BlobLinked(self._repository, Descriptor(OCTETS, digest, size))

    async def cancel(self) -> None:
        """Forget the upload and everything written; once it is over, there is nothing to forget.

        Raises:
            UploadUnknown: it was let go of.
        """
        open_until_now = self._state is _State.OPEN
        self._state = self._after(_Step.CANCEL)
        if open_until_now:
            await self._writer.abort()

    async def aclose(self) -> None:
        """Let go of it, and leave it open to be resumed."""
        open_until_now = self._state is _State.OPEN
        self._state = self._after(_Step.CLOSE)
        if open_until_now:
            await self._writer.aclose()

    def _after(self, step: _Step) -> _State:
        try:
            return _NEXT[self._state][step]
        except KeyError:
            raise UploadUnknown(self.id) from None

    def _bounded(self, body: Inbound) -> Inbound:
        limit = self._limit
        if limit is None:
            return body
        if body.length is not None:
            if self.offset + body.length > limit:
                raise UploadTooLarge(f"{self.offset + body.length} bytes, the limit is {limit}")
            if pourable(body) is not None:
                # It gives no more than it said.
                return body
        return _Bounded(body, limit - self.offset, limit)


class _Bounded:
    """A body of which no more than *room* bytes are let in; *limit* is what the error names."""

    __slots__ = ("_body", "_limit", "_room")

    def __init__(self, body: Inbound, room: int, limit: int) -> None:
        self._body = body
        self._room = room
        self._limit = limit

    @property
    def length(self) -> int | None:
        return self._body.length

    async def ready(self) -> bool:
        return await self._body.ready()

    def blocks(self) -> Iterator[memoryview]:
        for block in self._body.blocks():
            if block.nbytes > self._room:
                raise UploadTooLarge(f"more than {self._limit} bytes")
            self._room -= block.nbytes
            yield block


@lru_cache(_REMEMBERED)
def _mark(repository: RepositoryName) -> str:
    return hashlib.sha256(repository.encode()).hexdigest()[:16]


def _suffix(algorithm: str) -> str:
    return "" if algorithm == CANONICAL else f"-{algorithm}"
