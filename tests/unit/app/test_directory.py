"""Who has the data directory, and who may change what is in it."""

import os
from pathlib import Path

import pytest

from lading.app.config.tree import Config
from lading.app.directory import (
    LOCK,
    alone,
    held,
    holds_registry,
    is_unfinished,
    new_rows,
    prepare,
    require_registry,
)
from lading.app.stores import open_stores
from lading.errors import StorageUnfit
from lading.metadata import migrations
from lading.metadata.migrations import Migration
from lading.metadata.snapshot import DATABASE
from tests.unit.app.directories import closed


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, every registry that was made before is one of an older version."""
    more = Migration(99, "more", "CREATE TABLE more (id INTEGER)")
    both = [*migrations.known(), more]
    monkeypatch.setattr(migrations, "known", lambda: both)


def test_a_second_server_is_told_who_has_the_directory(tmp_path: Path) -> None:
    """Two servers of their own would not know of each other's locks and workers."""
    config = Config(root=tmp_path / "data")

    with held(config), pytest.raises(StorageUnfit, match="held by another server"), held(config):
        pass
    with held(config):
        again = holds_registry(config.root)

    assert again


async def test_nobody_migrates_under_a_running_server(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A program of a newer version says so, and changes nothing until the server has ended."""
    with held(Config(root=tmp_path)):
        request.getfixturevalue("older")
        prepare(tmp_path)
        with pytest.raises(StorageUnfit, match="older"):
            async with open_stores(tmp_path):
                pass

    prepare(tmp_path)
    async with open_stores(tmp_path):
        pass


def test_programs_that_are_not_the_server_make_a_registry_too(tmp_path: Path) -> None:
    """An embedder needs no server, and leaves the directory to one."""
    root = tmp_path / "data"

    prepare(root)
    prepare(root)

    assert holds_registry(root)
    with held(Config(root=root)):
        pass


def test_a_restored_database_is_prepared_by_whoever_comes_first(tmp_path: Path) -> None:
    """A backup is the database and the blobs; the lock files are not in it."""
    prepare(tmp_path)
    database = (tmp_path / "metadata/registry.db").read_bytes()
    restored = tmp_path / "restored"
    (restored / "metadata").mkdir(parents=True)
    (restored / "metadata/registry.db").write_bytes(database)

    prepare(restored)

    assert {each.name for each in (restored / "metadata").iterdir()} >= {"locks", "write.lock"}


def test_directory_of_another_user_is_not_called_empty(tmp_path: Path) -> None:
    """Who runs a command as the wrong user is told so, and does not look for lost data."""
    root = tmp_path / "data"
    prepare(root)

    with closed(root), pytest.raises(StorageUnfit, match=rf"is not open to uid {os.geteuid()}\b"):
        require_registry(root)


def test_lock_that_was_taken_away_while_it_was_opened_locks_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restore that is ended removes it, and two would hold locks of one directory otherwise."""
    opened = os.open
    times: list[int] = []

    def open_and_lose(path: Path, *how: int) -> int:
        file = opened(path, *how)
        if not times:
            path.unlink()
        times.append(file)
        return file

    monkeypatch.setattr(os, "open", open_and_lose)
    with alone(tmp_path):
        there = (tmp_path / LOCK).exists()
        with pytest.raises(StorageUnfit, match="held by"), alone(tmp_path):
            pass

    assert there


def test_copy_that_has_lost_its_database_is_not_taken_for_unfinished(tmp_path: Path) -> None:
    """Not even when bringing it up to date was cut off: its blobs may be all that is left."""
    prepare(tmp_path)
    new_rows(tmp_path).write_bytes(b"")

    (tmp_path / DATABASE).unlink()

    assert not is_unfinished(tmp_path)
    new_rows(tmp_path).write_bytes(b"")
    assert is_unfinished(tmp_path)
