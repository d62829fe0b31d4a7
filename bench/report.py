"""What was measured, as tables that people can read."""

import datetime as dt
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.rows import Goal, Row, Sample

OURS = "Lading"
THEIRS = "Distribution"
_NONE = "-"


@dataclass
class Outcome:
    """The samples of one row by server, its CPU seconds, and what went wrong."""

    row: Row
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, sample: Sample, cpu_seconds: float) -> None:
        """Note one more round of the server *name*."""
        self.samples.setdefault(name, []).append(sample)
        self.cpu_seconds[name] = self.cpu_seconds.get(name, 0.0) + cpu_seconds

    def median(self, name: str) -> float | None:
        """The median of the server's values, or ``None`` when it has none."""
        found = self.samples.get(name)
        return statistics.median(sample.value for sample in found) if found else None

    def cpu(self, name: str) -> float | None:
        """The server's CPU time for one unit of work, in the row's unit of CPU time."""
        units = sum(sample.units for sample in self.samples.get(name, ()))
        return self.cpu_seconds[name] / units * self.row.cpu.per_second if units else None

    @property
    def ratio(self) -> float | None:
        """How many times better Lading is than Distribution."""
        return _times_better(
            self.median(OURS), self.median(THEIRS), lower_is_better=self.row.lower_is_better
        )

    @property
    def is_met(self) -> bool:
        """Whether every part of the goal is reached; a part that was not measured is not."""
        goal = self.row.goal
        ours, cpu, cpu_theirs = self.median(OURS), self.cpu(OURS), self.cpu(THEIRS)
        share = cpu / cpu_theirs if cpu is not None and cpu_theirs else None
        return ours is not None and all(
            (
                _at_least(self.ratio, goal.ratio),
                _at_most(ours, goal.at_most),
                _at_most(share, goal.cpu_ratio),
                _at_most(cpu, goal.cpu_at_most),
            )
        )

    def cells(self) -> list[str]:
        """The row of the table."""
        return [
            self.row.title,
            self.row.unit,
            _number(self.median(OURS)),
            _number(self.median(THEIRS)),
            _NONE if self.ratio is None else f"{self.ratio:.2f}x",
            _goal(self.row.goal, self.row),
            "yes" if self.is_met else "**no**",
            _number(self.cpu(OURS)),
            _number(self.cpu(THEIRS)),
            self.row.cpu.name,
        ]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something measured once: the text for each server, what is asked for, and if it is met."""

    title: str
    ours: str
    theirs: str
    goal: str
    is_met: bool


HEADINGS = (
    "operation", "unit", OURS, THEIRS, "ratio", "must reach", "met",
    f"CPU {OURS}", f"CPU {THEIRS}", "CPU unit",
)  # fmt: skip
FACT_HEADINGS = ("what", OURS, THEIRS, "must reach", "met")


def _times_better(
    ours: float | None, theirs: float | None, *, lower_is_better: bool
) -> float | None:
    if not ours or not theirs:
        return None
    return theirs / ours if lower_is_better else ours / theirs


def _at_least(value: float | None, bound: float | None) -> bool:
    return bound is None or (value is not None and value >= bound)


def _at_most(value: float | None, bound: float | None) -> bool:
    return bound is None or (value is not None and value <= bound)


def _goal(goal: Goal, row: Row) -> str:
    parts = []
    if goal.ratio is not None:
        parts.append(f"{goal.ratio:g}x")
    if goal.at_most is not None:
        parts.append(f"{goal.at_most:g} {row.unit}")
    if goal.cpu_ratio is not None:
        parts.append(f"CPU {goal.cpu_ratio:g}x")
    if goal.cpu_at_most is not None:
        parts.append(f"CPU {goal.cpu_at_most:g}")
    return ", ".join(parts) or _NONE


def _number(value: float | None) -> str:
    if value is None:
        return _NONE
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns line up."""
    lines = [list(headings), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    filled = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    rule = "| " + " | ".join("-" * width for width in widths) + " |"
    return "\n".join([filled[0], rule, *filled[1:]])


_BEGINNING = "## On "


def sections(page: str) -> Mapping[str, str]:
    """What a page says of each file system."""
    _, *found = f"\n{page}".split(f"\n{_BEGINNING}")
    return {text.partition("\n")[0]: f"{_BEGINNING}{text.rstrip()}" for text in found}


def section(medium: str, outcomes: Sequence[Outcome], facts: Sequence[Fact]) -> str:
    """The tables of one file system, and what went wrong on it."""
    parts = [f"{_BEGINNING}{medium}", table(HEADINGS, [outcome.cells() for outcome in outcomes])]
    if facts:
        lines = [
            [fact.title, fact.ours, fact.theirs, fact.goal, "yes" if fact.is_met else "**no**"]
            for fact in facts
        ]
        parts.append(table(FACT_HEADINGS, lines))
    failures = [
        f"- {outcome.row.title}, {name}: {text}"
        for outcome in outcomes
        for name, text in outcome.failures.items()
    ]
    if failures:
        parts.append("Not measured:\n\n" + "\n".join(failures))
    return "\n\n".join(parts)


def machine() -> Mapping[str, str]:
    """The machine and the day, as far as they matter to the numbers."""
    info = Path("/proc/cpuinfo").read_text()
    models = [line.partition(":")[2].strip() for line in info.splitlines() if "model name" in line]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "processor": models[0] if models else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory:.0f} GiB",
        "kernel": platform.release(),
        "congestion control": Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip(),
        "Python": platform.python_version(),
    }


_EXPLAINED = """\
# Benchmarks

Made by `make bench`, never by hand.
Both servers run on the same file system, without access log, Lading with two workers, each operation in turns.
Rows that name logs, TLS, tokens or passwords have servers of their own, both started with one and the same file; blobs are then read by `curl` over HTTP/1.1, and of passwords it is the second check and those after it that count.
Every number is the median of {rounds} rounds; *ratio* says how many times better Lading is; *CPU* is what the server's processes used for a unit of work.
GETs of small things are loaded by `wrk` with one thread, everything else by a client on raw sockets in processes of its own.
Before content is pushed, as much memory as it will take is used and given back, for either server: a virtual machine's host may have taken it away, and to get it again costs more than the push.
All connections go over loopback, where Lading uses a congestion control that does not pace, whatever the system prefers; Distribution uses what the system prefers.
On tmpfs Lading knows that it has no disk to wait for, and publishes small blobs without a thread; on a disk it does not.

Where a store is full, Lading holds {tags:,} tags in the repository that is read and pushed to, {deleted:,} in the one that manifests are deleted from, and {repositories:,} repositories.
Distribution holds {rival_tags:,}, {rival_deleted:,} and {rival_repositories:,}, since it would take too long with more.
The subject has {referrers:,} referrers; Distribution has no referrers.
"""


def document(explained: Mapping[str, int], sections: Sequence[str]) -> str:
    """The whole page of the documentation."""
    facts = table(("machine", ""), [[name, text] for name, text in machine().items()])
    return "\n\n".join([_EXPLAINED.format(**explained).strip(), facts, *sections]) + "\n"
