"""podman, skopeo and buildah against the registry, with gzip, zstd and zstd:chunked."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop import remote
from tests.interop.commands import Program
from tests.interop.images import TAG, Layout, assert_layout_holds, extract, file_sums, make_layout
from tests.peers.programs import program
from tests.peers.servers import Server

INSECURE = "--tls-verify=false"
SOURCE = "--src-tls-verify=false"
DESTINATION = "--dest-tls-verify=false"
ZSTD_LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"


class Store:
    """A storage folder that podman and buildah share, and that starts empty."""

    def __init__(self, folder: Path, home: dict[str, str]) -> None:
        """Use *folder* for everything, and *home* for the settings."""
        self.folder = folder
        options = [f"--root={folder / 'root'}", f"--runroot={folder / 'run'}"]
        options += ["--storage-driver=overlay"]
        self.podman = Program(program("podman"), [*options, "--events-backend=none"], home)
        self.buildah = Program(program("buildah"), options, home)

    def remove(self) -> None:
        """Unmount and delete everything in it."""
        self.podman.run("image", "umount", "--all")
        self.podman.run("rmi", "--all", "--force")
        shutil.rmtree(self.folder, ignore_errors=True)

    def config_digest(self, name: str) -> str:
        """The id of a local image, as a digest."""
        return f"sha256:{self.podman.text('image', 'inspect', '--format', '{{.Id}}', name)}"

    def diff_ids(self, name: str) -> list[str]:
        """The digests of the uncompressed layers of a local image."""
        (image,) = json.loads(self.podman.run("image", "inspect", name))
        return list(image["RootFS"]["Layers"])


@pytest.fixture
def stores(home: dict[str, str]) -> Iterator[tuple[Store, Store]]:
    """Two stores: one to push from, and one to pull into."""
    # podman refuses a run root of more than fifty characters.
    folder = Path(tempfile.mkdtemp(prefix="lading-"))
    made = (Store(folder / "a", home), Store(folder / "b", home))
    yield made
    for store in made:
        store.remove()
    folder.rmdir()


@pytest.fixture
def unseen(debian: Path, tmp_path: Path) -> Layout:
    """Debian's programs in layers that no client has met: they remember compressed variants."""
    root = tmp_path / "root.tar"
    extract(debian, root, prefixes=("usr/bin/", "usr/sbin/", "etc/"), noise=os.urandom(1 << 16))
    return make_layout(tmp_path / "layout", root, note="unseen")


def diff_ids(image: Layout) -> list[str]:
    """The digests of the uncompressed layers, as the image's config tells them."""
    config = json.loads(
        (image.folder / "blobs" / image.config_digest.replace(":", "/")).read_text()
    )
    found: list[str] = config["rootfs"]["diff_ids"]
    return found


def loaded(store: Store, image: Layout, name: str) -> str:
    """Bring the made image into *store* under *name*."""
    pulled = store.podman.text("pull", "--quiet", f"oci:{image.folder}:{TAG}")
    store.podman.run("tag", pulled, name)
    return name


def push_layout(skopeo: Program, image: Layout, name: str) -> None:
    """Put the made image, as it is, under *name*."""
    # Without this, skopeo may name a layer that it remembers with another compression.
    skopeo.run(
        "copy", "--preserve-digests", DESTINATION, f"oci:{image.folder}:{TAG}", f"docker://{name}"
    )


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


def test_buildah_builds_on_a_pulled_image(
    stores: tuple[Store, Store],
    skopeo: Program,
    registry: Server,
    image: Layout,
    repository: str,
    target: str,
    tmp_path: Path,
) -> None:
    """An image made from a pulled one is pushed, and shares its layers."""
    here, there = stores
    push_layout(skopeo, image, f"{target}:v1")
    (tmp_path / "added.txt").write_text("added by buildah")

    container = here.buildah.text("from", INSECURE, f"{target}:v1")
    here.buildah.run("copy", container, tmp_path / "added.txt", "/added.txt")
    here.buildah.run("commit", "--rm", container, f"{target}:v2")
    here.buildah.run("push", INSECURE, f"{target}:v2")
    there.buildah.run("pull", INSECURE, f"{target}:v2")

    assert len(remote.whole_image(registry, repository, "v2").document["layers"]) == 3
    assert there.diff_ids(f"{target}:v2")[:2] == diff_ids(image)
    mounted = Path(there.podman.text("image", "mount", f"{target}:v2"))
    assert (mounted / "added.txt").read_text() == "added by buildah"


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
