"""Files that are read again when they change."""

import os
from pathlib import Path

import pytest

from lading.auth.watched import Unreadable, Watched


def upper(content: bytes) -> str:
    """What the file says; it must not be empty."""
    if not content:
        raise Unreadable("it is empty")
    return content.decode().upper()


class Clock:
    """A clock that is a second later each time."""

    now = 0.0

    def __call__(self) -> float:
        """A second later than before."""
        self.now += 1
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that says something."""
    path = tmp_path / "file"
    path.write_text("one")
    return path


def test_change_is_seen(file: Path) -> None:
    """Whether the file is written in place or another takes its name."""
    watched = Watched(file, upper, "", clock=Clock())
    assert watched() == "ONE"

    file.write_text("three")
    assert watched() == "THREE"

    (file.parent / "new").write_text("seven")
    (file.parent / "new").replace(file)
    assert watched() == "SEVEN"


def test_change_is_seen_though_length_and_time_are_the_same(file: Path) -> None:
    """Some tools set the time back."""
    watched = Watched(file, upper, "", clock=Clock())
    watched()
    before = file.stat()

    file.write_text("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert watched() == "TWO"


def test_file_is_looked_at_four_times_a_second_at_most(file: Path) -> None:
    """Requests come by the ten thousands."""
    times = iter([0.0, 0.2, 0.3])
    watched = Watched(file, upper, "", clock=lambda: next(times))
    watched()
    file.write_text("two")

    assert [watched(), watched()] == ["ONE", "TWO"]


@pytest.mark.parametrize("harm", ["empty", "missing", "directory", "pipe", "too long"])
def test_broken_file_leaves_what_was_there(
    file: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The log tells once, and the file counts again as soon as it is whole."""
    watched = Watched(file, upper, "", clock=Clock())
    watched()

    file.unlink()
    match harm:
        case "empty":
            file.touch()
        case "directory":
            file.mkdir()
        case "pipe":
            os.mkfifo(file)
        case "too long":
            file.touch()
            os.truncate(file, 1 << 30)

    assert [watched(), watched(), watched()] == ["ONE"] * 3
    assert len(caplog.records) == 1
    assert vars(caplog.records[0])["file"] == str(file)

    if file.is_dir():
        file.rmdir()
    else:
        file.unlink(missing_ok=True)
    file.write_text("two")
    assert watched() == "TWO"


def test_file_that_is_never_there_gives_the_first_value(tmp_path: Path) -> None:
    """Nothing is trusted then, and nothing fails."""
    assert Watched(tmp_path / "none", upper, "first", clock=Clock())() == "first"
