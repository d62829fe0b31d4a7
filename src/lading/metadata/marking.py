"""What lives, in the order in which somebody would come by who marks it.

That order is by the name of the repository, and in it by digest. What was named before is found by
indexes, so that nobody has to remember it.
"""

from lading.metadata.connection import Connection
from lading.metadata.live import live_repository
from lading.metadata.rows import stored_digest
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName

MANIFESTS = (
    "SELECT id, digest FROM manifests"
    " WHERE repository = ? AND until IS NULL AND digest > ? ORDER BY digest LIMIT ?"
)

# `within` is about the same repository: another manifest named it, or it is a manifest itself.
# After that it is about others, which hold blobs by links and manifests by their rows.
FIRST_NAMED = """
    SELECT edges.digest FROM edges
    WHERE edges.manifest = ? AND edges.until_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM edges AS within
        JOIN manifests AS parents ON parents.id = within.manifest
        WHERE within.repository = edges.repository AND within.digest = edges.digest
        AND within.until_at IS NULL AND parents.digest < ?)
    AND NOT EXISTS (SELECT 1 FROM manifests AS within
        WHERE within.repository = edges.repository AND within.digest = edges.digest
        AND within.until IS NULL AND within.digest < ?)
    AND NOT EXISTS (SELECT 1 FROM links
        JOIN repositories AS others ON others.id = links.repository
        WHERE links.digest = edges.digest
        AND others.until IS NULL AND others.name < ?
        AND EXISTS (SELECT 1 FROM edges AS elsewhere
            WHERE elsewhere.repository = others.id AND elsewhere.digest = edges.digest
            AND elsewhere.until_at IS NULL))
    AND (edges.kind = 'blob' OR NOT EXISTS (SELECT 1 FROM repositories AS others
        JOIN manifests AS elsewhere ON elsewhere.repository = others.id
        WHERE elsewhere.digest = edges.digest AND elsewhere.until IS NULL
        AND others.until IS NULL AND others.name < ?))
    ORDER BY edges.digest
"""


def marked(
    connection: Connection, repository: RepositoryName, after: Digest | None, limit: int
) -> list[tuple[Digest, list[Digest]]]:
    """Manifests of *repository* after *after*, and what each is the first to name."""
    row = live_repository(connection, repository)
    found = connection.rows(MANIFESTS, (row, str(after) if after is not None else "", limit))
    return [
        (stored_digest(digest), _first_named(connection, repository, manifest, digest))
        for manifest, digest in found
    ]


def _first_named(
    connection: Connection, repository: RepositoryName, manifest: int, digest: str
) -> list[Digest]:
    values = (manifest, digest, digest, repository, repository)
    return [stored_digest(each) for (each,) in connection.rows(FIRST_NAMED, values)]
