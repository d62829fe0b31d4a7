"""For how long content stays: what the server was told is written down for those who were not."""

from dataclasses import dataclass
from datetime import timedelta

from lading.metadata.connection import Connection
from lading.metadata.rows import micros

# A server that is started again with the same values writes nothing, as on a full disk it must.
RECORD = (
    "INSERT INTO settings (name, value) VALUES (?, ?)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    " WHERE settings.value <> excluded.value"
)
RECORDED = "SELECT value FROM settings WHERE name = ?"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what nothing names stays, and how long what only ended names name."""

    grace: timedelta
    undo: timedelta


def record(connection: Connection, retention: Retention) -> None:
    """Write down what the server was told."""
    connection.run(RECORD, ("grace", micros(retention.grace)))
    connection.run(RECORD, ("undo", micros(retention.undo)))


def recorded(connection: Connection) -> Retention | None:
    """What the last server was told, if there ever was one."""
    grace = connection.row(RECORDED, ("grace",))
    undo = connection.row(RECORDED, ("undo",))
    if grace is None or undo is None:
        return None
    return Retention(timedelta(microseconds=grace[0]), timedelta(microseconds=undo[0]))
