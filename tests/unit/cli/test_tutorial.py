"""The console sessions of the tutorial are run as they stand, in order, and print what it says."""

import re
import subprocess
import sys
from pathlib import Path

from lading.app.stand_in import StandIn

PAGE = Path(__file__).resolve().parents[3] / "docs" / "tutorial" / "command-line.md"
SESSIONS = re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def _steps() -> list[tuple[str, str]]:
    """Each command, and what the page says it prints."""
    steps: list[tuple[str, str]] = []
    for line in "".join(SESSIONS).splitlines(keepends=True):
        if line.startswith("$ "):
            steps.append((line[2:].strip(), ""))
        else:
            command, said = steps.pop()
            steps.append((command, said + line))
    return steps


def test_the_sessions_of_the_page_go_as_it_says(oci_registry: StandIn, here: Path) -> None:
    """A dot, dot, dot on the page stands for a digest."""
    address = oci_registry.listen()
    beside = Path(sys.executable).parent

    for command, said in _steps():
        done = subprocess.run(
            ["sh", "-c", command.replace("localhost:5000", address)],
            cwd=here,
            env={"PATH": f"{beside}:/usr/bin:/bin", "HOME": str(here)},
            capture_output=True,
            text=True,
            check=False,
        )

        shown = done.stdout.replace(address, "localhost:5000")
        expected = re.escape(said).replace("…", "[0-9a-f]{64}")
        assert re.fullmatch(expected, shown), f"{command}\n{shown}{done.stderr}"


def test_the_page_has_sessions() -> None:
    """Without them, nothing would have been run."""
    assert len(_steps()) > 20
