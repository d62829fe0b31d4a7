"""What endpoints are told of a change, and of a pull.

The words are those of Distribution: a push for each tag of a manifest, a mount, a delete for the
manifest and one for each tag that ended with it. What a collector ends is told to nobody.
"""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, assert_never

from lading.interfaces.access import Occasion
from lading.interfaces.changes import (
    BlobLinked,
    BlobUnlinked,
    Event,
    ManifestDeleted,
    ManifestPut,
    RepositoryDeleted,
    TagDeleted,
)
from lading.interfaces.notices import Deed, Notice
from lading.oci.descriptor import Descriptor
from lading.oci.manifest import Manifest
from lading.oci.names import RepositoryName, Tag


def notices_of(event: Event, *, references: bool = False) -> list[Notice]:
    """What is told of *event*, always under the same ids; with *references*, what manifests name."""
    occasion = event.occasion
    seed = f"{event.number}/{occasion.principal.name}/{occasion.facts.get('request', '')}"
    return [
        Notice(
            id=notice_id(event.at, f"{seed}/{index}"),
            at=event.at,
            repository=event.change.repository,
            occasion=occasion,
            **facts,
        )
        for index, facts in enumerate(_facts(event, references=references))
    ]


def pull_of(
    at: datetime,
    occasion: Occasion,
    repository: RepositoryName,
    descriptor: Descriptor,
    *,
    tag: Tag | None,
    seed: str,
    manifest: Manifest | None = None,
) -> Notice:
    """What is told when something was fetched; *seed* is different for each.

    With its *manifest*, what that names is told as well.
    """
    return Notice(
        id=notice_id(at, seed),
        at=at,
        deed=Deed.PULL,
        repository=repository,
        occasion=occasion,
        tag=tag,
        references=_references(manifest) if manifest is not None else (),
        **_named(descriptor),
    )


def notice_id(at: datetime, seed: str) -> str:
    """A UUID of version 7 (RFC 9562, 5.7) in which *seed* is what is random elsewhere."""
    chance = int.from_bytes(hashlib.sha256(seed.encode("utf-8", "replace")).digest()[:16], "big")
    moment = int(at.timestamp() * 1000) & (1 << 48) - 1
    value = moment << 80 | 7 << 76 | (chance >> 64 & 0xFFF) << 64 | 2 << 62 | chance & (1 << 62) - 1
    return str(uuid.UUID(int=value))


def _facts(event: Event, *, references: bool) -> Iterator[dict[str, Any]]:
    change = event.change
    match change:
        case BlobLinked():
            deed = Deed.PUSH if change.source is None else Deed.MOUNT
            yield {"deed": deed, "source": change.source, **_named(change.descriptor)}
        case ManifestPut():
            found = _named(change.manifest.descriptor)
            found["references"] = _references(change.manifest) if references else ()
            for tag in change.tags or (None,):
                yield {"deed": Deed.PUSH, "tag": tag, **found}
        case ManifestDeleted():
            yield from _ended(change, event.ended)
        case TagDeleted():
            yield {"deed": Deed.DELETE, "tag": change.tag}
        case BlobUnlinked():
            yield {"deed": Deed.DELETE, "digest": change.digest}
        case RepositoryDeleted():
            yield {"deed": Deed.DELETE}
        case _:
            assert_never(change)


def _ended(change: ManifestDeleted, tags: Sequence[Tag]) -> Iterator[dict[str, Any]]:
    if change.untagged_before is None:
        yield {"deed": Deed.DELETE, "digest": change.digest}
        for tag in tags:
            yield {"deed": Deed.DELETE, "tag": tag}


def _named(descriptor: Descriptor) -> dict[str, Any]:
    return {
        "digest": descriptor.digest,
        "media_type": descriptor.media_type,
        "size": descriptor.size,
    }


def _references(manifest: Manifest) -> tuple[Descriptor, ...]:
    if not manifest.body:
        # It was deleted and given up before it could be told.
        return ()
    config = (manifest.config,) if manifest.config is not None else ()
    return (*config, *manifest.layers, *manifest.manifests)
