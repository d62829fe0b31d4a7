"""A real root file system to make images of: Debian, some 200 MB, made once and kept."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.peers.programs import PeerMissing, cache_folder, program

_SUITE = "bookworm"
_PYTHON = ("python3", "python3-venv", "busybox", "ca-certificates")
_PRIORITIES = {"required", "important", "standard"}


def root_file_system() -> Path:
    """A tar archive of a Debian root file system, from the cache or made now.

    It is made by debootstrap, or, where no mirror answers, from the packages that are
    installed here. Raises `PeerMissing` when neither can be done.
    """
    return _kept(f"debian-{_SUITE}.tar", (), _from_packages)


def python_file_system() -> Path:
    """As `root_file_system`, with Python, busybox and certificate authorities.

    Raises `PeerMissing` where no mirror answers.
    """
    return _kept(f"debian-{_SUITE}-python.tar", _PYTHON, _no_mirror)


def _kept(name: str, packages: Sequence[str], otherwise: Callable[[Path], None]) -> Path:
    archive = cache_folder() / name
    if archive.exists():
        return archive
    with tempfile.TemporaryDirectory(prefix="lading-debian-", dir=cache_folder()) as folder:
        made = Path(folder) / "root.tar"
        if not _debootstrap(Path(folder) / "root", made, packages):
            otherwise(made)
        # The name appears with the whole content, so that an interrupted run leaves nothing.
        made.replace(archive)
    return archive


def _debootstrap(root: Path, archive: Path, packages: Sequence[str]) -> bool:
    if os.geteuid() != 0:
        return False
    command = [str(program("debootstrap")), "--variant=minbase"]
    command += [f"--include={','.join(packages)}"] if packages else []
    command += [_SUITE, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return False
    left_out = [f"--exclude=./{name}" for name in ("dev/*", "proc/*", "sys/*", "var/cache/*")]
    subprocess.run(["tar", "-C", root, *left_out, "-cf", archive, "."], check=True)
    return True


def _no_mirror(archive: Path) -> None:
    raise PeerMissing(f"{archive.name}: a Debian with Python is needed, and no mirror answers")


def _from_packages(archive: Path) -> None:
    """Pack the files of this machine's basic packages, and busybox as its shell."""
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Priority} ${Package}\n"],
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        raise PeerMissing("a Debian root file system is needed: debootstrap or dpkg must work")
    lines = (line.partition(" ") for line in asked.stdout.splitlines())
    packages = [package for priority, _, package in lines if priority in _PRIORITIES]
    listed = subprocess.run(
        ["dpkg-query", "-L", *packages], capture_output=True, text=True, check=False
    )
    files = sorted(
        {
            line.lstrip("/")
            for line in listed.stdout.splitlines()
            if line.startswith(("/usr/", "/bin/", "/lib")) and os.path.lexists(line)
        }
    )
    names = archive.with_suffix(".list")
    names.write_text("\n".join(files) + "\n")
    pack = ["tar", "-C", "/", "--no-recursion", "--transform=s,^,./,SH"]
    subprocess.run([*pack, "-T", names, "-cf", archive], check=True)
    busybox = program("busybox")
    renamed = f"--transform=s,^{busybox.name}$,./bin/sh,"
    subprocess.run(["tar", "-C", busybox.parent, renamed, "-rf", archive, busybox.name], check=True)
