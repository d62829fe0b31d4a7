"""What was probably meant by a name that nobody knows."""

from collections.abc import Iterable


def nearest(name: str, names: Iterable[str], *, cutoff: float = 0.6) -> str:
    """A question that can end a message, or nothing; *cutoff* says how much has to be alike."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for those who mistyped

    found = get_close_matches(name, list(names), n=1, cutoff=cutoff)
    return f" (did you mean {found[0]}?)" if found else ""
