"""Both registries, set up alike, and what they answer to the same requests."""

import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.interop.differential.exchanging import Answer, Case, agent, run
from tests.interop.differential.script import filling, script, unauthorized
from tests.interop.differential.setups import DELETES, Setup
from tests.peers.programs import program
from tests.peers.servers import Server, free_port

_LINE = re.compile(r'^[^{\n].*"(case/\d+)"$', re.MULTILINE)
Start = Callable[[Setup, Path], Server]


def distribution(setup: Setup, folder: Path) -> Server:
    """Distribution 3.1.1, set up so."""
    return _started("Distribution", str(program("registry")), setup, folder)


def lading(setup: Setup, folder: Path) -> Server:
    """Lading, set up by the same file."""
    return _started("Lading", str(Path(sys.executable).parent / "lading"), setup, folder)


def _started(name: str, command: str, setup: Setup, folder: Path) -> Server:
    folder.mkdir(exist_ok=True)
    setup.files(folder)
    port, file = free_port(), folder / "config.yml"
    file.write_text(setup.config(root=folder / "data", port=port, folder=folder))
    return Server(
        name,
        [command, "serve", str(file)],
        f"127.0.0.1:{port}",
        folder / "server.log",
        "/",
        {"OTEL_TRACES_EXPORTER": "none"},
    )


class Both(NamedTuple):
    """The answers of both to one request."""

    case: Case
    theirs: Answer
    ours: Answer


def cases_of(setup: Setup) -> list[Case]:
    """All that both are asked, set up so."""
    strangers = unauthorized() if setup.headers else []
    return [*strangers, *script(setup.prefix, readonly=setup.readonly)]


def _told(answers: Sequence[Answer], log: str) -> list[Answer]:
    """*answers*, each with the line of the access log that is about it."""
    lines = {found[1]: found[0] for found in _LINE.finditer(log)}
    return [
        answer._replace(line=lines.get(agent(number), "")) for number, answer in enumerate(answers)
    ]


class Field:
    """Where both are compared: each is filled once, and every setup begins with a copy of that."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._full = {start: self._filled(start) for start in (distribution, lading)}

    def _filled(self, start: Start) -> Path:
        folder = self._folder / f"{start.__name__}-filled"
        with start(Setup(name="filling", told="", storage=DELETES), folder) as server:
            answers = run(server.address, filling(), {})
        refused = [answer for answer in answers if answer.status >= 400]
        assert not refused, refused[0]
        return folder / "data"

    def compare(self, setup: Setup) -> list[Both]:
        """What both answer, set up so."""
        cases, found = cases_of(setup), []
        for start, full in self._full.items():
            folder = self._folder / f"{start.__name__}-{setup.name}"
            folder.mkdir()
            shutil.copytree(full, folder / "data")
            with start(setup, folder) as server:
                answers = run(server.address, cases, setup.headers, setup.front)
            found.append(_told(answers, server.log.read_text(errors="replace")))
        return [Both(*each) for each in zip(cases, *found, strict=True)]
