"""A registry with something of everything on it, for commands that talk to one."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lading.app.stand_in import StandIn
from lading.content.artifacts import FileToPush, push
from lading.interfaces.repository import Registry, Repository
from lading.oci import media_types
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import RepositoryName, Tag
from lading.testing import samples

AMD64 = samples.image("amd64")
OLD = samples.image("old")
SBOM = samples.artifact(AMD64.manifest, artifact_type="application/spdx+json")
SIGNATURE = samples.artifact(SBOM, artifact_type="application/vnd.example.signature")


def _arm64() -> samples.Image:
    config = json.dumps({"architecture": "arm64", "os": "linux"}).encode()
    layer = samples.layer("arm64")
    manifest = samples.image_manifest(
        config=samples.described(config, media_types.OCI_CONFIG),
        layers=[samples.described(layer, media_types.OCI_LAYER_GZIP)],
    )
    return samples.Image(manifest, (config, layer))


ARM64 = _arm64()
UNUSED = samples.blob(seed="unused")


def _multi() -> Manifest:
    entries = []
    for image, architecture in ((AMD64, "amd64"), (ARM64, "arm64")):
        entry = image.manifest.descriptor.as_json()
        entries.append(entry | {"platform": {"os": "linux", "architecture": architecture}})
    document = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": entries}
    return Manifest.verified(json.dumps(document).encode(), None)


MULTI = _multi()


@dataclass
class Shelf:
    """What is in the registry, and where it is."""

    stand_in: StandIn
    host: str

    @property
    def app(self) -> str:
        """The repository of single images."""
        return f"{self.host}/team/app"

    @property
    def multi(self) -> str:
        """The repository of an index."""
        return f"{self.host}/team/multi"

    def within(self, name: str, work: Callable[[Repository], Any]) -> Any:
        """Do *work* with the repository *name*, past the wire."""

        async def run(registry: Registry) -> Any:
            return await work(registry.repository(RepositoryName(name)))

        return self.stand_in.run(run)

    def tags(self, name: str = "team/app") -> list[str]:
        """The tags of the repository *name*."""
        return self.stand_in.tags(name)


def filled(stand_in: StandIn, files: Path) -> Shelf:
    """*stand_in*, listening and with content: images, an index, referrers, and *files*."""
    shelf = Shelf(stand_in, stand_in.listen())

    async def app(repository: Repository) -> None:
        await samples.put_image(repository, AMD64, tags=["v1", "v2"])
        await samples.put_image(repository, OLD, tags=["old"])
        await samples.put_artifact(repository, SBOM)
        await samples.put_artifact(repository, SIGNATURE)
        await samples.put_blob(repository, UNUSED)

    async def multi(repository: Repository) -> None:
        await samples.put_image(repository, AMD64)
        await samples.put_image(repository, ARM64)
        await repository.put_manifest(MULTI, tags=[Tag("v1")])

    async def artifact(repository: Repository) -> None:
        found = [FileToPush(path=path, title=path.name) for path in sorted(files.iterdir())]
        await push(repository, found, tags=[Tag("v1")], artifact_type="application/vnd.example.x")

    shelf.within("team/app", app)
    shelf.within("team/multi", multi)
    shelf.within("team/files", artifact)
    return shelf


def layer_digest() -> Digest:
    """The digest of a blob of ``team/app:v1``."""
    return AMD64.manifest.layers[0].digest
