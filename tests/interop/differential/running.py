"""Both registries, set up alike, and what they answer, log, tell and count of the same requests."""

import contextlib
import json
import re
import shutil
import sys
import urllib.error
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.faults.running import eventually
from tests.interop.differential.exchanging import Answer, Case, agent, run
from tests.interop.differential.script import filling, last, script, unauthorized
from tests.interop.differential.setups import DELETES, Setup
from tests.peers.programs import program
from tests.peers.receiver import Receiver
from tests.peers.scraping import Sample, grown, scrape
from tests.peers.servers import Server, free_port

Start = Callable[[Setup, Path, str, int], Server]
"""Starts a registry in a folder, which tells its events to a URL and its figures at a port."""

_IN_FLIGHT = "registry_http_in_flight_requests"
_LINE = re.compile(r'^[^{\n].*"(case/\d+)"$', re.MULTILINE)


def distribution(setup: Setup, folder: Path, events: str, watched: int) -> Server:
    """Distribution 3.1.1, set up so."""
    return _started("Distribution", program("registry"), setup, folder, events, watched)


def lading(setup: Setup, folder: Path, events: str, watched: int) -> Server:
    """Lading, set up by the same file."""
    own = Path(sys.executable).parent / "lading"
    return _started("Lading", own, setup, folder, events, watched)


def _started(
    name: str, command: Path, setup: Setup, folder: Path, events: str, watched: int
) -> Server:
    folder.mkdir(exist_ok=True)
    setup.files(folder)
    port, file = free_port(), folder / "config.yml"
    text = setup.config(
        root=folder / "data", port=port, watched=watched, folder=folder, events=events
    )
    file.write_text(text)
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


class Counted(NamedTuple):
    """What the figures of both are more after all that."""

    theirs: Mapping[Sample, float]
    ours: Mapping[Sample, float]


class Compared(NamedTuple):
    """All that both did, set up alike."""

    answers: Sequence[Both]
    counted: Counted


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
        with Receiver() as receiver, start(setup, folder, receiver.url, free_port()) as server:
            answers = run(server.address, filling(), {"User-Agent": "filling"})
        refused = [answer for answer in answers if answer.status >= 400]
        assert not refused, refused[0]
        return folder / "data"

    def compare(self, setup: Setup) -> Compared:
        """What both answer and count, set up so."""
        cases = cases_of(setup)
        ends = len(last(readonly=setup.readonly))
        found: list[list[Answer]] = []
        figures: list[Mapping[Sample, float]] = []
        for start, full in self._full:
            folder = self._folder / f"{_name(start)}-{setup.name}"
            folder.mkdir()
            shutil.copytree(full, folder / "data")
            watched = free_port()
            with Receiver() as receiver:
                with start(setup, folder, receiver.url, watched) as server:
                    before = _figures(watched)
                    answers = run(server.address, cases, setup.headers, setup.front)
                    figures.append(grown(before, _figures(watched)))
                    _wait(receiver, {agent(len(cases) - 1 - each) for each in range(ends)})
                log = server.log.read_text(errors="replace")
                found.append(_told(answers, log, receiver.events))
        both = [Both(*each) for each in zip(cases, *found, strict=True)]
        return Compared(both, Counted(*figures))


def _name(start: Start) -> str:
    return getattr(start, "__name__", "")


def _figures(port: int) -> Mapping[Sample, float]:
    """What is counted when nothing is going on: an answer may be read before it is counted."""
    url = f"http://127.0.0.1:{port}/metrics"
    eventually(lambda: _is_quiet(url))
    return scrape(url)


def _is_quiet(url: str) -> bool:
    # Distribution opens this address after the one that it was waited for at.
    with contextlib.suppress(urllib.error.URLError):
        return not any(_in_flight(scrape(url)))
    return False


def _in_flight(figures: Mapping[Sample, float]) -> list[float]:
    return [value for (name, _), value in figures.items() if name == _IN_FLIGHT]


def _wait(receiver: Receiver, agents: set[str]) -> None:
    """Until what these asked for was told; pulls and changes are each told in order."""
    number = 1
    while agents - {each["request"]["useragent"] for each in receiver.wait(number)}:
        number = len(receiver.told) + 1


def _told(answers: Sequence[Answer], log: str, events: Sequence[Mapping[str, Any]]) -> list[Answer]:
    """*answers*, each with the line of the access log and the events that are about it."""
    lines = {found[1]: found[0] for found in _LINE.finditer(log)}
    said = _said(log)
    about: dict[str, list[str]] = {}
    for each in events:
        about.setdefault(each["request"]["useragent"], []).append(_event(each))
    return [
        answer._replace(
            line=lines.get(agent(number), ""),
            said=said.get(agent(number), []),
            events=sorted(about.get(agent(number), [])),
        )
        for number, answer in enumerate(answers)
    ]


def _said(log: str) -> Mapping[str, list[Mapping[str, Any]]]:
    """What the log of the program says of each request, by its agent."""
    about: dict[str, list[Mapping[str, Any]]] = {}
    for line in log.splitlines():
        if line.startswith("{"):
            told = json.loads(line)
            about.setdefault(told.get("http.request.useragent", ""), []).append(told)
    return about


def _event(found: Mapping[str, Any]) -> str:
    target = found["target"]
    words = [target.get(name) for name in ("repository", "tag", "digest", "fromRepository")]
    if "url" in target:
        words += ["at", target["url"].removesuffix(target["digest"])]
    if references := target.get("references"):
        words += ["with", str(len(references))]
    actor = found["actor"].get("name", "nobody")
    address = found["request"]["addr"]
    return " ".join([found["action"], *filter(None, words), "by", actor, "from", address])
