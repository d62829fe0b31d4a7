"""Single blobs on their way from one repository to another.

Looking comes before mounting, and mounting before sending; a target that finds the blob elsewhere
when an upload begins is sent nothing either. Bytes that are relayed are not hashed
here where the target does that: a registry in this process checks them itself, and one at the
other end of a connection names the digest of what it took. If it does not, they are read back.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from lading.bodies import BlobContent, Elsewhere, Source, source_of
from lading.content.crowd import Once
from lading.content.graph import Named
from lading.content.report import Tally
from lading.content.sides import SOURCE, TARGET, Trace, Traced, at
from lading.content.steps import Event, Listener, Step, paced
from lading.content.threads import drain
from lading.content.verify import Measured, Verified, opened
from lading.errors import (
    BlobUnknown,
    BodyIncomplete,
    Denied,
    DigestInvalid,
    LadingError,
    NameUnknown,
    RegistryError,
    SizeInvalid,
    Unauthorized,
    Unsupported,
    UploadOutOfOrder,
    UploadUnknown,
    UpstreamFailed,
)
from lading.interfaces.blobs import UploadId
from lading.interfaces.repository import ContentSource, Repository, Spared, Upload, Vouching
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Kind
from lading.oci.names import RepositoryName

Fetch = Callable[[str], Awaitable[Source]]
"""Opens what is at a URL."""

ATTEMPTS = 3
"""How often it is tried to send one blob; requests have a patience of their own below that."""

_PASSING = (BodyIncomplete, UpstreamFailed, UploadUnknown, UploadOutOfOrder)
"""What may go better the next time."""


class Opener(Protocol):
    """What has blobs; see `ContentSource`."""

    async def open_blob(self, digest: Digest) -> BlobContent:
        """The content of a blob."""
        ...


class Blobs:
    """Moves blobs from *source* to *target*, each once, at most *most* at a time."""

    def __init__(
        self,
        source: Opener,
        target: Repository,
        tally: Tally,
        *,
        mount_from: RepositoryName | None,
        fetch: Fetch | None,
        dry_run: bool,
        most: int,
        listener: Listener,
    ) -> None:
        self._source = source
        self._target = target
        self._tally = tally
        self._mount_from = mount_from
        self._fetch = fetch
        self._dry_run = dry_run
        self._listener = listener
        self._slots = asyncio.Semaphore(most)
        self._known: Once[Digest] = Once()

    async def move(self, wanted: Named) -> None:
        """Let *wanted* be at the target.

        Raises:
            BlobUnknown: the source does not have it.
            SizeInvalid: it has another length than its descriptor says.
            DigestInvalid: it has another digest.
        """
        if wanted.kind is Kind.ELSEWHERE and self._fetch is None:
            self._tally.blobs_elsewhere += 1
            return
        await self._known.do(wanted.descriptor.digest, lambda: self._move(wanted))

    async def _move(self, wanted: Named) -> None:
        descriptor = wanted.descriptor
        async with self._slots:
            if await is_there(self._target, descriptor):
                self._tally.blobs_there += 1
                self._tell(Event.EXISTS, descriptor)
            elif self._mount_from is not None and await self._mounted(descriptor.digest):
                self._tally.blobs_mounted += 1
                self._tell(Event.MOUNTED, descriptor)
            elif self._dry_run:
                self._tally.blobs_copied += 1
                self._tally.bytes_moved += descriptor.size
            else:
                await self._send(wanted)

    async def _mounted(self, digest: Digest) -> bool:
        if self._dry_run:
            return True
        try:
            return await self._target.mount_blob(digest, self._mount_from)
        except (Unauthorized, Denied, Unsupported):
            # Whoever may not mount may still be allowed to send.
            return False

    async def _send(self, wanted: Named) -> None:
        """Try to send it until it is there, as often as it makes sense."""
        descriptor = wanted.descriptor
        self._tell(Event.STARTED, descriptor)
        kept: UploadId | None = None
        hashed = False
        left = ATTEMPTS
        while True:
            left -= 1
            sending = _Sending(
                self._target, descriptor, paced(self._listener, descriptor), hashed=hashed
            )
            try:
                with at(SOURCE):
                    body = await self._opened(wanted)
                proven = await sending.send(body, kept)
            except DigestInvalid as error:
                # Who is wrong? If the source is, hashing on the way will tell.
                if sending.hashed or error.where.startswith(SOURCE):
                    raise
                kept, hashed = None, True
                self._tell(Event.RETRIED, descriptor, error)
            except _PASSING as error:
                if not left:
                    raise
                kept = sending.upload_id
                self._tell(Event.RETRIED, descriptor, error)
                # Only the word of it may have been lost.
                if await is_there(self._target, descriptor):
                    self._count(descriptor, hashed=hashed)
                    return
            else:
                if sending.mounted:
                    self._tally.blobs_mounted += 1
                    self._tell(Event.MOUNTED, descriptor)
                else:
                    self._count(descriptor, hashed=proven)
                return

    def _count(self, descriptor: Descriptor, *, hashed: bool) -> None:
        self._tally.blobs_copied += 1
        self._tally.bytes_moved += descriptor.size
        if hashed:
            self._tally.bytes_hashed += descriptor.size
        else:
            self._tally.bytes_relayed += descriptor.size
        self._tell(Event.DONE, descriptor)

    async def _opened(self, wanted: Named) -> Source:
        descriptor = wanted.descriptor
        try:
            content = await self._source.open_blob(descriptor.digest)
        except BlobUnknown:
            if wanted.kind is not Kind.ELSEWHERE or self._fetch is None:
                raise
            return await self._fetched(descriptor, self._fetch)
        assert not isinstance(content, Elsewhere), "nobody said that a URL would do"
        if content.total != descriptor.size:
            await content.aclose()
            raise SizeInvalid(
                f"{descriptor.digest} has {content.total} bytes, not {descriptor.size}"
            )
        return source_of(content)

    async def _fetched(self, descriptor: Descriptor, fetch: Fetch) -> Source:
        """A non-distributable layer from the first of its URLs that answers."""
        failure: LadingError = BlobUnknown(f"{descriptor.digest}, which names no URL that works")
        for url in descriptor.urls:
            try:
                body = await fetch(url)
            except LadingError as error:
                failure = error
            else:
                return Verified(body, descriptor.digest, descriptor.size)
        raise failure

    def _tell(self, event: Event, descriptor: Descriptor, error: LadingError | None = None) -> None:
        self._listener(Step(event, descriptor, error=error))


async def is_there(target: ContentSource, wanted: Descriptor) -> bool:
    """Whether *target* has the blob.

    Raises:
        SizeInvalid: it has it, and it is not as long as its descriptor says.
    """
    with at(TARGET):
        try:
            found = await target.stat_blob(wanted.digest)
        except (BlobUnknown, NameUnknown):
            return False
    if found.size != wanted.size:
        error = SizeInvalid(f"{wanted.digest} has {found.size} bytes, not {wanted.size}")
        error.where = SOURCE
        raise error
    return True


class _Sending:
    """One attempt to send a blob; ``upload_id`` says where another one may go on."""

    def __init__(
        self,
        target: Repository,
        wanted: Descriptor,
        tell: Callable[[int], None],
        *,
        hashed: bool,
    ) -> None:
        self._target = target
        self._wanted = wanted
        self._trace = Trace(tell)
        self.hashed = hashed
        self.mounted = False
        self.upload_id: UploadId | None = None

    async def send(self, body: Source, kept: UploadId | None) -> bool:
        """Send *body*, which this closes; whether it was hashed in this process."""
        traced = Traced(self._checked(body), self._trace)
        try:
            with at(TARGET):
                upload = await self._begun(kept)
                vouched = await self._into(upload, traced)
                if not self.hashed and vouched is False:
                    await self._read_back()
        except LadingError as error:
            if self._trace.failure is not None and self._trace.failure is not error:
                raise self._trace.failure from error
            raise
        finally:
            await traced.aclose()
        return self.hashed or vouched is not True

    def _checked(self, body: Source) -> Source:
        digest, size = self._wanted.digest, self._wanted.size
        if isinstance(body, Verified):
            return body if self.hashed else body.relayed()
        return Verified(body, digest, size) if self.hashed else Measured(body, size)

    async def _begun(self, kept: UploadId | None) -> Upload:
        if kept is not None and not self.hashed:
            with suppress(RegistryError):
                return await self._target.resume_upload(kept)
        return await self._target.start_upload(
            algorithm=self._wanted.digest.algorithm, expected=self._wanted
        )

    async def _into(self, upload: Upload, body: Source) -> bool | None:
        """Write *body* to *upload*; whether the keeper vouched, ``None`` if it checks by itself."""
        try:
            self.mounted = isinstance(upload, Spared) and upload.mounted
            if self.mounted:
                await upload.commit(self._wanted.digest)
                return True
            offset = upload.offset
            rest = await body.again(offset) if offset else body
            try:
                await upload.write(rest, at=offset)
            finally:
                if rest is not body:
                    await rest.aclose()
            await upload.commit(self._wanted.digest)
            return upload.vouched if isinstance(upload, Vouching) else None
        except _PASSING:
            self.upload_id = upload.id
            raise
        except LadingError:
            with suppress(LadingError):
                await upload.cancel()
            raise
        finally:
            await upload.aclose()

    async def _read_back(self) -> None:
        found = await opened(self._target, self._wanted.digest, self._wanted.size)
        try:
            await drain(found)
        finally:
            await found.aclose()
