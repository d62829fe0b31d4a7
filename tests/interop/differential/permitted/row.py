"""A difference that is permitted, and whether one that was found is the same."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from tests.interop.differential.comparing import Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Permitted:
    """One difference that may be there.

    Args:
        route: the route, as in metrics, or ``path``, ``root`` and ``hostile`` for what is none.
        method: of the request.
        condition: what is special about the request.
        field: the part of the answer: ``status``, ``code``, ``message``, ``detail``, ``body``,
            the name of a header field, ``log`` with a part of the access log's line, ``events``,
            ``refused``, ``authorized`` or ``completed`` (the line in the log of the program) with
            one of its facts, or the name of a figure: how much more there is of it than follows
            from the answers. A figure's condition is the status, or ``all``.
        theirs: what Distribution says.
        ours: what Lading says.
        reason: why that is right, or at least does no harm.
        setup: how both are set up.
    """

    route: str
    method: str = "*"
    condition: str = "*"
    field: str
    theirs: str
    ours: str
    reason: str
    setup: str = "*"

    def permits(self, found: Difference) -> bool:
        """Whether this is about *found*."""
        case = found.case
        return (
            self.field == found.field
            and _like(self.route, case.route)
            and _like(self.method, case.method)
            and _like(self.condition, case.condition)
            and _like(self.setup, found.setup)
            and _like(self.theirs, found.theirs)
            and _like(self.ours.replace("{theirs}", found.theirs), found.ours)
        )


@cache
def _pattern(text: str) -> re.Pattern[str]:
    alternatives = (re.escape(each).replace(r"\*", ".*") for each in text.split("|"))
    return re.compile("|".join(alternatives), re.DOTALL)


def _like(text: str, found: str) -> bool:
    return text == "*" or text == found or _pattern(text).fullmatch(found) is not None


def permitted_by(found: Difference, rows: Iterable[Permitted]) -> Permitted | None:
    """The first of *rows* that permits what was *found*."""
    return next((row for row in rows if row.permits(found)), None)
