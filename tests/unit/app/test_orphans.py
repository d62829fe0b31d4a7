"""A data directory that has blobs and no database is somebody's data, and never a new registry."""

from pathlib import Path

import pytest

from lading.app.config.tree import Config
from lading.app.directory import held, prepare
from lading.app.stores import open_stores
from lading.errors import StorageUnfit
from lading.oci.digest import Digest
from lading.storage import layout
from lading.storage.root import prepare_filesystem

CONTENT = b"pushed to another registry, or before the database was lost"


@pytest.fixture
def orphan(tmp_path: Path) -> Path:
    """The bytes of a blob at its usual place, and nothing beside it."""
    file = tmp_path / layout.blob_path(Digest.of(CONTENT))
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    return file


def test_blobs_without_a_database_are_not_taken_for_a_new_registry(
    orphan: Path, tmp_path: Path
) -> None:
    """Nothing is made there, or the next sweep would delete every blob as waste."""
    with pytest.raises(StorageUnfit, match="holds blobs but no"), held(Config(root=tmp_path)):
        pass
    with pytest.raises(StorageUnfit, match="holds blobs but no"):
        prepare(tmp_path)

    assert orphan.read_bytes() == CONTENT
    assert [each.name for each in tmp_path.iterdir()] == ["docker"]


def test_empty_database_file_is_no_database(orphan: Path, tmp_path: Path) -> None:
    """A restore that stopped in its beginning leaves one, and must not cost the blobs."""
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata/registry.db").touch()

    with pytest.raises(StorageUnfit, match="holds blobs but no"):
        prepare(tmp_path)

    assert orphan.exists()


async def test_commands_open_no_empty_database(tmp_path: Path) -> None:
    """`lading gc` on it would find that nothing names anything."""
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata/registry.db").touch()

    with pytest.raises(StorageUnfit, match="there is no registry"):
        async with open_stores(tmp_path):
            pass


def test_directories_of_an_unfinished_first_start_are_no_blobs(tmp_path: Path) -> None:
    """A server that was killed before it made its database starts again."""
    prepare_filesystem(tmp_path)

    with held(Config(root=tmp_path)):
        pass

    assert (tmp_path / "metadata/registry.db").stat().st_size > 0
