"""A registry as one caller may see it.

The guard asks the policy before every step and tells apart who is not known yet (`Unauthorized`)
from who may not (`Denied`). It never says more than the caller may know: what they may not pull
is not listed, and is not a place to mount from.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

from lading.bodies import BlobContent, Span
from lading.errors import Denied, RegistryError, Unauthorized
from lading.interfaces.access import Action, Occasion, Policy, Principal
from lading.interfaces.blobs import UploadId
from lading.interfaces.repository import Page, Receipt, Registry, Repository, Upload
from lading.oci.descriptor import Descriptor
from lading.oci.digest import CANONICAL, Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Reference, RepositoryName, Tag
from lading.registry.forwarding import ForwardingRegistry, ForwardingRepository

_READERS = 128
"""For how many principals what they read by is kept."""

_SCANNED = 1000
"""How many names are asked for at once when some had to be left out of the first page."""

_CANDIDATES = 100
"""How many places to mount from are looked at for one that the caller may pull from."""


def guarded(inner: Registry, policy: Policy) -> Callable[[Occasion], Registry]:
    """*inner* as *policy* lets it be used, for each occasion.

    Occasions without facts are those of reading, where the same principals come again and again:
    what they were given is kept for them. The policy is asked at every step all the same.
    """

    @lru_cache(_READERS)
    def reading(principal: Principal) -> GuardedRegistry:
        return GuardedRegistry(inner, policy, Occasion(principal))

    def admit(occasion: Occasion) -> GuardedRegistry:
        if not occasion.facts:
            return reading(occasion.principal)
        return GuardedRegistry(inner, policy, occasion)

    return admit


class GuardedRegistry(ForwardingRegistry):
    """What *policy* lets the principal of *occasion* do with *inner*."""

    __slots__ = ("_policy", "_principal")

    def __init__(self, inner: Registry, policy: Policy, occasion: Occasion) -> None:
        self._inner = inner.acting_for(occasion)
        self._policy = policy
        self._principal = occasion.principal

    def repository(self, name: RepositoryName) -> "GuardedRepository":
        """The repository *name*, guarded; whether anything is allowed there shows on use."""
        return GuardedRepository(self._inner.repository(name), self)

    async def repositories(
        self, *, after: RepositoryName | None = None, limit: int = 100
    ) -> Page[RepositoryName]:
        """Names of the repositories that the caller may pull from, in byte order.

        Rights that came along say by themselves that the whole list may be read.

        Raises:
            Denied, Unauthorized: the caller may not list repositories.
        """
        self.require(Action.PULL, None)
        if self._principal.rights is not None:
            return await self._inner.repositories(after=after, limit=limit)
        found: list[RepositoryName] = []
        more, wanted = True, limit + 1
        # One more than was asked for is looked for, so that `more` is about what the caller may
        # see, and a page that is left with nothing never ends the list.
        while more and len(found) <= limit:
            page = await self._inner.repositories(after=after, limit=wanted)
            found += [name for name in page.items if self.allows(Action.PULL, name)]
            more = page.more and len(page.items) > 0
            after = page.items[-1] if page.items else after
            wanted = max(wanted, _SCANNED)
        return Page(found[:limit], more=len(found) > limit > 0)

    async def delete(self, name: RepositoryName) -> None:
        """End a repository.

        Raises:
            Denied, Unauthorized: the caller may not.
            NameUnknown: there is none of that name.
        """
        self.require(Action.DELETE, name)
        await self._inner.delete(name)

    async def holders(self, digest: Digest, *, limit: int = 100) -> Sequence[RepositoryName]:
        """Repositories in which the blob is readable to the caller, among the first *limit*."""
        found = await self._inner.holders(digest, limit=limit)
        return [name for name in found if self.allows(Action.PULL, name)]

    def acting_for(self, occasion: Occasion) -> "GuardedRegistry":
        """The same registry as somebody else may see it."""
        return GuardedRegistry(self._inner, self._policy, occasion)

    def allows(self, action: Action, name: RepositoryName) -> bool:
        """Whether the caller may do *action* in repository *name*."""
        return self._policy.allows(self._principal, action, name)

    def require(self, action: Action, name: RepositoryName | None) -> None:
        """Pass if the caller may do *action* in *name*, or to the registry as a whole.

        Raises:
            Unauthorized: they may not, and it is not known who they are.
            Denied: they may not.
        """
        if not self._policy.allows(self._principal, action, name):
            raise _refusal(self._principal, action, name)


class GuardedRepository(ForwardingRepository):
    """A repository as one caller may use it."""

    __slots__ = ("_guard", "_name")

    def __init__(self, inner: Repository, guard: GuardedRegistry) -> None:
        self._inner = inner
        self._guard = guard
        self._name = inner.name

    async def resolve(self, reference: Reference) -> Descriptor:
        """See `ContentSource.resolve`; needs pull."""
        self._guard.require(Action.PULL, self._name)
        return await self._inner.resolve(reference)

    async def get_manifest(self, reference: Reference) -> Manifest:
        """See `ContentSource.get_manifest`; needs pull."""
        self._guard.require(Action.PULL, self._name)
        return await self._inner.get_manifest(reference)

    async def stat_blob(self, digest: Digest) -> Descriptor:
        """See `ContentSource.stat_blob`; needs pull."""
        self._guard.require(Action.PULL, self._name)
        return await self._inner.stat_blob(digest)

    async def open_blob(
        self, digest: Digest, *, spans: Sequence[Span] = (), url_ok: bool = False
    ) -> BlobContent:
        """See `ContentSource.open_blob`; needs pull."""
        self._guard.require(Action.PULL, self._name)
        return await self._inner.open_blob(digest, spans=spans, url_ok=url_ok)

    async def put_manifest(
        self, manifest: Manifest, *, tags: Sequence[Tag] = (), sparse: bool = False
    ) -> Receipt:
        """See `ContentTarget.put_manifest`; needs push."""
        self._guard.require(Action.PUSH, self._name)
        return await self._inner.put_manifest(manifest, tags=tags, sparse=sparse)

    async def mount_blob(self, digest: Digest, source: RepositoryName | None) -> bool:
        """See `ContentTarget.mount_blob`; needs push here, and pull where the blob comes from.

        A source that the caller may not pull from is no error but ``False``: clients go on with an
        upload after that, and fail after anything else (trap T31).
        """
        self._guard.require(Action.PUSH, self._name)
        if source is not None:
            candidates: Sequence[RepositoryName] = (source,)
        else:
            candidates = await self._guard.holders(digest, limit=_CANDIDATES)
        # The blob may be here already, which is also something only who may pull is told.
        for each in (*candidates, self._name):
            if self._guard.allows(Action.PULL, each):
                return await self._inner.mount_blob(digest, each)
        return False

    async def start_upload(
        self, *, algorithm: str = CANONICAL, expected: Descriptor | None = None
    ) -> Upload:
        """See `ContentTarget.start_upload`; needs push."""
        self._guard.require(Action.PUSH, self._name)
        return await self._inner.start_upload(algorithm=algorithm, expected=expected)

    async def resume_upload(self, upload_id: UploadId) -> Upload:
        """See `ContentTarget.resume_upload`; needs push, also to cancel it (trap T49)."""
        self._guard.require(Action.PUSH, self._name)
        return await self._inner.resume_upload(upload_id)

    async def tags(self, *, after: Tag | None = None, limit: int = 100) -> Page[Tag]:
        """See `ContentIndex.tags`; needs pull."""
        self._guard.require(Action.PULL, self._name)
        return await self._inner.tags(after=after, limit=limit)

    async def referrers(
        self, subject: Digest, *, artifact_type: str | None = None, after: Digest | None = None
    ) -> Page[Descriptor]:
        """See `ContentIndex.referrers`; needs pull."""
        self._guard.require(Action.PULL, self._name)
        return await self._inner.referrers(subject, artifact_type=artifact_type, after=after)

    async def delete_tag(self, tag: Tag) -> None:
        """See `Curation.delete_tag`; needs delete."""
        self._guard.require(Action.DELETE, self._name)
        await self._inner.delete_tag(tag)

    async def delete_manifest(self, digest: Digest) -> None:
        """See `Curation.delete_manifest`; needs delete."""
        self._guard.require(Action.DELETE, self._name)
        await self._inner.delete_manifest(digest)

    async def delete_blob(self, digest: Digest) -> None:
        """See `Curation.delete_blob`; needs delete."""
        self._guard.require(Action.DELETE, self._name)
        await self._inner.delete_blob(digest)


def _refusal(principal: Principal, action: Action, name: RepositoryName | None) -> RegistryError:
    scope = "registry:catalog:*" if name is None else f"repository:{name}:{action.value}"
    subject = f"{action.value} {name or 'the list of repositories'}"
    if principal.rights is not None:
        # They may come back with more rights, and clients ask for those after this only.
        return Unauthorized(subject, scope=scope, reason="insufficient_scope")
    if not principal.name:
        return Unauthorized(subject, scope=scope)
    return Denied(f"{principal} may not {subject}", scope=scope)
