"""What there is at the moment of a change."""

from typing import NamedTuple, Self

from lading.metadata.connection import Connection, Row
from lading.metadata.rows import Entry
from lading.oci.names import RepositoryName

_MET = (
    "SELECT MAX(number), (SELECT id FROM repositories WHERE name = ? AND until IS NULL),"
    # With the condition a search; without it the whole table would be read.
    " EXISTS (SELECT 1 FROM doomed WHERE digest > '') FROM events"
)


class Moment(NamedTuple):
    """The event that a change is going to be, and what it meets.

    ``number`` is that of the event, ``at`` its time in microseconds since 1970, ``by`` who makes
    it; ``repository`` is the row of the repository it concerns, if there is one now; ``dooming``
    says whether any bytes are being deleted.
    """

    number: int
    at: int
    by: str
    repository: int | None
    dooming: bool

    @classmethod
    def met(cls, connection: Connection, entry: Entry) -> Self:
        """The moment of *entry*, within its transaction."""
        found = connection.row(_MET, (entry.change.repository,))
        assert found is not None
        last, repository, dooming = found
        by = entry.occasion.principal.name
        return cls((last or 0) + 1, entry.at, by, repository, bool(dooming))


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
