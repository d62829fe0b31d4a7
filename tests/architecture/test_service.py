"""How Lading is deployed: what the files under deploy/ say is understood, and fits together."""

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from lading.app.config.sources import load
from lading.app.config.tree import Config
from lading.cli.main import cli
from tests.architecture.repository_files import ROOT

SYSTEMD = ROOT / "deploy/systemd"
COMPOSE = ROOT / "deploy/compose/compose.yml"
CHART = ROOT / "deploy/helm/lading"
PAGE = ROOT / "docs/how-to/deploy.md"
LADING = str(Path(sys.executable).parent / "lading")
EXPOSURE = 15
"""What `systemd-analyze security` may find at most, in tenths; a unit without any care has 96."""

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd is not installed"
)


def unit(name: str) -> configparser.ConfigParser:
    """A unit of systemd; of keys that come twice, the last."""
    found = configparser.ConfigParser(interpolation=None, strict=False)
    found.optionxform = str  # type: ignore[method-assign,assignment]  # keys keep their case
    found.read(SYSTEMD / name)
    return found


def parsed(path: Path) -> Any:
    """A file of YAML."""
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def seconds(text: str) -> float:
    """The value of a time like ``45s``."""
    return float(text.removesuffix("s"))


def test_the_command_of_the_unit_is_understood() -> None:
    """The program is there, and takes the file."""
    program, name, *rest = shlex.split(unit("lading.service")["Service"]["ExecStart"])
    command = cli.get_command(click.Context(cli), name)

    assert Path(program).name == "lading"
    assert command is not None
    with command.make_context(name, rest) as context:
        assert context.params["given"] == "/etc/lading/lading.yml"


def test_the_file_of_the_unit_names_what_the_unit_lets_it_write() -> None:
    """Anything else would be read-only to the service."""
    config = load(file=SYSTEMD / "lading.yml").config
    service = unit("lading.service")["Service"]

    assert config.root == Path("/var/lib") / service["StateDirectory"]
    assert config.listen == unit("lading.socket")["Socket"]["ListenStream"]


@pytest.mark.parametrize("file", ["deploy/image/config.yml", "docs/reference/config-example.yml"])
def test_a_file_that_is_handed_out_starts_a_server(file: str) -> None:
    """Nobody has to repair what they were given."""
    assert load(file=ROOT / file).config


def test_the_image_has_the_defaults_of_the_one_it_stands_in_for() -> None:
    """Its data is where its volume is, everybody can reach its port, and nothing is deleted."""
    config = load(file=ROOT / "deploy/image/config.yml").config

    assert (config.root, config.listen) == (Path("/var/lib/registry"), ":5000")
    assert not config.deletes


def test_a_server_is_given_longer_to_stop_than_it_takes() -> None:
    """Otherwise requests in flight are killed that were to be finished."""
    registry = parsed(COMPOSE)["services"]["registry"]
    values = parsed(CHART / "values.yaml")
    page = PAGE.read_text(encoding="utf-8")
    docker = re.search(r"--stop-timeout (\d+) .*?DRAINTIMEOUT=(\w+)", page, re.DOTALL)
    assert docker is not None
    given = {
        "systemd": (
            unit("lading.service")["Service"]["TimeoutStopSec"],
            f"{Config().http.drain.total_seconds()}s",
        ),
        "compose": (
            registry["stop_grace_period"],
            registry["environment"]["REGISTRY_HTTP_DRAINTIMEOUT"],
        ),
        "chart": (
            f"{values['terminationGracePeriodSeconds']}s",
            values["config"]["http"]["draintimeout"],
        ),
        "docker": (f"{docker[1]}s", docker[2]),
    }

    assert {name for name, (whole, drain) in given.items() if seconds(whole) <= seconds(drain)} == (
        set()
    )


@needs_systemd
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    """A key that it does not know would be passed over with a warning."""
    for name in ("lading.service", "lading.socket"):
        text = (SYSTEMD / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(
            re.sub(r"(?<=^ExecStart=)\S+", f'"{LADING}"', text, flags=re.MULTILINE)
        )

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "lading." not in done.stderr


@needs_systemd
def test_the_unit_is_hardened() -> None:
    """As far as systemd can tell, and a registry can go."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}",
         SYSTEMD / "lading.service"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
