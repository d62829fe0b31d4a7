"""By which Pythons the tests run."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.architecture.repository_files import ROOT


def test_pythons_that_are_not_here_are_named_and_keep_nobody_from_working(tmp_path: Path) -> None:
    """One of those that `pyproject.toml` names is enough; CI's log says which others were asked."""
    named = re.findall(r":: Python :: (3\.\d+)\"", (ROOT / "pyproject.toml").read_text("utf-8"))
    for name in ("bash", "dirname", "sed", "sort"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))

    told = subprocess.run(
        [ROOT / "tools/test-pythons"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    assert [line.split(": ")[1] for line in told] == [f"Python {version}" for version in named]
    assert sum(line.endswith(": not here") for line in told) >= len(named) - 1
    assert len(named) > 1
