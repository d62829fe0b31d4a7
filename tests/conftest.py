"""What all tests share: readable failures, reproducible examples, no network for unit tests."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import disable_socket

pytest.register_assert_rewrite("lading.testing", "lading.fixtures")

_UNIT = Path(__file__).parent / "unit"
_WITH_SOCKETS = {"app", "cli"}
"""Rooms whose subject is sockets and processes."""

# Shared machines stall at times; how long an example took says nothing about the code.
settings.register_profile(
    "lading", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("lading")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Keep unit tests off the network; the event loop's own pair of sockets is no network."""
    if not item.path.is_relative_to(_UNIT) or item.get_closest_marker("enable_socket"):
        return
    if item.path.relative_to(_UNIT).parts[0] not in _WITH_SOCKETS:
        disable_socket(allow_unix_socket=True)


@pytest.fixture
def set_zone() -> Iterator[Callable[[str], None]]:
    """Moves this machine to another time zone, until the test is over."""
    with pytest.MonkeyPatch.context() as patch:

        def to(zone: str) -> None:
            patch.setenv("TZ", zone)
            time.tzset()

        yield to
    time.tzset()
