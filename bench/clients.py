"""``python -m bench.clients``: measure the client beside crane, oras and regctl, in turns.

Whole processes are timed, from their start to their end, as their users wait for them. Every
command moves the same image, to a repository or a directory that has none of it.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.report import machine, table
from bench.wire import Connection, UnexpectedAnswer, digest_of, manifest_of
from tests.peers.programs import PeerMissing, program
from tests.peers.servers import Server, ServerFailed, distribution, lading

DOCS = Path(__file__).resolve().parents[1] / "docs" / "reference" / "benchmarks-client.md"
OURS = "lading"
_LAYERS = 12
_LAYER = 85 << 20
_FILE = 2 << 30
_HUGE = 8 << 30
_MIB = 1 << 20
_SOURCE = "bench/source"
_TIMED = str(Path(__file__).with_name("timed.py"))


class CommandFailed(Exception):
    """A command that was to be measured did not do its work."""


@dataclass(frozen=True, slots=True)
class Run:
    """One process that was timed."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def timed(command: Sequence[str | Path], *, folder: Path) -> Run:
    """Run *command* to its end.

    Raises:
        CommandFailed: it did not exit with 0; the text has the end of what it said.
    """
    done = subprocess.run(
        [sys.executable, "-S", _TIMED, *map(str, command)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=folder,
        # The credentials and settings of whoever measures have no part in it.
        env={**_plain(), "HOME": str(folder), "DOCKER_CONFIG": str(folder / "docker")},
        check=False,
    )
    if done.returncode != 0:
        end = done.stderr[-600:]
        raise CommandFailed(f"{' '.join(map(str, command))}: {done.returncode}: {end}")
    return Run(**json.loads(done.stdout))


def _plain() -> dict[str, str]:
    """The environment without what would change how Python runs, such as not to keep bytecode."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@dataclass
class Arena:
    """Two servers of one kind, the image on the first, and a folder to write to."""

    folder: Path
    source: Server
    target: Server
    number: int = 0

    def fresh(self) -> str:
        """A name that nothing has yet."""
        self.number += 1
        return f"fresh-{self.number}"

    def forget(self, name: str) -> None:
        """Let nothing be left of *name* that the next program could mount in place of copying."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        if self.target.name == "Lading":
            with Connection(self.target.address) as connection, suppress(UnexpectedAnswer):
                connection.request("DELETE", f"/v2/{name}/_lading/", expected=202)


Command = Callable[[Arena, str], Sequence[str | Path]]
"""Builds the command that moves the image; its second argument is a name that nothing has yet."""


def _ours() -> Path:
    return Path(sys.executable).parent / "lading"


def _regctl(arena: Arena) -> list[str | Path]:
    hosts = [f"--host=reg={server.address},tls=disabled" for server in (arena.source, arena.target)]
    return [program("regctl"), *hosts]


def _image(server: Server, name: str = _SOURCE) -> str:
    return f"{server.address}/{name}:latest"


_COPY: Mapping[str, Command] = {
    OURS: lambda a, n: [_ours(), "copy", _image(a.source), _image(a.target, n)],
    "crane": lambda a, n: [
        program("crane"), "copy", "--insecure", _image(a.source), _image(a.target, n),
    ],
    "oras": lambda a, n: [
        program("oras"), "cp", "--from-plain-http", "--to-plain-http", "--no-tty",
        _image(a.source), _image(a.target, n),
    ],
    "regctl": lambda a, n: [
        *_regctl(a), "image", "copy", _image(a.source), _image(a.target, n),
    ],
}  # fmt: skip
_PULL: Mapping[str, Command] = {
    OURS: lambda a, n: [_ours(), "copy", _image(a.source), f"oci:{a.folder / n}:latest"],
    "crane": lambda a, n: [
        program("crane"), "pull", "--insecure", "--format=oci", _image(a.source), a.folder / n,
    ],
    "oras": lambda a, n: [
        program("oras"), "cp", "--from-plain-http", "--to-oci-layout", "--no-tty",
        _image(a.source), f"{a.folder / n}:latest",
    ],
    "regctl": lambda a, n: [
        *_regctl(a), "image", "copy", _image(a.source), f"ocidir://{a.folder / n}:latest",
    ],
}  # fmt: skip
_PUSH: Mapping[str, Command] = {
    OURS: lambda a, n: [_ours(), "copy", f"oci:{a.folder / 'layout'}:latest", _image(a.target, n)],
    "crane": lambda a, n: [
        program("crane"), "push", "--insecure", a.folder / "layout", _image(a.target, n),
    ],
    "oras": lambda a, n: [
        program("oras"), "cp", "--from-oci-layout", "--to-plain-http", "--no-tty",
        f"{a.folder / 'layout'}:latest", _image(a.target, n),
    ],
    "regctl": lambda a, n: [
        *_regctl(a), "image", "copy", f"ocidir://{a.folder / 'layout'}:latest",
        _image(a.target, n),
    ],
}  # fmt: skip
_PUSH_FILE: Mapping[str, Command] = {
    OURS: lambda a, n: [_ours(), "push", _image(a.target, n), "file"],
    "oras": lambda a, n: [
        program("oras"), "push", "--plain-http", "--no-tty", _image(a.target, n), "file",
    ],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is measured, and by what factor it must beat which rivals."""

    title: str
    commands: Mapping[str, Command]
    must: Mapping[str, float]
    """The smallest ratio that counts as reached, by rival; the faster of several decides."""


ROWS = (
    Row("copy, registry to registry", _COPY, {"crane": 1.1, "regctl": 1.1, "oras": 0.95}),
    Row("pull to an OCI layout", _PULL, {"crane": 1.0, "oras": 1.0, "regctl": 1.0}),
    Row("push from an OCI layout", _PUSH, {"crane": 1.0, "oras": 1.0, "regctl": 1.0}),
    Row("push of a file of 2 GiB", _PUSH_FILE, {"oras": 1.0}),
)


@dataclass
class Outcome:
    """The runs of one row by program."""

    row: Row
    runs: dict[str, list[Run]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def seconds(self, name: str) -> float | None:
        """The median time of the program *name*, or ``None`` when it was not measured."""
        found = self.runs.get(name)
        return statistics.median(run.seconds for run in found) if found else None

    @property
    def is_met(self) -> bool:
        """Whether every rival is beaten by its factor; one that was not measured is not."""
        ours = self.seconds(OURS)
        rivals = [(self.seconds(name), factor) for name, factor in self.row.must.items()]
        return ours is not None and all(
            theirs is not None and theirs / ours >= factor for theirs, factor in rivals
        )

    def lines(self) -> list[list[str]]:
        """The lines of the table."""
        ours = self.seconds(OURS)
        found = []
        for name in self.row.commands:
            seconds = self.seconds(name)
            if seconds is None:
                found.append([self.row.title, name, self.failures.get(name, "-"), *[""] * 4])
                continue
            runs = self.runs[name]
            must = self.row.must.get(name)
            found.append(
                [
                    self.row.title,
                    name,
                    f"{seconds:.2f} s",
                    f"{statistics.median(run.cpu_seconds for run in runs):.2f} s",
                    f"{max(run.peak_mib for run in runs):.0f} MiB",
                    "" if name == OURS or not ours else f"{seconds / ours:.2f}x",
                    ("yes" if self.is_met else "**no**") if must is None else f"{must:g}x",
                ]
            )
        return found  # fmt: skip


def measure(row: Row, arena: Arena, rounds: int) -> Outcome:
    """Run the commands of *row* in turns; the first round warms the caches and does not count."""
    outcome = Outcome(row)
    for number in range(-1, rounds):
        for name, command in row.commands.items():
            if name in outcome.failures:
                continue
            fresh = arena.fresh()
            try:
                run = timed(command(arena, fresh), folder=arena.folder)
            except CommandFailed as error:
                outcome.failures[name] = " ".join(str(error).split())[:200]
                _say(outcome.failures[name])
                continue
            finally:
                arena.forget(fresh)
            if number >= 0:
                outcome.runs.setdefault(name, []).append(run)
    return outcome


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def seed(server: Server) -> None:
    """Push the image of twelve layers that everything is measured with."""
    with Connection(server.address) as connection:
        blobs = [(digest_of(b"{}"), 2)]
        connection.put_blob(_SOURCE, b"{}", blobs[0][0])
        for _ in range(_LAYERS):
            content = os.urandom(_LAYER)
            blobs.append((digest_of(content), len(content)))
            connection.put_blob(_SOURCE, content, blobs[-1][0])
        connection.put_manifest(_SOURCE, "latest", manifest_of(blobs))


def make_file(path: Path, size: int) -> None:
    """A file of *size* bytes that cannot be compressed."""
    block = os.urandom(_MIB)
    with path.open("wb") as file:
        for number in range(size // _MIB):
            # Each block is another, so that nobody stores it once for all.
            file.write(hashlib.sha256(number.to_bytes(8)).digest() + block[32:])


def between(kind: Callable[[Path], Server], parent: Path, rounds: int) -> tuple[str, list[Outcome]]:
    """Measure every row with servers of one *kind* on both sides."""
    with tempfile.TemporaryDirectory(prefix="lading-bench-", dir=parent) as name:
        folder = Path(name)
        work = folder / "work"
        work.mkdir()
        with kind(folder / "source") as source, kind(folder / "target") as target:
            _say(f"servers: {source.name}")
            seed(source)
            arena = Arena(work, source, target)
            make_file(work / "file", _FILE)
            timed(_PULL["oras"](arena, "layout"), folder=work)
            outcomes = []
            for row in ROWS:
                outcomes.append(measure(row, arena, rounds))
                for line in outcomes[-1].lines():
                    _say("  " + " | ".join(line))
            facts = waits(arena, rounds)
            lines = [line for outcome in outcomes for line in outcome.lines()]
    headings = ("operation", "program", "time", "CPU", "memory", "ratio", "must reach")
    text = "\n\n".join([
        f"## {source.name} on both sides",
        table(headings, lines),
        table(("what", "measured", "must reach", "met"), facts),
    ])  # fmt: skip
    return text, outcomes


def waits(arena: Arena, rounds: int) -> list[list[str]]:
    """What takes so little time that the start of the process is most of it."""
    ours = _ours()
    again: list[str | Path] = [ours, "copy", _image(arena.source), _image(arena.target, "again")]
    timed(again, folder=arena.folder)
    python = [sys.executable, "-c"]
    measured: dict[str, tuple[Sequence[str | Path], float | None]] = {
        "lading version": ([ours, "version"], 0.100),
        "lading digest REF": ([ours, "digest", _image(arena.source)], 0.250),
        "lading ls REF": ([ours, "ls", f"{arena.source.address}/{_SOURCE}"], 0.250),
        "a copy with nothing to move": (again, None),
        "python -c pass": ([*python, "pass"], None),
        "python -c 'import lading'": ([*python, "import lading"], None),
    }
    medians = {
        title: statistics.median(
            timed(command, folder=arena.folder).seconds for _ in range(max(rounds, 5) * 2)
        )
        for title, (command, _) in measured.items()
    }
    bounds = {title: bound for title, (_, bound) in measured.items()}
    rows = [
        (title, seconds, bounds[title])
        for title, seconds in medians.items()
        if bounds[title] is not None
    ]
    rows.append((
        "a copy with nothing to move, more than the start of the process",
        medians["a copy with nothing to move"] - medians["lading version"],
        0.150,
    ))  # fmt: skip
    rows.append((
        "import lading, more than Python itself",
        medians["python -c 'import lading'"] - medians["python -c pass"],
        0.060,
    ))  # fmt: skip
    return [_fact(title, seconds, bound) for title, seconds, bound in rows if bound is not None]


def _fact(title: str, seconds: float, bound: float) -> list[str]:
    met = "yes" if seconds < bound else "**no**"
    return [title, f"{seconds * 1000:.0f} ms", f"under {bound * 1000:.0f} ms", met]


def growth(parent: Path) -> str:
    """The most memory that a push, a copy and a pull of 8 GiB took."""
    with tempfile.TemporaryDirectory(prefix="lading-bench-", dir=parent) as name:
        folder = Path(name)
        with lading(folder / "source") as source, lading(folder / "target") as target:
            make_file(folder / "file", _HUGE)
            ours = _ours()
            commands: dict[str, list[str | Path]] = {
                "push of a file of 8 GiB": [ours, "push", _image(source, "huge"), "file"],
                "copy of 8 GiB": [
                    ours, "copy", _image(source, "huge"), _image(target, "huge"),
                ],
                "pull of 8 GiB to a file": [
                    ours, "pull", _image(source, "huge"), "-C", "pulled",
                ],
            }  # fmt: skip
            lines = []
            for title, command in commands.items():
                _say(title)
                peak = timed(command, folder=folder).peak_mib
                met = "yes" if peak < 100 else "**no**"
                lines.append([title, f"{peak:.0f} MiB", "under 100 MiB", met])
    return "## Memory\n\n" + table(("what", "peak", "must reach", "met"), lines)


_EXPLAINED = """\
# Benchmarks of the client

Made by `make bench-client`, never by hand.
Programs run in turns, on servers that listen on loopback, and everything lies in memory ({rounds} rounds, medians).
The image has twelve layers, 1,020 MiB together, that cannot be compressed.
*Ratio* says how many times faster Lading is; *memory* is the largest that any run took.
"""


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="bench.clients", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, help="rounds of each operation (11)")
    parser.add_argument("--servers", choices=["lading", "distribution"], help="one kind alone")
    parser.add_argument("--no-growth", action="store_true", help="skip what moves 8 GiB")
    parser.add_argument(
        "--disk-dir", type=Path, default=Path("/var/tmp"), help="a folder on a disk (/var/tmp)"
    )
    parser.add_argument("--write-docs", action="store_true", help=f"write {DOCS.name} in the docs")
    options = parser.parse_args()
    kinds: dict[str, Callable[[Path], Server]] = {
        "distribution": distribution,
        "lading": lambda folder: lading(folder, workers=2, access_log=False),
    }
    chosen = [options.servers] if options.servers else list(kinds)
    sections = [
        between(kinds[each], Path("/dev/shm"), options.rounds)[0]
        for each in chosen
    ]  # fmt: skip
    if not options.no_growth:
        sections.append(growth(options.disk_dir))
    facts = table(("machine", ""), [[name, text] for name, text in machine().items()])
    explained = _EXPLAINED.format(rounds=options.rounds).strip()
    text = "\n\n".join([explained, facts, *sections]) + "\n"
    print(text)
    if options.write_docs:
        DOCS.write_text(text)


if __name__ == "__main__":
    try:
        main()
    except (PeerMissing, ServerFailed, CommandFailed) as error:
        sys.exit(str(error))
