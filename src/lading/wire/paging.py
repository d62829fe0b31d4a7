"""Lists a page at a time: ``n``, ``last`` and ``Link`` (distribution-spec, Listing Tags)."""

from urllib.parse import quote, urlencode

from lading.errors import RequestInvalid
from lading.wire.ranges import number


def page_size(value: str | None, *, limit: int) -> int:
    """How many entries are wanted, at most *limit*, which is also the answer to ``None``.

    Raises:
        RequestInvalid: ``n`` is not a number.
    """
    if value is None:
        return limit
    wanted = number(value)
    if wanted is None:
        raise RequestInvalid(f"n={value[:64]!r} is not a number of entries")
    return min(wanted, limit)


def following(path: str, **params: str | int) -> str:
    """The relative URL of the page after this one, at *path*."""
    return f"{path}?{urlencode(params, quote_via=quote)}"
