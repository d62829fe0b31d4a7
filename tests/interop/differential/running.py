"""Both registries, set up alike, and what they answer, log and tell of the same requests."""

import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.interop.differential.exchanging import Answer, Case, agent, run
from tests.interop.differential.script import filling, last, script, unauthorized
from tests.interop.differential.setups import DELETES, Setup
from tests.peers.programs import program
from tests.peers.receiver import Receiver
from tests.peers.servers import Server, free_port

Start = Callable[[Setup, Path, str], Server]
"""Starts a registry in a folder, which tells its events to a URL."""

_LINE = re.compile(r'^[^{\n].*"(case/\d+)"$', re.MULTILINE)


def distribution(setup: Setup, folder: Path, events: str) -> Server:
    """Distribution 3.1.1, set up so."""
    return _started("Distribution", program("registry"), setup, folder, events)


def lading(setup: Setup, folder: Path, events: str) -> Server:
    """Lading, set up by the same file."""
    return _started("Lading", Path(sys.executable).parent / "lading", setup, folder, events)


def _started(name: str, command: Path, setup: Setup, folder: Path, events: str) -> Server:
    folder.mkdir(exist_ok=True)
    setup.files(folder)
    port, file = free_port(), folder / "config.yml"
    file.write_text(setup.config(root=folder / "data", port=port, folder=folder, events=events))
    return Server(
        name,
        [str(command), "serve", str(file)],
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
    return [
        *strangers,
        *script(setup.prefix, readonly=setup.readonly),
        *last(setup.prefix, readonly=setup.readonly),
    ]


class Field:
    """Where both are compared: each is filled once, and every setup begins with a copy of that."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        both: tuple[Start, Start] = distribution, lading
        self._full = [(start, self._filled(start)) for start in both]

    def _filled(self, start: Start) -> Path:
        folder = self._folder / f"{_name(start)}-filled"
        setup = Setup(name="filling", told="", storage=DELETES)
        with Receiver() as receiver, start(setup, folder, receiver.url) as server:
            answers = run(server.address, filling(), {"User-Agent": "filling"})
        refused = [answer for answer in answers if answer.status >= 400]
        assert not refused, refused[0]
        return folder / "data"

    def compare(self, setup: Setup) -> list[Both]:
        """What both answer, set up so."""
        cases = cases_of(setup)
        ends = len(last(readonly=setup.readonly))
        found: list[list[Answer]] = []
        for start, full in self._full:
            folder = self._folder / f"{_name(start)}-{setup.name}"
            folder.mkdir()
            shutil.copytree(full, folder / "data")
            with Receiver() as receiver:
                with start(setup, folder, receiver.url) as server:
                    answers = run(server.address, cases, setup.headers, setup.front)
                    _wait(receiver, {agent(len(cases) - 1 - each) for each in range(ends)})
                log = server.log.read_text(errors="replace")
                found.append(_told(answers, log, receiver.events))
        return [Both(*each) for each in zip(cases, *found, strict=True)]


def _name(start: Start) -> str:
    return getattr(start, "__name__", "")


def _wait(receiver: Receiver, agents: set[str]) -> None:
    """Until what these asked for was told; pulls and changes are each told in order."""
    number = 1
    while agents - {each["request"]["useragent"] for each in receiver.wait(number)}:
        number = len(receiver.told) + 1


def _told(answers: Sequence[Answer], log: str, events: Sequence[Mapping[str, Any]]) -> list[Answer]:
    """*answers*, each with the line of the access log and the events that are about it."""
    lines = {found[1]: found[0] for found in _LINE.finditer(log)}
    about: dict[str, list[str]] = {}
    for each in events:
        about.setdefault(each["request"]["useragent"], []).append(_event(each))
    return [
        answer._replace(
            line=lines.get(agent(number), ""), events=sorted(about.get(agent(number), []))
        )
        for number, answer in enumerate(answers)
    ]


def _event(found: Mapping[str, Any]) -> str:
    target = found["target"]
    words = (target.get(name) for name in ("repository", "tag", "digest", "fromRepository"))
    actor = found["actor"].get("name", "nobody")
    return " ".join([found["action"], *filter(None, words), "by", actor])
