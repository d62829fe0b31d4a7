"""Lists a page at a time."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import PageInvalid
from lading.wire.paging import exact_size, following, page_size


@given(st.integers(min_value=0, max_value=10**12))
def test_a_page_is_as_long_as_was_asked_and_no_longer_than_the_limit(wanted: int) -> None:
    """A client may ask for any number; none at all is the limit."""
    assert page_size(str(wanted), limit=100) == min(wanted, 100)
    assert page_size(None, limit=100) == 100


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "1.0", "1_0", "ten", "\u0661", "0x1"])
def test_what_is_no_number_of_entries_is_refused(text: str) -> None:
    """Guessing would show a client something other than it believes to see."""
    with pytest.raises(PageInvalid, match="not a number"):
        page_size(text, limit=100)


@pytest.mark.parametrize("text", ["", "-1", "ten", "101"])
def test_an_exact_size_is_not_cut_down(text: str) -> None:
    """More than there may be is an error, as everything that is no number."""
    assert exact_size("100", limit=100) == 100
    assert exact_size("0", limit=100) == 0

    with pytest.raises(PageInvalid, match="up to 100"):
        exact_size(text, limit=100)


@given(st.text(max_size=50), st.integers(min_value=0))
def test_the_next_page_is_asked_for_with_the_same_values(last: str, n: int) -> None:
    """Whatever an entry is called, following the link goes on after it."""
    path, _, query = following("/v2/a/tags/list", n=n, last=last).partition("?")

    assert path == "/v2/a/tags/list"
    assert query.isascii()
    assert not set(query) & set(' <>";')
    assert parse_qsl(query, keep_blank_values=True) == [("n", str(n)), ("last", last)]
