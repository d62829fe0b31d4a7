"""How log lines look."""

import io
import json
import logging
import re
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


def _told(format: str, **settings: object) -> str:
    out = io.StringIO()
    logs.configure(format=format, level="debug", stream=out, **settings)  # type: ignore[arg-type]  # of several types
    logging.getLogger("x").error(
        "it happened", extra={"zeta": "a b", "err.code": "unknown", "count": 2, "level": "mine"}
    )
    return out.getvalue()


def test_logrus_json_has_its_keys_in_order() -> None:
    """Facts, level, message and time in alphabetical order; who has one of these names gives way."""
    told = json.loads(_told("logrus", fields={"service": "r"}))

    assert list(told) == sorted(told)
    assert told.pop("time").startswith("20")
    assert told == {
        "level": "error",
        "msg": "it happened",
        "err.code": "unknown",
        "count": 2,
        "zeta": "a b",
        "service": "r",
        "fields.level": "mine",
    }


def test_logfmt_is_quoted_where_logrus_quotes() -> None:
    """Words of letters, digits and -._/@^+ stand bare; time always has quotes."""
    told = _told("logfmt", fields={"service": "r/1@x"})

    assert re.fullmatch(
        r'time="[^"]+" level=error msg="it happened" count=2 err\.code=unknown level=mine '
        r'service=r/1@x zeta="a b"\n',
        told,
    )


def test_fields_of_the_operator_are_written_as_go_writes_them() -> None:
    """Lists and mappings, too; and one that has a name of the form's own gives way to it."""
    fields = {"level": "mine", "on": True, "list": [1, "a"], "map": {"b": False, "a": 1.5}}

    told = _told("logfmt", fields=fields)

    assert told.count(" level=error ") == 1
    assert " fields.level=mine " in told
    assert ' list="[1 a]" map="map[a:1.5 b:false]" on=true ' in told


@pytest.mark.parametrize("format", ["json", "logfmt", "logrus", "text"])
def test_caller_is_told_if_wanted(format: str) -> None:
    """The file and line that the event came from."""
    assert "test_logs.py:" in _told(format, caller=True)
    assert "test_logs.py:" not in _told(format)


@pytest.mark.parametrize("format", ["json", "logfmt", "logrus"])
def test_no_fact_can_forge_a_line_in_any_form(format: str) -> None:
    """One event is one line, whatever is in it, a traceback included."""
    out = io.StringIO()
    logs.configure(format=format, level="info", stream=out)

    try:
        int("inside")
    except ValueError:
        logging.getLogger("x").exception("failed\nlevel=info", extra={"a\nb": "c\nd\x1b[2J"})

    assert out.getvalue().count("\n") == 1
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize("more", [0, 1])
def test_event_of_a_request_looks_like_any_other(more: int) -> None:
    """Whether it took the short way or, with other handlers there, the long one."""
    out = io.StringIO()
    logs.configure(format="json", level="info", stream=out)
    logging.getLogger().handlers.extend([logging.NullHandler()] * more)
    tell = logs.teller()

    tell(logging.INFO, "response completed", {"http.response.status": 200})
    tell(logging.DEBUG, "chatter", {})

    line = json.loads(out.getvalue())
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "info", "event": "response completed", "http.response.status": 200}
