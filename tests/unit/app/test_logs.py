"""How log lines look."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from lading.app import logs


@pytest.fixture(autouse=True)
def _untouched_root() -> Iterator[None]:
    """Each test configures the root logger, and leaves it as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_programs_get_one_object_a_line() -> None:
    """What is no terminal gets JSON: time, level, event, and the facts beside them."""
    out = io.StringIO()

    person = logs.configure(format="auto", level="info", stream=out)
    logging.getLogger("x").warning("it happened", extra={"repository": "a/b", "tags": 2})

    line = json.loads(out.getvalue())
    assert not person
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "warning", "event": "it happened", "repository": "a/b", "tags": 2}


def test_failure_carries_its_traceback_in_one_line() -> None:
    """A traceback does not break the rule of one line for one event."""
    out = io.StringIO()
    logs.configure(format="json", level="info", stream=out)

    try:
        int("inside")
    except ValueError:
        logging.getLogger("x").exception("failed")

    assert out.getvalue().count("\n") == 1
    assert "ValueError: invalid literal" in json.loads(out.getvalue())["error"]


def test_people_get_words() -> None:
    """Text has the event first, and facts as name=value."""
    out = io.StringIO()

    person = logs.configure(format="text", level="info", stream=out)
    logging.getLogger("x").warning("it happened", extra={"repository": "a/b"})

    assert person
    assert out.getvalue().endswith("WARNING it happened repository=a/b\n")


def test_fact_cannot_forge_a_line() -> None:
    """Names come from requests; a line end or an escape sequence in them is shown, not obeyed."""
    out = io.StringIO()
    logs.configure(format="text", level="info", stream=out)

    logging.getLogger("x").info("pushed", extra={"agent": "a\n12:00:00 pushed \x1b[2J"})

    assert out.getvalue().count("\n") == 1
    assert "\x1b" not in out.getvalue()


def test_less_serious_lines_are_left_out() -> None:
    """The level is a threshold."""
    out = io.StringIO()
    logs.configure(format="json", level="warning", stream=out)

    logging.getLogger("x").info("chatter")

    assert out.getvalue() == ""
