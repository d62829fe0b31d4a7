"""What this machine lets us use: cores, and open files."""

import math
import os
import resource
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MOST_WORKERS = 8
"""More processes than this are started only when asked for."""


def usable_workers(*, proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int:
    """One worker for each core this process may use, by affinity and cgroup; at most eight."""
    cores = float(len(os.sched_getaffinity(0)))
    for limit in _limits(proc, groups):
        cores = min(cores, limit)
    return max(1, min(MOST_WORKERS, math.ceil(cores)))


def raise_open_files() -> None:
    """Allow as many open files as the system lets us: each client needs one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _limits(proc: Path, groups: Path) -> Iterator[float]:
    """CPU limits, in cores, of our control groups and of all above them (versions 2 and 1)."""
    for line in _text(proc / "self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root = groups
        elif "cpu" in controllers.split(","):
            root = groups / "cpu"
        else:
            continue
        inside = PurePosixPath(path.lstrip("/"))
        for group in (inside, *inside.parents):
            quota = _quota(root / group)
            if quota is not None:
                yield quota


def _quota(group: Path) -> float | None:
    words = _text(group / "cpu.max").split() or [
        *_text(group / "cpu.cfs_quota_us").split(),
        *_text(group / "cpu.cfs_period_us").split(),
    ]
    try:
        quota, period = (int(word) for word in words)
    except ValueError:
        return None
    return quota / period if quota > 0 and period > 0 else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""
