"""Wrappers that change nothing: bases for those that change a little.

A wrapper has the shape of what it wraps, so wrappers stack in any order, and one that was written
for a local registry works around a remote one. Subclasses override what they are about.
"""

from collections.abc import Sequence
from typing import Self

from lading.bodies import BlobContent, Inbound, Span
from lading.interfaces.access import Occasion
from lading.interfaces.blobs import UploadId
from lading.interfaces.repository import Page, Receipt, Registry, Repository, Upload
from lading.oci.descriptor import Descriptor
from lading.oci.digest import CANONICAL, Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Reference, RepositoryName, Tag


class ForwardingRegistry:
    """A registry that passes everything on to *inner*.

    A subclass overrides `repository` to wrap each repository, and `around` if it takes more
    arguments than *inner*.
    """

    __slots__ = ("_inner",)

    def __init__(self, inner: Registry) -> None:
        self._inner = inner

    def around(self, inner: Registry) -> Self:
        """The same wrapper around another registry."""
        return type(self)(inner)

    def repository(self, name: RepositoryName) -> Repository:
        """See `Registry.repository`."""
        return self._inner.repository(name)

    async def repositories(
        self, *, after: RepositoryName | None = None, limit: int = 100
    ) -> Page[RepositoryName]:
        """See `Registry.repositories`."""
        return await self._inner.repositories(after=after, limit=limit)

    async def delete(self, name: RepositoryName) -> None:
        """See `Registry.delete`."""
        await self._inner.delete(name)

    async def holders(self, digest: Digest, *, limit: int = 100) -> Sequence[RepositoryName]:
        """See `Registry.holders`."""
        return await self._inner.holders(digest, limit=limit)

    def acting_for(self, occasion: Occasion) -> Registry:
        """See `Registry.acting_for`."""
        return self.around(self._inner.acting_for(occasion))


class ForwardingRepository:
    """A repository that passes everything on to *inner*."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Repository) -> None:
        self._inner = inner

    @property
    def name(self) -> RepositoryName:
        """What it is called."""
        return self._inner.name

    async def resolve(self, reference: Reference) -> Descriptor:
        """See `ContentSource.resolve`."""
        return await self._inner.resolve(reference)

    async def get_manifest(self, reference: Reference) -> Manifest:
        """See `ContentSource.get_manifest`."""
        return await self._inner.get_manifest(reference)

    async def stat_blob(self, digest: Digest) -> Descriptor:
        """See `ContentSource.stat_blob`."""
        return await self._inner.stat_blob(digest)

    async def open_blob(
        self, digest: Digest, *, spans: Sequence[Span] = (), url_ok: bool = False
    ) -> BlobContent:
        """See `ContentSource.open_blob`."""
        return await self._inner.open_blob(digest, spans=spans, url_ok=url_ok)

    async def put_manifest(
        self, manifest: Manifest, *, tags: Sequence[Tag] = (), sparse: bool = False
    ) -> Receipt:
        """See `ContentTarget.put_manifest`."""
        return await self._inner.put_manifest(manifest, tags=tags, sparse=sparse)

    async def mount_blob(self, digest: Digest, source: RepositoryName | None) -> bool:
        """See `ContentTarget.mount_blob`."""
        return await self._inner.mount_blob(digest, source)

    async def start_upload(
        self, *, algorithm: str = CANONICAL, expected: Descriptor | None = None
    ) -> Upload:
        """See `ContentTarget.start_upload`."""
        return await self._inner.start_upload(algorithm=algorithm, expected=expected)

    async def resume_upload(self, upload_id: UploadId) -> Upload:
        """See `ContentTarget.resume_upload`."""
        return await self._inner.resume_upload(upload_id)

    async def tags(self, *, after: Tag | None = None, limit: int = 100) -> Page[Tag]:
        """See `ContentIndex.tags`."""
        return await self._inner.tags(after=after, limit=limit)

    async def referrers(
        self, subject: Digest, *, artifact_type: str | None = None, after: Digest | None = None
    ) -> Page[Descriptor]:
        """See `ContentIndex.referrers`."""
        return await self._inner.referrers(subject, artifact_type=artifact_type, after=after)

    async def delete_tag(self, tag: Tag) -> None:
        """See `Curation.delete_tag`."""
        await self._inner.delete_tag(tag)

    async def delete_manifest(self, digest: Digest) -> None:
        """See `Curation.delete_manifest`."""
        await self._inner.delete_manifest(digest)

    async def delete_blob(self, digest: Digest) -> None:
        """See `Curation.delete_blob`."""
        await self._inner.delete_blob(digest)


class ForwardingUpload:
    """An upload that passes everything on to *inner*."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Upload) -> None:
        self._inner = inner

    @property
    def id(self) -> UploadId:
        """The name by which it is found again."""
        return self._inner.id

    @property
    def offset(self) -> int:
        """How many bytes it has."""
        return self._inner.offset

    async def write(self, body: Inbound, *, at: int | None = None) -> int:
        """See `Upload.write`."""
        return await self._inner.write(body, at=at)

    async def commit(self, digest: Digest, last: Inbound | None = None) -> Descriptor:
        """See `Upload.commit`."""
        return await self._inner.commit(digest, last)

    async def cancel(self) -> None:
        """See `Upload.cancel`."""
        await self._inner.cancel()

    async def aclose(self) -> None:
        """See `Upload.aclose`."""
        await self._inner.aclose()
