"""buildah against the registry."""

from pathlib import Path

from tests.interop import remote
from tests.interop.commands import Program
from tests.interop.images import Layout
from tests.interop.stores import INSECURE, Store, diff_ids, push_layout
from tests.peers.servers import Server


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
