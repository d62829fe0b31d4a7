"""A layout as a registry: one repository, and every other name is of nothing."""

from collections.abc import Sequence
from typing import NoReturn

from lading.bodies import BlobContent, Span
from lading.errors import BlobUnknown, ManifestUnknown, NameUnknown, Unsupported, UploadUnknown
from lading.interfaces.access import Occasion
from lading.interfaces.blobs import UploadId
from lading.interfaces.repository import Page, Receipt, Repository, Upload
from lading.layout.reading import LayoutReader
from lading.oci.descriptor import Descriptor
from lading.oci.digest import CANONICAL, Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Reference, RepositoryName, Tag

LAYOUT = RepositoryName("layout")
"""What the one repository of a layout is called when nobody names it."""


class LayoutRegistry:
    """A registry of the one repository that a layout is."""

    def __init__(self, repository: LayoutReader) -> None:
        self._repository = repository

    def repository(self, name: RepositoryName) -> Repository:
        """The layout's repository under its own name; under any other, one with nothing in it."""
        return self._repository if name == self._repository.name else Nothing(name)

    async def roots(self) -> Sequence[Descriptor]:
        """What the layout lists itself, each once, without what is about something else.

        When nobody said which image is meant, and there is one, it is meant.
        """
        return await self._repository.roots()

    async def known_as(self) -> Sequence[str]:
        """The names of all images in the layout, each as it can be asked for.

        That is ``HOST/NAME:TAG`` where the layout says so much, and a tag otherwise.
        """
        return await self._repository.known_as()

    async def repositories(
        self, *, after: RepositoryName | None = None, limit: int = 100
    ) -> Page[RepositoryName]:
        """See `Registry.repositories`; a layout in which nothing is has none."""
        name = self._repository.name
        try:
            await self._repository.tags()
        except NameUnknown:
            return Page([])
        found = [name] if after is None or name > after else []
        return Page(found[:limit], more=len(found) > limit)

    async def delete(self, name: RepositoryName) -> None:
        """See `Registry.delete`; the layout stays, with nothing in it.

        Raises:
            Unsupported: it is an archive.
        """
        if name != self._repository.name:
            raise NameUnknown(name)
        await self._repository.delete_all()

    async def holders(self, digest: Digest, *, limit: int = 100) -> Sequence[RepositoryName]:
        """See `Registry.holders`."""
        try:
            await self._repository.stat_blob(digest)
        except BlobUnknown:
            return []
        return [self._repository.name][:limit]

    def acting_for(self, occasion: Occasion) -> "LayoutRegistry":  # noqa: ARG002 - files have no log
        """The same registry: a layout keeps no record of who did what."""
        return self


class Nothing:
    """A repository that a layout does not have, and has no place for."""

    __slots__ = ("name",)

    def __init__(self, name: RepositoryName) -> None:
        self.name = name

    async def resolve(self, reference: Reference) -> Descriptor:
        """Nothing is here."""
        raise ManifestUnknown(reference)

    async def get_manifest(self, reference: Reference) -> Manifest:
        """Nothing is here."""
        raise ManifestUnknown(reference)

    async def stat_blob(self, digest: Digest) -> Descriptor:
        """Nothing is here."""
        raise BlobUnknown(digest)

    async def open_blob(
        self,
        digest: Digest,
        *,
        spans: Sequence[Span] = (),  # noqa: ARG002 - nothing has no parts
        url_ok: bool = False,  # noqa: ARG002 - as above
    ) -> BlobContent:
        """Nothing is here."""
        raise BlobUnknown(digest)

    async def tags(self, *, after: Tag | None = None, limit: int = 100) -> Page[Tag]:  # noqa: ARG002 - none are there
        """Nothing is here."""
        raise NameUnknown(self.name)

    async def referrers(
        self,
        subject: Digest,  # noqa: ARG002 - nothing is about it
        *,
        artifact_type: str | None = None,  # noqa: ARG002 - as above
        after: Digest | None = None,  # noqa: ARG002 - as above
    ) -> Page[Descriptor]:
        """Nothing is here."""
        return Page([])

    async def put_manifest(
        self,
        manifest: Manifest,  # noqa: ARG002 - refused whatever is asked
        *,
        tags: Sequence[Tag] = (),  # noqa: ARG002 - as above
        sparse: bool = False,  # noqa: ARG002 - as above
    ) -> Receipt:
        """Refuse."""
        self._refuse()

    async def mount_blob(self, digest: Digest, source: RepositoryName | None) -> bool:  # noqa: ARG002 - nothing is there
        """Refuse."""
        self._refuse()

    async def start_upload(
        self,
        *,
        algorithm: str = CANONICAL,  # noqa: ARG002 - refused whatever is asked
        expected: Descriptor | None = None,  # noqa: ARG002 - as above
    ) -> Upload:
        """Refuse."""
        self._refuse()

    async def resume_upload(self, upload_id: UploadId) -> Upload:
        """Nothing is here."""
        raise UploadUnknown(upload_id[:64])

    async def delete_tag(self, tag: Tag) -> None:
        """Nothing is here."""
        raise ManifestUnknown(tag)

    async def delete_manifest(self, digest: Digest) -> None:
        """Nothing is here."""
        raise ManifestUnknown(digest)

    async def delete_blob(self, digest: Digest) -> None:
        """Nothing is here."""
        raise BlobUnknown(digest)

    def _refuse(self) -> NoReturn:
        refused = Unsupported(f"{self.name}: a layout is one repository, and has no others")
        refused.advice = "Use another directory or file for another repository."
        raise refused
