"""The tables of traps and requirements are complete, and every test they name exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def rows(page: str, letter: str) -> dict[int, list[str]]:
    """The cells of each numbered row of *page*."""
    found = {}
    for line in (REFERENCE / page).read_text().splitlines():
        numbered = re.match(rf"\| {letter}(\d+) \|", line)
        if numbered:
            found[int(numbered[1])] = [cell.strip() for cell in line.strip("|").split(" | ")]
    return found


def exists(test: str) -> bool:
    """Whether there is a test of that name, in that file if it is told."""
    file, _, name = test.strip("`").rpartition("::")
    folders = (ROOT / "tests" / "protocol", ROOT / "tests" / "unit" / "http")
    return any(
        f"def {name}(" in path.read_text()
        for folder in folders
        for path in folder.glob(file or "test_traps.py")
    )


@pytest.mark.parametrize(
    ("page", "letter", "last"), [("traps.md", "T", 52), ("protocol.md", "R", 66)]
)
def test_every_number_has_a_row_with_words_and_a_test(page: str, letter: str, last: int) -> None:
    """T1 to T52 and R1 to R66, none twice, none without a test that is there."""
    found = rows(page, letter)

    assert list(found) == list(range(1, last + 1))
    assert all(all(cells) for cells in found.values())
    assert [cells[-1] for cells in found.values() if not exists(cells[-1])] == []


def test_tests_of_traps_name_their_trap() -> None:
    """A row and its test have the same number."""
    for number, cells in rows("traps.md", "T").items():
        assert cells[-1].startswith(f"`test_t{number}_")
