"""The programs in the pages about the library are run as they stand there."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lading import StandIn

pytest_plugins = ["lading.fixtures"]

DOCS = Path(__file__).resolve().parents[2] / "docs"
TUTORIAL = (DOCS / "tutorial" / "library.md").read_text(encoding="utf-8")
HOW_TO = (DOCS / "how-to" / "test-with-a-registry.md").read_text(encoding="utf-8")

_PROGRAM = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)
_PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o"]

Run = Callable[[list[str]], str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a program in a folder of the test, with nobody's logins, and returns what it prints."""
    path = Path(sys.executable).parent
    environment = {"HOME": str(tmp_path), "PATH": f"{path}:/usr/bin:/bin"}

    def program(words: list[str]) -> str:
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return program


@pytest.mark.enable_socket
def test_the_tutorial_runs_from_its_beginning_to_its_end(
    oci_registry: StandIn, run: Run, tmp_path: Path
) -> None:
    """Each program finds what those before it have pushed, and prints what the page says."""
    address = oci_registry.listen()
    *programs, (test, _) = _PROGRAM.findall(TUTORIAL)

    printed = [
        run([sys.executable, "-W", "error", "-c", program.replace("localhost:5000", address)])
        for program, _ in programs
    ]
    (tmp_path / "test_program.py").write_text(test, encoding="utf-8")
    told = run([*_PYTEST, "asyncio_mode=auto", "test_program.py"])

    assert printed == [said for _, said in programs]
    assert all(said for _, said in programs)
    assert "1 passed" in told


def test_the_tests_of_the_how_to_pass(run: Run, tmp_path: Path) -> None:
    """Whoever copies one has a test that passes, and only has to put the own program into it."""
    *tests, (program, _) = _PROGRAM.findall(HOW_TO)
    for number, (test, _) in enumerate(tests):
        (tmp_path / f"test_{number}.py").write_text(test, encoding="utf-8")

    told = run([*_PYTEST, "asyncio_mode=auto", "."])
    printed = run([sys.executable, "-W", "error", "-c", program])

    assert f"{sum(test.count('def test_') for test, _ in tests)} passed" in told
    assert printed == "['latest']\n"


@pytest.mark.parametrize("name", ["docker-hub", "ghcr", "ecr", "artifactory", "s3", "old"])
def test_each_registry_in_the_table_is_there(oci_registry: StandIn, name: str) -> None:
    """And no other is meant."""
    oci_registry.become(name)

    assert f"| `{name}` |" in HOW_TO


def test_each_trouble_is_in_the_table(oci_registry: StandIn) -> None:
    """Nobody has to read the code to find one."""
    plans = {
        name
        for name, method in vars(type(oci_registry.trouble)).items()
        if "when" in getattr(method, "__annotations__", {}) and not name.startswith("_")
    }

    assert len(plans) > 10
    assert [name for name in plans if f"`{name}(" not in HOW_TO] == []
