"""Storage that podman and buildah share, and what fills it."""

import json
import shutil
from pathlib import Path

from tests.interop.commands import Program
from tests.interop.images import TAG, Layout
from tests.peers.programs import program

INSECURE = "--tls-verify=false"
SOURCE = "--src-tls-verify=false"
DESTINATION = "--dest-tls-verify=false"


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
