"""Places on disk that are small, or that cannot be written, and machines without threads."""

import resource
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.unprivileged import unprivileged


class SmallDisk:
    """A directory on which some 512 KiB fit into one file, until `grow` is called."""

    def __init__(self, path: Path, *, mounted: bool) -> None:
        self.path = path
        self._mounted = mounted
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def shrink(self) -> None:
        """Make it small."""
        if not self._mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (512 * 1024, self._limits[1]))

    def grow(self) -> None:
        """Make room."""
        if self._mounted:
            subprocess.run(["mount", "-o", "remount,size=64m", "tmpfs", str(self.path)], check=True)
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)


@pytest.fixture(params=["mount", "limit"])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallDisk]:
    """A full disk: a tiny file system where one can be mounted, and a limit on file sizes."""
    path = tmp_path / "small"
    path.mkdir()
    mounted = request.param == "mount" and _mount(path)
    disk = SmallDisk(path, mounted=mounted)
    disk.shrink()
    try:
        yield disk
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(path)], check=True)
        else:
            disk.grow()


def _mount(path: Path) -> bool:
    with suppress(OSError):
        command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(path)]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    return False


@pytest.fixture
def public_path() -> Iterator[Path]:
    """A directory that every user can reach and nobody but its owner can write."""
    path = Path(tempfile.mkdtemp(prefix="lading-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@contextmanager
def without_write_access(path: Path) -> Iterator[None]:
    """Be a user who may read everything below *path* and write nothing."""
    everything = [path, *path.rglob("*")]
    for each in everything:
        each.chmod(0o555 if each.is_dir() else 0o444)
    try:
        with unprivileged():
            yield
    finally:
        for each in everything:
            each.chmod(0o755 if each.is_dir() else 0o644)


def give_no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the machine gives none, which the standard library tells so."""

    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
