"""Whether a directory can be the root of a store."""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import StorageReadOnly, StorageUnfit
from lading.storage import root as root_module
from lading.storage.root import NETWORK, holds_blobs, in_memory, kind_of, prepare_filesystem
from tests.unit.storage.conftest import SmallDisk, without_write_access

MOUNTS = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:5 / /dev rw,nosuid shared:2 - devtmpfs udev rw,size=1k
40 22 0:50 / /srv/data rw shared:9 - nfs4 server:/export rw,vers=4.2
41 40 0:51 / /srv/data/fast rw - xfs /dev/vdb rw
42 22 0:52 / /mnt/with\040space rw - cifs //server/share rw
43 22 0:53 / /mnt/twice rw - nfs server:/old rw
44 22 0:54 / /mnt/twice rw - btrfs /dev/vdc rw
45 22 0:55 / /mnt/optional rw master:1 propagate_from:2 - fuse.sshfs me@there: rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/home/me", "ext4"),
        ("/srv/data", "nfs4"),
        ("/srv/data/registry", "nfs4"),
        ("/srv/database", "ext4"),
        ("/srv/data/fast/registry", "xfs"),
        ("/mnt/with space/x", "cifs"),
        ("/mnt/twice/x", "btrfs"),
        ("/mnt/optional", "fuse.sshfs"),
    ],
)
def test_file_system_is_that_of_the_longest_mount_point(path: str, kind: str) -> None:
    """A path belongs to the mount nearest above it, and of two on one point to the last."""
    assert kind_of(path, MOUNTS) == kind


@given(st.text(max_size=200))
def test_any_text_of_mounts_is_read(text: str) -> None:
    """Lines that make no sense are passed over."""
    assert isinstance(kind_of("/srv", text), str)


def test_new_root_is_made(tmp_path: Path) -> None:
    """A root that is not there yet is made with everything above it, and nothing is left of probes."""
    root = tmp_path / "a" / "b"

    prepare_filesystem(root)
    prepare_filesystem(root)

    assert {each.name for each in root.iterdir()} == {"docker", "quarantine", "uploads"}
    assert list((root / "uploads").iterdir()) == []


def test_file_is_no_root(tmp_path: Path) -> None:
    """A root that is a file is refused by name."""
    (tmp_path / "root").write_text("a file")

    with pytest.raises(StorageUnfit) as caught:
        prepare_filesystem(tmp_path / "root")

    assert str(tmp_path / "root") in str(caught.value)


@pytest.mark.parametrize("below", ["", "new"])
def test_unwritable_root_is_refused_with_advice(public_path: Path, below: str) -> None:
    """Whoever may not write is told where, as whom, and what to do."""
    root = public_path / below

    with without_write_access(public_path):
        with pytest.raises(StorageReadOnly) as caught:
            prepare_filesystem(root)
        uid, gid = os.geteuid(), os.getegid()

    told = f"install -d -o {uid} -g {gid} {root}" if below else f"chown -R {uid}:{gid} {root}"
    assert str(root) in caught.value.subject
    assert f"uid {uid}" in caught.value.subject
    assert f"({told})" in caught.value.subject
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", sorted(NETWORK))
def test_network_file_systems_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A root on NFS, SMB and the like is refused before anything is written to it."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"40 22 0:50 / {tmp_path}/share rw shared:9 - {kind} server:/x rw\n")
    monkeypatch.setattr(root_module, "_MOUNTS", str(mounts))

    with pytest.raises(StorageUnfit) as caught:
        prepare_filesystem(tmp_path / "share" / "registry")

    assert kind in caught.value.subject
    assert not (tmp_path / "share").exists()


def test_root_is_judged_by_its_locks_where_mounts_are_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that takes no locks is refused even when its name is not known."""

    def refuse(file: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(root_module, "_MOUNTS", str(tmp_path / "absent"))
    monkeypatch.setattr(fcntl, "flock", refuse)

    with pytest.raises(StorageUnfit) as caught:
        prepare_filesystem(tmp_path / "root")

    assert "locks" in caught.value.subject


def test_full_disk_is_fit(small_disk: SmallDisk) -> None:
    """A server starts on a full disk: it can still be read from, and room can be made."""
    prepare_filesystem(small_disk.path)
    filler = small_disk.path / "filler"
    with suppress(OSError), filler.open("wb", 0) as file:
        while True:
            file.write(b"x" * 65536)

    prepare_filesystem(small_disk.path)

    assert filler.stat().st_size > 0


def test_kinds_of_file_systems_are_told_apart() -> None:
    """By the system's own list of what is mounted."""
    kinds = {
        place.split()[2]: rest.partition(" ")[0]
        for place, _, rest in (
            line.partition(" - ") for line in Path("/proc/self/mountinfo").read_text().splitlines()
        )
    }

    for number, kind in kinds.items():
        major, _, minor = number.partition(":")
        assert in_memory(os.makedev(int(major), int(minor))) == (kind in {"tmpfs", "ramfs"})
    assert not in_memory(os.makedev(4095, 4095))


@pytest.mark.parametrize(
    ("root", "reason"),
    [
        (Path("/proc/lading"), "No such file or directory"),
        (Path("/proc/lading/below"), "No such file or directory"),
        (Path("/" + "n" * 300), "File name too long"),
    ],
)
def test_a_place_where_no_directory_can_be_is_named_with_the_reason(
    root: Path, reason: str
) -> None:
    """The path is wrong and not the disk, and it is said after a few tries."""
    with pytest.raises(StorageUnfit) as caught:
        prepare_filesystem(root)

    assert caught.value.subject == f"{root} cannot be made: {reason}"


def test_no_directory_can_be_below_a_file(tmp_path: Path) -> None:
    """The file is somebody's, and stays."""
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(StorageUnfit, match="below cannot be made: Not a directory"):
        prepare_filesystem(file / "below")

    assert file.is_file()


@pytest.mark.parametrize("root", ["/" + "n" * 300, "/nnnnnnnnn" * 500])
def test_too_long_a_path_is_named_before_anything_is_made(root: str) -> None:
    """Whether there are blobs is asked first, and answered in the same words."""
    with pytest.raises(StorageUnfit, match="File name too long"):
        holds_blobs(Path(root))


def test_a_deleted_working_directory_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative root leads nowhere then, whatever it is called."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    with pytest.raises(StorageUnfit, match="working directory that was deleted"):
        prepare_filesystem(Path("data"))
