"""Numbered migrations: each is applied once, in order, and remembered with its checksum.

What was released is never edited; a change of the schema is a new file.
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from lading.errors import StorageUnfit
from lading.metadata.connection import Connection

_HISTORY = (
    "CREATE TABLE IF NOT EXISTS migrations ("
    " number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL,"
    " applied_at INTEGER NOT NULL)"
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """The sha256 of the text, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def known() -> list[Migration]:
    """The migrations that this version brings along, in order."""
    found = []
    for each in files(__name__).iterdir():
        number, _, name = each.name.removesuffix(".sql").partition("_")
        if each.name.endswith(".sql"):
            found.append(Migration(int(number), name, each.read_text()))
    return sorted(found, key=lambda migration: migration.number)


def migrate(connection: Connection, *, subject: str, at: int) -> None:
    """Bring the schema up to date, within the caller's transaction.

    Raises:
        StorageUnfit: a newer version was here, or the schema is of another history.
    """
    connection.run(_HISTORY)
    for migration in outstanding(connection, subject=subject):
        connection.run(migration.text)
        connection.run(
            "INSERT INTO migrations (number, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
            (migration.number, migration.name, migration.checksum, at),
        )


def require_current(connection: Connection, *, subject: str) -> None:
    """Make sure that there is nothing to migrate.

    Raises:
        StorageUnfit: there is; or as `migrate`.
    """
    missing = outstanding(connection, subject=subject)
    if missing:
        raise StorageUnfit(
            f"{subject} was written by an older Lading, and lacks schema {missing[-1].number}:"
            " stop the server that uses it, and start it again with this version"
        )


def outstanding(connection: Connection, *, subject: str) -> list[Migration]:
    """What has not been applied yet, in order.

    Raises:
        StorageUnfit: a newer version was here, or the schema is of another history.
    """
    applied = {
        int(row[0]): str(row[1])
        for row in connection.rows("SELECT number, checksum FROM migrations")
    }
    mine = known()
    newest = mine[-1].number
    if applied and max(applied) > newest:
        raise StorageUnfit(
            f"{subject} has schema {max(applied)} and was written by a newer Lading, this one"
            f" knows schema {newest}: start that version or a later one"
        )
    for migration in mine:
        if applied.get(migration.number, migration.checksum) != migration.checksum:
            raise StorageUnfit(
                f"{subject} was made by another build of schema {migration.number}:"
                " start the version that made it"
            )
    return [migration for migration in mine if migration.number not in applied]
