"""Repositories out of layouts: reading and finding; all that would change one is refused."""

from collections.abc import Sequence
from typing import NoReturn

from lading.bodies import BlobContent, Span
from lading.errors import BlobUnknown, ManifestUnknown, NameUnknown, Unsupported
from lading.interfaces.blobs import UploadId
from lading.interfaces.repository import Page, Receipt, Upload
from lading.layout.catalogue import Catalogue, Reader, Shelf
from lading.layout.index import Index
from lading.layout.workers import Workers
from lading.oci.descriptor import Descriptor, encoded
from lading.oci.digest import CANONICAL, Digest
from lading.oci.manifest import Manifest
from lading.oci.media_types import OCTETS
from lading.oci.names import Reference, RepositoryName, Tag

_PAGE = 4 << 20
"""Bytes of JSON after which a page of referrers is closed (R50)."""


class LayoutReader:
    """The one repository of a layout that can be read and not be changed."""

    def __init__(self, name: RepositoryName, shelf: Shelf, workers: Workers) -> None:
        self.name = name
        self._shelf = shelf
        self._workers = workers
        self._reader = Reader(shelf)

    async def resolve(self, reference: Reference) -> Descriptor:
        """See `ContentSource.resolve`."""
        return (await self.get_manifest(reference)).descriptor

    async def get_manifest(self, reference: Reference) -> Manifest:
        """See `ContentSource.get_manifest`.

        Raises:
            LayoutInvalid: the bytes have another digest.
            ManifestInvalid: it is listed, and is no manifest.
        """
        return await self._workers.run(self._get, reference)

    def _get(self, reference: Reference) -> Manifest:
        index, catalogue = self._reader.current()
        if isinstance(reference, Digest):
            digest, said = reference, _said(index, reference)
        else:
            entry = index.find(reference)
            digest, said = entry.digest, entry.media_type
        known = catalogue.manifests.get(digest)
        if known is not None:
            said = known.descriptor.media_type
        elif said is None:
            raise _unknown(reference)
        found = self._reader.manifest(digest, said)
        if found is None:
            named = "" if digest == reference else f"{reference} names "
            raise ManifestUnknown(f"{named}{digest}, which is listed and not there")
        return found

    async def stat_blob(self, digest: Digest) -> Descriptor:
        """See `ContentSource.stat_blob`."""
        size = await self._workers.run(self._shelf.size, digest)
        if size is None:
            raise BlobUnknown(digest)
        return Descriptor(OCTETS, digest, size)

    async def open_blob(
        self,
        digest: Digest,
        *,
        spans: Sequence[Span] = (),
        url_ok: bool = False,  # noqa: ARG002 - files have no URLs
    ) -> BlobContent:
        """See `ContentSource.open_blob`."""
        return await self._workers.run(self._shelf.open, digest, spans)

    async def tags(self, *, after: Tag | None = None, limit: int = 100) -> Page[Tag]:
        """See `ContentIndex.tags`."""
        index, _ = await self._workers.run(self._reader.current)
        if not index.entries:
            raise NameUnknown(self.name)
        found = [tag for tag in index.tags() if after is None or tag > after]
        return Page(found[:limit], more=len(found) > limit)

    async def referrers(
        self, subject: Digest, *, artifact_type: str | None = None, after: Digest | None = None
    ) -> Page[Descriptor]:
        """See `ContentIndex.referrers`: of all manifests here, whatever lists them."""
        _, catalogue = await self._workers.run(self._reader.current)
        items: list[Descriptor] = []
        room = _PAGE
        for each in catalogue.referrers(subject):
            if artifact_type is not None and each.artifact_type != artifact_type:
                continue
            if after is not None and str(each.digest) <= str(after):
                continue
            if room <= 0:
                return Page(items, more=True)
            items.append(each)
            room -= len(encoded(each.as_json()))
        return Page(items)

    async def roots(self) -> Sequence[Descriptor]:
        """What the layout lists itself, each once, without what is about something else."""
        index, catalogue = await self._workers.run(self._reader.current)
        return _roots(index, catalogue)

    async def known_as(self) -> Sequence[str]:
        """The names of all images, each as it can be asked for."""
        index, _ = await self._workers.run(self._reader.current)
        return index.known_as()

    async def refuses_sparse(self) -> bool:
        """See `Strict`: whether all that the manifests here name is here, which is looked up.

        A layout may be incomplete by the spec, so that it was found whole says nothing about
        what others will do to it.
        """
        return not await self._workers.run(self._incomplete)

    def _incomplete(self) -> bool:
        _, catalogue = self._reader.current()
        return catalogue.missing(self._shelf)

    async def put_manifest(
        self,
        manifest: Manifest,
        *,
        tags: Sequence[Tag] = (),  # noqa: ARG002 - refused whatever is asked
        sparse: bool = False,  # noqa: ARG002 - as above
    ) -> Receipt:
        """Refuse."""
        self._refuse(f"{manifest.digest} cannot be put")

    async def mount_blob(
        self,
        digest: Digest,
        source: RepositoryName | None,  # noqa: ARG002 - there is no other repository
    ) -> bool:
        """Whether the blob is here; from elsewhere nothing can be mounted."""
        return await self._workers.run(self._shelf.size, digest) is not None

    async def start_upload(
        self,
        *,
        algorithm: str = CANONICAL,  # noqa: ARG002 - refused whatever is asked
        expected: Descriptor | None = None,  # noqa: ARG002 - as above
    ) -> Upload:
        """Refuse."""
        self._refuse("nothing can be uploaded")

    async def resume_upload(self, upload_id: UploadId) -> Upload:
        """Refuse."""
        self._refuse(f"upload {upload_id[:64]} cannot go on")

    async def delete_tag(self, tag: Tag) -> None:
        """Refuse."""
        self._refuse(f"{tag} cannot be deleted")

    async def delete_manifest(self, digest: Digest) -> None:
        """Refuse."""
        self._refuse(f"{digest} cannot be deleted")

    async def delete_blob(self, digest: Digest) -> None:
        """Refuse."""
        self._refuse(f"{digest} cannot be deleted")

    async def delete_all(self) -> None:
        """Refuse."""
        self._refuse("the layout cannot be deleted")

    def _refuse(self, what: str) -> NoReturn:
        refused = Unsupported(f"{what}: archives are not changed in place")
        refused.advice = "Write a new archive, or unpack this one and use the directory."
        raise refused


def _unknown(reference: Reference) -> ManifestUnknown:
    unknown = ManifestUnknown(reference)
    if isinstance(reference, Digest):
        unknown.advice = (
            "Of an index, a layout may hold some images only, such as those that were pulled: "
            "choose what it holds with --platform."
        )
    return unknown


def _said(index: Index, digest: Digest) -> str | None:
    for entry in index.entries:
        if entry.digest == digest:
            return entry.media_type
    return None


def _roots(index: Index, catalogue: Catalogue) -> Sequence[Descriptor]:
    listed = dict.fromkeys(entry.digest for entry in index.entries)
    known = [catalogue.manifests[each] for each in listed if each in catalogue.manifests]
    return [each.descriptor for each in known if each.subject is None]
