"""What dockers and podmans of every age save, and what they can load."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from lading.errors import LayoutInvalid, ManifestUnknown, Unsupported
from lading.layout.docker_archive import LAYER_ZSTD, open_docker_archive
from lading.layout.registry import LAYOUT
from lading.oci import media_types
from lading.oci.digest import Digest
from lading.oci.names import Tag
from lading.testing import samples
from tests.unit.layout.tars import Saved, archive, layout_files, member, plain


def saved(path: Path, files: dict[str, bytes]) -> Path:
    """An archive of *files*."""
    path.write_bytes(plain(files))
    return path


async def test_image_of_an_old_docker_is_read_as_the_same_manifest(tmp_path: Path) -> None:
    """The config as it is, and layers as they are, in OCI types."""
    image = Saved()
    path = saved(tmp_path / "image.tar", image.files("app:v1"))

    async with open_docker_archive(path) as registry:
        repository = registry.repository(LAYOUT)
        manifest = await repository.get_manifest(Tag("v1"))

        assert manifest.digest == image.digest
        assert await repository.get_manifest(image.digest) == manifest
        assert manifest.config is not None
        body = await repository.open_blob(manifest.config.digest)
        assert await samples.content_of(body) == image.config
        for layer, content in zip(manifest.layers, image.layers, strict=True):
            assert layer.media_type == media_types.OCI_LAYER
            body = await repository.open_blob(layer.digest)
            assert await samples.content_of(body) == content


async def test_layers_that_are_compressed_stay_so(tmp_path: Path) -> None:
    """They go by the digest of what is there, as crane saves them."""
    image = Saved(packed=True)
    path = saved(tmp_path / "image.tar", image.files("app:v1"))

    async with open_docker_archive(path) as registry:
        manifest = await registry.repository(LAYOUT).get_manifest(Tag("v1"))

    assert manifest.digest == image.digest
    assert {each.media_type for each in manifest.layers} == {media_types.OCI_LAYER_GZIP}


async def test_links_within_the_tree_are_accepted(tmp_path: Path) -> None:
    """Old dockers write a link where a layer is the same as another, podman where old ones look."""
    image = Saved(layers=1)
    listed = {**image.listed("app:v1"), "Layers": ["b/layer.tar"]}
    members = [
        member("a/layer.tar", image.layers[0]),
        member("b/layer.tar", type=tarfile.SYMTYPE, linkname="../a/layer.tar"),
        member("config.json", image.config),
        member("manifest.json", json.dumps([listed]).encode()),
    ]
    path = tmp_path / "image.tar"
    path.write_bytes(archive(members))

    async with open_docker_archive(path) as registry:
        assert (await registry.repository(LAYOUT).resolve(Tag("v1"))).digest == image.digest


async def test_several_images_with_several_names_are_told_apart(tmp_path: Path) -> None:
    """By the name of the image that is meant."""
    one, two, nameless = Saved("one"), Saved("two"), Saved("three")
    files: dict[str, bytes] = {}
    listed = []
    for image, tags in ((one, ["one:v1", "one:v2"]), (two, ["host:5000/two:v1"]), (nameless, [])):
        name = f"{image.digest.value}.json"
        files |= image.files() | {name: image.config}
        listed.append({**image.listed(*tags), "Config": name})
    files["manifest.json"] = json.dumps(listed).encode()
    path = saved(tmp_path / "images.tar", files)

    async with open_docker_archive(path, image="one") as registry:
        repository = registry.repository(LAYOUT)
        assert list((await repository.tags()).items) == ["v1", "v2"]
        assert (await repository.resolve(Tag("v1"))).digest == one.digest
    async with open_docker_archive(path, image="host:5000/two") as registry:
        assert (await registry.repository(LAYOUT).resolve(Tag("v1"))).digest == two.digest
    async with open_docker_archive(path) as registry:
        roots = [each.digest for each in await registry.roots()]
        assert roots == [one.digest, two.digest, nameless.digest]
        with pytest.raises(ManifestUnknown, match="ambiguous"):
            await registry.repository(LAYOUT).resolve(Tag("v1"))


async def test_layout_in_an_archive_is_what_counts(tmp_path: Path) -> None:
    """Docker 25 and later put one there, with the manifests as they were pulled."""
    image = samples.image()
    entry = {
        "mediaType": image.manifest.media_type,
        "digest": str(image.manifest.digest),
        "size": len(image.manifest.body),
        "annotations": {
            "io.containerd.image.name": "docker.io/library/app:v1",
            "org.opencontainers.image.ref.name": "v1",
        },
    }
    files = layout_files(entry, blobs=[*image.blobs, image.manifest.body])
    path = saved(tmp_path / "image.tar", {**files, "manifest.json": b"[]"})

    async with open_docker_archive(path, image="app") as registry:
        assert await registry.repository(LAYOUT).get_manifest(Tag("v1")) == image.manifest


async def test_what_is_written_is_read_again_and_listed_for_docker(tmp_path: Path) -> None:
    """The same manifest, byte for byte, under the name that was given."""
    image = samples.image(docker=True)
    path = tmp_path / "image.tar"
    async with open_docker_archive(path, write=True, image="host:5000/app") as registry:
        await samples.put_image(registry.repository(LAYOUT), image, tags=["v1", "v2"])

    async with open_docker_archive(path, image="host:5000/app") as registry:
        assert await registry.repository(LAYOUT).get_manifest(Tag("v2")) == image.manifest
    with tarfile.open(path) as opened:
        file = opened.extractfile("manifest.json")
        assert file is not None
        (found,) = json.load(file)
        assert {found["Config"], *found["Layers"]} < set(opened.getnames())
    assert found["RepoTags"] == ["host:5000/app:v1", "host:5000/app:v2"]


async def test_images_of_an_old_archive_can_be_kept(tmp_path: Path) -> None:
    """With the manifests that were made of them."""
    old = Saved()
    path = saved(tmp_path / "image.tar", old.files("old:v1"))

    async with open_docker_archive(path, write=True, keep=True, image="new") as registry:
        await samples.put_image(registry.repository(LAYOUT), tags=["v1"])

    async with open_docker_archive(path, image="old") as registry:
        assert (await registry.repository(LAYOUT).resolve(Tag("v1"))).digest == old.digest
    async with open_docker_archive(path, image="new") as registry:
        found = await registry.repository(LAYOUT).get_manifest(Tag("v1"))
    assert found == samples.image().manifest
    with tarfile.open(path) as opened:
        file = opened.extractfile("manifest.json")
        assert file is not None
        names = sorted(name for each in json.load(file) for name in each["RepoTags"])
    assert names == ["docker.io/library/old:v1", "new:v1"]


async def test_image_without_a_name_is_loaded_without_one(tmp_path: Path) -> None:
    """Docker then tells its digest."""
    path = tmp_path / "image.tar"
    async with open_docker_archive(path, write=True) as registry:
        await samples.put_image(registry.repository(LAYOUT), tags=["v1"])

    with tarfile.open(path) as opened:
        file = opened.extractfile("manifest.json")
        assert file is not None
        assert json.load(file)[0]["RepoTags"] is None


async def test_layer_that_old_dockers_cannot_load_is_refused(tmp_path: Path) -> None:
    """With what to do instead; and nothing is left of it."""
    path = tmp_path / "image.tar"
    config = samples.described(samples.config(), media_types.OCI_CONFIG)
    manifest = samples.image_manifest(
        config=config, layers=[samples.described(b"zstd", LAYER_ZSTD)]
    )

    with pytest.raises(Unsupported) as caught:
        async with open_docker_archive(path, write=True) as registry:
            await registry.repository(LAYOUT).put_manifest(manifest)

    assert "oci-archive" in caught.value.advice
    assert list(tmp_path.iterdir()) == []


def _broken(**changes: Any) -> dict[str, bytes]:
    image = Saved()
    return image.files() | {"manifest.json": json.dumps([{**image.listed(), **changes}]).encode()}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a": b"x"}, r"manifest\.json"),
        ({"repositories": b"{}"}, r"before 1\.10"),
        ({"manifest.json": b"{}"}, "no list"),
        ({"manifest.json": b"no"}, "JSON"),
        ({"manifest.json": b"[1]"}, "config"),
        (_broken(Config="nothing.json"), "not in the archive"),
        (_broken(Config="../../etc/passwd"), "not in the archive"),
        (_broken(Layers=["/etc/passwd", "x"]), "not in the archive"),
        (_broken(Layers=[]), "0 layers"),
        (_broken(Layers="a"), "Layers"),
        (_broken(RepoTags=["no tag"]), "no tag"),
        (_broken(RepoTags=["app"]), "no tag"),
        (Saved().files() | {"config.json": b"[]"}, "speaks of 0"),
        (Saved().files() | {"config.json": b'{"rootfs": {"diff_ids": ["a", "b"]}}'}, "diff_ids"),
    ],
)
async def test_archive_that_is_none_is_refused(
    tmp_path: Path, files: dict[str, bytes], reason: str
) -> None:
    """The error says what is wrong with it."""
    path = saved(tmp_path / "image.tar", files)

    with pytest.raises(LayoutInvalid, match=reason):
        async with open_docker_archive(path):
            pass


async def test_layer_that_lies_is_found_out_by_whoever_takes_it(tmp_path: Path) -> None:
    """The config names the layer; what is there has another digest."""
    image = Saved()
    path = saved(tmp_path / "image.tar", image.files("app:v1") | {image.names[0]: b"else"})

    async with open_docker_archive(path) as registry:
        repository = registry.repository(LAYOUT)
        manifest = await repository.get_manifest(Tag("v1"))
        body = await repository.open_blob(manifest.layers[0].digest)

    assert Digest.of(await samples.content_of(body)) != manifest.layers[0].digest
