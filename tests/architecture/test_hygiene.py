"""No file of the project speaks of the machine that it was made on, or of where packages lie."""

import re
from pathlib import Path

import pytest

from tests.architecture.repository_files import ROOT, tracked

# Split, so that this file does not find itself.
HOSTS = ("pypi" + ".org", "python" + "hosted.org", "index" + "-url =", "extra-index" + "-url")
PLACES = re.compile(r"(?<![\w./-])/(?:" + "wo" + r"rk|ro" + r"ot)(?:/|\b)")

TEXT = [
    path
    for path in tracked()
    if path.suffix in {".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".sql", ".json", ".in", ""}
    and path.name != "LICENSE"
]


@pytest.mark.parametrize("path", TEXT, ids=str)
def test_no_file_names_a_machine_or_a_package_index(path: Path) -> None:
    """Whoever clones the project chooses their own places."""
    text = (ROOT / path).read_text(encoding="utf-8")

    assert [host for host in HOSTS if host in text] == []
    assert PLACES.findall(text) == []


def test_constraints_pin_every_package_to_one_version() -> None:
    """An installation is the same on every machine."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if not re.match(r"[a-z0-9.-]+==[\w.]+( ;.*)?$", line)] == []


def test_every_changelog_fragment_has_a_kind() -> None:
    """A fragment that towncrier would pass over in silence is a mistake."""
    names = [path.name for path in tracked() if path.parts[0] == "changes"]

    kinds = r"(\d+|\+[a-z-]+)\.(added|changed|fixed|removed)\.md"
    assert [name for name in names if not re.fullmatch(kinds, name)] == []
