"""What the operating system says about files becomes errors of ours."""

import errno
import os
from pathlib import Path

import pytest

from lading.errors import (
    StorageBusy,
    StorageDamaged,
    StorageFailed,
    StorageFull,
    StorageReadOnly,
)
from lading.wall import is_special, storage_errors


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EROFS, StorageReadOnly),
        (errno.EACCES, StorageReadOnly),
        (errno.EWOULDBLOCK, StorageBusy),
        (errno.EUCLEAN, StorageDamaged),
        (errno.EIO, StorageFailed),
    ],
)
def test_what_the_system_says_becomes_ours(number: int, kind: type[StorageFailed]) -> None:
    """A full disk and a read-only file system are told apart, and the subject is named."""
    with (
        pytest.raises(kind, match=r"registry\.db: refused") as caught,
        storage_errors("registry.db"),
    ):
        raise OSError(number, "refused", "elsewhere")

    assert type(caught.value) is kind


def test_an_error_without_a_number_is_told_in_its_own_words() -> None:
    """Python raises some that the system never saw."""
    with pytest.raises(StorageFailed, match=r"registry\.db: odd"), storage_errors("registry.db"):
        raise OSError("odd")


def test_a_reader_who_has_had_enough_is_no_failure_of_a_file() -> None:
    """``lading save - | head`` ends quietly."""
    with pytest.raises(BrokenPipeError), storage_errors("the stream"):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_other_errors_pass_as_they_are(tmp_path: Path) -> None:
    """Only what the system says is named again."""
    with pytest.raises(KeyError), storage_errors(tmp_path):
        raise KeyError("name")
    with storage_errors(tmp_path):
        pass


def test_pipe_is_special_also_behind_a_link_and_a_file_is_not(tmp_path: Path) -> None:
    """Nor is a directory, or nothing at all."""
    pipe, link, file = tmp_path / "pipe", tmp_path / "link", tmp_path / "file"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    file.touch()

    found = [is_special(each) for each in (pipe, link, file, tmp_path, tmp_path / "missing")]

    assert found == [True, True, False, False, False]
