"""Files that are read again when they change."""

import asyncio
import errno
import logging
import os
import threading
from pathlib import Path
from typing import NoReturn

import pytest

from lading.auth.watched import Unreadable, WatchedFile


def upper(content: bytes) -> str:
    """What the file says; it must not be empty."""
    if not content:
        raise Unreadable("it is empty")
    return content.decode().upper()


def looked(file: WatchedFile[str]) -> str:
    """What it says after it was looked at."""
    file.look()
    return file()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that says something."""
    path = tmp_path / "file"
    path.write_text("one")
    return path


def test_change_is_seen(file: Path) -> None:
    """Whether the file is written in place or another takes its name."""
    watched = WatchedFile(file, upper, "")
    assert looked(watched) == "ONE"

    file.write_text("three")
    assert looked(watched) == "THREE"

    (file.parent / "new").write_text("seven")
    (file.parent / "new").replace(file)
    assert looked(watched) == "SEVEN"


def test_change_is_seen_though_length_and_time_are_the_same(file: Path) -> None:
    """Some tools set the time back."""
    watched = WatchedFile(file, upper, "")
    watched.look()
    before = file.stat()

    file.write_text("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert looked(watched) == "TWO"


async def test_changes_are_seen_while_it_runs(file: Path) -> None:
    """What is read meanwhile is read in a thread."""
    threads = []

    def read(content: bytes) -> str:
        threads.append(threading.current_thread())
        return upper(content)

    watched = WatchedFile(file, read, "")
    task = asyncio.create_task(watched.run())

    async with asyncio.timeout(30):
        while watched() != "ONE":
            await asyncio.sleep(0.01)
        file.write_text("two")
        while watched() != "TWO":
            await asyncio.sleep(0.01)
    task.cancel()

    assert threading.main_thread() not in threads


async def test_a_mistake_in_reading_does_not_end_the_looking(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Else a login that was taken away would hold until the server is started again."""

    def read(content: bytes) -> str:
        if content == b"one":
            raise KeyError("a mistake")
        return upper(content)

    watched = WatchedFile(file, read, "")
    task = asyncio.create_task(watched.run())

    async with asyncio.timeout(30):
        while not caplog.records:
            await asyncio.sleep(0.01)
        (file.parent / "new").write_text("two")
        (file.parent / "new").replace(file)
        while watched() == "":
            await asyncio.sleep(0.01)
    task.cancel()

    assert watched() == "TWO"
    [told] = caplog.records
    assert told.getMessage() == "file cannot be looked at"
    assert told.exc_info is not None


@pytest.mark.parametrize("harm", ["empty", "missing", "directory", "pipe", "too long"])
def test_broken_file_leaves_what_was_there(
    file: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The log tells once, and the file counts again as soon as it is whole, and that is told."""
    caplog.set_level(logging.INFO)
    watched = WatchedFile(file, upper, "")
    watched.look()

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

    assert [looked(watched) for _ in range(3)] == ["ONE"] * 3
    assert len(caplog.records) == 1
    assert vars(caplog.records[0])["file"] == str(file)

    if file.is_dir():
        file.rmdir()
    else:
        file.unlink(missing_ok=True)
    file.write_text("two")
    assert looked(watched) == "TWO"
    assert [each.getMessage() for each in caplog.records[1:]] == ["file can be used again"]


def test_broken_file_is_read_once(file: Path) -> None:
    """However large it is, and whatever is logged of its lines, until it is another file."""
    read: list[bytes] = []

    def broken(content: bytes) -> str:
        read.append(content)
        raise Unreadable("it is broken")

    watched = WatchedFile(file, broken, "")
    for _ in range(3):
        watched.look()
    file.write_text("three")
    watched.look()

    assert read == [b"one", b"three"]


def test_file_that_could_not_be_read_is_tried_again_though_it_is_the_same(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may have had no descriptor left for a while."""
    watched = WatchedFile(file, upper, "")

    def exhausted(*_given: object) -> NoReturn:
        raise OSError(errno.EMFILE, "too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", exhausted)
        assert looked(watched) == ""

    assert looked(watched) == "ONE"


def test_file_that_is_never_there_gives_the_first_value(tmp_path: Path) -> None:
    """Nothing is trusted then, and nothing fails."""
    assert looked(WatchedFile(tmp_path / "none", upper, "first")) == "first"
