"""Ways to registries at the other end of a connection, for the tests of the contract."""

from collections.abc import Sequence
from uuid import uuid4

import pytest

from lading.client.asking.exchange import Exchange
from lading.client.connections.transport import Transport
from lading.client.hosts.host import Host
from lading.client.logins.credentials import NoKeyring
from lading.client.registry import RemoteRegistry
from lading.errors import ManifestBlobUnknown, Unsupported
from lading.interfaces.access import Occasion
from lading.interfaces.repository import Page, Registry, Repository
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName, Tag
from lading.registry.forwarding import ForwardingRepository
from lading.testing import samples
from lading.testing.repository import RepositoryContract


def remote(transport: Transport, url: str) -> RemoteRegistry:
    """The registry at *url*."""
    return RemoteRegistry(Exchange(Host.at(url), transport, NoKeyring()))


class RemoteContract(RepositoryContract):
    """The contract, with the two promises for which the protocol has no words turned round."""

    async def test_sparse_manifest_is_taken_when_asked_for(self, repository: Repository) -> None:
        """Whether content may be missing, a registry decides for itself, and is not told."""
        with pytest.raises(ManifestBlobUnknown):
            await repository.put_manifest(samples.image().manifest, tags=[Tag("v1")], sparse=True)

    async def test_holders_of_a_blob_are_found(
        self, registry: Registry, repository: Repository, other: Repository
    ) -> None:
        """No registry tells in which of its repositories a blob is."""
        for place in (repository, other):
            pushed = await samples.put_blob(place, b"shared")

        with pytest.raises(Unsupported):
            await registry.holders(pushed.digest)


def apart(registry: RemoteRegistry) -> Registry:
    """A registry of its own, and empty, on a server that several tests share."""
    return _Apart(registry, uuid4().hex)


class _Apart:
    """A registry of its own on a server that is shared: all names stand below *place*."""

    def __init__(self, inner: RemoteRegistry, place: str) -> None:
        self._inner = inner
        self._place = place

    def there(self, name: RepositoryName) -> RepositoryName:
        """What *name* is called on the server."""
        return RepositoryName(f"{self._place}/{name}")

    def repository(self, name: RepositoryName) -> Repository:
        return _Renamed(self._inner.repository(self.there(name)), self, name)

    async def repositories(
        self, *, after: RepositoryName | None = None, limit: int = 100
    ) -> Page[RepositoryName]:
        # What others have made begins with other places, and all of it comes before or after.
        start = RepositoryName(f"{self._place}/{after}" if after else self._place)
        page = await self._inner.repositories(after=start, limit=limit)
        mine = [each for each in page.items if each.startswith(f"{self._place}/")]
        names = [RepositoryName(each.removeprefix(f"{self._place}/")) for each in mine]
        return Page(names, more=page.more and len(mine) == len(page.items))

    async def delete(self, name: RepositoryName) -> None:
        await self._inner.delete(self.there(name))

    async def holders(self, digest: Digest, *, limit: int = 100) -> Sequence[RepositoryName]:
        return await self._inner.holders(digest, limit=limit)

    def acting_for(self, occasion: Occasion) -> "_Apart":
        return _Apart(self._inner.acting_for(occasion), self._place)


class _Renamed(ForwardingRepository):
    """A repository under the name that it has among its own."""

    def __init__(self, inner: Repository, registry: _Apart, name: RepositoryName) -> None:
        self._inner = inner
        self._registry = registry
        self._name = name

    @property
    def name(self) -> RepositoryName:
        return self._name

    async def mount_blob(self, digest: Digest, source: RepositoryName | None) -> bool:
        there = self._registry.there(source) if source is not None else None
        return await self._inner.mount_blob(digest, there)
