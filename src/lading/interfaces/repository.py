"""The one shape of a repository, wherever it lives, in four roles.

Algorithms ask for the narrowest role. There are no optional methods: what a repository cannot do,
it answers with `Unsupported`. Nobody returns ``None`` for "not found".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

from lading.bodies import BlobContent, Inbound, Span
from lading.interfaces.access import Occasion
from lading.interfaces.blobs import UploadId
from lading.oci.descriptor import Descriptor
from lading.oci.digest import CANONICAL, Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Reference, RepositoryName, Tag

Item_co = TypeVar("Item_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Page(Generic[Item_co]):
    """Part of a list; when there is *more*, go on after the last of *items*."""

    items: Sequence[Item_co]
    more: bool = False


class Receipt(NamedTuple):
    """What became of a manifest that was put."""

    descriptor: Descriptor
    subject: Digest | None = None
    tags: tuple[Tag, ...] = ()


class Upload(Protocol):
    """A blob on its way into a repository; lives until it is committed, cancelled or expires."""

    @property
    def id(self) -> UploadId:
        """The name by which `ContentTarget.resume_upload` finds it again."""
        ...

    @property
    def offset(self) -> int:
        """How many bytes it has."""
        ...

    async def write(self, body: Inbound, *, at: int | None = None) -> int:
        """Append *body*, which begins at *at* if the caller knows; return the new offset.

        Raises:
            UploadOutOfOrder: the upload stands elsewhere than *at*, or someone else is writing.
            UploadTooLarge: the blob would be longer than this registry takes; what fits may stay.
            UploadUnknown: the upload is over.
            BodyIncomplete: the sender went away; what arrived stays.
            StorageFailed: the bytes could not be kept.
        """
        ...

    async def commit(self, digest: Digest, last: Inbound | None = None) -> Descriptor:
        """Publish the blob in the repository. On return it is durable and readable in full.

        The *last* bytes are appended before that, which takes fewer steps than to `write` them.

        Raises:
            DigestInvalid: the bytes have another digest, and the upload is over; or it is of an
                algorithm that cannot be checked here, and nothing happened.
            UploadOutOfOrder: someone else is writing to it.
            UploadUnknown: the upload is over.
            UploadTooLarge, BodyIncomplete: as `write`; the upload lives.
            StorageFailed: it could not be made durable; nothing was published.
        """
        ...

    async def cancel(self) -> None:
        """Forget the upload and everything written; nothing is left to forget once it is over."""
        ...

    async def aclose(self) -> None:
        """Let go of it, and leave it open to be resumed."""
        ...


@runtime_checkable
class Vouching(Protocol):
    """An upload whose keeper is not always known to have checked the bytes."""

    @property
    def vouched(self) -> bool:
        """Whether the keeper itself named the digest of what was committed."""
        ...


@runtime_checkable
class Spared(Protocol):
    """An upload that may be over before it began, since its keeper had the content elsewhere."""

    @property
    def mounted(self) -> bool:
        """Whether the content is readable in the repository already, and no bytes are taken."""
        ...


@runtime_checkable
class Strict(Protocol):
    """A repository that can say whether it holds whole images only."""

    async def refuses_sparse(self) -> bool:
        """Whether a manifest that is here proves that everything it names is here as well."""
        ...


class ContentSource(Protocol):
    """Reading."""

    async def resolve(self, reference: Reference) -> Descriptor:
        """What *reference* names now.

        Raises:
            ManifestUnknown: nothing.
        """
        ...

    async def get_manifest(self, reference: Reference) -> Manifest:
        """The manifest that *reference* names now.

        Raises:
            ManifestUnknown: there is none.
        """
        ...

    async def stat_blob(self, digest: Digest) -> Descriptor:
        """Whether the blob is here, and how long it is. It stays for a while after that is said.

        Raises:
            BlobUnknown: it is not in this repository.
        """
        ...

    async def open_blob(
        self, digest: Digest, *, spans: Sequence[Span] = (), url_ok: bool = False
    ) -> BlobContent:
        """The content of a blob, or parts of it; whoever gets it closes it.

        Raises:
            BlobUnknown: it is not in this repository.
            RangeUnsatisfiable: none of *spans* lies within it.
            StorageDamaged: its bytes are missing, or are not as many as were published.
        """
        ...


class ContentTarget(Protocol):
    """Writing."""

    async def put_manifest(
        self, manifest: Manifest, *, tags: Sequence[Tag] = (), sparse: bool = False
    ) -> Receipt:
        """Store *manifest*, and let *tags* name it. All or nothing; on return it is durable.

        With *sparse*, what it names may be missing.

        Raises:
            ManifestBlobUnknown: what it names is not in this repository.
        """
        ...

    async def mount_blob(self, digest: Digest, source: RepositoryName | None) -> bool:
        """Make a blob of *source* readable here; ``False`` when that cannot be done.

        Without a *source*, from any repository that the caller may pull from.
        """
        ...

    async def start_upload(
        self, *, algorithm: str = CANONICAL, expected: Descriptor | None = None
    ) -> Upload:
        """Begin to upload a blob; *algorithm* is a guess at what its digest will be made with.

        Whoever already knows what will come says so by *expected*: a repository at the other end
        of a connection then takes the whole body in one request, and may have published it when
        `Upload.write` returns. What it has in another repository it may publish at once
        (`Spared`): then `Upload.write` takes nothing of the body, and `Upload.commit` does nothing.

        Raises:
            DigestInvalid: no content can be stored under that algorithm.
            TooManyRequests: as many uploads are open as are allowed.
        """
        ...

    async def resume_upload(self, upload_id: UploadId) -> Upload:
        """Go on with an upload to this repository.

        Raises:
            UploadUnknown: there is none of that id here.
        """
        ...


class ContentIndex(Protocol):
    """Finding."""

    async def tags(self, *, after: Tag | None = None, limit: int = 100) -> Page[Tag]:
        """Tags in byte order, beginning after *after*, which need not exist (R46, R49).

        Raises:
            NameUnknown: there is no such repository.
        """
        ...

    async def referrers(
        self, subject: Digest, *, artifact_type: str | None = None, after: Digest | None = None
    ) -> Page[Descriptor]:
        """Manifests about *subject*; a page closes near 4 MiB (R50 to R53). Never an error."""
        ...


class Curation(Protocol):
    """Removing."""

    async def delete_tag(self, tag: Tag) -> None:
        """End *tag*; the manifest stays.

        Raises:
            ManifestUnknown: there is no such tag.
        """
        ...

    async def delete_manifest(self, digest: Digest) -> None:
        """End the manifest and every tag that names it (R58).

        Raises:
            ManifestUnknown: there is no such manifest.
        """
        ...

    async def delete_blob(self, digest: Digest) -> None:
        """Make the blob unreadable in this repository; other repositories keep it.

        Raises:
            BlobUnknown: it is not in this repository.
            BlobInUse: a manifest of this repository names it.
        """
        ...


class Repository(ContentSource, ContentTarget, ContentIndex, Curation, Protocol):
    """All of it: what can be done with a repository."""

    @property
    def name(self) -> RepositoryName:
        """What it is called."""
        ...


class Registry(Protocol):
    """Repositories by name."""

    def repository(self, name: RepositoryName) -> Repository:
        """The repository *name*; cheap, without I/O, and whether or not it exists."""
        ...

    async def repositories(
        self, *, after: RepositoryName | None = None, limit: int = 100
    ) -> Page[RepositoryName]:
        """Repositories that have had a manifest, in byte order.

        They begin after *after*, which need not exist.
        """
        ...

    async def delete(self, name: RepositoryName) -> None:
        """End a repository with all its tags and manifests.

        Raises:
            NameUnknown: there is none of that name.
        """
        ...

    async def holders(self, digest: Digest, *, limit: int = 100) -> Sequence[RepositoryName]:
        """Up to *limit* repositories in which the blob is readable."""
        ...

    def acting_for(self, occasion: Occasion) -> "Registry":
        """The same registry, remembering who asks; every wrapper forwards it."""
        ...
