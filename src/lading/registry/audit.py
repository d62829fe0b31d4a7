"""Holding the rows against the bytes, and the bytes against their digests.

Tells damage (something that was acknowledged cannot be read any more) from waste (something that
nobody will ever read takes up space). May run while the server serves: whatever looks wrong is
looked at again under `Exclusion.exclusively` before it is called wrong. Repairing never deletes:
damaged bytes are put aside, and the blob is reported missing to clients, so that the next push
of it heals every image that names it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from lading.errors import BlobUnknown, StorageFailed
from lading.interfaces.blobs import BlobStore
from lading.interfaces.metadata import MetadataStore
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName
from lading.registry.sweep import idleness

_BATCH = 256
_NAMED = 5


class Grade(Enum):
    """How bad something is."""

    DAMAGE = "damage"
    """Acknowledged content cannot be read as it was pushed."""
    WASTE = "waste"
    """Space is taken by what nobody will ever read; a collection frees it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be; *remedy* is what was done about it, if anything."""

    grade: Grade
    subject: str
    problem: str
    remedy: str = ""


@dataclass(slots=True)
class Verdict:
    """What an audit looked at (*blobs*, and *size* in bytes) and how much it found."""

    blobs: int = 0
    size: int = 0
    damage: int = 0
    waste: int = 0
    wasted: int = 0
    repaired: int = 0


@dataclass(frozen=True, slots=True)
class _Defect:
    """What is wrong with the bytes behind a row; *aside* if they can be put aside."""

    problem: str
    aside: bool
    curable: bool = True


Listener = Callable[[Finding], None]
"""Is told of each finding."""


class Audit:
    """Looks at everything once; *expiry* is how long an idle upload is not waste yet."""

    def __init__(
        self,
        blobs: BlobStore,
        metadata: MetadataStore,
        *,
        expiry: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._blobs = blobs
        self._metadata = metadata
        self._expiry = expiry
        self._now = now

    async def run(self, *, fast: bool = False, repair: bool = False, listener: Listener) -> Verdict:
        """Audit rows, then bytes; *listener* hears of each finding.

        With *fast*, bytes are not read: their length has to do. With *repair*, damaged bytes are
        quarantined and their blobs mislaid.

        Raises:
            StorageFailed: the metadata store cannot be read at all.
        """
        verdict = Verdict()
        for problem in await self._metadata.check():
            verdict.damage += 1
            listener(Finding(Grade.DAMAGE, "database", problem))
        await self._rows(verdict, listener, fast=fast, repair=repair)
        await self._bytes(verdict, listener)
        await self._uploads(verdict, listener)
        return verdict

    async def _rows(
        self, verdict: Verdict, listener: Listener, *, fast: bool, repair: bool
    ) -> None:
        after: Digest | None = None
        while page := await self._metadata.blobs(after=after, limit=_BATCH):
            after = page[-1].digest
            for blob in page:
                verdict.blobs += 1
                verdict.size += blob.size
                if await self._defect(blob, fast=fast) is not None:
                    finding = await self._confirmed(blob, fast=fast, repair=repair)
                    if finding is not None:
                        verdict.damage += 1
                        verdict.repaired += bool(finding.remedy)
                        listener(finding)

    async def _defect(self, blob: Descriptor, *, fast: bool) -> _Defect | None:
        """What is wrong with the bytes of *blob*; ``None`` when nothing is."""
        try:
            size = await self._blobs.stat(blob.digest)
            if size != blob.size:
                return _Defect(f"has {size} bytes instead of {blob.size}", aside=True)
            if fast:
                return None
            measured = await self._blobs.measure(blob.digest)
        except BlobUnknown:
            return _Defect("is missing", aside=False)
        except StorageFailed as error:
            # The disk or a permission may be at fault, and not the bytes: leave them alone.
            return _Defect(f"cannot be read ({error})", aside=False, curable=False)
        if measured != blob.digest:
            return _Defect(f"has content whose digest is {measured}", aside=True)
        return None

    async def _confirmed(self, blob: Descriptor, *, fast: bool, repair: bool) -> Finding | None:
        """Look again while nobody can delete or publish it, and put it right if asked to."""
        digest = blob.digest
        async with self._metadata.exclusively(digest):
            if await self._gone(digest):
                return None
            defect = await self._defect(blob, fast=fast)
            if defect is None:
                return None
            remedy = ""
            if repair and defect.curable:
                # Bytes first: mislaid bytes without a row would look like waste, which is swept.
                place = await self._blobs.quarantine(digest) if defect.aside else ""
                repositories = await self._metadata.mislay(digest)
                remedy = _remedy(place, repositories)
            return Finding(Grade.DAMAGE, f"blob {digest}", defect.problem, remedy)

    async def _gone(self, digest: Digest) -> bool:
        """Whether the blob was collected since it was listed, or is about to be."""
        return await self._metadata.still_doomed(digest) or bool(
            await self._metadata.unknown([digest])
        )

    async def _bytes(self, verdict: Verdict, listener: Listener) -> None:
        """Find bytes that no row speaks of."""
        sizes: dict[Digest, int] = {}
        async for stored in self._blobs.walk():
            sizes[stored.digest] = stored.size
            if len(sizes) == _BATCH:
                await self._unclaimed(sizes, verdict, listener)
                sizes.clear()
        await self._unclaimed(sizes, verdict, listener)

    async def _unclaimed(
        self, sizes: dict[Digest, int], verdict: Verdict, listener: Listener
    ) -> None:
        for digest in await self._metadata.unknown(list(sizes)):
            if await self._is_waste(digest):
                verdict.waste += 1
                verdict.wasted += sizes[digest]
                listener(Finding(Grade.WASTE, f"blob {digest}", "has no record"))

    async def _is_waste(self, digest: Digest) -> bool:
        # A push that has published and not linked yet holds the lock that is waited for here.
        async with self._metadata.exclusively(digest):
            if not await self._metadata.unknown([digest]):
                return False
            try:
                await self._blobs.stat(digest)
            except BlobUnknown:
                return False
            return True

    async def _uploads(self, verdict: Verdict, listener: Listener) -> None:
        before = self._now() - self._expiry
        for upload in await self._blobs.abandon(before=before, dry_run=True):
            verdict.waste += 1
            verdict.wasted += upload.size
            listener(Finding(Grade.WASTE, f"upload {upload.id}", idleness(upload)))


def _remedy(place: str, repositories: Sequence[RepositoryName]) -> str:
    moved = f"quarantined as {place}; " if place else ""
    shown = ", ".join(repositories[:_NAMED])
    more = f" and {len(repositories) - _NAMED} more" if len(repositories) > _NAMED else ""
    where = f" to {shown}{more}" if repositories else ""
    return f"{moved}push it again{where}"
