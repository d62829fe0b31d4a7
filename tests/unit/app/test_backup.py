"""A registry is copied as it was at one moment, and made again of its copy."""

from pathlib import Path

import pytest

from lading.app.backup import back_up, require_empty, restore
from lading.app.config.tree import Config
from lading.app.directory import held
from lading.app.maintenance import collect, configured
from lading.app.stores import open_stores
from lading.errors import StorageFailed, StorageReadOnly, StorageUnfit
from lading.metadata.snapshot import DATABASE
from lading.oci.digest import Digest
from lading.registry.collected import unheard
from lading.registry.registry import LocalRegistry
from lading.storage.layout import blob_path
from lading.testing import samples
from tests.unit.app.directories import NAME, closed, make_newer, put, tags


@pytest.fixture
async def behind(root: Path, tmp_path: Path) -> Path:
    """A copy of *root* that was made before the last push."""
    copy = tmp_path / "copy"
    await back_up(root, copy, link=False)
    await put(root, "two", "v2")
    return copy


@pytest.mark.parametrize("link", [False, True])
async def test_copy_of_a_copy_has_everything(root: Path, tmp_path: Path, link: bool) -> None:
    """What was backed up and restored is read back whole."""
    there, again = tmp_path / "copy", tmp_path / "again"

    copied = await back_up(root, there, link=link)
    restored = await restore(there, again, link=link)

    assert await tags(again) == ["v1"]
    assert (copied.new, copied.gone, copied.failures) == (copied.blobs, 0, ())
    assert restored.blobs == copied.blobs == 3


async def test_second_backup_copies_what_is_new_and_drops_what_is_gone(
    root: Path, tmp_path: Path, behind: Path
) -> None:
    """An older copy is brought up to date."""
    async with open_stores(root) as stores:
        repository = LocalRegistry(stores.blobs, stores.metadata).repository(NAME)
        await repository.delete_manifest(samples.image("one").manifest.digest)
    loaded = configured(root=str(root), grace="0")
    await collect(loaded, untagged=False, dry_run=False, listener=unheard)

    copied = await back_up(root, behind, link=False)
    await restore(behind, tmp_path / "again", link=False)

    assert (copied.blobs, copied.new) == (3, 3 - len(_shared()))
    assert copied.gone == 3 - len(_shared())
    assert await tags(tmp_path / "again") == ["v2"]


def _shared() -> set[Digest]:
    one, two = ({Digest.of(each) for each in samples.image(seed).blobs} for seed in ("one", "two"))
    return one & two


async def test_blob_that_was_lost_is_told_and_the_rest_copied(root: Path, tmp_path: Path) -> None:
    """A backup of a damaged registry is better than none."""
    lost = Digest.of(samples.image("one").blobs[0])
    async with open_stores(root) as stores:
        await stores.blobs.delete(lost)

    copied = await back_up(root, tmp_path / "copy", link=False)

    assert copied.blobs == 2
    assert [str(lost) in str(each) for each in copied.failures] == [True]


async def test_copy_is_kept_apart(root: Path, tmp_path: Path) -> None:
    """Neither the registry itself, nor a place in it or above it, nor one with strange blobs."""
    strange = tmp_path / "strange" / "docker/registry/v2/blobs/sha256/ab" / ("ab" * 32)
    strange.mkdir(parents=True)
    (strange / "data").write_bytes(b"x")

    for target in (root, root / "copy", tmp_path, tmp_path / "strange"):
        with pytest.raises(StorageUnfit):
            await back_up(root, target, link=False)
    assert not (root / "copy").exists()
    assert (strange / "data").exists()


async def test_copy_that_is_served_is_left_alone(root: Path, tmp_path: Path) -> None:
    """Nothing is put under a server's feet."""
    there = tmp_path / "copy"
    with held(Config(root=there)), pytest.raises(StorageUnfit, match="held by"):
        await back_up(root, there, link=False)


async def test_registry_is_never_restored_over_another(root: Path, tmp_path: Path) -> None:
    """Restoring needs an empty directory, and a copy."""
    await back_up(root, tmp_path / "copy", link=False)

    with pytest.raises(StorageUnfit, match="already"):
        await restore(tmp_path / "copy", root, link=False)
    with pytest.raises(StorageUnfit, match="no registry"):
        await restore(tmp_path / "typo", tmp_path / "new", link=False)
    assert not (tmp_path / "new").exists()


async def test_copy_of_a_newer_version_is_refused_before_anything_is_copied(
    root: Path, tmp_path: Path
) -> None:
    """Else the directory would hold what this version cannot serve, and could not be tried again."""
    await back_up(root, tmp_path / "copy", link=False)
    make_newer(tmp_path / "copy" / DATABASE)

    with pytest.raises(StorageUnfit, match="newer Lading"):
        await restore(tmp_path / "copy", tmp_path / "new", link=False)

    assert not (tmp_path / "new").exists()


async def test_what_was_mended_in_an_older_copy_stays_when_the_rest_fails(
    root: Path, behind: Path
) -> None:
    """Of a blob that had been cut short, the copy has all bytes; of what it does not name, none."""
    older, newer = ({*samples.image(seed).blobs} for seed in ("one", "two"))
    mended = _file(behind, min(older))
    mended.write_bytes(b"cut")
    (behind / f"{DATABASE}-wal").mkdir()

    with pytest.raises(StorageFailed):
        await back_up(root, behind, link=False)

    assert mended.read_bytes() == min(older)
    assert [_file(behind, each).exists() for each in older | newer] == [
        each in older for each in older | newer
    ]


def test_directory_that_is_closed_to_us_is_not_called_empty(tmp_path: Path) -> None:
    """Nor is it taken for a mistake of the program."""
    above = tmp_path / "closed"
    above.mkdir()

    with closed(above), pytest.raises(StorageReadOnly, match="Permission denied"):
        require_empty(above / "root")


def _file(root: Path, blob: bytes) -> Path:
    return root / blob_path(Digest.of(blob))
