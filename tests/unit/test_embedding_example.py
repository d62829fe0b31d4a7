"""The programs in "Embed a registry" are run as they stand in the documentation."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "embed.md"
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def _run(program: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_programs_of_the_page_run_one_after_the_other(tmp_path: Path) -> None:
    """What the second program pushes, the others read, from the directory that the first made."""
    first, second, third, fourth, _ = PROGRAMS

    pushed = _run(first, tmp_path)
    tagged = _run(second, tmp_path)
    read = _run(third, tmp_path)
    asked = _run(fourth, tmp_path)

    assert re.fullmatch(r"sha256:[0-9a-f]{64}\n", pushed)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}\n", tagged)
    assert read == "first note\n"
    assert asked == '200 {"name":"team/notes","tags":["first"]}\n\n'


def test_the_suite_of_the_page_passes(tmp_path: Path) -> None:
    """Whoever copies it has a store that keeps its promises, and only has to replace it."""
    tests = tmp_path / "test_my_blobs.py"
    tests.write_text(PROGRAMS[-1], encoding="utf-8")
    _, told, options = PAGE.read_text(encoding="utf-8").partition("`pytest ")
    words = options.partition("`")[0].split()

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words, str(tests)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert told
    assert done.returncode == 0, done.stdout


def test_the_first_program_is_ten_lines_long() -> None:
    """The page promises ten lines, from the first import to the start."""
    lines = [line for line in PROGRAMS[0].splitlines() if line.strip()]

    assert len(lines) == 10


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_is_valid_python(program: str) -> None:
    """A block that does not compile would be skipped by nobody but readers."""
    assert compile(program, str(PAGE), "exec")
