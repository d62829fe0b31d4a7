"""oras against the registry: artifacts, and what refers to them."""

import json
from pathlib import Path

from tests.interop import remote
from tests.interop.commands import Program, attach_file
from tests.interop.images import TAG, Layout, assert_layout_holds
from tests.peers.servers import Server

HTTP = "--plain-http"
BOTH_HTTP = ("--from-plain-http", "--to-plain-http", "--no-tty")


def _push_image(oras: Program, image: Layout, reference: str) -> None:
    source = f"{image.folder}:{TAG}"
    oras.run("cp", "--from-oci-layout", "--to-plain-http", "--no-tty", source, reference)


def _referrers(oras: Program, subject: str) -> list[dict[str, str]]:
    found = json.loads(oras.run("discover", HTTP, "--format", "json", subject))
    listed: list[dict[str, str]] = found.get("referrers", found.get("manifests", []))
    return listed


def test_oras_copies_an_image_in_and_out(
    oras: Program, registry: Server, image: Layout, repository: str, target: str, tmp_path: Path
) -> None:
    """An image goes from one OCI layout to the registry and to another, byte by byte."""
    _push_image(oras, image, f"{target}:v1")

    copied = f"{tmp_path / 'pulled'}:v1"
    oras.run("cp", "--from-plain-http", "--to-oci-layout", "--no-tty", f"{target}:v1", copied)

    assert remote.whole_image(registry, repository, "v1").content == image.manifest
    assert_layout_holds(tmp_path / "pulled", image)


def test_oras_pushes_and_pulls_files(
    oras: Program, registry: Server, debian: Path, repository: str, target: str, tmp_path: Path
) -> None:
    """A big file and a small one come back with their names and their bytes."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "root.tar").symlink_to(debian)
    (source / "read.me").write_text("small")

    oras.run(
        "push", HTTP, "--no-tty", "--artifact-type", "application/x-files", f"{target}:v1",
        "root.tar:application/x-tar", "read.me:text/plain", cwd=source,
    )  # fmt: skip
    oras.run("pull", HTTP, "--no-tty", "-o", tmp_path / "pulled", f"{target}:v1")

    assert (tmp_path / "pulled" / "root.tar").read_bytes() == debian.read_bytes()
    assert (tmp_path / "pulled" / "read.me").read_text() == "small"
    stored = remote.whole_image(registry, repository, "v1")
    assert stored.document["artifactType"] == "application/x-files"


def test_oras_attaches_and_discovers(
    oras: Program, registry: Server, image: Layout, repository: str, target: str, tmp_path: Path
) -> None:
    """Attached artifacts are listed for their subject, can be filtered, and can be pulled."""
    _push_image(oras, image, f"{target}:v1")
    sbom = attach_file(oras, f"{target}:v1", "sbom", tmp_path, '{"packages": []}')
    signature = attach_file(oras, f"{target}:v1", "signature", tmp_path, '{"signed": true}')

    found = _referrers(oras, f"{target}:v1")
    filtered = json.loads(
        oras.run(
            "discover", HTTP, "--format", "json", "--artifact-type", "application/x-sbom",
            f"{target}@{image.manifest_digest}",
        )
    )  # fmt: skip
    oras.run("pull", HTTP, "--no-tty", "-o", tmp_path / "pulled", f"{target}@{sbom}")

    assert {entry["digest"] for entry in found} == {sbom, signature}
    entries = filtered.get("referrers", filtered.get("manifests"))
    assert [entry["digest"] for entry in entries] == [sbom]
    assert (tmp_path / "pulled" / "sbom.json").read_text() == '{"packages": []}'
    stored = remote.whole_image(registry, repository, sbom)
    assert stored.document["subject"]["digest"] == image.manifest_digest


def test_referrers_need_no_fallback_tag(
    oras: Program, registry: Server, image: Layout, repository: str, target: str, tmp_path: Path
) -> None:
    """The registry says that it took the subject, so oras writes no ``sha256-...`` tag."""
    _push_image(oras, image, f"{target}:v1")

    sbom = attach_file(oras, f"{target}:v1", "sbom", tmp_path, "{}")

    path = f"/v2/{repository}/referrers/{image.manifest_digest}"
    status, headers, body = remote.request(registry, "GET", path)
    assert status == 200
    assert headers["content-type"] == "application/vnd.oci.image.index.v1+json"
    assert [entry["digest"] for entry in json.loads(body)["manifests"]] == [sbom]
    assert oras.text("repo", "tags", HTTP, target).splitlines() == ["v1"]


def test_oras_copies_a_whole_graph(
    oras: Program, registry: Server, image: Layout, repository: str, target: str, tmp_path: Path
) -> None:
    """``cp -r`` takes the image, what refers to it, and what refers to that."""
    _push_image(oras, image, f"{target}:v1")
    sbom = attach_file(oras, f"{target}:v1", "sbom", tmp_path, "{}")
    signature = attach_file(oras, f"{target}@{sbom}", "signature", tmp_path, '{"of": "sbom"}')

    oras.run("cp", "-r", *BOTH_HTTP, f"{target}:v1", f"{target}/copy:v1")

    for reference in ("v1", sbom, signature):
        copied = remote.whole_image(registry, f"{repository}/copy", reference)
        original = remote.manifest(registry, repository, reference)
        assert copied.content == original.content
    assert [entry["digest"] for entry in _referrers(oras, f"{target}/copy:v1")][:1] == [sbom]


def test_oras_lists_tags_and_repositories(
    oras: Program, registry: Server, image: Layout, repository: str, target: str
) -> None:
    """New tags on a digest are listed, and the repository is found."""
    _push_image(oras, image, f"{target}:v1")
    oras.run("tag", HTTP, f"{target}:v1", "v2", "v3")

    tags = oras.text("repo", "tags", HTTP, target).splitlines()
    repositories = oras.text("repo", "ls", HTTP, registry.address).splitlines()

    assert tags == ["v1", "v2", "v3"]
    assert repository in repositories


def test_oras_fetches_and_deletes_a_manifest(
    oras: Program, registry: Server, image: Layout, repository: str, target: str
) -> None:
    """A manifest is read byte by byte, and is gone after its deletion."""
    _push_image(oras, image, f"{target}:v1")

    content = oras.run("manifest", "fetch", HTTP, f"{target}:v1")
    oras.run("manifest", "delete", HTTP, "--force", f"{target}@{image.manifest_digest}")

    assert content == image.manifest
    assert not remote.exists(registry, repository, image.manifest_digest)
    assert not remote.exists(registry, repository, "v1")


def test_oras_pushes_fetches_and_deletes_a_blob(
    oras: Program, registry: Server, repository: str, target: str, tmp_path: Path
) -> None:
    """A blob that nothing names can be pushed, read and deleted by itself."""
    content = b"a blob of its own" * 100_000
    digest = remote.digest_of(content)
    (tmp_path / "blob").write_bytes(content)

    oras.run("blob", "push", HTTP, "--no-tty", target, tmp_path / "blob")
    fetched = oras.run("blob", "fetch", HTTP, "--no-tty", "--output", "-", f"{target}@{digest}")
    oras.run("blob", "delete", HTTP, "--force", f"{target}@{digest}")

    assert fetched == content
    status, _, _ = remote.request(registry, "HEAD", f"/v2/{repository}/blobs/{digest}")
    assert status == 404
