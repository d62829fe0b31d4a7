"""Lists a page at a time: ``n``, ``last`` and ``Link`` (distribution-spec, Listing Tags)."""

from urllib.parse import quote, urlencode

from lading.errors import PageInvalid
from lading.wire.ranges import number

_LONGEST = 64


def page_size(value: str | None, *, limit: int) -> int:
    """How many entries are wanted, at most *limit*, which is also the answer to ``None``.

    Raises:
        PageInvalid: *value* is not a number.
    """
    if value is None:
        return limit
    wanted = number(value)
    if wanted is None:
        raise PageInvalid(f"{value[:_LONGEST]!r} is not a number")
    return min(wanted, limit)


def exact_size(value: str, *, limit: int) -> int:
    """How many entries are wanted, which are never fewer than *value* says.

    Raises:
        PageInvalid: *value* is not a number, or more than *limit*.
    """
    wanted = number(value)
    if wanted is None or wanted > limit:
        raise PageInvalid(f"{value[:_LONGEST]!r} is not a number up to {limit}")
    return wanted


def following(path: str, **params: str | int) -> str:
    """The relative URL of the page after this one, at *path*."""
    return f"{path}?{urlencode(params, quote_via=quote, safe='')}"
