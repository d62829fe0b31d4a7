"""Rules for a whole registry."""

from collections.abc import Awaitable, Callable

import pytest

from lading.errors import Unsupported
from lading.interfaces.access import Occasion
from lading.interfaces.blobs import UploadId
from lading.interfaces.repository import Repository
from lading.oci.digest import Digest
from lading.oci.names import Tag
from lading.registry.registry import LocalRegistry
from lading.registry.rules import KeepingRegistry, ReadOnlyRegistry
from lading.testing import samples
from lading.testing.places import NAME, OTHER

_DIGEST = Digest.of(samples.image().blobs[0])
_WRITES: dict[str, Callable[[Repository], Awaitable[object]]] = {
    "put_manifest": lambda r: r.put_manifest(samples.image().manifest, tags=[Tag("v2")]),
    "mount_blob": lambda r: r.mount_blob(_DIGEST, OTHER),
    "start_upload": lambda r: r.start_upload(),
    "resume_upload": lambda r: r.resume_upload(UploadId("x")),
    "delete_tag": lambda r: r.delete_tag(Tag("v1")),
    "delete_manifest": lambda r: r.delete_manifest(samples.image().manifest.digest),
    "delete_blob": lambda r: r.delete_blob(_DIGEST),
}


@pytest.mark.parametrize("write", _WRITES.values(), ids=_WRITES)
async def test_read_only_registry_refuses_every_write(
    inner: LocalRegistry, write: Callable[[Repository], Awaitable[object]]
) -> None:
    """Also on behalf of somebody; the error says what the matter is, and nothing changes."""
    registry = ReadOnlyRegistry(inner)

    for each in (registry, registry.acting_for(Occasion())):
        with pytest.raises(Unsupported, match="read-only"):
            await write(each.repository(NAME))
        with pytest.raises(Unsupported, match="read-only"):
            await each.delete(NAME)

    assert list((await inner.repository(NAME).tags()).items) == ["v1"]


async def test_read_only_registry_is_read_as_ever(inner: LocalRegistry) -> None:
    """Everything that does not write passes."""
    registry = ReadOnlyRegistry(inner)
    repository = registry.repository(NAME)
    image = samples.image()

    assert repository.name == NAME
    assert await repository.get_manifest(Tag("v1")) == image.manifest
    assert await repository.resolve(Tag("v1")) == image.manifest.descriptor
    assert (await repository.stat_blob(_DIGEST)).digest == _DIGEST
    assert await samples.content_of(await repository.open_blob(_DIGEST)) == image.blobs[0]
    assert list((await repository.tags()).items) == ["v1"]
    assert list((await repository.referrers(image.manifest.digest)).items) == []
    assert list((await registry.repositories()).items) == [NAME]
    assert list(await registry.holders(_DIGEST)) == [NAME]


_DELETES = ("delete_tag", "delete_manifest", "delete_blob")


@pytest.mark.parametrize("name", _DELETES)
async def test_registry_that_keeps_what_it_has_refuses_to_delete(
    inner: LocalRegistry, name: str
) -> None:
    """Also on behalf of somebody, and also a whole repository."""
    registry = KeepingRegistry(inner)

    for each in (registry, registry.acting_for(Occasion())):
        with pytest.raises(Unsupported, match="cannot be deleted"):
            await _WRITES[name](each.repository(NAME))
        with pytest.raises(Unsupported, match="cannot be deleted"):
            await each.delete(NAME)

    assert list((await inner.repository(NAME).tags()).items) == ["v1"]


async def test_registry_that_keeps_what_it_has_takes_more(inner: LocalRegistry) -> None:
    """Pushing, and giving up what was not finished, are no deleting."""
    repository = KeepingRegistry(inner).repository(NAME)
    await samples.put_image(repository, tags=["v2"])
    upload = await repository.start_upload()

    await upload.cancel()

    assert list((await repository.tags()).items) == ["v1", "v2"]


@pytest.mark.parametrize("write", _WRITES.values(), ids=_WRITES)
async def test_registry_is_read_only_while_it_is_said_to_be(
    inner: LocalRegistry, write: Callable[[Repository], Awaitable[object]]
) -> None:
    """What is asked afterwards is passed on, also on behalf of somebody."""
    said = [True]
    registry = ReadOnlyRegistry(inner, when=lambda: said[0]).acting_for(Occasion())

    with pytest.raises(Unsupported, match="read-only"):
        await write(registry.repository(NAME))
    with pytest.raises(Unsupported, match="read-only"):
        await registry.delete(NAME)
    said[0] = False
    await (await registry.repository(NAME).start_upload()).aclose()
    await registry.delete(NAME)

    assert list((await inner.repositories()).items) == []
