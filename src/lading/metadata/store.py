"""A `MetadataStore` made of statements and a database that runs them.

Reads that answer requests are short and may run on the event loop; everything that writes is one
transaction, and durable before it returns.
"""

from collections.abc import AsyncIterator, Callable, Container, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta

from lading.errors import StorageDamaged
from lading.interfaces.access import Occasion
from lading.interfaces.changes import Change, Event
from lading.interfaces.metadata import (
    Condemned,
    Delivery,
    Exclusion,
    Kept,
    Outlook,
    Pull,
    TagInterval,
)
from lading.interfaces.repository import Page
from lading.metadata import audit, changes, collection, deliveries, marking, reading, untagged
from lading.metadata.cache import Memory
from lading.metadata.collection import Horizon
from lading.metadata.connection import Database
from lading.metadata.locks import ProcessLocks
from lading.metadata.rows import Entry, micros, stamp
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Reference, RepositoryName, Tag

_PROMISE = timedelta(minutes=30)
"""A promise is recorded when the last is older, or half of the grace: commands may collect what was
promised an hour ago."""


class RowStore:
    """Every promise of `MetadataStore`, kept by rows in *database*.

    *grace* is how long unreferenced content stays; an answer that somebody may rely on renews half
    of it, unless *may_vouch* says that nothing is to be written. *undo* is for how long what an
    ended name named is kept.
    """

    def __init__(
        self,
        database: Database,
        exclusion: Exclusion,
        *,
        grace: timedelta,
        undo: timedelta,
        now: Callable[[], datetime],
        may_vouch: Callable[[], bool] = lambda: True,
    ) -> None:
        self._database = database
        self._exclusion = exclusion
        self._grace = grace
        self._promise = min(micros(grace) // 2, micros(_PROMISE))
        self._undo = micros(undo)
        self._now = now
        self._may_vouch = may_vouch
        self._memory = Memory(database.written)

    async def get_manifest(self, repository: RepositoryName, reference: Reference) -> Manifest:
        """The manifest that *reference* names now."""
        found = await self._database.read(
            reading.find_manifest, self._memory, repository, reference
        )
        return Manifest.stored(*found)

    async def resolve(self, repository: RepositoryName, reference: Reference) -> Descriptor:
        """What *reference* names; a digest without any other name is vouched for."""
        if not isinstance(reference, Digest):
            return (await self.get_manifest(repository, reference)).descriptor
        descriptor, alone_since = await self._database.read(
            reading.resolve_digest, self._memory, repository, reference
        )
        if alone_since is not None and self._is_stale(alone_since):
            await self._database.write(
                collection.vouch_manifest, repository, reference, self._now()
            )
        return descriptor

    async def get_blob(
        self, repository: RepositoryName, digest: Digest, *, vouch: bool = False
    ) -> Descriptor:
        """The blob, if it may be read in *repository*."""
        descriptor, queued_at = await self._database.read(
            reading.find_blob, self._memory, repository, digest
        )
        if vouch and queued_at is not None and self._is_stale(queued_at):
            await self._database.write(collection.vouch_blob, repository, digest, self._now())
        return descriptor

    def _is_stale(self, vouched_at: int) -> bool:
        """Whether so much of the grace has passed that a promise has to be recorded."""
        return stamp(self._now()) - vouched_at >= self._promise and self._may_vouch()

    async def holders(self, digest: Digest, *, limit: int) -> Sequence[RepositoryName]:
        """Up to *limit* repositories in which the blob may be read."""
        return await self._database.read(reading.holders, digest, limit)

    async def list_tags(
        self, repository: RepositoryName, *, after: Tag | None, limit: int
    ) -> Page[Tag]:
        """Tags in byte order; a repository exists from the first blob or manifest on."""
        return await self._database.read(reading.list_tags, repository, after, limit)

    async def list_referrers(
        self,
        repository: RepositoryName,
        subject: Digest,
        *,
        artifact_type: str | None,
        after: Digest | None,
    ) -> Page[Descriptor]:
        """Manifests about *subject*, by digest."""
        return await self._database.read(
            reading.list_referrers, repository, subject, artifact_type, after
        )

    async def list_repositories(
        self, *, after: RepositoryName | None, limit: int
    ) -> Page[RepositoryName]:
        """Repositories that have had a manifest since they began, in byte order."""
        return await self._database.read(reading.list_repositories, after, limit)

    async def tag_history(self, repository: RepositoryName, tag: Tag) -> Sequence[TagInterval]:
        """All that *tag* ever named, latest first."""
        return await self._database.read(reading.tag_history, repository, tag)

    async def commit(
        self, change: Change, *, occasion: Occasion, repeats: bool = False
    ) -> Event | None:
        """Check, apply and number *change* in one durable transaction."""
        entry = Entry.of(change, occasion, self._now())
        write = self._database.write_short if changes.is_short(change) else self._database.write
        return await write(changes.commit, entry, repeats=repeats)

    def commit_blocking(
        self, change: Change, *, occasion: Occasion, repeats: bool = False
    ) -> Event | None:
        """As `commit`, in a thread that is not that of the event loop."""
        entry = Entry.of(change, occasion, self._now())
        return self._database.write_blocking(changes.commit, entry, repeats=repeats)

    async def events(self, *, after: int, limit: int) -> Sequence[Event]:
        """Events with numbers above *after*, in their order."""
        return await self._database.survey(reading.events, after, limit)

    async def record_pulls(self, pulls: Sequence[Pull]) -> None:
        """Note when manifests and tags were last fetched."""
        if pulls:
            await self._database.write(collection.record_pulls, tuple(pulls))

    async def outlook(self) -> Outlook:
        """The latest event, and how far each endpoint has got."""
        return await self._database.read(deliveries.outlook)

    async def settle(self, settled: Sequence[Delivery]) -> None:
        """Write down how far each of *settled* has got."""
        if settled:
            await self._database.write(deliveries.settle, tuple(settled))

    async def urge(self, endpoint: str, *, skip_to: int = 0) -> bool:
        """Ask that *endpoint* be tried at once, with what comes after *skip_to*."""
        return await self._database.write(deliveries.urge, endpoint, skip_to)

    async def forget_events(
        self, *, before: datetime, upto: int, limit: int, known: Container[str]
    ) -> int:
        """Forget the oldest events, and who was to be told of them and is not *known*."""
        return await self._database.write(deliveries.forget_events, before, upto, limit, known)

    async def condemn(
        self, *, before: datetime, ended_before: datetime | None = None, limit: int
    ) -> Condemned:
        """Take what was queued before *before* and is still unreferenced."""
        ended = max(before, ended_before or before)
        horizon = Horizon(stamp(self._now()), stamp(before), stamp(ended), self._undo)
        return await self._database.write(collection.condemn, horizon, limit)

    async def still_doomed(self, digest: Digest) -> bool:
        """Whether the bytes are still doomed."""
        return await self._database.read(collection.still_doomed, digest)

    async def bury(self, digest: Digest) -> None:
        """Forget that the bytes were doomed."""
        await self._database.write(collection.bury, digest)

    async def untagged(
        self,
        *,
        before: datetime,
        ended_before: datetime | None = None,
        limit: int,
        after: tuple[RepositoryName, Digest] | None = None,
    ) -> Sequence[tuple[RepositoryName, Digest, int]]:
        """Manifests that no tag, index or subject leads to."""
        ended = stamp(ended_before or before)
        return await self._database.survey(untagged.untagged, stamp(before), ended, limit, after)

    async def kept(self) -> Kept:
        """How much there is now."""
        return await self._database.survey(collection.kept)

    async def marked(
        self, repository: RepositoryName, *, after: Digest | None, limit: int
    ) -> Sequence[tuple[Digest, Sequence[Digest]]]:
        """Manifests that live, and what each is the first to name."""
        return await self._database.survey(marking.marked, repository, after, limit)

    async def blobs(self, *, after: Digest | None, limit: int) -> Sequence[Descriptor]:
        """Blobs that are believed to be there, ordered by digest."""
        return await self._database.survey(audit.blobs, after, limit)

    async def unknown(self, digests: Sequence[Digest]) -> Sequence[Digest]:
        """Those of *digests* that no row speaks of."""
        return await self._database.survey(audit.unknown, digests)

    async def mislay(self, digest: Digest) -> Sequence[RepositoryName]:
        """Let nobody read the blob any more."""
        return await self._database.write(audit.mislay, digest)

    async def check(self) -> Sequence[str]:
        """What is wrong with the rows themselves."""
        found = list(await self._database.integrity())
        try:
            return found + await self._database.survey(audit.check)
        except StorageDamaged as error:
            return [*found, str(error)]

    @asynccontextmanager
    async def rehearsal(self) -> AsyncIterator["RowStore"]:
        """A private copy of all rows, to try anything in."""
        async with self._database.copied() as copy:
            undo = timedelta(microseconds=self._undo)
            yield RowStore(copy, ProcessLocks(), grace=self._grace, undo=undo, now=self._now)

    def publishing(self, digest: Digest) -> AbstractAsyncContextManager[None]:
        """Keep deleters of *digest* away."""
        return self._exclusion.publishing(digest)

    def exclusively(self, digest: Digest) -> AbstractAsyncContextManager[None]:
        """Keep publishers of *digest* away."""
        return self._exclusion.exclusively(digest)

    def background(self, *, wait: bool) -> AbstractAsyncContextManager[bool]:
        """Hold the one right to do background work."""
        return self._exclusion.background(wait=wait)

    def delivering(self) -> AbstractAsyncContextManager[None]:
        """Hold the one right to tell endpoints of events."""
        return self._exclusion.delivering()
