"""What others wrote, as it can be shown: a terminal must not take it for an order.

Tags, titles, annotations and messages of registries may hold anything, also what moves the
cursor, renames the window or turns the direction of writing.
"""

import re

_ORDERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_BREAKS = re.compile(r"[\t\n]")


def shown(text: str) -> str:
    """*text*, in which what a terminal would act upon is written as JSON writes it."""
    return _ORDERS.sub(_escaped, text)


def one_line(text: str) -> str:
    """The same, and without line breaks: it is one thing, and does not look like two."""
    return _BREAKS.sub(_escaped, shown(text))


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
