"""What may differ between Distribution 3.1.1 and Lading, and why: every difference there is.

A row is about one part of the answers to requests of one kind. In its texts ``*`` stands for
anything and ``|`` parts alternatives; ``-`` is a part that is not there, and ``{theirs}`` in what
Lading says is what Distribution says. A row that nothing needs fails the test, as does a
difference that no row permits.

The rows lie beside this by the part that differs, and are ordered by the route.
"""

from tests.interop.differential.permitted.bodies import BODIES
from tests.interop.differential.permitted.errors import ERRORS
from tests.interop.differential.permitted.events import EVENTS
from tests.interop.differential.permitted.figures import FIGURES
from tests.interop.differential.permitted.headers import HEADERS
from tests.interop.differential.permitted.logs import LOGS
from tests.interop.differential.permitted.row import Permitted, permitted_by
from tests.interop.differential.permitted.statuses import STATUSES

__all__ = ["PERMITTED", "Permitted", "permitted_by"]

PERMITTED: tuple[Permitted, ...] = (
    *STATUSES,
    *ERRORS,
    *BODIES,
    *HEADERS,
    *LOGS,
    *EVENTS,
    *FIGURES,
)
"""All rows."""
