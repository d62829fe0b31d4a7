"""What the server says when it begins."""

import dataclasses
import logging
from pathlib import Path

import pytest

from lading.app.greeting import Greeting, announce, greet


def greeting(
    *addresses: tuple[str, int] | str, new: bool = True, read_only: bool = False
) -> Greeting:
    """A greeting of a server that listens on *addresses*."""
    return Greeting(
        version="1.2.3",
        addresses=addresses or (("127.0.0.1", 5000),),
        root=Path("/srv/data"),
        new=new,
        read_only=read_only,
        workers=2,
    )


def test_first_start_shows_how_to_push(caplog: pytest.LogCaptureFixture) -> None:
    """Somebody who has just installed it can copy a line and see it work."""
    caplog.set_level(logging.INFO)

    greet(greeting(), person=True)

    assert "http://127.0.0.1:5000" in caplog.text
    assert "/srv/data (new)" in caplog.text
    assert "other machines cannot connect" in caplog.text
    assert "docker push localhost:5000/alpine" in caplog.text


def test_later_starts_say_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Who knows the server does not have to be told again."""
    caplog.set_level(logging.INFO)

    greet(greeting(new=False), person=True)

    assert [record.getMessage() for record in caplog.records] == [
        "Lading 1.2.3 serves http://127.0.0.1:5000 from /srv/data"
    ]


def test_programs_get_the_same_facts(caplog: pytest.LogCaptureFixture) -> None:
    """A log line carries what the page would have shown."""
    caplog.set_level(logging.INFO)

    greet(greeting(("::1", 5000)), person=False)

    (record,) = caplog.records
    assert vars(record)["urls"] == "http://[::1]:5000"
    assert vars(record)["push"].endswith("docker push localhost:5000/alpine")


@pytest.mark.parametrize(
    ("addresses", "secure", "second", "said"),
    [
        ([("127.0.0.1", 5000)], False, {}, ["listening on 127.0.0.1:5000"]),
        ([("::", 5000)], True, {"metrics": "/m"}, ["listening on [::]:5000, tls"]),
        (["/run/r.sock"], False, {}, ["listening on /run/r.sock"]),
        (
            [("::", 5000)],
            False,
            {"debug": ":5001"},
            ["listening on [::]:5000", "debug server listening :5001"],
        ),
        (
            [("::", 5000)],
            False,
            {"debug": "localhost:5001", "metrics": "/metrics"},
            [
                "providing prometheus metrics on /metrics",
                "listening on [::]:5000",
                "debug server listening localhost:5001",
            ],
        ),
    ],
)
def test_what_programs_wait_for_is_said_in_the_words_of_distribution(
    caplog: pytest.LogCaptureFixture,
    addresses: list[tuple[str, int] | str],
    secure: bool,
    second: dict[str, str],
    said: list[str],
) -> None:
    """A script that starts a registry looks for a line of its log."""
    caplog.set_level(logging.INFO)

    announce(dataclasses.replace(greeting(*addresses), secure=secure), **second)

    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("INFO", line) for line in said
    ]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_open_server_is_warned_about(caplog: pytest.LogCaptureFixture, host: str) -> None:
    """Anybody may push to this version, so it says so when others can reach it."""
    greet(greeting(("127.0.0.1", 5000), (host, 5000)), person=False)

    (warning,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert "may push and delete" in warning.getMessage()
    assert f"{host}" in warning.getMessage()


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("::1", False), ("::", True)])
@pytest.mark.parametrize("person", [True, False])
def test_second_address_is_told_and_warned_about(
    caplog: pytest.LogCaptureFixture, host: str, warned: bool, person: bool
) -> None:
    """Nobody has to log in there, and one who meant himself may have written a port alone."""
    caplog.set_level(logging.INFO)
    said = dataclasses.replace(greeting(), debug=[(host, 5001)])

    greet(said, person=person)

    told = caplog.records[0].getMessage() if person else vars(caplog.records[0])["debug"]
    shown = f"[{host}]:5001" if ":" in host else f"{host}:5001"
    assert f"http://{shown}" in told
    warnings = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warnings) == warned
    assert all(f"anybody who can reach {shown} sees the metrics" in each for each in warnings)


def test_server_that_nobody_can_push_to_is_not_warned_about() -> None:
    """Reading is what a public mirror is for."""
    said = greeting(("0.0.0.0", 5000), read_only=True)

    assert not list(said.warnings)
    assert said.access == "anyone who can connect may pull, nobody may push"


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("127.0.0.1", "localhost:5000"),
        ("::", "localhost:5000"),
        ("192.0.2.7", "192.0.2.7:5000"),
        ("2001:db8::1", "[2001:db8::1]:5000"),
    ],
)
def test_push_command_names_a_host_that_clients_can_reach(host: str, name: str) -> None:
    """Clients take plain HTTP from localhost without being told to."""
    assert greeting((host, 5000)).host == name


def test_socket_in_the_file_system_has_no_name_to_push_to(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Clients of registries know hosts and ports only."""
    caplog.set_level(logging.INFO)
    said = greeting("/run/lading/socket")

    greet(said, person=True)

    assert said.host is None
    assert not list(said.warnings)
    assert "unix:/run/lading/socket" in caplog.text
    assert "docker push" not in caplog.text


def test_encrypted_server_is_found_by_https() -> None:
    """The line can be pasted into a browser."""
    said = dataclasses.replace(greeting(("192.0.2.7", 443)), secure=True)

    assert said.urls == "https://192.0.2.7:443"
