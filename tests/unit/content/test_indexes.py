"""Indexes that are made, added to and taken from."""

from dataclasses import replace

import pytest

from lading.content.indexes import added, entry_for, index_of, removed
from lading.errors import ManifestInvalid
from lading.interfaces.repository import Repository
from lading.oci import media_types
from lading.oci.manifest import Manifest
from lading.oci.platform import Platform
from lading.testing import samples

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


async def _with_config(
    repository: Repository, config: bytes, media_type: str = media_types.OCI_CONFIG
) -> Manifest:
    await samples.put_blob(repository, config)
    manifest = samples.image_manifest(config=samples.described(config, media_type))
    await repository.put_manifest(manifest)
    return manifest


async def test_entry_has_the_platform_of_the_config(source: Repository) -> None:
    """Unless another is given, or the config does not say."""
    image = await _with_config(source, samples.config())
    silent = await _with_config(source, b"{}")
    artifact = samples.artifact()
    await samples.put_artifact(source, artifact)
    index = samples.index(image)
    await source.put_manifest(index)

    assert (await entry_for(source, image.digest)).platform == AMD64
    assert (await entry_for(source, image.digest, ARM64)).platform == ARM64
    assert (await entry_for(source, silent.digest)).platform is None
    assert (await entry_for(source, index.digest)).platform is None
    found = await entry_for(source, artifact.digest)
    assert (found.platform, found.artifact_type) == (None, "application/vnd.example.sbom")


@pytest.mark.parametrize("config", [b"no JSON", b"[]"])
async def test_config_that_is_no_object_is_refused(source: Repository, config: bytes) -> None:
    """Nobody could say what the image is for."""
    image = await _with_config(source, config)

    with pytest.raises(ManifestInvalid):
        await entry_for(source, image.digest)


def test_index_is_made_of_entries() -> None:
    """With what else is said about it."""
    image = samples.image_manifest()

    plain = index_of([image.descriptor])
    full = index_of([], artifact_type="a/b", annotations={"x": "y"}, subject=image.descriptor)

    assert [each.digest for each in plain.manifests] == [image.digest]
    assert (full.artifact_type, full.annotations) == ("a/b", {"x": "y"})
    assert full.subject == image.digest
    with pytest.raises(ManifestInvalid, match="is not a media type"):
        index_of([], artifact_type="a b")


def test_entries_are_added_and_removed_in_their_places() -> None:
    """What nobody here knows stays."""
    one, two = samples.image_manifest(), samples.image_manifest(annotations={"n": "2"})
    index = samples.index(replace(one.descriptor, rest={"odd": 1}), annotations={"x": "y"})

    more = added(index, [replace(one.descriptor, platform=AMD64), two.descriptor])
    less = removed(more, lambda each: each.digest == two.digest)

    assert [(each.digest, each.platform, each.rest) for each in more.manifests] == [
        (one.digest, AMD64, {"odd": 1}),
        (two.digest, None, None),
    ]
    assert [each.digest for each in less.manifests] == [one.digest]
    assert less.annotations == {"x": "y"}


def test_only_indexes_have_entries() -> None:
    """An image is no list."""
    with pytest.raises(ManifestInvalid):
        added(samples.image_manifest(), [])
    with pytest.raises(ManifestInvalid):
        removed(samples.image_manifest(), lambda _: True)
