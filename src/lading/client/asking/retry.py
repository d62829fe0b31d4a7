"""When a request is tried again: the policy alone, without a clock and without dice.

The n-th wait is between nothing and ``first`` · 2^n seconds (full jitter), at most ``longest``,
unless the registry says how long it wants to be left alone.
"""

from email.utils import parsedate_to_datetime
from typing import NamedTuple

TRY_AGAIN = frozenset({408, 429, 500, 502, 503, 504, 522})
"""The statuses of trouble that may pass."""

NOT_BEGUN = frozenset({408, 429, 503})
"""Those of them that say that nothing was done."""


class Retry(NamedTuple):
    """How often and when; all times in seconds."""

    tries: int = 5
    first: float = 0.25
    longest: float = 10.0
    longest_asked: float = 60.0

    def wait(self, failures: int, asked: float | None, chance: float) -> float | None:
        """How long to wait after so many *failures*; ``None`` to give up.

        *asked* is what the registry wants, *chance* a number from 0 to 1.
        """
        if failures >= self.tries:
            return None
        if asked is not None:
            return asked if asked <= self.longest_asked else None
        return chance * min(self.longest, self.first * 2.0 ** (failures - 1))


def retry_after(field: str | None, now: float) -> float | None:
    """The seconds that ``Retry-After`` asks for at the time *now* (RFC 9110, 10.2.3)."""
    if field is None:
        return None
    text = field.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None
