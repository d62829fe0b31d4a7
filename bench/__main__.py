"""``python -m bench``: run Lading and Distribution in turns, and print the tables."""

import argparse
import dataclasses
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from bench import memory
from bench.report import Fact, Outcome, document, section, sections
from bench.rows import ROWS, Row
from bench.seeds import QUICK, Arena, Scale
from bench.servers import Contestant, contestants
from tests.peers.programs import PeerMissing
from tests.peers.servers import ServerFailed

DOCS = Path(__file__).resolve().parents[1] / "docs" / "reference" / "benchmarks.md"
FACTS = "facts"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(row: Row, rivals: Sequence[Contestant], arena: Arena) -> Outcome:
    """Run one row in turns; a server that fails drops out of it, and the outcome says why."""
    outcome = Outcome(row)
    able = [contestant for contestant in rivals if contestant.is_ours or row.rival_can]
    for number in range(-1, arena.scale.rounds):
        for contestant in able:
            if contestant.name in outcome.failures:
                continue
            try:
                if number < 0:
                    row.prepare(contestant, arena)
                    continue
                before = contestant.cpu_seconds()
                sample = row.measure(contestant, arena, number)
                outcome.add(contestant.name, sample, contestant.cpu_seconds() - before)
            except Exception as error:  # noqa: BLE001 - one row's failure must not end the run
                _say("".join(traceback.format_exception_only(error)).strip()[:1_000])
                text = " ".join(str(error).split())[:200]
                outcome.failures[contestant.name] = f"{type(error).__name__}: {text}"
    return outcome


def measure_facts(
    rivals: Sequence[Contestant], folder: Path, arena: Arena, *, idle: Fact, with_growth: bool
) -> list[Fact]:
    """What is measured once; the growth only *with_growth*, for it needs much room."""
    # The restart comes before the growth, which a server with warm buffers would hide.
    facts = [idle, memory.idle(rivals, "after the run"), memory.restarts(rivals)]
    if with_growth:
        _say("growth of memory")
        facts += memory.growths(rivals, arena)
    facts.append(memory.access_log(folder, arena))
    return facts


def _measured(row: Row, rivals: Sequence[Contestant], folder: Path, arena: Arena) -> Outcome:
    """Measure *row* between *rivals*, or between servers of its own if it wants another setup."""
    if row.setup is None:
        return measure(row, rivals, arena)
    pair = row.setup.pair(folder, big=row.needs_big_blob)
    try:
        return measure(row, pair, arena)
    finally:
        for contestant in pair:
            contestant.server.stop()


def run(medium: str, parent: Path, rows: Sequence[Row], scale: Scale, *, facts: bool) -> str:
    """Measure everything on one file system, and return its section of the report."""
    with tempfile.TemporaryDirectory(prefix="lading-bench-", dir=parent) as name:
        folder = Path(name)
        arena = Arena.in_folder(folder, scale)
        rivals = contestants(folder)
        try:
            idle = memory.idle(rivals, "idle after the start")
            outcomes = []
            for row in rows:
                _say(f"{medium}: {row.title}")
                outcomes.append(_measured(row, rivals, folder, arena))
                _say("  " + " | ".join(outcomes[-1].cells()[2:]))
            found = (
                measure_facts(rivals, folder, arena, idle=idle, with_growth=medium == "disk")
                if facts
                else []
            )
        finally:
            for contestant in rivals:
                contestant.server.stop()
    return section(medium, outcomes, found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, help="rounds of each operation (5)")
    parser.add_argument(
        "--only",
        metavar="ROW",
        action="append",
        choices=[row.key for row in ROWS] + [FACTS],
        help=f"measure this row alone, or '{FACTS}' (memory, start, access log); repeatable: "
        + ", ".join(row.key for row in ROWS),
    )
    parser.add_argument("--quick", action="store_true", help="small stores and short rounds")
    parser.add_argument("--medium", choices=["tmpfs", "disk"], help="one file system alone")
    parser.add_argument(
        "--disk-dir", type=Path, default=Path("/var/tmp"), help="a folder on a disk (/var/tmp)"
    )
    parser.add_argument("--write-docs", action="store_true", help=f"write {DOCS.name} in the docs")
    return parser.parse_args()


def main() -> None:
    """Run what the command line asks for."""
    options = _options()
    scale = QUICK if options.quick else Scale()
    if options.rounds:
        scale = dataclasses.replace(scale, rounds=options.rounds)
    rows = [row for row in ROWS if not options.only or row.key in options.only]
    facts = not options.only or FACTS in options.only
    media = {"tmpfs": Path("/dev/shm"), "disk": options.disk_dir}
    chosen = {options.medium: media[options.medium]} if options.medium else media
    measured = {
        name: run(name, parent, rows, scale, facts=facts) for name, parent in chosen.items()
    }
    explained = {
        "rounds": scale.rounds,
        "tags": scale.tags,
        "deleted": scale.tags_to_delete_among,
        "repositories": scale.repositories,
        "rival_tags": scale.rival_tags,
        "rival_deleted": scale.rival_tags_to_delete_among,
        "rival_repositories": scale.rival_repositories,
        "referrers": scale.referrers,
    }
    print(document(explained, list(measured.values())))
    if options.write_docs:
        # What was not measured stays as it was.
        said = {**sections(DOCS.read_text()), **measured} if DOCS.exists() else measured
        DOCS.parent.mkdir(parents=True, exist_ok=True)
        DOCS.write_text(document(explained, [said[name] for name in media if name in said]))


if __name__ == "__main__":
    try:
        main()
    except (PeerMissing, ServerFailed) as error:
        sys.exit(str(error))
