"""crane against the registry."""

import json
import tarfile
from pathlib import Path

from tests.interop import remote
from tests.interop.commands import Program
from tests.interop.images import Layout, assert_layout_holds
from tests.peers.servers import Server


def test_crane_pushes_and_pulls_an_image(
    crane: Program, registry: Server, image: Layout, repository: str, target: str, tmp_path: Path
) -> None:
    """What crane pushed from an OCI layout comes back byte by byte, and so it is served."""
    crane.run("push", image.folder, f"{target}:v1")

    crane.run("pull", "--format=oci", f"{target}:v1", tmp_path / "pulled")

    assert remote.whole_image(registry, repository, "v1").content == image.manifest
    assert_layout_holds(tmp_path / "pulled", image)


def test_crane_exports_the_files_of_an_image(
    crane: Program, image: Layout, target: str, tmp_path: Path
) -> None:
    """The flattened file system holds the files of the lower and of the upper layer."""
    crane.run("push", image.folder, f"{target}:v1")

    crane.run("export", f"{target}:v1", tmp_path / "files.tar")

    with tarfile.open(tmp_path / "files.tar") as files:
        names = set(files.getnames())
        note = files.extractfile("note.txt")
        assert note is not None
        assert note.read() == b"first image"
    assert any(name.endswith("usr/bin/perl") for name in names)


def test_crane_reads_single_documents(crane: Program, image: Layout, target: str) -> None:
    """Digest, manifest, config and blob are the pushed ones."""
    crane.run("push", image.folder, f"{target}:v1")

    digest = crane.text("digest", f"{target}:v1")
    manifest = crane.run("manifest", f"{target}@{image.manifest_digest}")
    config = crane.run("config", f"{target}:v1")
    layer = crane.run("blob", f"{target}@{image.layer_digests[1]}")

    assert digest == image.manifest_digest
    assert manifest == image.manifest
    assert remote.digest_of(config) == image.config_digest
    assert remote.digest_of(layer) == image.layer_digests[1]


def test_crane_copies_between_repositories(
    crane: Program, registry: Server, image: Layout, repository: str, target: str
) -> None:
    """A copy in the same registry is whole."""
    crane.run("push", image.folder, f"{target}:v1")

    crane.run("copy", f"{target}:v1", f"{target}/copy:v2")

    copied = remote.whole_image(registry, f"{repository}/copy", "v2")
    assert copied.digest == image.manifest_digest


def test_crane_lists_tags_and_repositories(
    crane: Program, image: Layout, registry: Server, repository: str, target: str
) -> None:
    """Tags come in byte order, and the catalog names the repository."""
    for tag in ("b", "a", "C"):
        crane.run("push", image.folder, f"{target}:{tag}")

    tags = crane.text("ls", target).splitlines()
    repositories = crane.text("catalog", registry.address).splitlines()

    assert tags == ["C", "a", "b"]
    assert repository in repositories


def test_crane_tags_and_deletes(
    crane: Program, registry: Server, image: Layout, repository: str, target: str
) -> None:
    """Deleting a tag leaves the manifest; deleting the digest takes it and its other tag."""
    crane.run("push", image.folder, f"{target}:v1")
    crane.run("tag", f"{target}:v1", "v2")

    crane.run("delete", f"{target}:v1")
    by_digest_after_tag = remote.exists(registry, repository, image.manifest_digest)
    other_tag_after_tag = remote.exists(registry, repository, "v2")
    crane.run("delete", f"{target}@{image.manifest_digest}")

    assert by_digest_after_tag
    assert other_tag_after_tag
    assert not remote.exists(registry, repository, image.manifest_digest)
    assert not remote.exists(registry, repository, "v2")


def test_crane_appends_to_an_index(
    crane: Program, registry: Server, image: Layout, repository: str, target: str, tmp_path: Path
) -> None:
    """An index over two images is stored, and its children can be pulled through it."""
    crane.run("push", image.folder, f"{target}:one")
    crane.run("mutate", f"{target}:one", "--label", "child=two", "-t", f"{target}:two")

    crane.run(
        "index", "append", "-m", f"{target}:one", "-m", f"{target}:two", "-t", f"{target}:all"
    )
    crane.run("pull", "--format=oci", f"{target}:all", tmp_path / "pulled")

    index = remote.manifest(registry, repository, "all")
    children = [child["digest"] for child in index.document["manifests"]]
    assert children == [image.manifest_digest, remote.manifest(registry, repository, "two").digest]
    assert_layout_holds(tmp_path / "pulled", image)
    for child in children:
        remote.whole_image(registry, repository, child)


def test_crane_appends_a_layer(
    crane: Program, registry: Server, image: Layout, repository: str, target: str, tmp_path: Path
) -> None:
    """A layer put on top of a pushed image makes an image of three layers."""
    crane.run("push", image.folder, f"{target}:v1")
    (tmp_path / "added.txt").write_text("added")
    with tarfile.open(tmp_path / "layer.tar", "w") as layer:
        layer.add(tmp_path / "added.txt", "added.txt")

    crane.run("append", "-b", f"{target}:v1", "-f", tmp_path / "layer.tar", "-t", f"{target}:v2")

    found = remote.whole_image(registry, repository, "v2")
    layers = [layer["digest"] for layer in found.document["layers"]]
    assert layers[:2] == list(image.layer_digests)
    assert len(json.loads(crane.run("config", f"{target}:v2"))["rootfs"]["diff_ids"]) == 3
