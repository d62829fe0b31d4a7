"""Run the official OCI conformance suite against a real server, twice.

Run ``sparse`` takes everything the suite has, against a server that accepts manifests
whose children are missing; run ``default`` takes the suite and the server as they come.
Both must pass without a failed or a skipped test. Exit code 0 says so.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.peers.programs import PeerMissing, program
from tests.peers.servers import Server, ServerFailed, distribution, lading

SHOWN_OUTPUT = 4_000
# It takes some five seconds; a server that hangs must not take the rest of the day.
ENDS_WITHIN_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Run:
    """One way to run the suite, and what its counters have to be."""

    name: str
    environment: Mapping[str, str]
    allow_missing: bool
    more_than: int
    disabled_allowed: bool


RUNS = (
    Run("sparse", {"OCI_VERSION": "dev", "OCI_DATA_SPARSE": "true"}, True, 1_000, False),
    Run("default", {}, False, 0, True),
)


@dataclass(frozen=True, slots=True)
class Result:
    """The counters of ``junit.xml``, and the tests that did not pass with what they said."""

    tests: int
    failures: int
    skipped: int
    disabled: int
    complaints: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, junit: Path) -> "Result":
        """Read the suite's *junit* file; raise `FileNotFoundError` when the suite wrote none."""
        root = ET.parse(junit).getroot()
        tests, failures, skipped, disabled = (
            int(root.get(key, "0")) for key in ("tests", "failures", "skipped", "disabled")
        )
        complaints = [
            (f"{case.get('status')}: {case.get('name')}", _said(case))
            for case in root.iter("testcase")
            if case.get("status") not in {"passed", "disabled"}
        ]
        return cls(tests, failures, skipped, disabled, tuple(complaints))

    def meets(self, run: Run) -> bool:
        """Whether the counters are those that *run* asks for."""
        clean = self.failures == 0 and self.skipped == 0
        return clean and self.tests > run.more_than and (run.disabled_allowed or self.disabled == 0)


def _said(case: ET.Element) -> str:
    parts = [
        " ".join(filter(None, (child.get("message"), child.text)))
        for child in sorted(case, key=lambda child: child.tag == "system-err")
    ]
    text = "\n".join(part.strip() for part in parts if part.strip())
    return text if len(text) <= SHOWN_OUTPUT else text[:SHOWN_OUTPUT] + " [cut]"


def conduct(run: Run, server: Server, results: Path) -> bool:
    """Run the suite as *run* says against the started *server*; print, and say if it passed."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("OCI_")},
        **run.environment,
        "OCI_REGISTRY": server.address,
        "OCI_TLS": "disabled",
        "OCI_RESULTS_DIR": str(results),
    }
    try:
        done = subprocess.run(
            [program("conformance")],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=ENDS_WITHIN_SECONDS,
        )
    except subprocess.TimeoutExpired:
        print(f"{run.name}: FAILED, the suite did not end within {ENDS_WITHIN_SECONDS} s")
        print(f"--- the end of the server's log\n{server.log_end()}\n")
        return False
    try:
        result = Result.read(results / "junit.xml")
    except (FileNotFoundError, ET.ParseError) as error:
        print(f"{run.name}: FAILED, the suite left no readable junit.xml ({error})")
        print(done.stdout[-SHOWN_OUTPUT:], done.stderr[-SHOWN_OUTPUT:], sep="\n")
        return False
    passed = result.meets(run)
    for title, output in () if passed else result.complaints:
        print(f"--- {title}\n{output}\n")
    if not passed:
        print(f"--- the end of the server's log\n{server.log_end()}\n")
    print(
        f"{run.name}: {'passed' if passed else 'FAILED'}, tests {result.tests},"
        f" failed {result.failures}, skipped {result.skipped}, disabled {result.disabled}"
    )
    return passed


def _lading(folder: Path, run: Run) -> Server:
    return lading(folder, allow_missing=run.allow_missing)


def _distribution(folder: Path, run: Run) -> Server:
    return distribution(folder)


SERVERS: Mapping[str, Callable[[Path, Run], Server]] = {
    "lading": _lading,
    "distribution": _distribution,
}


def main() -> int:
    """Run what the command line asks for; the exit code says whether all of it passed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--server", choices=list(SERVERS), default="lading")
    parser.add_argument("--run", choices=[run.name for run in RUNS], action="append")
    parser.add_argument("--results", type=Path, help="keep the suite's reports in this folder")
    options = parser.parse_args()
    verdicts = []
    for run in RUNS:
        if options.run and run.name not in options.run:
            continue
        with tempfile.TemporaryDirectory(prefix="lading-conformance-") as name:
            folder = Path(name)
            results = (options.results or folder) / f"results-{run.name}"
            with SERVERS[options.server](folder / "server", run) as server:
                verdicts.append(conduct(run, server, results))
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (PeerMissing, ServerFailed) as error:
        sys.exit(str(error))
