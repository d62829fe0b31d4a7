"""How to run Lading as a service: what the page tells to write down is understood."""

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from lading.app.config.tree import Config
from lading.cli.main import cli
from tests.architecture.repository_files import ROOT

PAGE = (ROOT / "docs/how-to/run-as-a-service.md").read_text(encoding="utf-8")
LADING = str(Path(sys.executable).parent / "lading")


def block(language: str) -> str:
    """The one block of the page in *language*."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def unit() -> configparser.ConfigParser:
    """The unit of systemd."""
    found = configparser.ConfigParser(interpolation=None)
    found.optionxform = str  # type: ignore[method-assign,assignment]  # keys keep their case
    found.read_string(block("ini"))
    return found


@pytest.mark.parametrize(
    "words",
    [
        shlex.split(unit()["Service"]["ExecStart"]),
        json.loads(block("dockerfile").partition("ENTRYPOINT ")[2]),
    ],
    ids=["systemd", "container"],
)
def test_the_command_of_a_service_is_understood(words: list[str]) -> None:
    """Every option exists and takes what it is given."""
    program, name, *rest = words
    command = cli.get_command(click.Context(cli), name)

    assert Path(program).name == "lading"
    assert command is not None
    with command.make_context(name, rest) as context:
        assert context.params["root"] == "/var/lib/lading"


def test_a_service_is_given_longer_to_stop_than_it_takes() -> None:
    """Otherwise requests in flight are killed that were to be finished."""
    drain = Config().http.drain.total_seconds()
    docker = re.search(r"--stop-timeout (\d+)", PAGE)

    assert int(unit()["Service"]["TimeoutStopSec"].removesuffix("s")) > drain
    assert docker is not None
    assert int(docker[1]) > drain


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """A key that it does not know would be passed over with a warning."""
    service = tmp_path / "lading.service"
    service.write_text(re.sub(r"(?<=^ExecStart=)\S+", LADING, block("ini"), flags=re.MULTILINE))

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(service)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "lading.service" not in done.stderr
