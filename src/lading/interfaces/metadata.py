"""The truth about names, edges and permissions to read.

Everything that changes is one `Change`, committed in one durable transaction: checked, applied and
numbered, or not done at all. Manifests live here, since they are small and needed with their
edges; the bytes of blobs never do.

Names end, they are not erased: tags, manifests and repositories have a *since* and an *until*,
both event numbers, and what a manifest names ends with it. What an ended row names is kept until
the undo window closes.
"""

from collections.abc import Container, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lading.interfaces.access import Occasion
from lading.interfaces.changes import Change, Event
from lading.interfaces.repository import Page
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Reference, RepositoryName, Tag


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far events have been told to one *endpoint*.

    All up to ``number`` were told or passed over. The next one failed ``failures`` times in a row,
    ``failing_since`` then, for ``reason`` the last time. ``skip_to`` is up to where somebody
    asked to pass over all, ``urged`` how often somebody asked to try again at once.
    """

    endpoint: str
    number: int
    failures: int = 0
    failing_since: datetime | None = None
    reason: str = ""
    skip_to: int = 0
    urged: int = 0


@dataclass(frozen=True, slots=True)
class Outlook:
    """The number of the latest event, 0 before the first, and how far each endpoint has got."""

    latest: int
    deliveries: Sequence[Delivery]


@dataclass(frozen=True, slots=True)
class Doomed:
    """Something the collector may take, and why.

    With a *repository*, it is the permission to read the blob there, and it is gone already.
    Without, it is the bytes, of *size*, and they are still there.
    """

    digest: Digest
    size: int
    repository: RepositoryName | None
    reason: str


@dataclass(frozen=True, slots=True)
class Condemned:
    """What one step of a round took, and whether the round is *finished*.

    A step may take nothing and leave more to look at: what is queued may be named again.
    """

    taken: Sequence[Doomed]
    finished: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """Different manifests with all that they name, and blobs that wait for their grace to end."""

    named: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Pull:
    """That a manifest was fetched, by tag or by digest."""

    repository: RepositoryName
    digest: Digest
    tag: Tag | None
    at: datetime


@dataclass(frozen=True, slots=True)
class TagInterval:
    """For how long a tag named a manifest: event numbers and the times of those events."""

    tag: Tag
    digest: Digest
    since: int
    since_at: datetime
    until: int | None
    until_at: datetime | None
    by: str
    previous: Digest | None
    pulled_at: datetime | None


class Names(Protocol):
    """What is called what, and what may be read where. Each is a single indexed read."""

    async def get_manifest(self, repository: RepositoryName, reference: Reference) -> Manifest:
        """The manifest that *reference* names.

        Raises:
            ManifestUnknown: there is none.
        """
        ...

    async def resolve(self, repository: RepositoryName, reference: Reference) -> Descriptor:
        """What *reference* names. A digest that only this answer protects is vouched for.

        Raises:
            ManifestUnknown: nothing.
        """
        ...

    async def get_blob(
        self, repository: RepositoryName, digest: Digest, *, vouch: bool = False
    ) -> Descriptor:
        """The blob, if it may be read in *repository*.

        With *vouch*, the caller is about to say that it exists, and may leave it out of a push
        for that: when it is queued for collection, the promise is recorded before this returns.

        Raises:
            BlobUnknown: it may not, or there is none.
        """
        ...

    async def holders(self, digest: Digest, *, limit: int) -> Sequence[RepositoryName]:
        """Up to *limit* repositories in which the blob may be read."""
        ...


class Listings(Protocol):
    """What there is, by keyset and never by scanning."""

    async def list_tags(
        self, repository: RepositoryName, *, after: Tag | None, limit: int
    ) -> Page[Tag]:
        """Tags in byte order.

        Raises:
            NameUnknown: there is no such repository; there is from its first blob or manifest on.
        """
        ...

    async def list_referrers(
        self,
        repository: RepositoryName,
        subject: Digest,
        *,
        artifact_type: str | None,
        after: Digest | None,
    ) -> Page[Descriptor]:
        """Manifests about *subject*, by digest; a page closes near 4 MiB."""
        ...

    async def list_repositories(
        self, *, after: RepositoryName | None, limit: int
    ) -> Page[RepositoryName]:
        """Repositories that have had a manifest since they began, in byte order."""
        ...

    async def tag_history(self, repository: RepositoryName, tag: Tag) -> Sequence[TagInterval]:
        """All that *tag* ever named and that is still remembered, latest first."""
        ...


class Changes(Protocol):
    """The one way to write, and the numbered log of what was written."""

    async def commit(
        self, change: Change, *, occasion: Occasion, repeats: bool = False
    ) -> Event | None:
        """Check, apply and number *change* in one durable transaction.

        ``None`` when everything is as *change* says already, which is an event with *repeats* only:
        a blob that is linked, a manifest that is there and that all the tags name. What was put
        again is protected from collection as if it had been put now.

        Raises:
            BlobUnknown, BlobInUse, ManifestUnknown, ManifestBlobUnknown, NameUnknown: the change
                cannot be made; nothing was written.
            StorageFailed: the transaction could not be made durable; nothing was written.
        """
        ...

    def commit_blocking(
        self, change: Change, *, occasion: Occasion, repeats: bool = False
    ) -> Event | None:
        """As `commit`, for a thread that is not that of the event loop, and blocks."""
        ...

    async def events(self, *, after: int, limit: int) -> Sequence[Event]:
        """Up to *limit* events with numbers above *after*, in their order."""
        ...

    async def record_pulls(self, pulls: Sequence[Pull]) -> None:
        """Note when manifests and tags were last fetched; an earlier time never replaces a later."""
        ...


class Deliveries(Protocol):
    """Who was told of which events, and forgetting those that nobody is told of any more."""

    async def outlook(self) -> Outlook:
        """How things stand now; cheap enough to be asked several times a second."""
        ...

    async def settle(self, settled: Sequence[Delivery]) -> None:
        """Write down how far each of *settled* has got, new ones too, in one transaction.

        Nobody ever gets back to an earlier event, and what was asked for by `urge` stays.
        """
        ...

    async def urge(self, endpoint: str, *, skip_to: int = 0) -> bool:
        """Ask whoever delivers to try *endpoint* at once, and to pass over all up to *skip_to*.

        ``False`` if there is no such endpoint.
        """
        ...

    async def forget_events(
        self, *, before: datetime, upto: int, limit: int, known: Container[str]
    ) -> int:
        """Forget up to *limit* of the oldest events, numbered up to *upto* and from before *before*.

        The latest is never forgotten. Returns how many were. Endpoints that are not *known* are
        forgotten with the first event that they were not told.
        """
        ...


class Collection(Protocol):
    """Forget, then delete; each step safe against a crash after it."""

    async def condemn(
        self, *, before: datetime, ended_before: datetime | None = None, limit: int
    ) -> Condemned:
        """Take what was queued before *before*, is still unreferenced and not vouched for since.

        With *ended_before*, a later time, what was queued by the end of its last name goes when
        that came before *ended_before*: what was deleted needs no grace as long as a push does.

        One step of a round, which is to be repeated until it is finished. It takes up to *limit*:
        permissions to read go first; bytes that nobody may read any more are moved to the doomed,
        where they stay until `bury`. Doomed bytes of earlier steps are returned again, and take up
        room, so *limit* has to be above the number of those that cannot be buried.
        """
        ...

    async def still_doomed(self, digest: Digest) -> bool:
        """Whether the bytes are still doomed; asked under `Exclusion.exclusively`."""
        ...

    async def bury(self, digest: Digest) -> None:
        """The bytes are gone: forget that they were doomed."""
        ...

    async def untagged(
        self,
        *,
        before: datetime,
        ended_before: datetime | None = None,
        limit: int,
        after: tuple[RepositoryName, Digest] | None = None,
    ) -> Sequence[tuple[RepositoryName, Digest, int]]:
        """Manifests (repository, digest, size) without a tag, a parent index or a live subject.

        Only those put, last named and last vouched for before *before*; ordered by repository and
        digest. With *ended_before*, a later time, those whose names ended before that, and which
        were put before *before* or had a tag since.
        """
        ...

    async def kept(self) -> Kept:
        """How much there is now; counts every row, so it is nothing for the path of a request."""
        ...

    async def marked(
        self, repository: RepositoryName, *, after: Digest | None, limit: int
    ) -> Sequence[tuple[Digest, Sequence[Digest]]]:
        """Up to *limit* manifests of *repository*, by digest, with what each is the first to name.

        Before it come those of repositories with lesser names, and lesser digests of its own.
        """
        ...


class Audit(Protocol):
    """Holding the rows against the bytes."""

    async def blobs(self, *, after: Digest | None, limit: int) -> Sequence[Descriptor]:
        """Blobs that are believed to be there, ordered by digest."""
        ...

    async def unknown(self, digests: Sequence[Digest]) -> Sequence[Digest]:
        """Those of *digests* that no row speaks of, not even as doomed."""
        ...

    async def mislay(self, digest: Digest) -> Sequence[RepositoryName]:
        """The bytes turned out to be missing or damaged: nobody may read them any more.

        Manifests that name them stay; pushing the blob again heals them. Returns where it was
        readable.
        """
        ...

    async def check(self) -> Sequence[str]:
        """What is wrong with the rows themselves; empty when all is well.

        Damage to the database, manifests whose bytes are not those of their digest, names that
        lead nowhere.
        """
        ...


class Exclusion(Protocol):
    """Who may do what at the same time, across all processes; freed by the kernel at death."""

    def publishing(self, digest: Digest) -> AbstractAsyncContextManager[None]:
        """Keep deleters of *digest* away while its bytes are published and linked."""
        ...

    def exclusively(self, digest: Digest) -> AbstractAsyncContextManager[None]:
        """Keep publishers of *digest* away while its bytes are deleted."""
        ...

    def background(self, *, wait: bool) -> AbstractAsyncContextManager[bool]:
        """Hold the one right to do background work.

        ``False`` if another process has it and *wait* was not asked for.
        """
        ...

    def delivering(self) -> AbstractAsyncContextManager[None]:
        """Hold the one right to tell endpoints of events; waits for it."""
        ...


class Rehearsal(Protocol):
    """Finding out what would happen."""

    def rehearsal(self) -> AbstractAsyncContextManager["MetadataStore"]:
        """A private copy of all rows as they are now, to try anything in; gone at the end.

        Nothing that is done to the copy touches the original, its locks or its readers.
        """
        ...


class MetadataStore(
    Names, Listings, Changes, Deliveries, Collection, Audit, Exclusion, Rehearsal, Protocol
):
    """All of it: what a place that keeps the truth can do."""
