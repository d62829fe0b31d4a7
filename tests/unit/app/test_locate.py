"""What people write in place of an image, and what is found by it."""

import io
import sys

import pytest

from lading.app.locate import locate
from lading.errors import LayoutInvalid, ManifestUnknown, ReferenceInvalid
from lading.oci.digest import Digest
from lading.oci.locator import LATEST
from lading.oci.names import RepositoryName, Tag
from lading.registry.registry import LocalRegistry
from lading.testing import samples
from lading.testing.samples import Image
from lading.wire.message import Handler
from tests.unit.app.conftest import Machine

_DIGEST = Digest.of(b"x")


async def _put(machine: Machine, text: str, image: Image, *tags: str) -> None:
    async with machine.client() as client, locate(text, client, writing=True) as located:
        names = [Tag(each) for each in tags]
        if not tags and isinstance(located.reference, Tag):
            names = [located.reference]
        await samples.put_image(located.repository, image, tags=names)


async def _found(machine: Machine, text: str) -> Digest:
    async with machine.client() as client, locate(text, client) as located:
        return (await located.repository.resolve(located.reference)).digest


@pytest.mark.parametrize(
    ("text", "place", "reference", "named"),
    [
        ("a.b/c:v1", "a.b/c", Tag("v1"), True),
        ("a.b/c", "a.b/c", LATEST, False),
        ("app", "docker.io/library/app", LATEST, False),
        (f"a.b/c:v1@{_DIGEST}", "a.b/c", _DIGEST, True),
        ("localhost:5000/c", "localhost:5000/c", LATEST, False),
        ("oci-archive", "docker.io/library/oci-archive", LATEST, False),
    ],
)
async def test_name_is_of_a_repository_in_a_registry(
    machine: Machine, text: str, place: str, reference: Tag | Digest, named: bool
) -> None:
    """Nothing is asked of the registry for that."""
    async with machine.client() as client, locate(text, client) as located:
        assert (located.text, located.place) == (text, place)
        assert (located.reference, located.named) == (reference, named)
        assert located.repository.name == place.partition("/")[2]
        assert located.registry is client.registry(place.partition("/")[0])


async def test_short_name_means_what_is_configured(
    machine: Machine, local: LocalRegistry, face: Handler
) -> None:
    """By ``registries.conf``, aliases included."""
    image = samples.image()
    await samples.put_image(local.repository(RepositoryName("long")), image, tags=[Tag("v1")])
    machine.serve("http://localhost:5000", face)
    machine.file("etc/containers/registries.conf", '[aliases]\n"short"="localhost:5000/long"')

    assert await _found(machine, "short:v1") == image.manifest.digest


@pytest.mark.parametrize("kind", ["oci", "oci-archive", "docker-archive"])
async def test_layout_is_written_and_read_by_the_same_name(machine: Machine, kind: str) -> None:
    """By its tag, by its digest, and by nothing, since there is one image only."""
    image = samples.image()
    path = f"{kind}:{machine.folder}/x"
    name = f"{path}:example.com/app:v1" if kind == "docker-archive" else f"{path}:v1"

    await _put(machine, name, image)

    assert await _found(machine, name) == image.manifest.digest
    assert await _found(machine, f"{path}@{image.manifest.digest}") == image.manifest.digest
    assert await _found(machine, path) == image.manifest.digest
    with pytest.raises(ManifestUnknown):
        await _found(machine, f"{name.removesuffix('v1')}v2")


async def test_only_image_is_meant_when_none_is_named(machine: Machine) -> None:
    """By its tag if it has one, so that a copy is called the same; else by its digest."""
    image = samples.image()
    text = f"oci:{machine.folder}/x"
    await _put(machine, f"{text}@{image.manifest.digest}", image)

    async with machine.client() as client:
        async with locate(text, client) as located:
            assert (located.reference, located.named) == (image.manifest.digest, False)
        await _put(machine, f"{text}:v1", image)
        async with locate(text, client) as located:
            assert (located.reference, located.named) == (Tag("v1"), False)
        async with locate(text, client, writing=True) as located:
            assert (located.reference, located.named) == (LATEST, False)


async def test_one_of_several_images_has_to_be_named(machine: Machine) -> None:
    """Nobody guesses, unless one is called latest."""
    text = f"oci:{machine.folder}/x"
    first, second = samples.image(seed=1), samples.image(seed=2)
    await _put(machine, f"{text}:one", first)
    await _put(machine, f"{text}:two", second)

    with pytest.raises(ReferenceInvalid, match="one, two"):
        await _found(machine, text)

    await _put(machine, f"{text}:latest", second)
    assert await _found(machine, text) == second.manifest.digest


async def test_image_of_another_name_is_not_taken_for_the_one_that_was_named(
    machine: Machine,
) -> None:
    """Not even where it is the only one."""
    text = f"docker-archive:{machine.folder}/x"
    await _put(machine, f"{text}:example.com/app:v1", samples.image())

    with pytest.raises(ReferenceInvalid, match=r"example\.com/app:v1"):
        await _found(machine, f"{text}:example.com/other")


async def test_empty_layout_has_nothing_to_mean(machine: Machine) -> None:
    """The error is that of any image that is not there."""
    text = f"oci:{machine.folder}/x"
    async with machine.client() as client, locate(text, client, writing=True):
        pass

    with pytest.raises(ManifestUnknown):
        await _found(machine, text)


async def test_layout_of_several_images_is_read_by_the_name_of_one(machine: Machine) -> None:
    """The host may have a port, and the tag may be left out."""
    image = samples.image()
    text = f"oci:{machine.folder}/x:localhost:5000/team/app"
    await _put(machine, f"{text}:v1", image)

    async with machine.client() as client, locate(f"{text}:v1", client) as located:
        assert located.place == text
        assert located.named
    assert await _found(machine, f"{text}:v1") == image.manifest.digest
    assert await _found(machine, text) == image.manifest.digest


@pytest.mark.parametrize(
    "text", ["oci:", "oci:x:", "oci-archive::v1", "oci:x:a/b:-", "oci:x@sha256:1"]
)
async def test_text_that_names_no_layout_is_refused(machine: Machine, text: str) -> None:
    """Before anything is opened."""
    with pytest.raises(ReferenceInvalid):
        await _found(machine, text)


async def test_layout_that_is_not_there_is_not_made_by_reading(machine: Machine) -> None:
    """A typing mistake leaves no folder behind."""
    with pytest.raises(LayoutInvalid):
        await _found(machine, f"oci:{machine.folder}/missing:v1")

    assert not (machine.folder / "missing").exists()


async def test_archive_is_not_written_when_something_fails(machine: Machine) -> None:
    """Half an archive is none."""
    path = machine.folder / "x.tar"

    async def interrupted() -> None:
        async with (
            machine.client() as client,
            locate(f"oci-archive:{path}:v1", client, writing=True) as located,
        ):
            await samples.put_blob(located.repository, b"layer")
            raise ManifestUnknown("elsewhere")

    with pytest.raises(ManifestUnknown):
        await interrupted()

    assert list(machine.folder.glob("x*")) == []


async def test_archive_is_a_stream_when_its_file_is_a_dash(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard output when it is written, standard input when it is read."""
    image = samples.image()
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", out)

    await _put(machine, "oci-archive:-:v1", image)
    written = out.buffer.getvalue()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(written)))

    assert await _found(machine, "oci-archive:-") == image.manifest.digest
