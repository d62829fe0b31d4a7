"""``lading events`` shows what happened and who was told, and helps those who were not."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lading.app.stores import Stores, open_stores
from lading.cli.main import main
from lading.interfaces.metadata import Delivery
from lading.interfaces.repository import Repository
from lading.oci.names import Tag
from tests.unit.cli.commands import unread
from tests.unit.cli.conftest import within

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def told(root: Path) -> Path:
    """A data directory whose server tells two endpoints; one of them has failed."""

    async def settle(stores: Stores, repository: Repository) -> None:
        await repository.delete_tag(Tag("v1"))
        latest = (await stores.metadata.outlook()).latest
        ill = Delivery("ill", latest - 2, 3, SINCE, "it answered 500")
        await stores.metadata.settle([ill, Delivery("well", latest)])

    within(root, settle)
    return root


def _deliveries(root: Path) -> dict[str, Delivery]:
    async def read() -> dict[str, Delivery]:
        async with open_stores(root) as stores:
            found = await stores.metadata.outlook()
            return {each.endpoint: each for each in found.deliveries}

    return asyncio.run(read())


def test_tail_prints_what_happened_in_order(told: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each, with what it is about."""
    code = main(["events", "tail", "--root", str(told)])

    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert " push team/app sha256:" in lines[0]
    assert lines[-1].endswith(" delete team/app:v1")
    assert [int(line.split()[0]) for line in lines] == list(range(1, len(lines) + 1))


@pytest.mark.parametrize("more", [(), ("-o", "jsonl"), ("--follow",)])
def test_a_reader_of_events_that_goes_away_ends_the_command_quietly(
    told: Path, more: tuple[str, ...]
) -> None:
    """What is read from is closed first, so that nothing of it is left to complain."""
    ended = unread("events", "tail", "--root", str(told), *more)

    assert ended == (141, b"")


def test_tail_begins_after_the_event_that_is_named(
    told: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So a program that has seen some goes on there."""
    main(["events", "tail", "--root", str(told), "-o", "jsonl", "--after", "0"])
    everything = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    main(["events", "tail", "--root", str(told), "-o", "jsonl", "--after", "2"])

    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == everything[2:]


def test_tail_that_never_ends_is_no_document(
    told: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines of JSON are."""
    assert main(["events", "tail", "--root", str(told), "--follow", "-o", "json"]) == 2
    assert "jsonl" in capsys.readouterr().err


def test_status_says_what_waits_and_what_is_wrong(
    told: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for each endpoint."""
    main(["events", "status", "--root", str(told)])

    ill, well = capsys.readouterr().out.splitlines()
    assert "2 events waiting; failing since 20" in ill
    assert ill.endswith("(3 failures): it answered 500")
    assert well.endswith("0 events waiting")


def test_status_tells_who_was_removed(
    told: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever is not told any more has nothing waiting."""
    file = tmp_path / "config.yml"
    file.write_text(
        "lading: {notifications: {endpoints: [{name: well, url: 'http://127.0.0.1:1/'}]}}\n"
    )

    main(["events", "status", "--root", str(told), "--config", str(file)])

    ill, well = capsys.readouterr().out.splitlines()
    assert ill == "ill: removed"
    assert well.endswith("0 events waiting")


def test_status_without_endpoints_says_so(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing would look like a mistake."""
    main(["events", "status", "--root", str(root)])

    assert capsys.readouterr().out == "nobody is told of events\n"


def test_retry_urges_those_that_fail(told: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And leaves the others alone."""
    main(["events", "retry", "--root", str(told)])

    found = _deliveries(told)
    assert capsys.readouterr().out == "ill is tried again\n"
    assert (found["ill"].urged, found["well"].urged) == (1, 0)


def test_skip_passes_over_one_event_each_time(
    told: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody loses more than they asked for."""
    place = _deliveries(told)["ill"].number

    skipped = []
    for _ in range(2):
        main(["events", "skip", "--root", str(told), "ill"])
        skipped.append(_deliveries(told)["ill"].skip_to)

    assert skipped == [place + 1, place + 2]
    assert capsys.readouterr().out.splitlines()[0] == f"ill goes on after event {place + 1}"


def test_skip_goes_no_further_than_there_are_events(told: Path) -> None:
    """What is still to come is told."""
    main(["events", "skip", "--root", str(told), "ill", "--to", "1000000"])

    assert _deliveries(told)["ill"].skip_to == _deliveries(told)["well"].number


@pytest.mark.parametrize("command", ["retry", "skip"])
def test_endpoint_that_is_not_known_is_refused(
    told: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """A mistyped name does nothing, and is told."""
    code = main(["events", command, "--root", str(told), "wel"])

    assert code == 2
    assert "wel" in capsys.readouterr().err
