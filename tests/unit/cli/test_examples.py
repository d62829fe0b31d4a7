"""What the help tells to type can be typed."""

import gzip
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from lading.app.directory import prepare
from lading.cli.main import main
from lading.oci.digest import Digest
from tests.unit.cli.commands import ALL
from tests.unit.cli.shelf import AMD64, UNUSED, Shelf, layer_digest

SHELL = re.compile(r"[|<>$&]")


def examples(name: str, command: click.Command) -> list[str]:
    """The lines of the help that begin with a prompt."""
    told = command.get_help(click.Context(command, info_name=name))
    return re.findall(r"^ +\$ (.+)$", told, re.MULTILINE)


TOLD = [
    pytest.param(line, id=line[:70]) for name, each in ALL.items() for line in examples(name, each)
]


SAVED = {
    "oci:layout": ("oci", "layout"),
    "load layout": ("oci", "layout"),
    "load app.tar": ("oci-archive", "app.tar"),
    "docker.tar": ("docker-archive", "docker.tar"),
}
"""What has to be there for a command that says so, and how it is made."""

SERVER = "version: 0.1\nstorage: {filesystem: {rootdirectory: data}}\n"
"""The configuration of a server."""


def lay_out(line: str, shelf: Shelf, here: Path) -> None:
    """Fill the working directory with what *line* names."""
    (here / "notes.txt").write_text("notes\n")
    (here / "config.yml").write_text(SERVER)
    (here / "sbom.json").write_text("{}\n")
    (here / "docs").mkdir()
    (here / "docs" / "page.md").write_text("# Page\n")
    (here / "password.txt").write_text("secret\n")
    (here / "manifest.json").write_bytes(AMD64.manifest.body)
    prepare(here / "data")
    prepare(here / "backup")
    if "lading restore" in line and ".tar" in line:
        assert main(["backup", "--root", str(here / "data"), "backup.tar"]) == 0
        (here / "backup.tar.gz").write_bytes(gzip.compress((here / "backup.tar").read_bytes()))
    for words, (form, file) in SAVED.items():
        if words in line:
            assert main(["save", "--form", form, f"{shelf.app}:v1", file]) == 0


@pytest.mark.parametrize("name", list(ALL))
def test_every_command_has_an_example(name: str) -> None:
    """An example says more than a list of options."""
    assert examples(name, ALL[name])


@pytest.mark.parametrize("line", TOLD)
def test_an_example_can_be_typed_as_it_stands(
    line: str, shelf: Shelf, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against a registry at another address, everything else as it is told."""
    lay_out(line, shelf, here)
    typed = line.replace("localhost:5000", shelf.host)
    if line.startswith("lading serve"):
        typed += " --help"
    monkeypatch.setenv("BLOB", str(layer_digest()))
    monkeypatch.setenv("UNUSED", str(Digest.of(UNUSED)))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)

    if SHELL.search(typed):
        done = subprocess.run(["sh", "-c", typed], check=False, capture_output=True)
        code, said = done.returncode, done.stderr.decode()
    else:
        code, said = main(shlex.split(typed)[1:]), ""

    assert code == 0, said
