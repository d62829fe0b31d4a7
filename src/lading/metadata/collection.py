"""Forgetting what nothing names: the collector's transactions.

Links are queued by the changes that left them without a manifest, bytes when their last link went.
Each is looked at again here before it is taken, and leaves the queue when it turns out to be named.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lading.errors import BlobUnknown, ManifestUnknown
from lading.interfaces.metadata import Condemned, Doomed, Kept, Pull
from lading.metadata.connection import Connection
from lading.metadata.endings import forget_link
from lading.metadata.live import live_repository
from lading.metadata.rows import stamp, stored_digest
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName

_STEP = 500
"""How many queued rows one transaction looks at, so that no push waits long for a round."""

# An edge that ended when the link was queued, or after that, is what queued it: nobody has pushed
# the blob again or asked for it since.
QUEUED_LINKS = (
    "SELECT repository, digest, size, queued_at FROM links"
    " WHERE queued_at IS NOT NULL AND queued_at < ? AND (queued_at < ? OR EXISTS"
    " (SELECT 1 FROM edges WHERE edges.repository = links.repository"
    " AND edges.digest = links.digest AND edges.until_at >= links.queued_at))"
    " ORDER BY queued_at, digest, repository LIMIT ?"
)
QUEUED_BLOBS = (
    "SELECT digest, size, location FROM blobs WHERE queued_at IS NOT NULL AND queued_at < ?"
    " ORDER BY queued_at, digest LIMIT ?"
)
NAMED = "SELECT 1 FROM edges WHERE repository = ? AND digest = ? AND until_at IS NULL LIMIT 1"
LAST_NAMED = (
    "SELECT MAX(until_at) FROM edges WHERE repository = ? AND digest = ? AND until_at IS NOT NULL"
)
GIVE_UP = (
    "SELECT id FROM manifests WHERE until IS NOT NULL AND forgotten = 0 AND until_at < ?"
    " ORDER BY until_at LIMIT ?"
)
KEPT = (
    "SELECT (SELECT COUNT(*) FROM (SELECT digest FROM manifests WHERE until IS NULL"
    " UNION SELECT digest FROM edges WHERE until_at IS NULL) AS named),"
    " (SELECT COUNT(DISTINCT digest) FROM links WHERE queued_at IS NOT NULL AND NOT EXISTS"
    " (SELECT 1 FROM edges WHERE edges.repository = links.repository"
    " AND edges.digest = links.digest AND edges.until_at IS NULL))"
)
VOUCH_BLOB = (
    "UPDATE links SET queued_at = CASE WHEN EXISTS (SELECT 1 FROM edges"
    " WHERE edges.repository = links.repository AND edges.digest = links.digest"
    " AND edges.until_at IS NULL) THEN NULL ELSE ? END"
    " WHERE repository = ? AND digest = ? RETURNING 1"
)
VOUCH_MANIFEST = (
    "UPDATE manifests SET vouched_at = ?"
    " WHERE repository = ? AND digest = ? AND until IS NULL RETURNING 1"
)


@dataclass(frozen=True, slots=True)
class Horizon:
    """What a round may take: queued before *before*, and named by nothing that undo may restore.

    What the end of its last name queued may go when that was before *ended*.
    """

    now: int
    before: int
    ended: int
    undo: int

    @property
    def undoable(self) -> int:
        """What ended then or later can still come back."""
        return self.now - self.undo


def condemn(
    connection: Connection, horizon: Horizon, limit: int, *, step: int = _STEP
) -> Condemned:
    """Take up to *limit* things, looking at no more than *step* of each kind."""
    taken = _already_doomed(connection, limit)
    crowded = len(taken) == limit
    forgotten = _give_up_ended(connection, horizon, step)
    looked_at = _take_links(connection, horizon, min(limit - len(taken), step), taken)
    unread = _take_blobs(connection, horizon, min(limit - len(taken), step), taken)
    return Condemned(taken, finished=not (crowded or forgotten or looked_at or unread))


def _already_doomed(connection: Connection, limit: int) -> list[Doomed]:
    found = connection.rows(
        "SELECT digest, size, reason FROM doomed ORDER BY digest LIMIT ?", (limit,)
    )
    return [Doomed(stored_digest(digest), size, None, why) for digest, size, why in found]


def _take_links(connection: Connection, horizon: Horizon, limit: int, taken: list[Doomed]) -> int:
    """Look at up to *limit* queued links and take those that nothing names; return how many."""
    times = (horizon.ended, horizon.before)
    queued = connection.rows(QUEUED_LINKS, (*times, limit)) if limit > 0 else []
    for repository, digest, size, queued_at in queued:
        later = _named_until(connection, horizon, repository, digest)
        if later is not None and later < 0:
            connection.run(
                "UPDATE links SET queued_at = NULL WHERE repository = ? AND digest = ?",
                (repository, digest),
            )
        elif later is not None:
            connection.run(
                "UPDATE links SET queued_at = ? WHERE repository = ? AND digest = ?",
                (later, repository, digest),
            )
        else:
            forget_link(connection, repository, digest, queued_at)
            name, reason = _why(connection, repository)
            taken.append(Doomed(stored_digest(digest), size, name, reason))
    return len(queued)


def _named_until(
    connection: Connection, horizon: Horizon, repository: int, digest: str
) -> int | None:
    """``-1`` for what a live manifest names, when to look again, or ``None`` for what may go."""
    if connection.row(NAMED, (repository, digest)) is not None:
        return -1
    found = connection.row(LAST_NAMED, (repository, digest)) if horizon.undo else None
    ended_at: int | None = found[0] if found else None
    if ended_at is None or ended_at < horizon.undoable:
        return None
    # A time that a round with the same grace reaches just when the undo window has closed.
    return ended_at + horizon.undo - (horizon.now - horizon.before)


def _why(connection: Connection, repository: int) -> tuple[RepositoryName, str]:
    found = connection.row("SELECT name, until FROM repositories WHERE id = ?", (repository,))
    assert found is not None
    name, until = found
    reason = f"no manifest of {name} names it" if until is None else f"{name} was deleted"
    return RepositoryName(name), reason


def _take_blobs(connection: Connection, horizon: Horizon, limit: int, taken: list[Doomed]) -> int:
    """Move up to *limit* queued blobs to the doomed; return how many were looked at."""
    # No repository holds these, so nobody can have been told that they are there.
    queued = connection.rows(QUEUED_BLOBS, (horizon.ended, limit)) if limit > 0 else []
    reason = "no repository holds it"
    for digest, size, location in queued:
        if connection.row("SELECT 1 FROM links WHERE digest = ? LIMIT 1", (digest,)) is not None:
            connection.run("UPDATE blobs SET queued_at = NULL WHERE digest = ?", (digest,))
            continue
        connection.run(
            "INSERT INTO doomed (digest, size, location, reason, doomed_at) VALUES (?, ?, ?, ?, ?)",
            (digest, size, location, reason, horizon.now),
        )
        connection.run("DELETE FROM blobs WHERE digest = ?", (digest,))
        taken.append(Doomed(stored_digest(digest), size, None, reason))
    return len(queued)


def _give_up_ended(connection: Connection, horizon: Horizon, step: int) -> int:
    """Drop bodies and edges of manifests that ended too long ago to come back."""
    # An edge that ended within the grace still tells that its manifest was named until then.
    ended = connection.rows(GIVE_UP, (min(horizon.undoable, horizon.before), step))
    for statement in (
        "DELETE FROM bodies WHERE manifest = ?",
        "DELETE FROM edges WHERE manifest = ?",
        "UPDATE manifests SET forgotten = 1 WHERE id = ?",
    ):
        connection.run_each(statement, ended)
    return len(ended)


def still_doomed(connection: Connection, digest: Digest) -> bool:
    """Whether the bytes are still to be deleted."""
    return connection.row("SELECT 1 FROM doomed WHERE digest = ?", (str(digest),)) is not None


def kept(connection: Connection) -> Kept:
    """How much there is now."""
    found = connection.row(KEPT)
    assert found is not None
    return Kept(*found)


def bury(connection: Connection, digest: Digest) -> None:
    """Forget that the bytes were doomed."""
    connection.run("DELETE FROM doomed WHERE digest = ?", (str(digest),))


def vouch_blob(
    connection: Connection, repository: RepositoryName, digest: Digest, at: datetime
) -> None:
    """Let the grace of a queued blob begin anew, if it is still there."""
    row = live_repository(connection, repository)
    if connection.row(VOUCH_BLOB, (stamp(at), row, str(digest))) is None:
        raise BlobUnknown(digest)


def vouch_manifest(
    connection: Connection, repository: RepositoryName, digest: Digest, at: datetime
) -> None:
    """Note that somebody was told that the manifest exists, if it still does."""
    row = live_repository(connection, repository)
    if connection.row(VOUCH_MANIFEST, (stamp(at), row, str(digest))) is None:
        raise ManifestUnknown(digest)


def record_pulls(connection: Connection, pulls: Sequence[Pull]) -> None:
    """Note the latest times of pulls; pulls of what is gone are nobody's business any more."""
    for pull in pulls:
        repository = live_repository(connection, pull.repository)
        if repository is None:
            continue
        at, digest = stamp(pull.at), str(pull.digest)
        connection.run(
            "UPDATE manifests SET pulled_at = ? WHERE repository = ? AND digest = ?"
            " AND until IS NULL AND (pulled_at IS NULL OR pulled_at < ?)",
            (at, repository, digest, at),
        )
        if pull.tag is not None:
            connection.run(
                "UPDATE tags SET pulled_at = ? WHERE repository = ? AND name = ?"
                " AND until IS NULL AND digest = ? AND (pulled_at IS NULL OR pulled_at < ?)",
                (at, repository, pull.tag, digest, at),
            )
