"""Lading's own command line beside the others: we push and they pull, they push and we pull."""

import json
from pathlib import Path

import pytest

from tests.interop import remote
from tests.interop.commands import Program, attach_file
from tests.interop.engine import forget, inspect
from tests.interop.images import TAG, Layout, assert_layout_holds, make_archive, make_layout
from tests.interop.stores import DESTINATION, INSECURE, SOURCE, Store, diff_ids
from tests.peers.servers import Server

HTTP = "--plain-http"
INDEX = "application/vnd.oci.image.index.v1+json"


def _put_image(ours: Program, image: Layout, name: str) -> str:
    """Push the made image with our client, and return what it prints."""
    return ours.text("copy", f"oci:{image.folder}:{TAG}", name)


def test_copy_prints_what_it_made_and_nothing_else(
    ours: Program, registry: Server, image: Layout, repository: str, target: str
) -> None:
    """Standard output has one line, the name of the image by its digest."""
    printed = _put_image(ours, image, f"{target}:v1")

    assert printed == f"{target}@{image.manifest_digest}"
    assert remote.whole_image(registry, repository, "v1").content == image.manifest


def test_others_pull_what_we_pushed(
    ours: Program,
    crane: Program,
    oras: Program,
    regctl: Program,
    skopeo: Program,
    image: Layout,
    target: str,
    tmp_path: Path,
) -> None:
    """Four clients find every byte of it."""
    _put_image(ours, image, f"{target}:v1")

    crane.run("pull", "--format=oci", f"{target}:v1", tmp_path / "crane")
    oras.run(
        "cp", "--from-plain-http", "--to-oci-layout", "--no-tty",
        f"{target}:v1", f"{tmp_path / 'oras'}:v1",
    )  # fmt: skip
    regctl.run("image", "copy", f"{target}:v1", f"ocidir://{tmp_path / 'regctl'}:v1")
    skopeo.run(
        "copy", "--preserve-digests", SOURCE, f"docker://{target}:v1",
        f"oci:{tmp_path / 'skopeo'}:v1",
    )  # fmt: skip

    for each in ("crane", "oras", "regctl", "skopeo"):
        assert_layout_holds(tmp_path / each, image)


def test_we_pull_what_others_pushed(
    ours: Program,
    crane: Program,
    oras: Program,
    regctl: Program,
    skopeo: Program,
    image: Layout,
    target: str,
    tmp_path: Path,
) -> None:
    """What four clients pushed comes into a layout byte by byte."""
    layout = f"{image.folder}:{TAG}"
    crane.run("push", image.folder, f"{target}/crane:v1")
    oras.run("cp", "--from-oci-layout", "--to-plain-http", "--no-tty", layout, f"{target}/oras:v1")
    regctl.run("image", "copy", f"ocidir://{layout}", f"{target}/regctl:v1")
    skopeo.run(
        "copy", "--preserve-digests", DESTINATION, f"oci:{layout}", f"docker://{target}/skopeo:v1"
    )

    for each in ("crane", "oras", "regctl", "skopeo"):
        ours.run("copy", f"{target}/{each}:v1", f"oci:{tmp_path / each}:v1")

        assert_layout_holds(tmp_path / each, image)
        assert ours.text("digest", f"oci:{tmp_path / each}:v1") == image.manifest_digest
        ours.run("check", f"{target}/{each}:v1")


def test_docker_and_we_take_turns(
    ours: Program, docker: Program, debian: Path, registry: Server, repository: str, target: str
) -> None:
    """What docker pushed is copied, and the copy is pulled and run by docker as the same image."""
    docker.run("import", "--change", 'CMD ["/bin/sh"]', debian, f"{target}:v1")
    made = inspect(docker, f"{target}:v1")
    docker.run("push", f"{target}:v1")

    ours.run("copy", f"{target}:v1", f"{target}/copy:v1")
    forget(docker, f"{target}:v1")
    docker.run("pull", f"{target}/copy:v1")

    assert inspect(docker, f"{target}/copy:v1").id == made.id
    said = docker.text("run", "--rm", "--network", "none", f"{target}/copy:v1", "/bin/echo", "hi")
    assert said == "hi"
    original = remote.manifest(registry, repository, "v1")
    assert remote.whole_image(registry, f"{repository}/copy", "v1").content == original.content


def test_docker_loads_what_we_saved_and_we_load_what_docker_saved(
    ours: Program, docker: Program, debian: Path, target: str, tmp_path: Path
) -> None:
    """Archives go both ways, and the image keeps its id."""
    docker.run("import", "--change", 'CMD ["/bin/sh"]', debian, f"{target}:v1")
    made = inspect(docker, f"{target}:v1")
    docker.run("save", "-o", tmp_path / "docker.tar", f"{target}:v1")

    ours.run("load", tmp_path / "docker.tar", f"{target}:loaded")
    ours.run("save", f"{target}:loaded", tmp_path / "ours.tar", "--form", "docker-archive")
    forget(docker, f"{target}:v1")
    docker.run("load", "-i", tmp_path / "ours.tar")

    assert inspect(docker, f"{target}:loaded").id == made.id
    said = docker.text(
        "run", "--rm", "--network", "none", f"{target}:loaded", "/bin/cat", "/etc/debian_version"
    )
    assert said


def test_podman_pulls_what_we_pushed_and_we_pull_what_podman_pushed(
    ours: Program,
    stores: tuple[Store, Store],
    image: Layout,
    registry: Server,
    repository: str,
    target: str,
    tmp_path: Path,
) -> None:
    """The config and the layers are the same on both ways."""
    _put_image(ours, image, f"{target}:v1")

    stores[0].podman.run("pull", INSECURE, f"{target}:v1")
    stores[0].podman.run("tag", f"{target}:v1", f"{target}/back:v1")
    stores[0].podman.run("push", INSECURE, f"{target}/back:v1")
    ours.run("copy", f"{target}/back:v1", f"oci:{tmp_path / 'back'}:v1")

    assert stores[0].config_digest(f"{target}:v1") == image.config_digest
    assert stores[0].diff_ids(f"{target}:v1") == diff_ids(image)
    pushed = remote.whole_image(registry, f"{repository}/back", "v1")
    assert ours.text("digest", f"oci:{tmp_path / 'back'}:v1") == pushed.digest
    ours.run("check", f"oci:{tmp_path / 'back'}:v1")


def test_oras_pulls_the_files_that_we_pushed(
    ours: Program, oras: Program, debian: Path, target: str, tmp_path: Path
) -> None:
    """Files and a folder come out with their names and their bytes."""
    source = tmp_path / "source"
    (source / "folder" / "inner").mkdir(parents=True)
    (source / "root.tar").symlink_to(debian)
    (source / "read.me").write_text("small")
    (source / "folder" / "inner" / "file").write_text("deep")

    ours.run(
        "push", f"{target}:v1", "root.tar:application/x-tar", "read.me:text/plain", "folder",
        "--artifact-type", "application/x-files", cwd=source,
    )  # fmt: skip
    oras.run("pull", HTTP, "--no-tty", "-o", tmp_path / "pulled", f"{target}:v1")

    assert (tmp_path / "pulled" / "root.tar").read_bytes() == debian.read_bytes()
    assert (tmp_path / "pulled" / "read.me").read_text() == "small"
    assert (tmp_path / "pulled" / "folder" / "inner" / "file").read_text() == "deep"


def test_we_pull_the_files_that_oras_pushed(
    ours: Program, oras: Program, debian: Path, target: str, tmp_path: Path
) -> None:
    """Files and a folder come out with their names and their bytes."""
    source = tmp_path / "source"
    (source / "folder" / "inner").mkdir(parents=True)
    (source / "root.tar").symlink_to(debian)
    (source / "folder" / "inner" / "file").write_text("deep")
    oras.run(
        "push", HTTP, "--no-tty", "--artifact-type", "application/x-files", f"{target}:v1",
        "root.tar:application/x-tar", "folder", cwd=source,
    )  # fmt: skip

    ours.run("pull", f"{target}:v1", "-C", tmp_path / "pulled")

    assert (tmp_path / "pulled" / "root.tar").read_bytes() == debian.read_bytes()
    assert (tmp_path / "pulled" / "folder" / "inner" / "file").read_text() == "deep"


def test_what_is_attached_is_found_by_both(
    ours: Program, oras: Program, image: Layout, target: str, tmp_path: Path
) -> None:
    """oras discovers what we attached, and our tree has what oras attached."""
    _put_image(ours, image, f"{target}:v1")
    (tmp_path / "note.txt").write_text("by us")
    attached = ours.text(
        "attach", f"{target}:v1", "note.txt:text/plain", "--artifact-type", "application/x-note",
        cwd=tmp_path,
    ).partition("@")[2]  # fmt: skip

    sbom = attach_file(oras, f"{target}:v1", "sbom", tmp_path, "{}")
    found = json.loads(oras.run("discover", HTTP, "--format", "json", f"{target}:v1"))
    tree = ours.text("tree", f"{target}:v1", "-o", "json")

    listed = found.get("referrers", found.get("manifests", []))
    assert {each["digest"] for each in listed} == {attached, sbom}
    assert attached in tree
    assert sbom in tree
    oras.run("pull", HTTP, "--no-tty", "-o", tmp_path / "pulled", f"{target}@{attached}")
    assert (tmp_path / "pulled" / "note.txt").read_text() == "by us"


def _signed_index(
    ours: Program, oras: Program, image: Layout, target: str, folder: Path
) -> dict[str, str]:
    """An index of two platforms whose parts have referrers and cosign's tags; names and digests."""
    made = {"amd64": image.manifest_digest}
    _put_image(ours, image, f"{target}:amd64")
    (folder / "root.tar").write_bytes(make_archive({"for": b"arm"}))
    arm = make_layout(folder / "arm", folder / "root.tar", note="arm", architecture="arm64")
    made["arm64"] = arm.manifest_digest
    _put_image(ours, arm, f"{target}:arm64")
    index = ours.text("index", "create", f"{target}:v1", f"{target}:amd64", f"{target}:arm64")
    made["index"] = index.partition("@")[2]
    made["sbom"] = attach_file(oras, f"{target}:v1", "sbom", folder, "{}")
    made["of-child"] = attach_file(oras, f"{target}@{made['arm64']}", "child", folder, "[]")
    made["of-referrer"] = attach_file(oras, f"{target}@{made['sbom']}", "sig", folder, '"s"')
    for part, suffix in (("index", "sig"), ("arm64", "att")):
        tag = f"{made[part].replace(':', '-')}.{suffix}"
        (folder / "payload").write_text(f"{suffix} of {part}")
        signature = ours.text("push", f"{target}:{tag}", "payload:text/plain", cwd=folder)
        made[tag] = signature.partition("@")[2]
    return made


@pytest.fixture
def old_target(old_registry: Server, repository: str) -> str:
    """The full name of a repository at a registry that has no referrers API."""
    return f"{old_registry.address}/{repository}"


def test_a_copy_has_all_that_refers_to_it(
    ours: Program,
    oras: Program,
    registry: Server,
    image: Layout,
    repository: str,
    target: str,
    tmp_path: Path,
) -> None:
    """Referrers of the index, of its parts and of other referrers arrive, and cosign's tags."""
    made = _signed_index(ours, oras, image, target, tmp_path)

    ours.run("copy", f"{target}:v1", f"{target}/copy:v1")

    _assert_complete(registry, f"{repository}/copy", made)


def test_a_copy_over_a_registry_without_referrers_loses_nothing(
    ours: Program,
    oras: Program,
    registry: Server,
    old_registry: Server,
    image: Layout,
    repository: str,
    target: str,
    old_target: str,
    tmp_path: Path,
) -> None:
    """There and back again; in between, fallback tags say what refers to what, also to oras."""
    made = _signed_index(ours, oras, image, target, tmp_path)

    ours.run("copy", f"{target}:v1", f"{old_target}:v1")
    there = json.loads(oras.run("discover", HTTP, "--format", "json", f"{old_target}:v1"))
    ours.run("copy", f"{old_target}:v1", f"{target}/back:v1")

    listed = there.get("referrers", there.get("manifests", []))
    assert [each["digest"] for each in listed] == [made["sbom"]]
    for digest in made.values():
        remote.manifest(old_registry, repository, digest)
    _assert_complete(registry, f"{repository}/back", made)


def _assert_complete(registry: Server, repository: str, made: dict[str, str]) -> None:
    index = remote.manifest(registry, repository, "v1")
    assert index.digest == made["index"]
    assert index.media_type == INDEX
    assert {each["digest"] for each in index.document["manifests"]} == {
        made["amd64"],
        made["arm64"],
    }
    for name, digest in made.items():
        if name != "index":
            remote.whole_image(registry, repository, digest)
        if name.startswith("sha256-"):
            assert remote.manifest(registry, repository, name).digest == digest
    for subject, referrer in (
        ("index", "sbom"),
        ("arm64", "of-child"),
        ("sbom", "of-referrer"),
    ):
        path = f"/v2/{repository}/referrers/{made[subject]}"
        _, _, body = remote.request(registry, "GET", path)
        listed = [each["digest"] for each in json.loads(body)["manifests"]]
        assert made[referrer] in listed


@pytest.mark.parametrize("transport", ["oci", "oci-archive"])
def test_layouts_are_read_by_others(
    ours: Program,
    skopeo: Program,
    image: Layout,
    registry: Server,
    repository: str,
    target: str,
    tmp_path: Path,
    transport: str,
) -> None:
    """skopeo pushes from a layout and from an archive that we wrote."""
    there = f"{transport}:{tmp_path / 'there'}:v1"
    ours.run("copy", f"oci:{image.folder}:{TAG}", there)

    skopeo.run("copy", "--preserve-digests", DESTINATION, there, f"docker://{target}:v1")

    assert remote.whole_image(registry, repository, "v1").content == image.manifest


@pytest.mark.parametrize("where", ["registry", "old_registry"])
def test_rm_of_a_tag_leaves_its_siblings(
    ours: Program, image: Layout, repository: str, request: pytest.FixtureRequest, where: str
) -> None:
    """Only the tag that was named goes, here and at Distribution; `ls` lists the other."""
    server: Server = request.getfixturevalue(where)
    name = f"{server.address}/{repository}"
    _put_image(ours, image, f"{name}:v1")
    ours.run("tag", f"{name}:v1", "v2")

    ours.run("rm", f"{name}:v1")

    assert ours.text("ls", name).splitlines() == ["v2"]
    assert remote.manifest(server, repository, "v2").digest == image.manifest_digest


def test_an_unknown_tag_is_told_in_one_line_with_its_exit_code(ours: Program, target: str) -> None:
    """Nobody sees a traceback, and a script can tell that it was not found."""
    said = ours.refusal("digest", f"{target}:never")

    assert len(said.splitlines()) == 1
    assert "never" in said
