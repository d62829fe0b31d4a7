"""What the kernel says about the processes of a server."""

import contextlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def family(parent: int) -> list[int]:
    """*parent* and its children that live."""
    children = ""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [parent, *map(int, children.split())]


def command_line(pid: int) -> list[str]:
    """The words by which *pid* was started."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []


def cpu_seconds(pids: list[int]) -> float:
    """What *pids* and those of their children that ended have computed."""
    return sum(sum(map(int, _stat(pid)[11:15])) for pid in pids) / _TICKS


def resident_bytes(pid: int) -> int:
    """The memory that *pid* has in use, what it shares with others included."""
    return int((_stat(pid) or ["0"] * 22)[21]) * _PAGE


def open_files(pid: int) -> int:
    """How many descriptors *pid* has open."""
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return 0


def most_files() -> int:
    """How many descriptors this process may have open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def born(pid: int) -> float:
    """When *pid* was started, in seconds since 1970."""
    ticks = int((_stat(pid) or ["0"] * 22)[19])
    return _booted() + ticks / _TICKS


def _booted() -> float:
    for line in _lines("/proc/stat"):
        name, _, value = line.partition(" ")
        if name == "btime":
            return float(value)
    return 0.0


def _stat(pid: int) -> list[str]:
    """The fields of proc(5)'s ``stat`` from the third on; none for who is gone."""
    return next((line.rpartition(")")[2].split() for line in _lines(f"/proc/{pid}/stat")), [])


def _lines(path: str) -> Iterator[str]:
    try:
        yield from Path(path).read_text().splitlines()
    except OSError:
        return
