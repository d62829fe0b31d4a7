"""The docker engine against the registry, and containers run from what it pulled."""

import json
from pathlib import Path

import pytest

from tests.interop import remote
from tests.interop.commands import Program
from tests.interop.engine import LocalImage, forget, inspect
from tests.interop.images import file_sums
from tests.peers.servers import Server

SUMS = "find usr -type f -print0 | xargs -0 sha256sum"


@pytest.fixture(scope="module")
def layered(docker: Program, debian: Path) -> LocalImage:
    """A Debian image of two layers: an import, and a commit on top of it."""
    docker.run("import", "--change", 'CMD ["/bin/sh"]', debian, "debian-made:base")
    docker.run(
        "run", "--name", "top", "--network", "none", "debian-made:base",
        "/bin/sh", "-c", "echo second > /second.txt && rm -rf /usr/share/doc",
    )  # fmt: skip
    docker.run("commit", "top", "debian-made:layered")
    docker.run("rm", "top")
    return inspect(docker, "debian-made:layered")


def test_docker_imports_pushes_and_pulls(
    docker: Program, registry: Server, debian: Path, repository: str, target: str
) -> None:
    """An imported root file system is stored whole, and comes back as the same image."""
    docker.run("import", debian, f"{target}:v1")
    made = inspect(docker, f"{target}:v1")

    docker.run("push", f"{target}:v1")
    forget(docker, f"{target}:v1")
    docker.run("pull", f"{target}:v1")

    stored = remote.whole_image(registry, repository, "v1")
    assert stored.document["config"]["digest"] == made.id
    assert inspect(docker, f"{target}:v1") == made


def test_docker_runs_a_container_from_a_pulled_image(
    docker: Program, debian: Path, repository: str, target: str
) -> None:
    """Every file below /usr in the container has the bytes that it had in the archive."""
    docker.run("import", debian, f"{target}:v1")
    docker.run("push", f"{target}:v1")
    forget(docker, f"{target}:v1")

    docker.run("pull", f"{target}:v1")
    said = docker.text(
        "run", "--rm", "--network", "none", "--workdir", "/", f"{target}:v1", "/bin/sh", "-c", SUMS
    )

    sums = {name: value for value, name in (line.split(maxsplit=1) for line in said.splitlines())}
    assert sums == file_sums(debian, "usr/")
    assert len(sums) > 1000


def test_docker_pulls_by_digest(
    docker: Program, registry: Server, layered: LocalImage, repository: str, target: str
) -> None:
    """The digest that the push told names the image, also after every local copy is gone."""
    docker.run("tag", layered.name, f"{target}:v1")
    said = docker.text("push", f"{target}:v1")
    digest = remote.whole_image(registry, repository, "v1").digest
    docker.run("tag", layered.name, f"{target}:kept")
    forget(docker, f"{target}:v1", f"{target}:kept")

    docker.run("pull", f"{target}@{digest}")

    assert f"digest: {digest}" in said
    assert inspect(docker, f"{target}@{digest}").id == layered.id


def test_docker_moves_an_image_of_several_layers(
    docker: Program, registry: Server, layered: LocalImage, repository: str, target: str
) -> None:
    """Two layers and the config are stored, and a container sees what both layers say."""
    name = f"{target}:v1"
    docker.run("tag", layered.name, name)
    docker.run("push", name)
    forget(docker, name)

    docker.run("pull", name)
    said = docker.text("run", "--rm", "--network", "none", name, "/bin/cat", "/second.txt")

    stored = remote.whole_image(registry, repository, "v1")
    assert len(stored.document["layers"]) == 2
    assert inspect(docker, name).layers == layered.layers
    assert said == "second"
    docker.refusal("run", "--rm", "--network", "none", name, "/bin/ls", "/usr/share/doc")


def test_docker_mounts_layers_into_a_second_repository(
    docker: Program, registry: Server, layered: LocalImage, repository: str, target: str
) -> None:
    """Pushing the same image elsewhere sends no layer again: the registry mounts them."""
    docker.run("tag", layered.name, f"{target}:v1")
    docker.run("push", f"{target}:v1")
    docker.run("tag", layered.name, f"{target}/second:v1")

    said = docker.text("push", f"{target}/second:v1")

    assert said.count("Mounted from") == 2, said
    stored = remote.whole_image(registry, f"{repository}/second", "v1")
    assert stored.digest == remote.manifest(registry, repository, "v1").digest


def test_docker_moves_a_tag(
    docker: Program, registry: Server, layered: LocalImage, repository: str, target: str
) -> None:
    """A second push to a tag moves it; the first image can still be pulled by its digest."""
    docker.run("tag", "debian-made:base", f"{target}:latest")
    docker.run("push", f"{target}:latest")
    first = remote.manifest(registry, repository, "latest").digest
    docker.run("tag", layered.name, f"{target}:latest")

    docker.run("push", f"{target}:latest")
    docker.run("pull", f"{target}@{first}")

    assert remote.manifest(registry, repository, "latest").digest != first
    assert inspect(docker, f"{target}@{first}").id == inspect(docker, "debian-made:base").id


def test_docker_reads_the_manifest_of_a_remote_image(
    docker: Program, registry: Server, layered: LocalImage, repository: str, target: str
) -> None:
    """``docker manifest inspect`` shows the stored document."""
    docker.run("tag", layered.name, f"{target}:v1")
    docker.run("push", f"{target}:v1")

    shown = json.loads(docker.run("manifest", "inspect", "--insecure", f"{target}:v1"))

    assert shown == remote.manifest(registry, repository, "v1").document


def test_docker_is_told_about_an_unknown_tag(docker: Program, target: str) -> None:
    """Pulling what is not there fails, and says so."""
    said = docker.refusal("pull", f"{target}:never-pushed")

    assert "not found" in said or "unknown" in said
