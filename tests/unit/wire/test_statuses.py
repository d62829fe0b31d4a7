"""What statuses are called."""

import pytest

from lading.wire.statuses import PHRASES


@pytest.mark.parametrize(
    ("status", "phrase"),
    [(200, "OK"), (413, "Request Entity Too Large"), (416, "Requested Range Not Satisfiable")],
)
def test_status_is_called_the_same_on_every_python(status: int, phrase: str) -> None:
    """A metric or a log that is searched for its words is found after Python was renewed."""
    assert PHRASES[status] == phrase
