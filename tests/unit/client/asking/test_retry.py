"""When something is tried again."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.client.asking.retry import Retry, retry_after


def test_waits_double_up_to_a_limit() -> None:
    """With the worst of luck: full jitter draws between nothing and these."""
    retry = Retry(tries=9)

    waits = [retry.wait(failures, None, 1.0) for failures in range(1, 10)]

    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, None]


def test_after_five_tries_it_is_given_up() -> None:
    """The usual policy."""
    assert Retry().wait(4, None, 0.5) is not None
    assert Retry().wait(5, None, 0.5) is None


@given(st.integers(1, 4), st.floats(0, 1))
def test_a_wait_is_never_longer_than_its_draw(failures: int, chance: float) -> None:
    """Many clients that failed together do not come back together."""
    wait = Retry().wait(failures, None, chance)

    assert wait is not None
    assert 0 <= wait <= 10


def test_a_registry_says_how_long_it_wants_to_be_left_alone() -> None:
    """Up to a minute; who wants more gets no second request at all."""
    assert Retry().wait(1, 60.0, 0.5) == 60.0
    assert Retry().wait(1, 61.0, 0.5) is None


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        (" 17 ", 17.0),
        ("-3", None),
        ("1.5", None),
        ("soon", None),
        ("Tue, 24 Nov 2026 10:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 09:00:00 GMT", 0.0),
        ("9" * 400, 999999999.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(field: str | None, seconds: float | None) -> None:
    """RFC 9110, 10.2.3; what is neither counts for nothing."""
    now = datetime(2026, 11, 24, 10, 0, tzinfo=UTC).timestamp()

    assert retry_after(field, now) == seconds


@given(st.text(max_size=40))
def test_any_field_can_be_read(field: str) -> None:
    """Nobody can break a client by what they answer."""
    found = retry_after(field, 0.0)

    assert found is None or found >= 0
