"""What strangers wrote is shown, and obeyed by no terminal."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from lading.cli.bars import Bars
from lading.cli.escapes import one_line, shown
from lading.cli.main import main
from lading.content.steps import Event, Step
from lading.interfaces.repository import Repository
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.testing import samples
from lading.wire.message import Response
from tests.unit.cli.shelf import Shelf

Printed = pytest.CaptureFixture[str]

ORDER = "\x1b]0;owned\x07\x1b[2J\u202e"


def test_what_moves_a_terminal_is_written_out() -> None:
    """Everything else stays as it is, in whatever language."""
    assert shown(f"a{ORDER}\r\n\tß漢") == ("a\\u001b]0;owned\\u0007\\u001b[2J\\u202e\\u000d\n\tß漢")
    assert one_line("a\nb\tc") == "a\\u000ab\\u0009c"
    assert shown("\x9b1m\ud800") == "\\u009b1m\\ud800"


def test_tags_of_strangers_are_one_line_each(shelf: Shelf, capsys: Printed) -> None:
    """As people see them, and in JSON as they are."""
    tags = ["fine", f"bad{ORDER}", "two\nlines", "\ud800", "\x9b"]
    body = json.dumps({"tags": tags}).encode()
    shelf.stand_in.trouble.answer(
        lambda: Response(200, [("Content-Type", "application/json")], body),
        path="*/tags/list",
        times=2,
    )

    assert main(["ls", shelf.app]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert main(["ls", "-o", "json", shelf.app]) == 0
    named = [each["name"] for each in json.loads(capsys.readouterr().out)["items"]]

    assert lines == [one_line(tag) for tag in tags]
    assert sorted(named) == sorted(tags)


def test_messages_of_registries_are_not_obeyed(shelf: Shelf, capsys: Printed) -> None:
    """Not on standard error either."""
    body = json.dumps({"errors": [{"code": "DENIED", "message": f"no{ORDER}"}]}).encode()
    shelf.stand_in.trouble.answer(lambda: Response(403, [], body))

    code = main(["inspect", f"{shelf.app}:v1"])

    printed = capsys.readouterr()
    assert code == 4
    assert "\\u001b]0;owned" in printed.err
    assert not set(printed.err + printed.out) & set(ORDER[0] + "\x07\u202e")


@pytest.mark.parametrize("progress", ["plain", "json", "tty"])
def test_names_of_files_are_not_obeyed(
    shelf: Shelf, here: Path, capsys: Printed, progress: str
) -> None:
    """The file itself is called what it is called."""
    name = f"[/x]{ORDER}\nnext"
    file = samples.described(b"content", "text/plain")
    manifest = samples.image_manifest(
        config=samples.described(b"{}", "application/vnd.oci.empty.v1+json"),
        layers=[replace(file, annotations={"org.opencontainers.image.title": name})],
    )

    async def put(repository: Repository) -> None:
        await samples.put_image(
            repository, samples.Image(manifest, (b"{}", b"content")), tags=["v1"]
        )

    shelf.within("team/strange", put)

    code = main(["pull", "--progress", progress, f"{shelf.host}/team/strange:v1"])

    printed = capsys.readouterr()
    assert code == 0
    assert printed.out == f"{one_line(name)}\n"
    assert "\x07" not in printed.err
    assert "\u202e" not in printed.err
    assert (here / name).read_bytes() == b"content"


def test_bars_take_names_for_names() -> None:
    """What looks like markup is shown, and what is an order is not given."""
    screen = io.StringIO()
    bars = Bars(colour=False, console=Console(file=screen, force_terminal=True, width=200))
    blob = Descriptor("application/octet-stream", Digest.of(b"blob"), 4)

    bars.heard(Step(Event.STARTED, blob, name=f"[/x]{ORDER}"))
    bars.heard(Step(Event.DONE, blob, name=f"[/x]{ORDER}"))
    bars.close()

    assert "[/x]" in screen.getvalue()
    assert "\x07" not in screen.getvalue()
