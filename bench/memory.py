"""Memory, start-up and the access log: what is measured once, beside the table of rows."""

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import loads, seeds
from bench.loads import MIB
from bench.report import OURS, THEIRS, Fact
from bench.seeds import Arena
from bench.servers import Contestant, started
from bench.wire import MANIFEST
from tests.peers.servers import lading

IDLE_MIB = 150.0
GROWTH_MIB = 64.0
READY_SECONDS = 1.5
UPLOADS = 200
UPLOAD_BYTES = 8 * MIB
_HUGE = "bench/huge"


def idle(contestants: Sequence[Contestant], when: str) -> Fact:
    """The memory of all processes of each server."""
    sizes = {contestant.name: contestant.memory_mib() for contestant in contestants}
    texts = {
        name: f"{resident:.0f} MiB resident, {proportional:.0f} MiB proportional"
        for name, (resident, proportional) in sizes.items()
    }
    met = sizes[OURS][1] < IDLE_MIB
    return Fact(f"memory, {when}", texts[OURS], texts[THEIRS], f"{IDLE_MIB:g} MiB", met)


def growths(contestants: Sequence[Contestant], arena: Arena) -> list[Fact]:
    """How much a process grows by one huge push, its pull, and many uploads at once."""
    size = arena.scale.huge_times * loads.BIG // (1 << 30)
    paths: dict[str, str] = {}

    def push(contestant: Contestant) -> None:
        digest = loads.apart(
            loads.push_repeated,
            contestant.address,
            _HUGE,
            arena.big_file,
            arena.scale.huge_times,
        )
        paths[contestant.name] = f"/v2/{_HUGE}/blobs/{digest}"

    def pull(contestant: Contestant) -> None:
        loads.apart(loads.pull, contestant.address, paths[contestant.name], 1, 1)

    def uploads(contestant: Contestant) -> None:
        loads.apart(loads.uploads_at_once, contestant.address, _HUGE, UPLOADS, UPLOAD_BYTES)

    return [
        _growth(contestants, f"growth of a process at a push of {size} GiB", push),
        _growth(contestants, f"growth of a process at a pull of {size} GiB", pull),
        _growth(contestants, f"growth of a process at {UPLOADS} uploads at once", uploads),
    ]


def _growth(
    contestants: Sequence[Contestant], title: str, load: Callable[[Contestant], None]
) -> Fact:
    grown: dict[str, float] = {}
    for contestant in contestants:
        before = contestant.resident_mib()
        contestant.forget_peaks()
        load(contestant)
        after = contestant.peaks_mib()
        grown[contestant.name] = max(peak - before.get(pid, 0.0) for pid, peak in after.items())
    texts = {name: f"{mebibytes:.0f} MiB" for name, mebibytes in grown.items()}
    met = grown[OURS] <= GROWTH_MIB
    return Fact(title, texts[OURS], texts[THEIRS], f"{GROWTH_MIB:g} MiB", met)


def restarts(contestants: Sequence[Contestant]) -> Fact:
    """The time from the start of each server to its being ready, on the store as it is."""
    seconds: dict[str, float] = {}
    for contestant in contestants:
        contestant.server.stop()
        contestant.server.start()
        seconds[contestant.name] = contestant.server.start_seconds
    texts = {name: f"{value:.2f} s" for name, value in seconds.items()}
    met = seconds[OURS] < READY_SECONDS
    goal = f"{READY_SECONDS:g} s"
    return Fact("start to ready, on the full store", texts[OURS], texts[THEIRS], goal, met)


def access_log(folder: Path, arena: Arena) -> Fact:
    """What Lading's access log costs on manifest reads."""
    quiet = started(lambda: lading(folder / "quiet", workers=2, access_log=False))
    telling = started(lambda: lading(folder / "telling", workers=2))
    rates: dict[str, list[float]] = {}
    cpu: dict[str, float] = {}
    try:
        for name, contestant in (("off", quiet), ("on", telling)):
            seeds.application(contestant)
            cpu[name] = -contestant.cpu_seconds()
        for _ in range(arena.scale.rounds):
            for name, contestant in (("off", quiet), ("on", telling)):
                rate = loads.requests_per_second(
                    f"{contestant.server.url}/v2/{seeds.APP}/manifests/latest",
                    connections=16,
                    seconds=arena.scale.wrk_seconds,
                    accept=MANIFEST,
                )
                rates.setdefault(name, []).append(rate)
        for name, contestant in (("off", quiet), ("on", telling)):
            requests = sum(rates[name]) * arena.scale.wrk_seconds
            cpu[name] = (cpu[name] + contestant.cpu_seconds()) / requests * 1_000_000
    finally:
        quiet.server.stop()
        telling.server.stop()
    medians = {name: statistics.median(found) for name, found in rates.items()}
    ours = ", ".join(
        f"{name}: {medians[name]:,.0f}/s, {cpu[name]:.0f} ms CPU / 1,000" for name in ("off", "on")
    )
    return Fact("access log off and on, manifest GET by tag, 16 connections", ours, "-", "-", True)
