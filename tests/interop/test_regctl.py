"""regctl against the registry: copies with referrers, tags, and trees of artifacts."""

from pathlib import Path

from tests.interop import remote
from tests.interop.commands import Program
from tests.interop.images import TAG, Layout, assert_layout_holds
from tests.peers.servers import Server


def _push_image(regctl: Program, image: Layout, reference: str) -> None:
    regctl.run("image", "copy", f"ocidir://{image.folder}:{TAG}", reference)


def _attach(regctl: Program, subject: str, kind: str, content: bytes) -> None:
    regctl.run(
        "artifact", "put", "--subject", subject, "--artifact-type", f"application/x-{kind}",
        "--file-media-type", "application/json", stdin=content,
    )  # fmt: skip


def test_regctl_copies_an_image_in_and_out(
    regctl: Program, registry: Server, image: Layout, repository: str, target: str, tmp_path: Path
) -> None:
    """An image goes from one OCI layout to the registry and to another, byte by byte."""
    _push_image(regctl, image, f"{target}:v1")

    regctl.run("image", "copy", f"{target}:v1", f"ocidir://{tmp_path / 'pulled'}:v1")

    assert remote.whole_image(registry, repository, "v1").content == image.manifest
    assert regctl.text("image", "digest", f"{target}:v1") == image.manifest_digest
    assert_layout_holds(tmp_path / "pulled", image)


def test_regctl_copies_an_image_with_its_referrers(
    regctl: Program, registry: Server, image: Layout, repository: str, target: str
) -> None:
    """The copy has the same referrers, byte by byte."""
    _push_image(regctl, image, f"{target}:v1")
    _attach(regctl, f"{target}:v1", "sbom", b'{"packages": []}')
    _attach(regctl, f"{target}:v1", "signature", b'{"signed": true}')

    regctl.run("image", "copy", "--referrers", f"{target}:v1", f"{target}/copy:v1")

    listing = ("artifact", "list", "--format", "{{range .Descriptors}}{{println .Digest}}{{end}}")
    originals = regctl.text(*listing, f"{target}:v1").splitlines()
    copies = regctl.text(*listing, f"{target}/copy:v1").splitlines()
    assert len(originals) == 2
    assert sorted(copies) == sorted(originals)
    for digest in originals:
        original = remote.manifest(registry, repository, digest)
        copied = remote.whole_image(registry, f"{repository}/copy", digest)
        assert copied.content == original.content


def test_regctl_shows_the_tree_of_an_image(regctl: Program, image: Layout, target: str) -> None:
    """The tree names the image and each artifact below it."""
    _push_image(regctl, image, f"{target}:v1")
    _attach(regctl, f"{target}:v1", "sbom", b"{}")

    tree = regctl.text("artifact", "tree", f"{target}:v1")

    assert image.manifest_digest in tree
    assert "application/x-sbom" in tree


def test_regctl_reads_an_artifact(regctl: Program, image: Layout, target: str) -> None:
    """The content of an attached artifact is the one that was put."""
    _push_image(regctl, image, f"{target}:v1")
    _attach(regctl, f"{target}:v1", "sbom", b'{"packages": ["a"]}')

    content = regctl.run(
        "artifact", "get", "--subject", f"{target}:v1", "--filter-artifact-type",
        "application/x-sbom",
    )  # fmt: skip

    assert content == b'{"packages": ["a"]}'


def test_regctl_lists_and_deletes_tags(
    regctl: Program, registry: Server, image: Layout, repository: str, target: str
) -> None:
    """Deleting one tag leaves the other, and the manifest."""
    _push_image(regctl, image, f"{target}:v1")
    _push_image(regctl, image, f"{target}:v2")

    before = regctl.text("tag", "ls", target).splitlines()
    regctl.run("tag", "delete", f"{target}:v1")

    assert before == ["v1", "v2"]
    assert regctl.text("tag", "ls", target).splitlines() == ["v2"]
    assert remote.manifest(registry, repository, "v2").digest == image.manifest_digest


def test_regctl_reads_manifests_and_blobs(regctl: Program, image: Layout, target: str) -> None:
    """The exact bytes of the manifest and of the config come back."""
    _push_image(regctl, image, f"{target}:v1")

    manifest = regctl.run("manifest", "get", "--format", "raw-body", f"{target}:v1")
    config = regctl.run("blob", "get", target, image.config_digest)

    assert manifest == image.manifest
    assert remote.digest_of(config) == image.config_digest
