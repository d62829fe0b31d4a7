"""What there is at the moment of a change."""

from dataclasses import dataclass

from lading.metadata.connection import Connection, Row
from lading.oci.names import RepositoryName

MOMENT = (
    "SELECT MAX(number), (SELECT id FROM repositories WHERE name = ? AND until IS NULL),"
    " EXISTS (SELECT 1 FROM doomed WHERE digest > '') FROM events"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """The event that a change is going to be, and what it meets.

    ``repository`` is the row of the one it concerns, if there is one now; ``dooming`` whether any
    bytes are being deleted.
    """

    number: int
    at: int
    by: str
    repository: int | None
    dooming: bool


def live_repository(connection: Connection, name: RepositoryName) -> int | None:
    """The row of the repository of that name, if there is one now."""
    found = connection.row("SELECT id FROM repositories WHERE name = ? AND until IS NULL", (name,))
    return found[0] if found else None


def is_linked(connection: Connection, repository: int, digest: str) -> bool:
    """Whether *digest* may be read in *repository*."""
    return (
        connection.row(
            "SELECT 1 FROM links WHERE repository = ? AND digest = ?", (repository, digest)
        )
        is not None
    )


def live_manifest(connection: Connection, repository: int, digest: str) -> Row | None:
    """The row, the media type and the subject of a manifest that is there now."""
    return connection.row(
        "SELECT id, media_type, subject FROM manifests"
        " WHERE repository = ? AND digest = ? AND until IS NULL",
        (repository, digest),
    )
