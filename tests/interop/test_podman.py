"""podman against the registry: gzip, zstd, zstd:chunked, lists and the older format."""

from pathlib import Path

import pytest

from tests.interop import remote
from tests.interop.commands import Program
from tests.interop.images import Layout, file_sums
from tests.interop.stores import INSECURE, Store, diff_ids, loaded, push_layout
from tests.peers.servers import Server

ZSTD_LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"


def test_podman_pushes_and_pulls(
    stores: tuple[Store, Store],
    registry: Server,
    image: Layout,
    repository: str,
    target: str,
    debian: Path,
) -> None:
    """A pulled image has the pushed config and layers, and its files their bytes."""
    here, there = stores
    name = loaded(here, image, f"{target}:v1")

    here.podman.run("push", INSECURE, name)
    there.podman.run("pull", INSECURE, name)

    stored = remote.whole_image(registry, repository, "v1")
    assert stored.document["config"]["digest"] == image.config_digest
    assert there.config_digest(name) == image.config_digest
    assert there.diff_ids(name) == diff_ids(image)
    mounted = Path(there.podman.text("image", "mount", name))
    wanted = file_sums(debian, "usr/bin/")
    assert {file: remote.digest_of((mounted / file).read_bytes()) for file in wanted} == {
        file: f"sha256:{value}" for file, value in wanted.items()
    }


def test_podman_pulls_by_digest(
    stores: tuple[Store, Store],
    skopeo: Program,
    image: Layout,
    target: str,
) -> None:
    """A pull by digest brings the image that the digest names."""
    push_layout(skopeo, image, f"{target}:v1")

    stores[1].podman.run("pull", INSECURE, f"{target}@{image.manifest_digest}")

    assert stores[1].config_digest(f"{target}@{image.manifest_digest}") == image.config_digest


@pytest.mark.parametrize("compression", ["zstd", "zstd:chunked"])
def test_podman_pushes_and_pulls_zstd(
    stores: tuple[Store, Store],
    registry: Server,
    unseen: Layout,
    repository: str,
    target: str,
    compression: str,
) -> None:
    """Layers compressed by zstd are stored as such, and unpack to the same layers."""
    here, there = stores
    name = loaded(here, unseen, f"{target}:v1")

    here.podman.run("push", INSECURE, "--compression-format", compression, name)
    there.podman.run("pull", INSECURE, name)

    stored = remote.whole_image(registry, repository, "v1")
    assert {layer["mediaType"] for layer in stored.document["layers"]} == {ZSTD_LAYER}
    annotated = [
        layer for layer in stored.document["layers"]
        if any("zstd-chunked" in key for key in layer.get("annotations", {}))
    ]  # fmt: skip
    assert len(annotated) == (2 if compression == "zstd:chunked" else 0)
    assert there.diff_ids(name) == diff_ids(unseen)


def test_podman_pushes_docker_manifests(
    stores: tuple[Store, Store],
    registry: Server,
    image: Layout,
    repository: str,
    target: str,
) -> None:
    """The older manifest format is stored with its own media type."""
    here, there = stores
    name = loaded(here, image, f"{target}:v1")

    here.podman.run("push", INSECURE, "--format", "v2s2", name)
    there.podman.run("pull", INSECURE, name)

    stored = remote.whole_image(registry, repository, "v1")
    assert stored.media_type == "application/vnd.docker.distribution.manifest.v2+json"
    assert there.diff_ids(name) == diff_ids(image)


def test_podman_pushes_a_manifest_list(
    stores: tuple[Store, Store],
    registry: Server,
    image: Layout,
    repository: str,
    target: str,
) -> None:
    """A list goes up with all its images, and a pull through it finds the one for this machine."""
    here, there = stores
    name = loaded(here, image, f"{target}/local:v1")
    here.podman.run("manifest", "create", "made-list", f"containers-storage:{name}")

    here.podman.run("manifest", "push", INSECURE, "--all", "made-list", f"docker://{target}:all")
    there.podman.run("pull", INSECURE, f"{target}:all")

    index = remote.manifest(registry, repository, "all")
    (child,) = index.document["manifests"]
    assert remote.whole_image(registry, repository, child["digest"]).digest == child["digest"]
    assert there.diff_ids(f"{target}:all") == diff_ids(image)
