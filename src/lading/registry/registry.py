"""A registry made of two stores: blobs here, the truth about them there.

Embedded, without a server::

    async with open_filesystem(root) as blobs, open_sqlite(root) as metadata:
        repository = LocalRegistry(blobs, metadata).repository(RepositoryName.parse("team/app"))
        upload = await repository.start_upload()
        await upload.write(Bytes(content))
        await upload.commit(Digest.of(content))
"""

from collections.abc import Callable, Sequence

from lading.interfaces.access import Occasion
from lading.interfaces.blobs import BlobStore
from lading.interfaces.changes import RepositoryDeleted
from lading.interfaces.metadata import MetadataStore
from lading.interfaces.repository import Page
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName
from lading.registry.repository import LocalRepository, PullRecord, Shared
from lading.registry.uploads import Uploads, random_id

_NOBODY = Occasion()


class LocalRegistry:
    """Repositories whose content is in *blobs* and whose names are in *metadata*.

    With *sparse*, manifests are taken whose content is missing. *blob_limit* is the longest blob
    that is taken, in bytes; *open_uploads* how many uploads may be open at once; both are without
    bound unless given. *pulls* takes note of every manifest that is fetched. With *repeats*, a push
    that changes nothing is an event as well. *new_id* makes the random part of upload ids, of
    lower-case letters and digits.
    """

    __slots__ = ("_occasion", "_shared")

    def __init__(
        self,
        blobs: BlobStore,
        metadata: MetadataStore,
        *,
        sparse: bool = False,
        blob_limit: int | None = None,
        open_uploads: int | None = None,
        pulls: PullRecord | None = None,
        repeats: bool = False,
        new_id: Callable[[], str] = random_id,
    ) -> None:
        uploads = Uploads(
            blobs,
            metadata,
            blob_limit=blob_limit,
            open_uploads=open_uploads,
            repeats=repeats,
            new_id=new_id,
        )
        self._shared = Shared(
            blobs=blobs,
            metadata=metadata,
            uploads=uploads,
            pulls=pulls,
            repeats=repeats,
            sparse=sparse,
        )
        self._occasion = _NOBODY

    def repository(self, name: RepositoryName) -> LocalRepository:
        """See `Registry.repository`."""
        return LocalRepository(name, self._shared, self._occasion)

    async def repositories(
        self, *, after: RepositoryName | None = None, limit: int = 100
    ) -> Page[RepositoryName]:
        """See `Registry.repositories`."""
        return await self._shared.metadata.list_repositories(after=after, limit=limit)

    async def delete(self, name: RepositoryName) -> None:
        """See `Registry.delete`."""
        await self._shared.metadata.commit(RepositoryDeleted(name), occasion=self._occasion)

    async def holders(self, digest: Digest, *, limit: int = 100) -> Sequence[RepositoryName]:
        """See `Registry.holders`."""
        return await self._shared.metadata.holders(digest, limit=limit)

    def acting_for(self, occasion: Occasion) -> "LocalRegistry":
        """See `Registry.acting_for`."""
        # Every change passes here: the copy shares all but the occasion.
        other = LocalRegistry.__new__(LocalRegistry)
        other._shared = self._shared  # noqa: SLF001 - its own class
        other._occasion = occasion  # noqa: SLF001 - its own class
        return other
