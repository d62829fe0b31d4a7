"""A registry that is gone when its server ends."""

from pathlib import Path

from lading.app.config.tree import Config
from lading.app.shortlived import housed


def test_a_temporary_registry_leaves_nothing_behind() -> None:
    """It has a directory of its own, and whatever is in it goes with it."""
    with housed(Config(temporary=True, root=Path("/never"))) as config:
        root = config.root
        (root / "blobs").mkdir()
        there = root.is_dir()

    assert there
    assert root != Path("/never")
    assert not root.exists()


def test_any_other_registry_is_left_alone(tmp_path: Path) -> None:
    """The directory that was named is used, and stays."""
    with housed(Config(root=tmp_path)) as config:
        root = config.root

    assert root == tmp_path
    assert tmp_path.is_dir()
