"""The lock of all writers says, without being taken, whether anybody has written."""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lading.errors import StorageFull
from lading.metadata.write_lock import WriteLock

HOLD = """
import sys, time
from pathlib import Path
from lading.metadata.write_lock import WriteLock
with WriteLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[WriteLock]:
    """The lock as one process has it."""
    found = WriteLock(tmp_path / "write.lock")
    yield found
    found.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[WriteLock]:
    """The same lock as another process has it."""
    found = WriteLock(tmp_path / "write.lock")
    yield found
    found.close()


def test_number_stays_while_nobody_writes(lock: WriteLock, other: WriteLock) -> None:
    """It is a number, and the same for everybody."""
    assert lock.written() is not None
    assert lock.written() == other.written()


def test_number_is_another_one_after_each_writing(lock: WriteLock, other: WriteLock) -> None:
    """Whoever looks finds out, whichever process wrote."""
    seen = [lock.written()]
    for writer in (lock, other, lock):
        with writer:
            pass
        seen.append(lock.written())

    assert len(set(seen)) == 4
    assert other.written() == seen[-1]


def test_there_is_no_number_while_somebody_may_be_writing(
    lock: WriteLock, other: WriteLock
) -> None:
    """What is read meanwhile may be of before or of after."""
    with lock:
        assert lock.written() is None
        assert other.written() is None

    assert other.written() is not None


def test_there_is_no_number_after_a_writer_was_killed_until_the_next_one_is_done(
    lock: WriteLock, tmp_path: Path
) -> None:
    """Nobody knows how far it came, so nobody may take anything for granted."""
    before = lock.written()
    command = [sys.executable, "-c", HOLD, str(tmp_path / "write.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "held\n"
        writer.send_signal(signal.SIGKILL)
    unclear = lock.written()

    with lock:
        pass

    assert unclear is None
    assert lock.written() not in {before, None}


def test_file_without_a_number_gets_one(tmp_path: Path) -> None:
    """A directory that was made before there were numbers is taken as it is."""
    path = tmp_path / "write.lock"
    path.touch()

    lock = WriteLock(path)

    assert lock.written() is not None
    lock.close()


def test_disk_without_room_for_a_number_is_told_at_once(tmp_path: Path) -> None:
    """Later it could only be told by the end of the process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(StorageFull):
            WriteLock(tmp_path / "write.lock")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_number_stays_when_the_lock_was_not_to_be_waited_for(
    lock: WriteLock, other: WriteLock
) -> None:
    """Whoever did not get it has not written."""
    with other:
        got = lock.acquire(wait=False)
    after = lock.written()

    assert not got
    assert after == other.written()
    assert lock.acquire(wait=False)
    lock.release()


def test_number_begins_anew_after_the_last(tmp_path: Path) -> None:
    """Whatever a damaged file says, writers can write."""
    (tmp_path / "write.lock").write_bytes(b"\xff" * 8)
    lock = WriteLock(tmp_path / "write.lock")
    unclear = lock.written()

    with lock:
        pass

    assert unclear is None
    assert lock.written() is not None
    lock.close()
