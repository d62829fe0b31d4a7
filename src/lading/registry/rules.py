"""Rules for a whole registry, as wrappers around it."""

from collections.abc import Callable, Sequence
from typing import NoReturn

from lading.errors import Unsupported
from lading.interfaces.blobs import UploadId
from lading.interfaces.repository import Receipt, Registry, Repository, Upload
from lading.oci.descriptor import Descriptor
from lading.oci.digest import CANONICAL, Digest
from lading.oci.manifest import Manifest
from lading.oci.names import RepositoryName, Tag
from lading.registry.forwarding import ForwardingRegistry, ForwardingRepository


def _always() -> bool:
    return True


class ReadOnlyRegistry(ForwardingRegistry):
    """A registry that can be read and, while *when* says so, not be changed."""

    __slots__ = ("_when",)

    def __init__(self, inner: Registry, *, when: Callable[[], bool] = _always) -> None:
        super().__init__(inner)
        self._when = when

    def around(self, inner: Registry) -> "ReadOnlyRegistry":
        """The same rule for another registry."""
        return ReadOnlyRegistry(inner, when=self._when)

    def repository(self, name: RepositoryName) -> Repository:
        """The repository *name*, for reading."""
        found = self._inner.repository(name)
        return ReadOnlyRepository(found) if self._when() else found

    async def delete(self, name: RepositoryName) -> None:
        """Refuse, while nothing can be changed.

        Raises:
            Unsupported: nothing can be changed.
        """
        if self._when():
            _refuse(f"{name} cannot be deleted")
        await self._inner.delete(name)


class ReadOnlyRepository(ForwardingRepository):
    """A repository that can be read and not be changed; all that would change it is refused.

    Raises:
        Unsupported: by every method that writes.
    """

    __slots__ = ()

    async def put_manifest(
        self,
        manifest: Manifest,
        *,
        tags: Sequence[Tag] = (),  # noqa: ARG002 - refused whatever is asked
        sparse: bool = False,  # noqa: ARG002 - as above
    ) -> Receipt:
        """Refuse."""
        _refuse(f"{manifest.digest} cannot be pushed")

    async def mount_blob(
        self,
        digest: Digest,
        source: RepositoryName | None,  # noqa: ARG002 - refused whatever is asked
    ) -> bool:
        """Refuse."""
        _refuse(f"{digest} cannot be mounted")

    async def start_upload(
        self,
        *,
        algorithm: str = CANONICAL,  # noqa: ARG002 - refused whatever is asked
        expected: Descriptor | None = None,  # noqa: ARG002 - refused whatever is asked
    ) -> Upload:
        """Refuse."""
        _refuse("nothing can be uploaded")

    async def resume_upload(self, upload_id: UploadId) -> Upload:
        """Refuse."""
        _refuse(f"upload {upload_id} cannot go on")

    async def delete_tag(self, tag: Tag) -> None:
        """Refuse."""
        _refuse(f"{tag} cannot be deleted")

    async def delete_manifest(self, digest: Digest) -> None:
        """Refuse."""
        _refuse(f"{digest} cannot be deleted")

    async def delete_blob(self, digest: Digest) -> None:
        """Refuse."""
        _refuse(f"{digest} cannot be deleted")


class KeepingRegistry(ForwardingRegistry):
    """A registry that nothing is deleted from."""

    __slots__ = ()

    def repository(self, name: RepositoryName) -> "KeepingRepository":
        """The repository *name*, in which nothing is deleted."""
        return KeepingRepository(self._inner.repository(name))

    async def delete(self, name: RepositoryName) -> None:
        """Refuse.

        Raises:
            Unsupported: always.
        """
        _keep(name)


class KeepingRepository(ForwardingRepository):
    """A repository that nothing is deleted from; uploads can be given up.

    Raises:
        Unsupported: by every method that deletes.
    """

    __slots__ = ()

    async def delete_tag(self, tag: Tag) -> None:
        """Refuse."""
        _keep(tag)

    async def delete_manifest(self, digest: Digest) -> None:
        """Refuse."""
        _keep(digest)

    async def delete_blob(self, digest: Digest) -> None:
        """Refuse."""
        _keep(digest)


def _keep(what: object) -> NoReturn:
    raise Unsupported(f"{what} cannot be deleted: this registry keeps what it has")


def _refuse(what: str) -> NoReturn:
    raise Unsupported(f"{what}: this registry is read-only; use one that takes writes")
