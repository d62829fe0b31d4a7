"""What a client shows, and what it is asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.wire import challenges


@pytest.mark.parametrize(
    ("field", "found"),
    [
        (None, None),
        ("", None),
        ("Basic", None),
        ("Basic ", None),
        ("Basic eDp5", ("basic", "eDp5")),
        ("  BEARER   abc.def  ", ("bearer", "abc.def")),
    ],
)
def test_credentials_are_a_scheme_and_a_word(
    field: str | None, found: tuple[str, str] | None
) -> None:
    """Schemes are the same in capitals; a scheme alone shows nothing."""
    assert challenges.shown(field) == found


@given(st.text(max_size=100))
def test_any_field_can_be_read(field: str) -> None:
    """Nobody can break a server by what they show."""
    found = challenges.shown(field)

    assert found is None or (found[0] == found[0].lower() and all(found))


def test_a_realm_cannot_end_its_quotes() -> None:
    """A realm is text, not part of the challenge."""
    assert challenges.basic('a "b" \\') == 'Basic realm="a \\"b\\" \\\\", charset="UTF-8"'
