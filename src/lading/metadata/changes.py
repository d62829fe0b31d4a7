"""What each change does to the rows, inside one transaction.

A change is checked, applied and numbered, or refused with an error that is ours, after which the
caller rolls back. What takes something away is in `endings`; since the collector looks again at what
that has queued, being named again need not undo the queueing.
"""

from collections.abc import Sequence
from typing import NamedTuple, assert_never

from lading.errors import (
    BlobUnknown,
    ManifestBlobUnknown,
)
from lading.interfaces.changes import (
    BlobLinked,
    BlobUnlinked,
    Change,
    Event,
    ManifestDeleted,
    ManifestPut,
    RepositoryDeleted,
    TagDeleted,
)
from lading.metadata.connection import Connection
from lading.metadata.endings import (
    delete_manifest,
    delete_repository,
    delete_tag,
    end_manifest,
    end_tag,
    unlink_blob,
)
from lading.metadata.live import Moment, is_linked, live_manifest
from lading.metadata.rows import Entry, encode_tags
from lading.oci.descriptor import encoded
from lading.oci.digest import Digest
from lading.oci.manifest import Edge, Kind
from lading.oci.media_types import OCTETS
from lading.oci.names import RepositoryName, Tag

_SHORT_MANIFEST = 64 << 10
"""How long the manifest of a short change may be, in bytes: this one names a few hundred others."""


class _Effect(NamedTuple):
    """What applying a change did: whether anything is otherwise, and what its event keeps of it.

    That is the row of a manifest put, and the tags that ended with a manifest.
    """

    changed: bool
    manifest: int | None = None
    ended: tuple[Tag, ...] = ()


def is_short(change: Change) -> bool:
    """Whether *change* concerns few rows."""
    match change:
        case ManifestPut():
            return len(change.manifest.body) <= _SHORT_MANIFEST
        case BlobLinked() | BlobUnlinked() | TagDeleted():
            return True
        case ManifestDeleted() | RepositoryDeleted():
            # With all tags that name it.
            return False
        case _:
            assert_never(change)


def commit(connection: Connection, entry: Entry, *, repeats: bool = False) -> Event | None:
    """Check and apply the change of *entry* and write its event, unless all is as it was.

    With *repeats*, an event is written then as well.
    """
    now = Moment.met(connection, entry)
    effect = _apply(connection, entry.change, now)
    if not (effect.changed or repeats):
        return None
    connection.run(
        "INSERT INTO events (number, at, principal, facts, kind, change, manifest, ended)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            now.number,
            now.at,
            now.by,
            entry.told,
            entry.kind,
            entry.said,
            effect.manifest,
            encode_tags(effect.ended),
        ),
    )
    return Event(now.number, entry.when, entry.occasion, entry.change, effect.ended)


def _apply(connection: Connection, change: Change, now: Moment) -> _Effect:
    match change:
        case BlobLinked():
            return _link_blob(connection, change, now)
        case BlobUnlinked():
            unlink_blob(connection, change, now)
        case ManifestPut():
            return _put_manifest(connection, change, now)
        case ManifestDeleted():
            ended = delete_manifest(connection, change, now)
            return _Effect(changed=True, ended=ended)
        case TagDeleted():
            delete_tag(connection, change, now)
        case RepositoryDeleted():
            delete_repository(connection, change, now)
        case _:
            assert_never(change)
    return _Effect(changed=True)


def _ensure_repository(connection: Connection, name: RepositoryName, now: Moment) -> int:
    if now.repository is not None:
        return now.repository
    found = connection.row(
        "INSERT INTO repositories (name, populated, since, since_at) VALUES (?, 0, ?, ?)"
        " RETURNING id",
        (name, now.number, now.at),
    )
    assert found is not None
    return int(found[0])


def _link_blob(connection: Connection, change: BlobLinked, now: Moment) -> _Effect:
    digest, size = str(change.descriptor.digest), change.descriptor.size
    if change.source is not None:
        size = _size_at_source(connection, change.source, digest)
    repository = _ensure_repository(connection, change.repository, now)
    media_type = change.descriptor.media_type
    # Queued from the start: a push that never comes to its manifest leaves the blob to the
    # collector without anybody having to notice. A link that is not queued is named already.
    linked = connection.run_counted(
        "INSERT INTO links (repository, digest, size, media_type, pushed_by, pushed_at, queued_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (repository, digest) DO NOTHING",
        (
            repository,
            digest,
            size,
            media_type if media_type != OCTETS else None,
            now.by,
            now.at,
            now.at,
        ),
    )
    if not linked:
        connection.run(
            "UPDATE links SET queued_at = ? WHERE repository = ? AND digest = ?"
            " AND queued_at IS NOT NULL",
            (now.at, repository, digest),
        )
    _keep_blob(connection, digest, size, now)
    return _Effect(changed=linked > 0)


def _keep_blob(connection: Connection, digest: str, size: int, now: Moment) -> None:
    """The bytes are there, and not to be deleted."""
    new = connection.run_counted(
        "INSERT INTO blobs (digest, size, pushed_by, pushed_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (digest) DO NOTHING",
        (digest, size, now.by, now.at),
    )
    if not new:
        connection.run(
            "UPDATE blobs SET queued_at = NULL WHERE digest = ? AND queued_at IS NOT NULL",
            (digest,),
        )
    if now.dooming:
        connection.run("DELETE FROM doomed WHERE digest = ?", (digest,))


def _size_at_source(connection: Connection, source: RepositoryName, digest: str) -> int:
    found = connection.row(
        "SELECT blobs.size FROM repositories"
        " JOIN links ON links.repository = repositories.id AND links.digest = ?"
        " JOIN blobs ON blobs.digest = links.digest"
        " WHERE repositories.name = ? AND repositories.until IS NULL",
        (digest, source),
    )
    if found is None:
        raise BlobUnknown(digest)
    return int(found[0])


def _put_manifest(connection: Connection, change: ManifestPut, now: Moment) -> _Effect:
    manifest = change.manifest
    digest = str(manifest.digest)
    repository = _ensure_repository(connection, change.repository, now)
    edges = manifest.edges
    if not change.sparse:
        _check_children(connection, repository, edges)
    present = live_manifest(connection, repository, digest)
    known = present is not None and present[1] == manifest.media_type
    if present is not None and known:
        row = int(present[0])
        connection.run(
            "UPDATE manifests SET vouched_at = ?, sparse = sparse * ? WHERE id = ?",
            (now.at, int(change.sparse), row),
        )
    else:
        if present is not None:
            end_manifest(connection, repository, digest, present, now)
        row = _begin_manifest(connection, repository, change, edges, now)
        if present is not None:
            # The same bytes as another media type: the tags go on, the manifest begins anew.
            connection.run(
                "UPDATE tags SET manifest = ? WHERE manifest = ? AND until IS NULL",
                (row, present[0]),
            )
    moved = [_move_tag(connection, repository, tag, row, digest, now=now) for tag in change.tags]
    return _Effect(not known or any(moved), row)


def _check_children(connection: Connection, repository: int, edges: Sequence[Edge]) -> None:
    missing: dict[Digest, None] = {}
    for edge in edges:
        digest = str(edge.digest)
        match edge.kind:
            case Kind.BLOB:
                here = is_linked(connection, repository, digest)
            case Kind.MANIFEST:
                here = live_manifest(connection, repository, digest) is not None
            case Kind.EITHER:
                here = (
                    is_linked(connection, repository, digest)
                    or live_manifest(connection, repository, digest) is not None
                )
            case Kind.ELSEWHERE:
                here = True
            case _:
                assert_never(edge.kind)
        if not here:
            missing[edge.digest] = None
    if missing:
        raise ManifestBlobUnknown(tuple(missing))


def _begin_manifest(
    connection: Connection,
    repository: int,
    change: ManifestPut,
    edges: Sequence[Edge],
    now: Moment,
) -> int:
    manifest = change.manifest
    digest, subject = str(manifest.digest), manifest.subject
    artifact_type = manifest.artifact_type if subject is not None else None
    found = connection.row(
        "INSERT INTO manifests (repository, digest, media_type, size, subject, artifact_type,"
        " pushed_by, pushed_at, sparse, forgotten, since, since_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?) RETURNING id",
        (
            repository,
            digest,
            manifest.media_type,
            len(manifest.body),
            str(subject) if subject is not None else None,
            artifact_type,
            now.by,
            now.at,
            int(change.sparse),
            now.number,
            now.at,
        ),
    )
    assert found is not None
    row = int(found[0])
    connection.run("INSERT INTO bodies (manifest, body) VALUES (?, ?)", (row, manifest.body))
    connection.run_each(
        "INSERT INTO edges (manifest, digest, kind, repository) VALUES (?, ?, ?, ?)",
        [(row, str(edge.digest), edge.kind.value, repository) for edge in edges],
    )
    if subject is not None:
        connection.run(
            "INSERT INTO referrers (repository, subject, digest, artifact_type, descriptor)"
            " VALUES (?, ?, ?, ?, ?)",
            (
                repository,
                str(subject),
                digest,
                artifact_type,
                encoded(manifest.as_referrer.as_json()),
            ),
        )
    connection.run(
        "UPDATE repositories SET populated = 1 WHERE id = ? AND populated = 0", (repository,)
    )
    return row


def _move_tag(
    connection: Connection, repository: int, tag: Tag, manifest: int, digest: str, *, now: Moment
) -> bool:
    """Let *tag* name the manifest; return whether it named anything else before."""
    current = connection.row(
        "SELECT id, digest FROM tags WHERE repository = ? AND name = ? AND until IS NULL",
        (repository, tag),
    )
    if current is not None and current[1] == digest:
        return False
    if current is not None:
        end_tag(connection, current[0], now)
    connection.run(
        "INSERT INTO tags (repository, name, manifest, digest, previous, pushed_by, since, since_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            repository,
            tag,
            manifest,
            digest,
            current[1] if current is not None else None,
            now.by,
            now.number,
            now.at,
        ),
    )
    return True
