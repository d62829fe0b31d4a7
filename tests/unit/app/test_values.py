"""Durations, sizes, switches and addresses, as people write them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lading.app.config import values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", timedelta(0)),
        ("500ms", timedelta(milliseconds=500)),
        ("30s", timedelta(seconds=30)),
        ("1h30m", timedelta(minutes=90)),
        ("7d", timedelta(days=7)),
        (" 1.5h ", timedelta(minutes=90)),
    ],
)
def test_duration_is_a_sum_of_numbers_with_units(text: str, expected: timedelta) -> None:
    """Durations are written as Go writes them, and may be as long as days."""
    assert values.duration(text) == expected


def test_interval_of_zero_is_refused() -> None:
    """Whatever is done at it would be done all the time."""
    assert values.interval("1ms") == timedelta(milliseconds=1)
    for text in ("0", "0s", "0h0m"):
        with pytest.raises(ValueError, match="above zero"):
            values.interval(text)


@pytest.mark.parametrize("text", ["", "24", "h", "1h 2", "-1s", "1w", "99999999d", "1H"])
def test_duration_without_a_known_unit_is_refused(text: str) -> None:
    """A bare number could mean seconds or minutes, so nobody guesses."""
    with pytest.raises(ValueError, match="is not a duration such as"):
        values.duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("65536", 65536), ("64KiB", 65536), ("4 MiB", 4 << 20), ("1MB", 1_000_000)],
)
def test_size_is_a_number_of_bytes_or_has_a_unit(text: str, expected: int) -> None:
    """Binary and decimal units are told apart."""
    assert values.size(text) == expected


@pytest.mark.parametrize("text", ["", "4M", "-1", "1.5MiB", "4mib", "iB"])
def test_size_with_another_unit_is_refused(text: str) -> None:
    """What cannot be read exactly is not read at all."""
    with pytest.raises(ValueError, match="is not a size such as"):
        values.size(text)


@pytest.mark.parametrize(("text", "expected"), [("TRUE", True), ("on", True), ("no", False)])
def test_switch_takes_the_usual_words(text: str, expected: bool) -> None:
    """Environment variables are written in many ways."""
    assert values.flag(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:5000", ("127.0.0.1", 5000)),
        ("[::1]:0", ("::1", 0)),
        (":80", ("", 80)),
        ("localhost:5000", ("localhost", 5000)),
    ],
)
def test_address_is_a_host_and_a_port(text: str, expected: tuple[str, int]) -> None:
    """IPv6 addresses stand in brackets, and no host is every address."""
    assert values.split_address(text) == expected


@pytest.mark.parametrize("text", ["", "5000", "::1:5000", "host:", "host:70000", "host:x"])
def test_address_without_a_port_is_refused(text: str) -> None:
    """A port is always said."""
    with pytest.raises(ValueError, match="is not an address such as"):
        values.address(text)


def test_home_directory_may_be_written_with_a_tilde() -> None:
    """A path in a file means what it would mean in a shell."""
    assert values.folder("~/data") == Path.home() / "data"


@pytest.mark.parametrize("text", ["none", "", "~", "None"])
def test_optional_setting_can_be_unset(text: str) -> None:
    """Every source has a way to say "nothing"."""
    assert values.optional(values.size)(text) is None


@pytest.mark.parametrize(
    ("reader", "value", "text"),
    [
        (values.optional(values.size), None, "none"),
        (values.flag, True, "true"),
        (values.duration, timedelta(0), "0s"),
        (values.duration, timedelta(hours=24), "24h"),
        (values.duration, timedelta(minutes=90), "90m"),
        (values.duration, timedelta(milliseconds=1500), "1500ms"),
        (values.optional(values.size), 4 << 20, "4MiB"),
        (values.size, 4097, "4097"),
        (values.size, 0, "0"),
        (values.count, 4096, "4096"),
    ],
)
def test_value_is_spelled_as_it_could_be_written(
    reader: values.Reader[Any], value: object, text: str
) -> None:
    """The reference page shows defaults that can be copied into a file."""
    assert reader.write(value) == text
    assert reader(text) == value
