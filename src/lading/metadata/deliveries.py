"""How far events have been told to whom, and forgetting those that everybody was told of."""

from collections.abc import Container, Sequence
from datetime import datetime

from lading.interfaces.metadata import Delivery, Outlook
from lading.metadata.connection import Connection
from lading.metadata.rows import moment, stamp

LATEST = "SELECT MAX(number) FROM events"
DELIVERIES = (
    "SELECT endpoint, number, failures, failing_since, reason, skip_to, urged FROM deliveries"
    " ORDER BY endpoint"
)
SETTLE = (
    "INSERT INTO deliveries"
    " (endpoint, number, failures, failing_since, reason, skip_to, urged)"
    " VALUES (?, ?, ?, ?, ?, 0, 0) ON CONFLICT (endpoint) DO UPDATE SET"
    " number = CASE WHEN deliveries.number < excluded.number THEN excluded.number"
    " ELSE deliveries.number END, failures = excluded.failures,"
    " failing_since = excluded.failing_since, reason = excluded.reason"
)
URGE = (
    "UPDATE deliveries SET urged = urged + 1,"
    " skip_to = CASE WHEN skip_to < ? THEN ? ELSE skip_to END"
    " WHERE endpoint = ? RETURNING 1"
)
# The last one stays, since numbers go on from it.
FORGET = (
    "DELETE FROM events WHERE number IN (SELECT number FROM events"
    " WHERE number <= ? AND number < (SELECT MAX(number) FROM events)"
    " ORDER BY number LIMIT ?) AND at < ? RETURNING 1"
)
OLDEST = "SELECT MIN(number) FROM events"
PLACES = "SELECT endpoint, number FROM deliveries ORDER BY endpoint"


def outlook(connection: Connection) -> Outlook:
    """The number of the latest event, and how far each endpoint has got."""
    latest = connection.row(LATEST)
    return Outlook(
        (latest[0] or 0) if latest else 0,
        tuple(
            Delivery(
                endpoint,
                number,
                failures=failures,
                failing_since=moment(since) if since is not None else None,
                reason=reason,
                skip_to=skip_to,
                urged=urged,
            )
            for endpoint, number, failures, since, reason, skip_to, urged in connection.rows(
                DELIVERIES
            )
        ),
    )


def settle(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """Write down how far each of *deliveries* has got; what was asked for stays as it is."""
    for each in deliveries:
        since = each.failing_since
        connection.run(
            SETTLE,
            (
                each.endpoint,
                each.number,
                each.failures,
                stamp(since) if since is not None else None,
                each.reason,
            ),
        )


def urge(connection: Connection, endpoint: str, skip_to: int) -> bool:
    """Ask that *endpoint* be tried at once, with what comes after *skip_to*."""
    return connection.row(URGE, (skip_to, skip_to, endpoint)) is not None


def forget_events(
    connection: Connection, before: datetime, upto: int, limit: int, known: Container[str]
) -> int:
    """Delete up to *limit* of the oldest events; return how many.

    Whoever is not *known* goes when the event after its place is gone.
    """
    forgotten = len(connection.rows(FORGET, (upto, limit, stamp(before))))
    oldest = connection.row(OLDEST)
    first = (oldest[0] or 0) if oldest else 0
    for endpoint, number in connection.rows(PLACES):
        if endpoint not in known and number + 1 < first:
            connection.run("DELETE FROM deliveries WHERE endpoint = ?", (endpoint,))
    return forgotten
