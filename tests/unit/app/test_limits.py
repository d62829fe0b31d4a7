"""How many workers a machine, or a container on it, is good for."""

import os
from pathlib import Path

import pytest

from lading.app.limits import MOST_WORKERS, usable_workers


@pytest.fixture
def many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of 64 cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))


@pytest.mark.usefixtures("many_cores")
def test_big_machine_gets_eight_workers(tmp_path: Path) -> None:
    """More are started only when asked for."""
    assert usable_workers(proc=tmp_path, groups=tmp_path) == MOST_WORKERS == 8


def test_affinity_limits_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is pinned to three cores uses three."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 5})

    assert usable_workers(proc=tmp_path, groups=tmp_path) == 3


@pytest.mark.usefixtures("many_cores")
@pytest.mark.parametrize(
    ("line", "files", "workers"),
    [
        ("0::/a/b", {"a/b/cpu.max": "200000 100000"}, 2),
        ("0::/a/b", {"a/cpu.max": "150000 100000", "a/b/cpu.max": "max 100000"}, 2),
        ("0::/", {"cpu.max": "50000 100000"}, 1),
        (
            "4:cpu,cpuacct:/docker/x",
            {"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"},
            3,
        ),
        ("4:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ("1:memory:/", {"cpu.max": "100000 100000"}, 8),
    ],
)
def test_control_group_limits_workers(
    tmp_path: Path, line: str, files: dict[str, str], workers: int
) -> None:
    """The limit of a container counts, in both versions, and wherever above us it is set."""
    proc, groups = tmp_path / "proc", tmp_path / "groups"
    for name, text in {proc / "self/cgroup": line}.items() | {
        (groups / name, text) for name, text in files.items()
    }:
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_text(text + "\n")

    assert usable_workers(proc=proc, groups=groups) == workers
