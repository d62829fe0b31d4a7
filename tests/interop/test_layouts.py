"""Layouts and archives that other programs wrote, and that they read."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from lading.bodies import Elsewhere, source_of
from lading.interfaces.repository import Repository
from lading.layout.archive import open_archive
from lading.layout.directory import open_layout
from lading.layout.docker_archive import open_docker_archive
from lading.layout.registry import LAYOUT, LayoutRegistry
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Tag
from lading.testing import samples
from tests.interop.commands import Program
from tests.interop.images import TAG, Layout, assert_layout_holds
from tests.interop.stores import Store, diff_ids


async def move(source: Repository, target: Repository, manifest: Manifest, tag: str) -> None:
    """Bring an image from one repository to another, blob by blob."""
    parts = [*manifest.layers] + ([manifest.config] if manifest.config else [])
    for part in parts:
        body = await source.open_blob(part.digest)
        assert not isinstance(body, Elsewhere)
        stream = source_of(body)
        upload = await target.start_upload()
        await upload.write(stream)
        await upload.commit(part.digest)
        await stream.aclose()
    await target.put_manifest(manifest, tags=[Tag(tag)])


def repository(registry: LayoutRegistry) -> Repository:
    """The one that there is."""
    return registry.repository(LAYOUT)


async def tagged(image: Layout, write: Callable[[Repository, Manifest], Awaitable[None]]) -> None:
    """Have *write* do something with the image in the layout that was made."""
    async with open_layout(image.folder) as registry:
        source = repository(registry)
        await write(source, await source.get_manifest(Tag(TAG)))


async def _layout(image: Layout, path: Path) -> None:
    """A layout of ours that has *image* as v1."""

    async def write(source: Repository, manifest: Manifest) -> None:
        async with open_layout(path, create=True) as registry:
            await move(source, repository(registry), manifest, "v1")

    await tagged(image, write)


async def _docker_archive(image: Layout, path: Path, name: str | None) -> None:
    """An archive of ours that has *image* as v1."""

    async def write(source: Repository, manifest: Manifest) -> None:
        async with open_docker_archive(path, write=True, image=name) as registry:
            await move(source, repository(registry), manifest, "v1")

    await tagged(image, write)


async def _oci_archive(image: Layout, path: Path, name: str | None) -> None:
    """An archive of ours that has *image* as v1."""

    async def write(source: Repository, manifest: Manifest) -> None:
        async with open_archive(path, write=True, image=name) as registry:
            await move(source, repository(registry), manifest, "v1")

    await tagged(image, write)


async def check(registry: LayoutRegistry, tag: str, expected: list[str] | None = None) -> Manifest:
    """Every blob of the image has the digest it goes by; its layers are those of *expected*."""
    source = repository(registry)
    manifest = await source.get_manifest(Tag(tag))
    assert manifest.config is not None
    for part in (manifest.config, *manifest.layers):
        content = await samples.content_of(await source.open_blob(part.digest))
        assert Digest.of(content) == part.digest
        assert len(content) == part.size
    if expected is not None:
        config = await samples.content_of(await source.open_blob(manifest.config.digest))
        assert json.loads(config)["rootfs"]["diff_ids"] == expected
    return manifest


async def test_others_read_our_layout(
    image: Layout, tmp_path: Path, skopeo: Program, crane: Program, oras: Program, target: str
) -> None:
    """skopeo copies it, oras and crane push it, and every byte is there."""
    ours = tmp_path / "ours"
    await _layout(image, ours)
    copied = tmp_path / "copied"

    skopeo.run("copy", "--preserve-digests", f"oci:{ours}:v1", f"oci:{copied}:v1")
    said = oras.text("manifest", "fetch", "--oci-layout", f"{ours}:v1", "--descriptor")
    oras.run("cp", "--from-oci-layout", "--to-plain-http", "--no-tty", f"{ours}:v1", f"{target}:v1")
    crane.run("push", ours, f"{target}:v2")

    assert_layout_holds(copied, image)
    assert json.loads(said)["digest"] == image.manifest_digest
    assert crane.text("digest", f"{target}:v1") == image.manifest_digest
    assert crane.text("digest", f"{target}:v2") == image.manifest_digest


async def test_we_read_layouts_of_others(
    image: Layout,
    tmp_path: Path,
    skopeo: Program,
    crane: Program,
    oras: Program,
    regctl: Program,
    target: str,
) -> None:
    """What skopeo, oras, crane and regctl write is the same image to us."""
    skopeo.run("copy", "--preserve-digests", f"oci:{image.folder}:{TAG}", f"oci:{tmp_path}/s:v1")
    oras.run(
        "cp", "--from-oci-layout", "--to-plain-http", "--no-tty",
        f"{image.folder}:{TAG}", f"{target}:v1",
    )  # fmt: skip
    oras.run(
        "cp", "--from-plain-http", "--to-oci-layout", "--no-tty", f"{target}:v1", f"{tmp_path}/o:v1"
    )
    crane.run("pull", "--format=oci", "--annotate-ref", f"{target}:v1", tmp_path / "c")
    regctl.run("image", "copy", f"{target}:v1", f"ocidir://{tmp_path}/r:v1")

    for name in ("s", "o", "c", "r"):
        async with open_layout(tmp_path / name) as registry:
            manifest = await check(registry, "v1")
        assert str(manifest.digest) == image.manifest_digest


async def test_referrers_are_discovered_both_ways(
    image: Layout, tmp_path: Path, oras: Program
) -> None:
    """oras finds what we attach in a layout, and we find what oras attaches."""
    path = tmp_path / "layout"
    await _layout(image, path)
    async with open_layout(path, create=True) as registry:
        subject = await repository(registry).get_manifest(Tag("v1"))
        await samples.put_artifact(repository(registry), samples.artifact(subject))
    (tmp_path / "note.txt").write_text("a note")

    oras.run(
        "attach", "--oci-layout", "--artifact-type", "application/x-note",
        f"{path}:v1", "note.txt", cwd=tmp_path,
    )  # fmt: skip
    said = oras.text("discover", "--oci-layout", "--format", "json", f"{path}:v1")

    types = {"application/vnd.example.sbom", "application/x-note"}
    document = json.loads(said)
    assert {each["artifactType"] for each in _found(document)} == types
    async with open_layout(path) as registry:
        page = await repository(registry).referrers(subject.digest)
    assert {each.artifact_type for each in page.items} == types


def _found(document: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document.get("referrers") or document.get("manifests") or []
    return found


@pytest.mark.parametrize("kind", ["docker", "oci"])
async def test_docker_loads_our_archives(
    image: Layout, tmp_path: Path, docker: Program, kind: str
) -> None:
    """Under the name that was given, or by its digest, with the layers that it has."""
    make = {"docker": _docker_archive, "oci": _oci_archive}[kind]
    await make(image, tmp_path / "named.tar", "ours")
    await make(image, tmp_path / "nameless.tar", None)

    named = docker.text("load", "--input", tmp_path / "named.tar")
    (found,) = json.loads(docker.run("image", "inspect", "ours:v1"))
    docker.run("image", "rm", "--force", found["Id"])
    nameless = docker.text("load", "--input", tmp_path / "nameless.tar")

    assert "ours:v1" in named
    assert found["Id"] == image.config_digest
    assert found["RootFS"]["Layers"] == diff_ids(image)
    assert image.config_digest in nameless


async def test_we_read_what_docker_saves(image: Layout, tmp_path: Path, docker: Program) -> None:
    """Twice the same manifest, with the config that docker has, and every layer as it is."""
    await _docker_archive(image, tmp_path / "ours.tar", "saved")
    docker.run("load", "--input", tmp_path / "ours.tar")
    docker.run("tag", "saved:v1", "localhost:5000/other:v2")

    digests = set()
    for name in ("one.tar", "two.tar"):
        docker.run("save", "--output", tmp_path / name, "saved:v1", "localhost:5000/other:v2")
        async with open_docker_archive(tmp_path / name, image="saved") as registry:
            manifest = await check(registry, "v1", diff_ids(image))
            digests.add(manifest.digest)
        async with open_docker_archive(tmp_path / name, image="localhost:5000/other") as registry:
            digests.add((await check(registry, "v2")).digest)

    assert len(digests) == 1
    assert manifest.config is not None
    assert str(manifest.config.digest) == image.config_digest


@pytest.mark.parametrize("kind", ["docker", "oci"])
async def test_podman_loads_our_archives(
    image: Layout, tmp_path: Path, stores: tuple[Store, Store], kind: str
) -> None:
    """Under the name that was given."""
    make = {"docker": _docker_archive, "oci": _oci_archive}[kind]
    await make(image, tmp_path / "named.tar", "host.example/ours")

    stores[0].podman.run("load", "--input", tmp_path / "named.tar")

    assert stores[0].diff_ids("host.example/ours:v1") == diff_ids(image)


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive"])
async def test_we_read_what_podman_saves(
    image: Layout, tmp_path: Path, stores: tuple[Store, Store], kind: str
) -> None:
    """Its archives name images in full; the tag is enough."""
    path = tmp_path / "saved.tar"
    await _docker_archive(image, tmp_path / "ours.tar", "host.example/saved")
    stores[0].podman.run("load", "--input", tmp_path / "ours.tar")

    stores[0].podman.run("save", "--format", kind, "--output", path, "host.example/saved:v1")

    opened = open_archive if kind == "oci-archive" else open_docker_archive
    async with opened(path, image="host.example/saved") as registry:
        await check(registry, "v1", diff_ids(image))


async def test_skopeo_reads_our_archives_and_we_read_its(
    image: Layout, tmp_path: Path, skopeo: Program
) -> None:
    """In both formats, and both ways."""
    await _docker_archive(image, tmp_path / "d.tar", "app")
    await _oci_archive(image, tmp_path / "o.tar", None)

    skopeo.run("copy", f"docker-archive:{tmp_path}/d.tar:app:v1", f"dir:{tmp_path}/d")
    skopeo.run("copy", f"oci-archive:{tmp_path}/o.tar:v1", f"dir:{tmp_path}/o")
    skopeo.run("copy", f"oci:{image.folder}:{TAG}", f"docker-archive:{tmp_path}/sd.tar:app:v1")
    skopeo.run("copy", f"oci:{image.folder}:{TAG}", f"oci-archive:{tmp_path}/so.tar:v1")

    names = {each.name for each in (tmp_path / "o").iterdir()}
    assert {each.rpartition(":")[2] for each in image.layer_digests} < names
    async with open_docker_archive(tmp_path / "sd.tar", image="app") as registry:
        await check(registry, "v1", diff_ids(image))
    async with open_archive(tmp_path / "so.tar") as registry:
        await check(registry, "v1", diff_ids(image))


async def test_crane_pushes_our_docker_archive_and_we_read_its(
    image: Layout, tmp_path: Path, crane: Program, target: str
) -> None:
    """Its tarballs hold compressed layers."""
    await _docker_archive(image, tmp_path / "ours.tar", "app")

    crane.run("push", tmp_path / "ours.tar", f"{target}:v1")
    crane.run("pull", "--format=tarball", f"{target}:v1", tmp_path / "theirs.tar")

    async with open_docker_archive(tmp_path / "theirs.tar", image=target) as registry:
        manifest = await check(registry, "v1", diff_ids(image))
    assert [str(each.digest) for each in manifest.layers] == list(image.layer_digests)


async def test_layouts_of_ours_and_of_others_can_be_written_in_turns(
    image: Layout, tmp_path: Path, skopeo: Program
) -> None:
    """What skopeo adds stays when we add something, and the other way round."""
    path = tmp_path / "layout"
    await _layout(image, path)

    skopeo.run("copy", "--preserve-digests", f"oci:{path}:v1", f"oci:{path}:theirs")
    async with open_layout(path, create=True) as registry:
        await samples.put_image(repository(registry), samples.image(), tags=["mine"])
    skopeo.run("copy", "--preserve-digests", f"oci:{path}:v1", f"oci:{path}:again")

    async with open_layout(path) as registry:
        page = await repository(registry).tags()
    assert set(page.items) == {"v1", "theirs", "mine", "again"}


async def test_reading_through_a_pipe_is_reading(image: Layout, tmp_path: Path) -> None:
    """As ``docker save | lading`` does."""
    await _oci_archive(image, tmp_path / "o.tar", None)
    process = await asyncio.create_subprocess_exec(
        "cat", tmp_path / "o.tar", stdout=(writer := os.pipe())[1]
    )
    os.close(writer[1])

    with os.fdopen(writer[0], "rb") as stream:
        async with open_archive(stream) as registry:
            await check(registry, "v1", diff_ids(image))

    assert await process.wait() == 0
