"""How values are written in rows, and read back.

Times are whole microseconds since 1970 in UTC, digests their text, changes JSON without the bodies
of manifests. Nothing here knows a database.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self, assert_never

from lading.interfaces.access import Occasion, Principal
from lading.interfaces.changes import (
    BlobLinked,
    BlobUnlinked,
    Change,
    ManifestDeleted,
    ManifestPut,
    RepositoryDeleted,
    TagDeleted,
)
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import RepositoryName, Tag

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_json = json.JSONEncoder(separators=(",", ":")).encode


def micros(span: timedelta) -> int:
    """*span* in whole microseconds."""
    return span // _MICROSECOND


def stamp(moment: datetime) -> int:
    """*moment* in microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(stamped: int) -> datetime:
    """The time that `stamp` wrote."""
    return _EPOCH + timedelta(microseconds=stamped)


def stored_digest(text: str) -> Digest:
    """A digest that was parsed before it was stored."""
    algorithm, _, value = text.partition(":")
    return Digest(algorithm, value)


def encode_change(change: Change) -> tuple[str, str]:
    """The kind of *change*, and the rest of it as JSON, except the body of a manifest."""
    found: dict[str, Any] = {"repository": change.repository}
    match change:
        case BlobLinked():
            found |= {"descriptor": change.descriptor.as_json(), "source": change.source}
        case BlobUnlinked():
            found |= {"digest": str(change.digest)}
        case ManifestPut():
            found |= {
                "digest": str(change.manifest.digest),
                "mediaType": change.manifest.media_type,
                "tags": change.tags,
                "sparse": change.sparse,
            }
        case ManifestDeleted():
            found |= {
                "digest": str(change.digest),
                "untaggedBefore": _maybe_stamp(change.untagged_before),
                "endedBefore": _maybe_stamp(change.ended_before),
            }
        case TagDeleted():
            found |= {"tag": change.tag}
        case RepositoryDeleted():
            pass
        case _:
            assert_never(change)
    return type(change).__name__, _json(found)


def decode_change(kind: str, text: str, body: bytes) -> Change:
    """Read what `encode_change` wrote; *body* is that of the manifest, if there is one."""
    found: Mapping[str, Any] = json.loads(text)
    return _DECODERS[kind](RepositoryName(found["repository"]), found, body)


def _blob_linked(repository: RepositoryName, found: Mapping[str, Any], _: bytes) -> BlobLinked:
    source = found["source"]
    return BlobLinked(
        repository,
        Descriptor.from_json(found["descriptor"]),
        RepositoryName(source) if source is not None else None,
    )


def _blob_unlinked(repository: RepositoryName, found: Mapping[str, Any], _: bytes) -> BlobUnlinked:
    return BlobUnlinked(repository, stored_digest(found["digest"]))


def _manifest_put(repository: RepositoryName, found: Mapping[str, Any], body: bytes) -> ManifestPut:
    manifest = Manifest(body, found["mediaType"], stored_digest(found["digest"]))
    tags = tuple(Tag(tag) for tag in found["tags"])
    return ManifestPut(repository, manifest, tags, found["sparse"])


def _manifest_deleted(
    repository: RepositoryName, found: Mapping[str, Any], _: bytes
) -> ManifestDeleted:
    return ManifestDeleted(
        repository,
        stored_digest(found["digest"]),
        _maybe_moment(found["untaggedBefore"]),
        # Events of earlier versions do not say.
        _maybe_moment(found.get("endedBefore")),
    )


def _maybe_stamp(at: datetime | None) -> int | None:
    return None if at is None else stamp(at)


def _maybe_moment(at: int | None) -> datetime | None:
    return None if at is None else moment(at)


def _tag_deleted(repository: RepositoryName, found: Mapping[str, Any], _: bytes) -> TagDeleted:
    return TagDeleted(repository, Tag(found["tag"]))


def _repository_deleted(
    repository: RepositoryName, _found: Mapping[str, Any], _body: bytes
) -> RepositoryDeleted:
    return RepositoryDeleted(repository)


_DECODERS: Mapping[str, Callable[[RepositoryName, Mapping[str, Any], bytes], Change]] = {
    "BlobLinked": _blob_linked,
    "BlobUnlinked": _blob_unlinked,
    "ManifestPut": _manifest_put,
    "ManifestDeleted": _manifest_deleted,
    "TagDeleted": _tag_deleted,
    "RepositoryDeleted": _repository_deleted,
}


def encode_tags(tags: Sequence[Tag]) -> str | None:
    """*tags* as JSON, if there are any."""
    return _json(list(tags)) if tags else None


def decode_tags(text: str | None) -> tuple[Tag, ...]:
    """Read what `encode_tags` wrote."""
    return tuple(map(Tag, json.loads(text))) if text else ()


def encode_occasion(occasion: Occasion) -> tuple[str, str]:
    """The name of the principal, and the facts as JSON."""
    return occasion.principal.name, _json(dict(occasion.facts))


def decode_occasion(principal: str, facts: str) -> Occasion:
    """Read what `encode_occasion` wrote."""
    return Occasion(Principal(principal), json.loads(facts))


class Entry(NamedTuple):
    """A change that somebody wants to make, and all of its event that can be written beforehand.

    Whoever makes it does that before its transaction, in which everybody else waits.
    """

    change: Change
    occasion: Occasion
    when: datetime
    at: int
    kind: str
    said: str
    told: str

    @classmethod
    def of(cls, change: Change, occasion: Occasion, at: datetime) -> Self:
        """The entry of *change*, made on *occasion* at the time *at*."""
        kind, said = encode_change(change)
        _, told = encode_occasion(occasion)
        return cls(change, occasion, at, stamp(at), kind, said, told)
