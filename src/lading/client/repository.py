"""A repository at the other end of a connection, in the shape of those that are here."""

from collections.abc import Sequence

from lading.bodies import Span, Stream
from lading.client import downloads, listing, manifests, referrers, sessions
from lading.client.asking.exchange import Call
from lading.client.remote import Remote, deleting, missing, pulling, refusing
from lading.client.uploads import RemoteUpload
from lading.errors import BlobUnknown, NameUnknown
from lading.interfaces.blobs import UploadId
from lading.interfaces.repository import Page, Receipt, Upload
from lading.oci.descriptor import Descriptor
from lading.oci.digest import CANONICAL, Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Reference, RepositoryName, Tag
from lading.wire import routes
from lading.wire.routes import Route


class RemoteRepository:
    """The repository *name* of a registry.

    Every method can also raise `UpstreamFailed` when the registry keeps failing, and
    `Unauthorized` or `Denied` when it does not let us.
    """

    def __init__(self, remote: Remote, name: RepositoryName) -> None:
        self._remote = remote
        self._name = name

    @property
    def name(self) -> RepositoryName:
        """What it is called there."""
        return self._name

    async def resolve(self, reference: Reference) -> Descriptor:
        """What *reference* names now; see `ContentSource.resolve`."""
        return await manifests.resolve(self._remote, self._name, reference)

    async def get_manifest(self, reference: Reference) -> Manifest:
        """The manifest, hashed; see `ContentSource.get_manifest`.

        Raises:
            DigestInvalid: what came is not what was asked for.
            ManifestInvalid: it is no manifest that can be trusted.
        """
        return await manifests.get(self._remote, self._name, reference)

    async def stat_blob(self, digest: Digest) -> Descriptor:
        """Whether the blob is there, and how long it is; see `ContentSource.stat_blob`."""
        return await downloads.stat(self._remote, self._name, digest)

    async def open_blob(
        self,
        digest: Digest,
        *,
        spans: Sequence[Span] = (),
        url_ok: bool = False,  # noqa: ARG002 - the interface
    ) -> Stream:
        """The content of a blob; see `ContentSource.open_blob`. Only the whole is verified.

        Its ``blocks()`` raise `DigestInvalid` before the last block of anything else is given.
        """
        return await downloads.open_blob(self._remote, self._name, digest, spans)

    async def put_manifest(
        self,
        manifest: Manifest,
        *,
        tags: Sequence[Tag] = (),
        sparse: bool = False,  # noqa: ARG002 - the protocol has no word for it
    ) -> Receipt:
        """Store *manifest*; see `ContentTarget.put_manifest`.

        Whether it may be *sparse*, the registry alone decides. Where the registry does not list
        referrers, they are listed under the tag of the subject.
        """
        answer = await manifests.put(self._remote, self._name, manifest, tags)
        await referrers.added(self._remote, self._name, manifest, answer)
        return Receipt(manifest.descriptor, manifest.subject, tuple(dict.fromkeys(tags)))

    async def mount_blob(self, digest: Digest, source: RepositoryName | None) -> bool:
        """Make a blob readable here without its bytes; see `ContentTarget.mount_blob`."""
        return await sessions.mount(self._remote, self._name, digest, source)

    async def start_upload(
        self, *, algorithm: str = CANONICAL, expected: Descriptor | None = None
    ) -> Upload:
        """Begin to upload a blob; see `ContentTarget.start_upload`."""
        return await sessions.start(self._remote, self._name, algorithm, expected)

    async def resume_upload(self, upload_id: UploadId) -> RemoteUpload:
        """Go on with an upload; see `ContentTarget.resume_upload`."""
        return await sessions.resume(self._remote, self._name, upload_id)

    async def tags(self, *, after: Tag | None = None, limit: int = 100) -> Page[Tag]:
        """Tags, in the order of the registry; see `ContentIndex.tags`."""
        path = routes.path(Route.TAGS, self._name)
        with missing(NameUnknown, self._name):
            found = await listing.listed(
                self._remote, path, "tags", pulling(self._name), after=after, limit=limit
            )
        return Page([Tag(each) for each in found.items], found.more)

    async def referrers(
        self, subject: Digest, *, artifact_type: str | None = None, after: Digest | None = None
    ) -> Page[Descriptor]:
        """Manifests about *subject*, by the API and by its fallback tag, each once."""
        return await referrers.listed(self._remote, self._name, subject, artifact_type, after)

    async def delete_tag(self, tag: Tag) -> None:
        """End *tag* and nothing else; see `Curation.delete_tag`.

        Raises:
            Unsupported: the registry cannot do that without deleting the manifest.
        """
        await manifests.delete(self._remote, self._name, tag)

    async def delete_manifest(self, digest: Digest) -> None:
        """End the manifest and its tags; see `Curation.delete_manifest`.

        Raises:
            Unsupported: the registry does not delete manifests.
        """
        about = None
        if self._remote.learned.referrers is not True:
            # Once it is gone, nobody can tell whose list it has to be taken out of.
            about = await manifests.get(self._remote, self._name, digest)
        await manifests.delete(self._remote, self._name, digest)
        if about is not None:
            await referrers.removed(self._remote, self._name, about)

    async def delete_blob(self, digest: Digest) -> None:
        """Make the blob unreadable here; see `Curation.delete_blob`.

        Raises:
            Unsupported: the registry does not delete blobs.
        """
        call = Call(
            method="DELETE",
            path=routes.path(Route.BLOB, self._name, str(digest)),
            scopes=deleting(self._name),
            expect=frozenset({200, 202, 204}),
        )
        with missing(BlobUnknown, digest), refusing("this registry does not delete blobs"):
            await (await self._remote.exchange.send(call)).aclose()

    async def refuses_sparse(self) -> bool:
        """Whether it is known to hold whole images only: no registry says so (`Strict`)."""
        return False
