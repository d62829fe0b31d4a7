"""What is shown on standard error while content moves."""

import asyncio
import io
import json

import jsonschema_rs
import pytest
from rich.console import Console

from lading.app.terminal import terminal
from lading.cli.bars import Bars
from lading.cli.main import main
from lading.cli.progress import EVENT, Events, Lines, Nothing, chosen
from lading.content.steps import Event, Step
from lading.errors import UpstreamFailed
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from tests.unit.cli.shelf import Shelf

Printed = pytest.CaptureFixture[str]
BLOB = Descriptor("application/octet-stream", Digest.of(b"blob"), 4 << 20)
NAME = "sha256:" + BLOB.digest.value[:12]
STEPS = [
    Step(Event.STARTED, BLOB),
    Step(Event.BYTES, BLOB, moved=1 << 20),
    Step(Event.RETRIED, BLOB, error=UpstreamFailed("lost")),
    Step(Event.DONE, BLOB, "v1", moved=4 << 20),
    Step(Event.EXISTS, BLOB),
    Step(Event.MOUNTED, BLOB),
    Step(Event.FAILED, BLOB, error=UpstreamFailed("gone")),
]


async def test_lines_tell_how_each_piece_ended(capsys: Printed) -> None:
    """One line each, with its size."""
    lines = Lines()

    for step in STEPS:
        lines.heard(step)
    lines.close()

    assert capsys.readouterr().err.splitlines() == [
        f"retrying {NAME}: the registry failed: lost",
        f"done {NAME} v1 (4.0 MiB)",
        f"exists {NAME} (4.0 MiB)",
        f"mounted {NAME} (4.0 MiB)",
        f"failed {NAME}: the registry failed: gone",
    ]


async def test_what_takes_long_is_told_about_again_and_again(capsys: Printed) -> None:
    """Also when nothing moves, so that a log shows which piece it is."""
    ticks = iter(range(100))
    lines = Lines(every=0.01, now=lambda: float(next(ticks)))
    lines.heard(STEPS[0])
    lines.heard(STEPS[1])

    while capsys.readouterr().err.count("1.0 MiB of 4.0 MiB (25 %)") == 0:
        await asyncio.sleep(0.01)
    lines.heard(STEPS[3])
    lines.close()

    assert "done" in capsys.readouterr().err


def test_events_have_the_shape_that_is_promised(capsys: Printed) -> None:
    """One JSON document a line."""
    events = Events()

    for step in STEPS:
        events.heard(step)
    events.close()

    found = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [each["event"] for each in found] == [each.event.value for each in STEPS]
    for each in found:
        jsonschema_rs.validate(EVENT, each)


def test_bars_leave_a_line_for_what_is_done() -> None:
    """Names of files are printed as they are, whatever is in them."""
    shown = io.StringIO()
    bars = Bars(colour=False, console=Console(file=shown, width=100, force_terminal=True))

    for step in STEPS:
        bars.heard(step)
    bars.heard(Step(Event.DONE, BLOB, "[bold]odd[/bold]"))
    bars.close()

    assert f"done {NAME} v1 (4.0 MiB)" in shown.getvalue()
    assert "[bold]odd[/bold]" in shown.getvalue()


@pytest.mark.parametrize(
    ("environment", "moving", "colour"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "xterm", "CI": "true"}, False, True),
        ({"TERM": "xterm", "CI": "false"}, True, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
    ],
)
def test_the_environment_says_what_a_terminal_is_good_for(
    environment: dict[str, str], moving: bool, colour: bool
) -> None:
    """The usual variables mean what they mean elsewhere."""
    found = terminal(environment)

    assert (found.moving, found.colour) == (moving, colour)


def test_bars_are_for_terminals_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for bars gets them, and nobody else where there is no terminal."""
    bars = chosen("tty")
    bars.close()

    assert isinstance(bars, Bars)
    assert isinstance(chosen("auto"), Lines)
    assert isinstance(chosen("json"), Events)
    assert isinstance(chosen("none"), Nothing)


def test_a_copy_without_progress_says_only_what_it_did(shelf: Shelf, capsys: Printed) -> None:
    """The summary, and no line for each blob."""
    code = main(["copy", "--progress", "none", f"{shelf.app}:v1", f"{shelf.host}/mirror/app"])

    assert code == 0
    assert "done" not in capsys.readouterr().err


def test_a_copy_with_events_prints_nothing_else_than_those_before_the_summary(
    shelf: Shelf, capsys: Printed
) -> None:
    """Programs can read every line that begins with a brace."""
    main(["copy", "--progress", "json", f"{shelf.app}:v1", "oci:layout:v1"])

    events = [
        json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")
    ]
    assert {"started", "done"} <= {each["event"] for each in events}
