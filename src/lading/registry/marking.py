"""Telling what a collection keeps, a page at a time."""

from lading.content.pages import every
from lading.interfaces.metadata import MetadataStore
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName
from lading.registry.collected import Mark, Marker

_REPOSITORIES = 1000
_MANIFESTS = 100


async def mark(metadata: MetadataStore, marker: Marker) -> None:
    """Tell *marker* of all repositories, their manifests, and once of each thing that those name.

    Raises:
        StorageFailed: the metadata store let us down.
    """
    repositories = every(lambda after: metadata.list_repositories(after=after, limit=_REPOSITORIES))
    async for repository in repositories:
        marker(Mark(repository))
        await _mark(metadata, repository, marker)


async def _mark(metadata: MetadataStore, repository: RepositoryName, marker: Marker) -> None:
    after: Digest | None = None
    while page := await metadata.marked(repository, after=after, limit=_MANIFESTS):
        for manifest, first_named in page:
            marker(Mark(repository, manifest))
            for blob in first_named:
                marker(Mark(repository, manifest, blob))
            after = manifest
