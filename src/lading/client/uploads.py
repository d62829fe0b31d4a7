"""Uploads to a registry: in one request where that can be, in pieces where it must be.

A request that fails in the middle is not repeated blindly: the registry is asked how many bytes
it has, and gets the others. An upload's id holds its location and the repository it is for.
"""

from contextlib import suppress

from lading.bodies import Bytes, Inbound, Source
from lading.client import downloads
from lading.client.asking.exchange import Answer, Call
from lading.client.locations import begin, id_at, last_byte, marked
from lading.client.pieces import Cut, Lent
from lading.client.remote import Remote, check_digest, missing, pushing
from lading.content.steps import Event, Step
from lading.errors import (
    BlobUnknown,
    DigestInvalid,
    LadingError,
    RequestInvalid,
    Unsupported,
    UploadOutOfOrder,
    UploadTooLarge,
    UploadUnknown,
    UpstreamFailed,
)
from lading.interfaces.blobs import UploadId
from lading.oci.descriptor import Descriptor
from lading.oci.digest import CANONICAL, Digest
from lading.oci.media_types import OCTETS
from lading.oci.names import RepositoryName
from lading.wire.message import Fields
from lading.wire.ranges import Chunk

_TYPED = ("Content-Type", OCTETS)
_PATIENT = 3
_SHORTEST = 1 << 16
"""Pieces are not made shorter than this, whatever a caller asks for."""


class RemoteUpload:
    """One upload (an `Upload`, and `Vouching`), as long as one caller has it in hands."""

    def __init__(
        self,
        remote: Remote,
        name: RepositoryName,
        url: str,
        *,
        expected: Descriptor | None = None,
        least: int = 0,
    ) -> None:
        """It is at *url*, and takes pieces of no fewer than *least* bytes."""
        self._remote = remote
        self._name = name
        self._url = url
        self._offset = 0
        self._expected = expected
        self._least = least
        self._published: Descriptor | None = None
        self._over = False
        self.vouched = False
        """Whether the registry itself named the digest of what was committed."""
        remote.learned.was_at(marked(url, name))

    @property
    def id(self) -> UploadId:
        """Its location as it is now, which changes with every piece."""
        return id_at(self._url, self._name)

    @property
    def offset(self) -> int:
        """How many bytes the registry has."""
        return self._offset

    async def write(self, body: Inbound, *, at: int | None = None) -> int:
        """Append *body*; see `Upload.write`. A `Source` survives lost connections.

        Raises:
            UpstreamFailed: the registry kept failing, or the body cannot be read again.
        """
        if self._over or self._published is not None:
            raise UploadUnknown(self.id)
        if at is not None and at != self._offset:
            raise UploadOutOfOrder(self.id, offset=self._offset)
        start, failures, current = self._offset, 0, body
        owned: Source | None = None
        try:
            while True:
                before = self._offset
                error = await self._tried(current, said=at is not None, again=failures > 0)
                if error is None:
                    return self._offset
                if not isinstance(body, Source):
                    with suppress(LadingError):
                        await self.refresh()
                    raise error
                await self._recover(start, error)
                if self._published is not None:
                    return self._offset
                if self._offset < start:
                    # What this body was to be appended to is gone, and nobody here has it.
                    raise error
                failures = 1 if self._offset > before else failures + 1
                await self._patiently(failures, error)
                if owned is not None:
                    await owned.aclose()
                    owned = None
                current = owned = await body.again(self._offset - start)
        finally:
            if owned is not None:
                await owned.aclose()

    async def _patiently(self, failures: int, error: LadingError) -> None:
        """Wait after *error*, or raise it after too many *failures*."""
        # What is too large for a proxy goes on at once, in smaller pieces.
        too_large = isinstance(error, UploadTooLarge)
        if not too_large and not await self._remote.patience.pause(failures):
            raise error
        if self._expected is not None:
            step = Step(Event.RETRIED, self._expected, moved=self._offset, error=error)
            self._remote.listener(step)

    async def commit(self, digest: Digest, last: Inbound | None = None) -> Descriptor:
        """Publish the blob, with the *last* bytes if there are any; see `Upload.commit`.

        Raises:
            UpstreamFailed: the registry kept failing.
        """
        if self._over:
            raise UploadUnknown(self.id)
        if not digest.storable:
            raise DigestInvalid(digest)
        if last is not None:
            await self._finish(digest, last)
        if self._published is None:
            await self._publish(digest)
        self._over = True
        published = self._published or Descriptor(OCTETS, digest, self._offset)
        if published.digest != digest:
            raise DigestInvalid(f"{digest} was named, {published.digest} was uploaded")
        return published

    async def _finish(self, digest: Digest, last: Inbound) -> None:
        """Send the *last* bytes, with the digest if they are all there are."""
        expected = self._expected
        if expected is None and self._offset == 0 and last.length is not None:
            self._expected = Descriptor(OCTETS, digest, last.length)
        try:
            await self.write(last)
        finally:
            self._expected = expected

    async def _publish(self, digest: Digest) -> None:
        failures = 0
        while True:
            try:
                await self._close(digest, Bytes(b""))
            except UpstreamFailed:
                failures += 1
                if await self._is_over(digest):
                    return
                if not await self._remote.patience.pause(failures):
                    raise
            else:
                return

    async def cancel(self) -> None:
        """Forget the upload, if the registry lets us; else it ends by itself."""
        over = self._over or self._published is not None
        self._over = True
        if over:
            return
        with suppress(LadingError):
            try:
                await self._delete()
            except UploadOutOfOrder:
                # Some locations hold the offset, and are good only for the one that they hold.
                await self.refresh()
                await self._delete()

    async def _delete(self) -> None:
        call = Call(
            method="DELETE",
            url=self._url,
            scopes=pushing(self._name),
            expect=frozenset({200, 202, 204}),
        )
        await (await self._remote.exchange.send(call)).aclose()

    async def aclose(self) -> None:
        """Let go of it; the registry keeps what it has."""
        self._over = True

    async def refresh(self) -> None:
        """Ask the registry how far it has come (end-13).

        Raises:
            UploadUnknown: it does not know the upload, or does not tell.
        """
        call = Call(
            method="GET",
            url=self._url,
            scopes=pushing(self._name),
            expect=frozenset({200, 202, 204}),
        )
        try:
            with missing(UploadUnknown, self.id):
                answer = await self._remote.exchange.send(call)
        except (Unsupported, RequestInvalid) as error:
            raise UploadUnknown(self.id) from error
        await answer.aclose()
        self._moved(answer, None)

    async def _tried(self, body: Inbound, *, said: bool, again: bool) -> LadingError | None:
        """Send *body* once, or what is left of it; return what failed and can be gone on from.

        Raises:
            Exception: what cannot: the body itself failed, or the registry refuses it.
        """
        before = self._offset
        lent = Lent(body, self._kept)
        try:
            await self._sent(lent, said=said or again)
        except (UpstreamFailed, UploadUnknown) as error:
            if lent.failed is None:
                return error
        except UploadTooLarge as error:
            if lent.failed is None and _by_proxy(error) and self._shrinks(body.length):
                return error
            raise
        except UploadOutOfOrder as error:
            with suppress(LadingError):
                await self.refresh()
            # The last of what an earlier request of ours had sent may have come only now. With a
            # digest to be met, it does no harm if it was somebody else's.
            if (again or self._expected is not None) and self._offset > before:
                return error
            raise UploadOutOfOrder(self.id, offset=self._offset) from error
        except Exception:
            if lent.failed is None:
                raise
        if lent.failed is not None:
            await self._settle(before + lent.taken)
            raise lent.failed
        return None

    def _shrinks(self, length: int | None) -> bool:
        """Whether there are pieces smaller than those that a body of *length* was sent in."""
        sizes = [each for each in (length, self._piece_size()) if each is not None]
        return self._remote.learned.shrink(self._least, min(sizes, default=None))

    async def _settle(self, most: int) -> None:
        """Wait a little until the registry has taken in what it was sent, up to *most* bytes."""
        failures = 1
        with suppress(LadingError):
            await self.refresh()
            while self._offset < most and await self._remote.patience.pause(failures):
                before, failures = self._offset, failures + 1
                await self.refresh()
                if self._offset == before and failures > _PATIENT:
                    return

    async def _sent(self, body: Lent, *, said: bool) -> None:
        size = self._piece_size()
        expected = self._expected
        if body.length == 0 and expected is None:
            return
        if size is not None and (body.length is None or body.length > size):
            cut = Cut(body)
            while cut.rest != 0 and await cut.ready():
                await self._patch(Lent(cut.piece(size), self._kept), said=True)
        elif expected is not None and self._offset == 0 and body.length == expected.size:
            await self._close(expected.digest, body)
            self._offset = expected.size
            self._published = Descriptor(OCTETS, expected.digest, expected.size)
        else:
            await self._patch(body, said=said)

    def _piece_size(self) -> int | None:
        """The most bytes of one request; ``None`` for all there are."""
        asked = [self._remote.chunk_size, self._remote.learned.piece]
        sizes = [max(each, _SHORTEST) for each in asked if each is not None]
        return max(min(sizes), self._least) if sizes else None

    async def _patch(self, body: Lent, *, said: bool) -> None:
        fields: Fields = [_TYPED]
        if said and body.length:
            chunk = Chunk(self._offset, self._offset + body.length - 1)
            fields.append(("Content-Range", str(chunk)))
        call = Call(
            method="PATCH",
            url=self._url,
            headers=fields,
            body=body,
            scopes=pushing(self._name),
            idempotent=False,
            expect=frozenset({202, 204}),
        )
        with missing(UploadUnknown, self.id):
            answer = await self._remote.exchange.send(call)
        await answer.aclose()
        sent = body.taken if body.length is None else body.length
        wanted = self._offset + sent
        self._moved(answer, sent)
        if self._offset != wanted:
            raise UpstreamFailed(
                f"{answer.asked} has {self._offset} bytes of {wanted}", status=answer.status
            )

    async def _close(self, digest: Digest, body: Source) -> None:
        call = Call(
            method="PUT",
            url=self._url,
            query=[("digest", str(digest))],
            headers=[_TYPED],
            body=body,
            scopes=pushing(self._name),
            idempotent=False,
            expect=frozenset({201}),
        )
        try:
            with missing(UploadUnknown, self.id):
                answer = await self._remote.exchange.send(call)
            await answer.aclose()
            self.vouched = check_digest(answer, digest)
        except DigestInvalid:
            # Not every registry forgets the bytes, which has been promised here.
            await self.cancel()
            raise

    def _at(self, url: str) -> None:
        self._url = url
        self._remote.learned.was_at(marked(url, self._name))

    def _moved(self, answer: Answer, sent: int | None) -> None:
        """Take over where the upload is now, and how far."""
        if answer.headers.get(b"location") is not None:
            self._at(answer.location())
        end = last_byte(answer)
        if end is None:
            self._offset += sent or 0
        elif end == 0:
            # An empty upload says the same as one of a single byte (trap T6).
            self._offset = 1 if self._offset + (sent or 0) == 1 else 0
        elif sent and self._offset and end + 1 == sent:
            # Some tell the range of the chunk and not of the whole (trap T7).
            self._offset += sent
        else:
            self._offset = end + 1

    async def _kept(self) -> int:
        before = self._offset
        await self.refresh()
        return self._offset - before

    async def _recover(self, start: int, error: LadingError) -> None:
        """Find out where the upload stands after *error*; begin it again if that is lost."""
        try:
            await self.refresh()
        except UploadUnknown:
            expected = self._expected
            if expected is None or start != 0:
                raise
            if await self._is_there(expected.digest):
                self._offset, self._published = expected.size, expected
                return
            await self._begin_again()
        except LadingError:
            raise error from None
        else:
            if start == 0 and self._offset == 0 and not isinstance(error, UploadTooLarge):
                # One byte that came looks like none (trap T6), and more may be on their way.
                await self._begin_again()

    async def _begin_again(self) -> None:
        """Go on with another session; the old one ends by itself."""
        expected = self._expected
        algorithm = CANONICAL if expected is None else expected.digest.algorithm
        answer = await begin(self._remote, self._name, algorithm)
        self._at(answer.location())
        self._offset = 0

    async def _is_over(self, digest: Digest) -> bool:
        """Whether a request that seemed to fail ended the upload, and published the blob."""
        try:
            await self.refresh()
        except UploadUnknown:
            return await self._is_there(digest)
        return False

    async def _is_there(self, digest: Digest) -> bool:
        try:
            await downloads.stat(self._remote, self._name, digest)
        except BlobUnknown:
            return False
        return True


def _by_proxy(error: UploadTooLarge) -> bool:
    """Whether a proxy in front of the registry refused it, which has an advice of its own."""
    return error.advice != UploadTooLarge.advice
