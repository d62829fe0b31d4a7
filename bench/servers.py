"""The servers that compete, and what the kernel says about their CPU time and memory."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.servers import Server, distribution, lading

_TICKS = os.sysconf("SC_CLK_TCK")
_MIB = 1 << 20


@dataclass
class Contestant:
    """A running server, how far its store was filled, and what its clients send."""

    server: Server
    done: dict[str, int] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The server's name in the report."""
        return self.server.name

    @property
    def address(self) -> str:
        """``host:port``."""
        return self.server.address

    @property
    def is_ours(self) -> bool:
        """Whether this is Lading."""
        return self.name == "Lading"

    def cpu_seconds(self) -> float:
        """CPU seconds that the server's processes used, those of ended children included."""
        return sum(_cpu_seconds(pid) for pid in self.server.pids())

    def memory_mib(self) -> tuple[float, float]:
        """Resident and proportional set size of all processes together, in MiB."""
        pids = self.server.pids()
        return (
            sum(_rollup(pid, "Rss") for pid in pids),
            sum(_rollup(pid, "Pss") for pid in pids),
        )

    def resident_mib(self) -> dict[int, float]:
        """Resident set size by process, in MiB."""
        return {pid: _status(pid, "VmRSS") for pid in self.server.pids()}

    def forget_peaks(self) -> None:
        """Let the kernel count each process's peak of memory from now on."""
        for pid in self.server.pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def peaks_mib(self) -> dict[int, float]:
        """The peak of the resident set size by process since `forget_peaks`, in MiB."""
        return {pid: _status(pid, "VmHWM") for pid in self.server.pids()}


def _cpu_seconds(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    fields = text.rpartition(")")[2].split()
    # utime, stime, cutime, cstime: fields 14 to 17 of proc(5), of which the first two are cut off.
    return sum(map(int, fields[11:15])) / _TICKS


def _rollup(pid: int, name: str) -> float:
    return _kib(Path(f"/proc/{pid}/smaps_rollup"), name) / 1024


def _status(pid: int, name: str) -> float:
    return _kib(Path(f"/proc/{pid}/status"), name) / 1024


def _kib(file: Path, name: str) -> int:
    try:
        for line in file.read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0


def contestants(folder: Path) -> list[Contestant]:
    """Lading with two workers and Distribution in *folder*, started, both without access log."""
    servers = [
        lading(folder / "lading", workers=2, access_log=False),
        distribution(folder / "distribution"),
    ]
    return [Contestant(server.start()) for server in servers]


def started(make: Callable[[], Server]) -> Contestant:
    """One more contestant, for a row that needs a server of its own."""
    return Contestant(make().start())
