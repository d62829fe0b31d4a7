"""Times as Go writes them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from lading.wire.timestamps import timestamp


@pytest.mark.parametrize(
    ("zone", "day", "micros", "written"),
    [
        ("UTC", 1, 0, "2026-11-01T09:30:05Z"),
        ("UTC", 1, 1, "2026-11-01T09:30:05.000001Z"),
        ("UTC", 1, 999_999, "2026-11-01T09:30:05.999999Z"),
        ("Asia/Kolkata", 2, 500_000, "2026-11-02T15:00:05.5+05:30"),
        ("America/New_York", 3, 0, "2026-11-03T04:30:05-05:00"),
    ],
)
def test_times_are_local_and_as_short_as_can_be(
    set_zone: Callable[[str], None], zone: str, day: int, micros: int, written: str
) -> None:
    """Whatever zone they were taken in; no machine moves to another while it runs."""
    set_zone(zone)
    at = datetime(2026, 11, 1, 9, 30, 5, micros, tzinfo=UTC) + timedelta(days=day - 1)

    assert timestamp(at) == written
