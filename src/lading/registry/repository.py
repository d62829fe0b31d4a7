"""A repository of this registry: each promise of the interface, kept by the stores.

What may be read is decided by metadata; where bytes are, by the blob store. The two are asked in
that order, and what the first knows and the second does not is damage, never "not found".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lading.bodies import BlobContent, Span, extents
from lading.errors import BlobUnknown, RangeUnsatisfiable, StorageDamaged
from lading.interfaces.access import Occasion
from lading.interfaces.blobs import BlobStore, UploadId
from lading.interfaces.changes import (
    BlobLinked,
    BlobUnlinked,
    Change,
    ManifestDeleted,
    ManifestPut,
    TagDeleted,
)
from lading.interfaces.metadata import MetadataStore
from lading.interfaces.repository import Page, Receipt
from lading.oci.descriptor import Descriptor
from lading.oci.digest import CANONICAL, Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Reference, RepositoryName, Tag
from lading.registry.uploads import LocalUpload, Uploads

_CANDIDATES = 20
"""From how many repositories at most a blob is tried to be mounted when none is named."""


class PullRecord(Protocol):
    """Takes note of pulls, in memory; this is on the path of every one of them."""

    def record(self, repository: RepositoryName, digest: Digest, tag: Tag | None) -> None:
        """A manifest was fetched, by *tag* or by its digest."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all repositories of one registry have in common."""

    blobs: BlobStore
    metadata: MetadataStore
    uploads: Uploads
    pulls: PullRecord | None
    repeats: bool
    sparse: bool


class LocalRepository:
    """A repository in this process; a view without state, made anew for each request."""

    __slots__ = ("_occasion", "_shared", "name")

    def __init__(self, name: RepositoryName, shared: Shared, occasion: Occasion) -> None:
        self.name = name
        self._shared = shared
        self._occasion = occasion

    async def resolve(self, reference: Reference) -> Descriptor:
        """See `ContentSource.resolve`."""
        return await self._shared.metadata.resolve(self.name, reference)

    async def get_manifest(self, reference: Reference) -> Manifest:
        """See `ContentSource.get_manifest`; this counts as a pull."""
        manifest = await self._shared.metadata.get_manifest(self.name, reference)
        if self._shared.pulls is not None:
            tag = reference if isinstance(reference, Tag) else None
            self._shared.pulls.record(self.name, manifest.digest, tag)
        return manifest

    async def stat_blob(self, digest: Digest) -> Descriptor:
        """See `ContentSource.stat_blob`."""
        return await self._shared.metadata.get_blob(self.name, digest, vouch=True)

    async def open_blob(
        self,
        digest: Digest,
        *,
        spans: Sequence[Span] = (),
        url_ok: bool = False,  # noqa: ARG002 - no blob store has URLs to hand out yet
    ) -> BlobContent:
        """See `ContentSource.open_blob`."""
        known = await self._shared.metadata.get_blob(self.name, digest)
        # Judged by the size that was published: a file that was cut short is no bad range.
        extents(spans, known.size)
        content = await self._opened(digest, spans)
        if content.total != known.size:
            await content.aclose()
            raise StorageDamaged(f"{digest} has {content.total} bytes instead of {known.size}")
        return content

    async def _opened(self, digest: Digest, spans: Sequence[Span]) -> BlobContent:
        blobs, metadata = self._shared.blobs, self._shared.metadata
        try:
            return await blobs.open(digest, spans=spans)
        except RangeUnsatisfiable as error:
            raise StorageDamaged(f"{digest} has only {error.total} bytes") from None
        except BlobUnknown:
            # It may have been deleted since it was looked up, which is nobody's fault, and even
            # pushed again, which is why the bytes are asked for once more.
            await metadata.get_blob(self.name, digest)
        try:
            return await blobs.open(digest, spans=spans)
        except BlobUnknown:
            raise StorageDamaged(f"the bytes of {digest} are missing") from None

    async def _commit(self, change: Change) -> None:
        shared = self._shared
        await shared.metadata.commit(change, occasion=self._occasion, repeats=shared.repeats)

    async def put_manifest(
        self, manifest: Manifest, *, tags: Sequence[Tag] = (), sparse: bool = False
    ) -> Receipt:
        """See `ContentTarget.put_manifest`; a sparse registry makes every put sparse."""
        named = tuple(dict.fromkeys(tags))
        sparse = sparse or self._shared.sparse
        await self._commit(ManifestPut(self.name, manifest, named, sparse))
        return Receipt(manifest.descriptor, manifest.subject, named)

    async def mount_blob(self, digest: Digest, source: RepositoryName | None) -> bool:
        """See `ContentTarget.mount_blob`; who may mount from where is decided by the guard."""
        metadata = self._shared.metadata
        held = await self._holds(digest)
        if held and not self._shared.repeats:
            return True
        for each in await self._sources(digest, source, held=held):
            try:
                # No exclusion is needed: bytes stay while anybody may read them, and that the
                # source still may is checked by the transaction that makes the link.
                change = BlobLinked(self.name, await metadata.get_blob(each, digest), each)
                await self._commit(change)
            except BlobUnknown:
                continue
            return True
        return False

    async def _holds(self, digest: Digest) -> bool:
        try:
            await self.stat_blob(digest)
        except BlobUnknown:
            return False
        return True

    async def _sources(
        self, digest: Digest, source: RepositoryName | None, *, held: bool
    ) -> Sequence[RepositoryName]:
        """From where a blob is mounted, in this order; what is *held* is mounted from here."""
        if held:
            return (source, self.name) if source else (self.name,)
        if source:
            return (source,)
        return await self._shared.metadata.holders(digest, limit=_CANDIDATES)

    async def start_upload(
        self,
        *,
        algorithm: str = CANONICAL,
        expected: Descriptor | None = None,  # noqa: ARG002 - the bytes decide
    ) -> LocalUpload:
        """See `ContentTarget.start_upload`."""
        return await self._shared.uploads.start(self.name, self._occasion, algorithm)

    async def resume_upload(self, upload_id: UploadId) -> LocalUpload:
        """See `ContentTarget.resume_upload`."""
        return await self._shared.uploads.resume(self.name, self._occasion, upload_id)

    async def tags(self, *, after: Tag | None = None, limit: int = 100) -> Page[Tag]:
        """See `ContentIndex.tags`."""
        return await self._shared.metadata.list_tags(self.name, after=after, limit=limit)

    async def referrers(
        self, subject: Digest, *, artifact_type: str | None = None, after: Digest | None = None
    ) -> Page[Descriptor]:
        """See `ContentIndex.referrers`."""
        return await self._shared.metadata.list_referrers(
            self.name, subject, artifact_type=artifact_type, after=after
        )

    async def delete_tag(self, tag: Tag) -> None:
        """See `Curation.delete_tag`."""
        await self._commit(TagDeleted(self.name, tag))

    async def delete_manifest(self, digest: Digest) -> None:
        """See `Curation.delete_manifest`."""
        await self._commit(ManifestDeleted(self.name, digest))

    async def delete_blob(self, digest: Digest) -> None:
        """See `Curation.delete_blob`."""
        await self._commit(BlobUnlinked(self.name, digest))
