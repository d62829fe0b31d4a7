"""What is made in a directory is cleared away when it fails, and nothing that is not its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from lading.app.directory import LOCK, is_unfinished, new_rows, prepare
from lading.app.target import Making, making
from lading.errors import StorageFailed
from lading.metadata import snapshot
from lading.metadata.snapshot import DATABASE
from lading.oci.digest import Digest
from lading.storage.duplicate import received
from lading.storage.publish import Publisher

BLOB = b"a blob"


class Given(Exception):
    """What goes wrong while something is made."""


def fit(_: Path) -> None:
    """Any directory will do."""


def state(folder: Path) -> dict[str, bytes | None]:
    """Everything below *folder*: directories, and files with what is in them."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }


@contextmanager
def failing(root: Path, require: Callable[[Path], None] = fit) -> Iterator[Making]:
    """Make a registry in *root*; in the end it goes wrong."""
    with suppress(Given), making(root, require) as made:
        yield made
        raise Given


def add_blob(root: Path, made: Making) -> None:
    """Let there be a new one."""
    made.new.append(Digest.of(BLOB))
    received(str(root), made.new[-1], [BLOB], Publisher())


def leave_unfinished(root: Path) -> None:
    """Let *root* be as a process leaves it that is killed while it makes a registry there."""
    with making(root, fit) as made:
        add_blob(root, made)


@pytest.fixture
def rows(tmp_path: Path) -> Callable[[Path], None]:
    """Writes rows that can be the database of a registry."""
    other = tmp_path / "another"
    prepare(other)
    return lambda target: snapshot.take(other, target, lambda: None)


def test_error_after_the_rows_are_in_place_leaves_the_registry(
    tmp_path: Path, rows: Callable[[Path], None]
) -> None:
    """It is whole by then: clearing it away would be the only harm that is done."""
    root = tmp_path / "data"

    with failing(root) as made:
        add_blob(root, made)
        rows(made.rows)
        snapshot.put(made.rows, root)
        whole = state(root)

    assert state(root) == whole
    assert BLOB in whole.values()
    assert DATABASE in whole


def test_failure_to_clear_up_does_not_hide_what_went_wrong(tmp_path: Path) -> None:
    """Whoever reads of it has to mend that, and gives the same command again."""

    def spoil() -> None:
        with making(tmp_path / "data", fit) as made:
            made.rows.unlink()
            made.rows.mkdir()
            raise Given

    with pytest.raises(Given):
        spoil()


def test_nobody_else_has_the_directory_until_all_is_cleared_away(tmp_path: Path) -> None:
    """Else whoever had it then would lose directories that are needed."""
    with failing(tmp_path):
        (tmp_path / LOCK).unlink()
        (tmp_path / LOCK).mkdir()

    assert state(tmp_path) == {LOCK: None}


def test_directories_that_are_cleared_away_before_it_is_held_are_made_again(
    tmp_path: Path,
) -> None:
    """Whoever had the directory until then may have been ended."""
    asked: list[Path] = []

    def clear_when_held(root: Path) -> None:
        asked.append(root)
        if len(asked) == 2:
            (root / "uploads").rmdir()

    with making(tmp_path, clear_when_held):
        again = (tmp_path / "uploads").is_dir()

    assert again


def test_what_somebody_has_beside_what_a_killed_process_left_stays(tmp_path: Path) -> None:
    """Also an empty directory, here or where a link leads, and one within those of a registry."""
    root, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    for path in (root / "lost+found", root / "docker/compose", elsewhere / "empty"):
        path.mkdir(parents=True)
    (root / "media").symlink_to(elsewhere)
    (root / "notes").write_text("ours")
    before, besides = state(root), state(elsewhere)
    leave_unfinished(root)

    with failing(root):
        pass

    assert (state(root), state(elsewhere)) == (before, besides)


def test_directory_that_was_empty_before_a_process_was_killed_is_empty_again(
    tmp_path: Path,
) -> None:
    """All that is in it was made by us."""
    root = tmp_path / "data"
    leave_unfinished(root)

    with failing(root):
        pass

    assert state(root) == {}
    assert root.exists()


def test_another_registry_that_is_made_nearby_keeps_its_directories(tmp_path: Path) -> None:
    """The directory that both lie in was missing when either began."""
    one, other = tmp_path / "deep" / "one", tmp_path / "deep" / "other"

    with ExitStack() as stack:
        with failing(one):
            stack.enter_context(making(other, fit))
            nearby = state(other)
        left = state(other)

    assert left == nearby
    assert not one.exists()


def test_registry_that_somebody_makes_before_it_is_held_loses_nothing(
    tmp_path: Path, rows: Callable[[Path], None]
) -> None:
    """Neither its blobs nor its directories, though they were missing in the beginning."""
    root = tmp_path / "data"
    asked: list[dict[str, bytes | None]] = []

    def make_when_held(root: Path) -> None:
        asked.append({})
        if len(asked) == 2:
            (root / "metadata").mkdir()
            rows(root / DATABASE)
            received(str(root), Digest.of(b"theirs"), [b"theirs"], Publisher())
            asked[1] = state(root)

    with failing(root, make_when_held) as made:
        add_blob(root, made)

    assert state(root) == asked[1]


def test_file_where_the_rows_are_to_be_is_told_of_and_stays(tmp_path: Path) -> None:
    """Somebody has mistyped the name of the directory."""
    (tmp_path / "metadata").write_text("ours")
    before = state(tmp_path)

    with pytest.raises(StorageFailed, match="metadata"), making(tmp_path, fit):
        pass

    assert state(tmp_path) == before


def test_what_is_left_of_a_killed_process_is_known(tmp_path: Path) -> None:
    """By the rows that it had not put in their place."""
    root = tmp_path / "data"

    leave_unfinished(root)

    assert is_unfinished(root)
    assert new_rows(root).exists()
