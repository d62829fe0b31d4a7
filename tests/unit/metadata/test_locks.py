"""Locks between processes are the kernel's, and it frees them when their holder dies."""

import fcntl
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lading.errors import StorageFailed
from lading.metadata.locks import SHARDS, FileLocks, shard
from lading.metadata.sqlite_file import prepare_sqlite
from lading.oci.digest import Digest

HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "r+")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


async def test_lock_of_a_process_that_was_killed_is_free(tmp_path: Path) -> None:
    """Background work goes on elsewhere when its worker dies."""
    prepare_sqlite(tmp_path)
    locks = FileLocks(tmp_path / "metadata")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "metadata" / "background.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    async with locks.background(wait=False) as while_held:
        pass
    holder.send_signal(signal.SIGKILL)
    holder.communicate()

    async with locks.background(wait=True) as afterwards:
        assert afterwards
    assert not while_held


async def test_deleting_excludes_other_processes(tmp_path: Path) -> None:
    """The file of the digest's first byte is locked as long as the context is open."""
    prepare_sqlite(tmp_path)
    digest = Digest.of(b"content")
    path = tmp_path / "metadata" / "locks" / digest.value[:2]
    locks = FileLocks(tmp_path / "metadata")

    with path.open("r+") as file:
        async with locks.exclusively(digest):
            with pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        async with locks.publishing(digest):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            with pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("text", ["sha256:" + "ff" * 32, "x+y:zz_", "x:a"])
def test_every_digest_has_a_lock(text: str) -> None:
    """Digests of foreign algorithms need not be hexadecimal."""
    assert 0 <= shard(Digest.parse(text)) < SHARDS


async def test_missing_directory_is_a_storage_failure(tmp_path: Path) -> None:
    """Locks that cannot be opened are no traceback."""
    locks = FileLocks(tmp_path / "gone")

    with pytest.raises(StorageFailed):
        async with locks.publishing(Digest.of(b"content")):
            pass
