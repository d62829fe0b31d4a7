"""Which manifests nobody would find: no tag, no index and no subject leads to them.

They are not garbage, since people deploy by digest; they go on request only. A name that ended
after the given time counts as one that is still there, so that moving a tag gives its old manifest
as long a grace as a push does, unless its caller says otherwise.
"""

from lading.metadata.connection import Connection
from lading.metadata.rows import stored_digest
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName

PROMISED = (
    "CASE WHEN manifests.vouched_at IS NULL OR manifests.vouched_at < manifests.pushed_at"
    " THEN manifests.pushed_at ELSE manifests.vouched_at END"
)
"""When somebody last pushed a manifest, or was told that it is there."""

ABANDONED = f"""
    EXISTS (SELECT 1 FROM tags
        WHERE tags.manifest = manifests.id AND tags.until_at >= {PROMISED})
    OR EXISTS (SELECT 1 FROM edges WHERE edges.repository = manifests.repository
        AND edges.digest = manifests.digest AND edges.until_at >= {PROMISED})
"""  # noqa: S608 - of constants
"""Whether a name of a manifest has ended since."""

_IS_UNTAGGED = f"""
    manifests.until IS NULL
    AND ({PROMISED} < ? OR {ABANDONED})
    AND NOT EXISTS (SELECT 1 FROM tags WHERE tags.manifest = manifests.id
        AND tags.until_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM tags WHERE tags.manifest = manifests.id
        AND tags.until_at >= ?)
    AND NOT EXISTS (SELECT 1 FROM edges WHERE edges.repository = manifests.repository
        AND edges.digest = manifests.digest AND edges.until_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM edges WHERE edges.repository = manifests.repository
        AND edges.digest = manifests.digest AND edges.until_at >= ?)
    AND (manifests.subject IS NULL OR (
        NOT EXISTS (SELECT 1 FROM manifests AS subjects
            WHERE subjects.repository = manifests.repository
            AND subjects.digest = manifests.subject AND subjects.until IS NULL)
        AND NOT EXISTS (SELECT 1 FROM manifests AS subjects
            WHERE subjects.repository = manifests.repository
            AND subjects.digest = manifests.subject AND subjects.until IS NOT NULL
            AND subjects.until_at >= ?)))
"""  # noqa: S608 - of constants
ONE = (
    "SELECT 1 FROM manifests WHERE manifests.id = ? AND "  # noqa: S608 - of constants
    + _IS_UNTAGGED
)
"""Whether the manifest of that row is untagged."""

PAGE = (
    "SELECT repositories.name, manifests.digest, manifests.size FROM repositories"  # noqa: S608 - of constants
    " JOIN manifests ON manifests.repository = repositories.id"
    " WHERE repositories.until IS NULL AND repositories.name >= ?"
    " AND (repositories.name > ? OR manifests.digest > ?) AND "
    + _IS_UNTAGGED
    + " ORDER BY repositories.name, manifests.digest LIMIT ?"
)
"""Untagged manifests after a repository and a digest."""


def is_untagged(connection: Connection, manifest: int, before: int, ended: int) -> bool:
    """Whether the manifest of that row would be listed by `untagged`."""
    return connection.row(ONE, (manifest, *_times(before, ended))) is not None


def untagged(
    connection: Connection,
    before: int,
    ended: int,
    limit: int,
    after: tuple[RepositoryName, Digest] | None,
) -> list[tuple[RepositoryName, Digest, int]]:
    """Repository, digest and size of what was put before *before* and lost its names before *ended*."""
    name, digest = (after[0], str(after[1])) if after is not None else ("", "")
    found = connection.rows(PAGE, (name, name, digest, *_times(before, ended), limit))
    return [(RepositoryName(row[0]), stored_digest(row[1]), row[2]) for row in found]


def _times(before: int, ended: int) -> tuple[int, ...]:
    """The values of `_IS_UNTAGGED`, in their order."""
    return before, ended, ended, ended
