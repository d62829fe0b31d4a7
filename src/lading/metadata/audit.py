"""Holding rows against bytes, and rows against each other."""

from collections.abc import Iterator, Sequence

from lading.metadata.connection import Connection
from lading.metadata.rows import stored_digest
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.media_types import OCTETS
from lading.oci.names import RepositoryName

_AT_ONCE = 200

BLOBS = "SELECT digest, size FROM blobs WHERE digest > ? ORDER BY digest LIMIT ?"
LIVE_BODIES = (
    "SELECT manifests.id, repositories.name, manifests.digest, bodies.body FROM manifests"
    " JOIN repositories ON repositories.id = manifests.repository"
    " LEFT JOIN bodies ON bodies.manifest = manifests.id"
    " WHERE manifests.id > ? AND manifests.until IS NULL ORDER BY manifests.id LIMIT ?"
)
LOST_TAGS = (
    "SELECT repositories.name, tags.name FROM tags"
    " LEFT JOIN repositories ON repositories.id = tags.repository"
    " LEFT JOIN manifests ON manifests.id = tags.manifest"
    " WHERE tags.until IS NULL AND (repositories.id IS NULL OR repositories.until IS NOT NULL"
    " OR manifests.id IS NULL OR manifests.until IS NOT NULL"
    " OR manifests.digest <> tags.digest) LIMIT ?"
)
LOST_LINKS = (
    "SELECT links.digest FROM links WHERE NOT EXISTS"
    " (SELECT 1 FROM blobs WHERE blobs.digest = links.digest) LIMIT ?"
)

# A blob cannot be deleted while a live manifest names it, so one that was there when the manifest
# was put and is not there now was lost. Manifests that were only ever put sparse tell nothing, and
# children of an index may have been deleted on purpose.
LOST_CONTENT = (
    "SELECT repositories.name, manifests.digest, edges.digest FROM manifests"
    " JOIN repositories ON repositories.id = manifests.repository"
    " JOIN edges ON edges.manifest = manifests.id AND edges.kind = 'blob'"
    " WHERE manifests.until IS NULL AND manifests.sparse = 0"
    " AND NOT EXISTS (SELECT 1 FROM links WHERE links.repository = edges.repository"
    " AND links.digest = edges.digest) LIMIT ?"
)


def blobs(connection: Connection, after: Digest | None, limit: int) -> list[Descriptor]:
    """Blobs that are believed to be there, ordered by digest."""
    found = connection.rows(BLOBS, (str(after) if after is not None else "", limit))
    return [Descriptor(OCTETS, stored_digest(digest), size) for digest, size in found]


def unknown(connection: Connection, digests: Sequence[Digest]) -> list[Digest]:
    """Those of *digests* that no row speaks of."""
    return [
        digest
        for digest in digests
        if connection.row(
            "SELECT 1 FROM blobs WHERE digest = ? UNION ALL SELECT 1 FROM doomed WHERE digest = ?",
            (str(digest), str(digest)),
        )
        is None
    ]


def mislay(connection: Connection, digest: Digest) -> list[RepositoryName]:
    """Let nobody read the blob any more, and forget that there are bytes."""
    found = connection.rows(
        "SELECT repositories.name FROM links"
        " JOIN repositories ON repositories.id = links.repository"
        " WHERE links.digest = ? AND repositories.until IS NULL",
        (str(digest),),
    )
    for statement in (
        "DELETE FROM links WHERE digest = ?",
        "DELETE FROM blobs WHERE digest = ?",
        "DELETE FROM doomed WHERE digest = ?",
    ):
        connection.run(statement, (str(digest),))
    return sorted(RepositoryName(name) for (name,) in found)


def check(connection: Connection) -> list[str]:
    """What is wrong between the rows."""
    return [*_damaged_manifests(connection), *_lost_names(connection)]


def _damaged_manifests(connection: Connection) -> Iterator[str]:
    last = 0
    while found := connection.rows(LIVE_BODIES, (last, _AT_ONCE)):
        for _, name, digest, body in found:
            if body is None:
                yield f"manifest {digest} of {name} has no body"
            elif Digest.of(body, stored_digest(digest).algorithm) != stored_digest(digest):
                yield f"manifest {digest} of {name} has a body of another digest"
        last = found[-1][0]


def _lost_names(connection: Connection) -> Iterator[str]:
    for name, tag in connection.rows(LOST_TAGS, (_AT_ONCE,)):
        yield f"tag {tag} of {name} names a manifest that is not there"
    for (digest,) in connection.rows(LOST_LINKS, (_AT_ONCE,)):
        yield f"blob {digest} is readable but has no row of its own"
    for name, manifest, digest in connection.rows(LOST_CONTENT, (_AT_ONCE,)):
        yield f"manifest {manifest} of {name} has lost its blob {digest}: push it again"
