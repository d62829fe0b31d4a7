"""An upload that was over before it began: the registry had the blob, and mounted it."""

from lading.bodies import Inbound
from lading.client.locations import id_at
from lading.errors import DigestInvalid, UploadUnknown
from lading.interfaces.blobs import UploadId
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName


class MountedUpload:
    """The upload of *published* to repository *name* (an `Upload`, `Vouching` and `Spared`).

    The registry answered from *url* that the blob is readable there.
    """

    mounted = True
    vouched = True

    def __init__(self, url: str, name: RepositoryName, published: Descriptor) -> None:
        self._published = published
        self._over = False
        self.id: UploadId = id_at(url, name)

    @property
    def offset(self) -> int:
        """All of it is there."""
        return self._published.size

    async def write(
        self,
        body: Inbound,  # noqa: ARG002 - the interface
        *,
        at: int | None = None,  # noqa: ARG002 - the interface
    ) -> int:
        """Take nothing, since all is there; see `Upload.write`."""
        if self._over:
            raise UploadUnknown(self.id)
        return self.offset

    async def commit(self, digest: Digest, last: Inbound | None = None) -> Descriptor:  # noqa: ARG002 - the interface
        """What was published; see `Upload.commit`."""
        if self._over:
            raise UploadUnknown(self.id)
        if digest != self._published.digest:
            raise DigestInvalid(f"{digest} was named, {self._published.digest} was mounted")
        self._over = True
        return self._published

    async def cancel(self) -> None:
        """Nothing is left to forget; the repository keeps the blob."""
        self._over = True

    async def aclose(self) -> None:
        """Let go of it."""
        self._over = True
