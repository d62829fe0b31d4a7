"""How what was named ends: the changes that take something away, inside one transaction.

What they leave without a name is queued for the collector, which looks again before it takes
anything.
"""

from lading.errors import BlobInUse, BlobUnknown, ManifestUnknown, NameUnknown
from lading.interfaces.changes import BlobUnlinked, ManifestDeleted, RepositoryDeleted, TagDeleted
from lading.metadata.connection import Connection, Row
from lading.metadata.live import Moment, is_linked, live_manifest
from lading.metadata.rows import stamp
from lading.metadata.untagged import is_untagged
from lading.oci.names import Tag


def unlink_blob(connection: Connection, change: BlobUnlinked, now: Moment) -> None:
    """End the permission to read a blob in a repository.

    Raises:
        BlobUnknown: there was none.
        BlobInUse: a manifest there names it.
    """
    digest = str(change.digest)
    repository = now.repository
    if repository is None or not is_linked(connection, repository, digest):
        raise BlobUnknown(digest)
    user = connection.row(
        "SELECT manifests.digest FROM edges JOIN manifests ON manifests.id = edges.manifest"
        " WHERE edges.repository = ? AND edges.digest = ? AND edges.until_at IS NULL"
        " AND edges.kind <> 'manifest' LIMIT 1",
        (repository, digest),
    )
    if user is not None:
        raise BlobInUse(digest, manifest=user[0])
    forget_link(connection, repository, digest, now.at)


def forget_link(connection: Connection, repository: int, digest: str, queued_at: int) -> None:
    """End the permission to read *digest* in *repository*; with the last, queue the bytes."""
    connection.run("DELETE FROM links WHERE repository = ? AND digest = ?", (repository, digest))
    connection.run(
        "UPDATE blobs SET queued_at = ? WHERE digest = ?"
        " AND NOT EXISTS (SELECT 1 FROM links WHERE links.digest = blobs.digest)",
        (queued_at, digest),
    )


def end_tag(connection: Connection, row: int, now: Moment) -> None:
    """End what a tag names."""
    connection.run(
        "UPDATE tags SET until = ?, until_at = ? WHERE id = ?", (now.number, now.at, row)
    )


def end_manifest(
    connection: Connection, repository: int, digest: str, present: Row, now: Moment
) -> None:
    """End a manifest and what it says; its tags are the caller's."""
    row, _, subject = present
    connection.run(
        "UPDATE manifests SET until = ?, until_at = ? WHERE id = ?", (now.number, now.at, row)
    )
    connection.run("UPDATE edges SET until_at = ? WHERE manifest = ?", (now.at, row))
    if subject is not None:
        connection.run(
            "DELETE FROM referrers WHERE repository = ? AND subject = ? AND digest = ?",
            (repository, subject, digest),
        )
    connection.run(
        "UPDATE links SET queued_at = ? WHERE repository = ?"
        " AND digest IN (SELECT digest FROM edges WHERE manifest = ?)",
        (now.at, repository, row),
    )


def delete_manifest(
    connection: Connection, change: ManifestDeleted, now: Moment
) -> tuple[Tag, ...]:
    """End a manifest and the tags that name it; return these.

    Raises:
        ManifestUnknown: there is none, or it may not go any more.
    """
    digest = str(change.digest)
    repository = now.repository
    present = live_manifest(connection, repository, digest) if repository is not None else None
    if repository is None or present is None:
        raise ManifestUnknown(digest)
    if (before := change.untagged_before) is not None:
        gone = change.ended_before or before
        if not is_untagged(connection, present[0], stamp(before), stamp(gone)):
            raise ManifestUnknown(digest)
    end_manifest(connection, repository, digest, present, now)
    ended = connection.rows(
        "UPDATE tags SET until = ?, until_at = ? WHERE manifest = ? AND until IS NULL"
        " RETURNING name",
        (now.number, now.at, present[0]),
    )
    return tuple(sorted(Tag(name) for (name,) in ended))


def delete_tag(connection: Connection, change: TagDeleted, now: Moment) -> None:
    """End a tag.

    Raises:
        ManifestUnknown: there is none of that name.
    """
    repository = now.repository
    found = connection.row(
        "SELECT id FROM tags WHERE repository = ? AND name = ? AND until IS NULL",
        (repository, change.tag),
    )
    if found is None:
        raise ManifestUnknown(change.tag)
    end_tag(connection, found[0], now)


def delete_repository(connection: Connection, change: RepositoryDeleted, now: Moment) -> None:
    """End a repository and all that is in it.

    Raises:
        NameUnknown: there is none of that name.
    """
    repository = now.repository
    if repository is None:
        raise NameUnknown(change.repository)
    connection.run(
        "UPDATE edges SET until_at = ? WHERE until_at IS NULL AND manifest IN"
        " (SELECT id FROM manifests WHERE repository = ? AND until IS NULL)",
        (now.at, repository),
    )
    for table in ("manifests", "tags"):
        connection.run(_END_ALL[table], (now.number, now.at, repository))
    connection.run("DELETE FROM referrers WHERE repository = ?", (repository,))
    connection.run("UPDATE links SET queued_at = ? WHERE repository = ?", (now.at, repository))
    connection.run(
        "UPDATE repositories SET until = ?, until_at = ? WHERE id = ?",
        (now.number, now.at, repository),
    )


_END_ALL = {
    "manifests": "UPDATE manifests SET until = ?, until_at = ?"
    " WHERE repository = ? AND until IS NULL",
    "tags": "UPDATE tags SET until = ?, until_at = ? WHERE repository = ? AND until IS NULL",
}
