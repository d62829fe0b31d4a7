"""skopeo against the registry: copies, compression, listings and deletions."""

import json
from pathlib import Path

import pytest

from tests.interop import remote
from tests.interop.commands import Program
from tests.interop.images import TAG, Layout, assert_layout_holds
from tests.interop.stores import DESTINATION, INSECURE, SOURCE, Store, diff_ids, push_layout
from tests.peers.servers import Server


def test_skopeo_copies_in_and_out(
    skopeo: Program, registry: Server, image: Layout, repository: str, target: str, tmp_path: Path
) -> None:
    """An image goes from one OCI layout to the registry and to another, byte by byte."""
    push_layout(skopeo, image, f"{target}:v1")

    skopeo.run(
        "copy",
        "--preserve-digests",
        SOURCE,
        f"docker://{target}:v1",
        f"oci:{tmp_path / 'pulled'}:v1",
    )

    assert remote.whole_image(registry, repository, "v1").content == image.manifest
    assert_layout_holds(tmp_path / "pulled", image)


def test_skopeo_copies_between_repositories(
    skopeo: Program, registry: Server, image: Layout, repository: str, target: str
) -> None:
    """A copy in the same registry is whole, and is the same manifest."""
    push_layout(skopeo, image, f"{target}:v1")

    skopeo.run(
        "copy",
        "--preserve-digests",
        SOURCE,
        DESTINATION,
        f"docker://{target}:v1",
        f"docker://{target}/copy:v2",
    )

    copied = remote.whole_image(registry, f"{repository}/copy", "v2")
    assert copied.content == image.manifest


@pytest.mark.parametrize("compression", ["zstd", "zstd:chunked"])
def test_skopeo_pushes_and_pulls_zstd(
    skopeo: Program,
    stores: tuple[Store, Store],
    registry: Server,
    unseen: Layout,
    repository: str,
    target: str,
    compression: str,
) -> None:
    """Layers that skopeo compressed by zstd are stored as such, and podman unpacks them."""
    name = f"{target}:v1"

    skopeo.run(
        "copy", DESTINATION, "--dest-compress-format", compression, "--dest-decompress=false",
        f"oci:{unseen.folder}:{TAG}", f"docker://{name}",
    )  # fmt: skip
    stores[1].podman.run("pull", INSECURE, name)

    remote.whole_image(registry, repository, "v1")
    assert stores[1].diff_ids(name) == diff_ids(unseen)


def test_skopeo_inspects_and_lists(skopeo: Program, image: Layout, target: str) -> None:
    """Digest, layers, raw manifest and tags are the pushed ones."""
    push_layout(skopeo, image, f"{target}:b")
    push_layout(skopeo, image, f"{target}:a")

    shown = json.loads(skopeo.run("inspect", INSECURE, f"docker://{target}:a"))
    raw = skopeo.run("inspect", INSECURE, "--raw", f"docker://{target}@{image.manifest_digest}")
    tags = json.loads(skopeo.run("list-tags", INSECURE, f"docker://{target}"))["Tags"]

    assert shown["Digest"] == image.manifest_digest
    assert shown["Layers"] == list(image.layer_digests)
    assert raw == image.manifest
    assert tags == ["a", "b"]


def test_skopeo_deletes(
    skopeo: Program, registry: Server, image: Layout, repository: str, target: str
) -> None:
    """A deleted image is gone by its tag and by its digest, and only in its repository."""
    push_layout(skopeo, image, f"{target}:v1")
    push_layout(skopeo, image, f"{target}/other:v1")

    skopeo.run("delete", INSECURE, f"docker://{target}:v1")

    assert not remote.exists(registry, repository, "v1")
    assert not remote.exists(registry, repository, image.manifest_digest)
    assert remote.whole_image(registry, f"{repository}/other", "v1").content == image.manifest
