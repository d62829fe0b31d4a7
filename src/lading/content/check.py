"""Reading every byte of a graph, to know that all of it is there and is what it is called."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from lading.bodies import Inbound
from lading.content.crowd import ungrouped
from lading.content.graph import Named, named
from lading.content.steps import Event, Listener, Step, silent
from lading.content.threads import in_thread, wanted
from lading.content.verify import opened
from lading.content.walk import walk
from lading.errors import (
    BlobUnknown,
    DigestInvalid,
    LadingError,
    ManifestUnknown,
    SizeInvalid,
    StorageDamaged,
)
from lading.interfaces.repository import ContentIndex, ContentSource
from lading.oci.digest import Digest
from lading.oci.manifest import Edge, Kind, Manifest
from lading.oci.names import Reference

_FAULTS = (BlobUnknown, DigestInvalid, SizeInvalid, StorageDamaged)


@dataclass(frozen=True, slots=True)
class Fault:
    """Content that is missing, or is not what it is called; ``error`` says which."""

    digest: Digest
    error: LadingError


@dataclass(slots=True)
class Checked:
    """How much was looked at, and what was wrong; ``elsewhere`` are layers that need not be here."""

    manifests: int = 0
    blobs: int = 0
    elsewhere: int = 0
    size: int = 0
    faults: list[Fault] = field(default_factory=list)


async def check(
    source: ContentSource,
    reference: Reference,
    *,
    referrers: ContentIndex | None = None,
    blobs: int = 4,
    listener: Listener = silent,
) -> Checked:
    """Read all that *reference* leads to, so many *blobs* at a time.

    With *referrers* (as a rule the same repository), also what refers to it.

    Raises:
        ManifestUnknown: *reference* names nothing.
        ManifestInvalid: the graph is too deep or too large.
        UpstreamFailed: the registry let us down.
    """
    found = Checked()
    room = asyncio.Semaphore(blobs)
    sizes: dict[Digest, int] = {}
    seen: set[Edge] = set()

    async def one(blob: Named) -> None:
        try:
            await _read(source, blob, found, listener)
        finally:
            room.release()

    with ungrouped():
        async with asyncio.TaskGroup() as tasks:
            async for node in walk(source, reference, referrers=referrers):
                if node.manifest is not None:
                    found.manifests += 1
                    found.size += len(node.manifest.body)
                    sizes[node.digest] = len(node.manifest.body)
                    found.faults += _lies(node.manifest, sizes)
                    for blob in _blobs(node.manifest, sizes):
                        if blob.edge not in seen:
                            seen.add(blob.edge)
                            await room.acquire()
                            tasks.create_task(one(blob))
                elif node.kind is Kind.MANIFEST:
                    found.faults.append(Fault(node.digest, ManifestUnknown(node.digest)))
    return found


def _lies(manifest: Manifest, sizes: dict[Digest, int]) -> Iterator[Fault]:
    """Children that are longer or shorter than *manifest* says."""
    for child in manifest.manifests:
        size = sizes.get(child.digest, child.size)
        if size != child.size:
            told = f"{manifest.digest} gives it {child.size} bytes, it has {size}"
            yield Fault(child.digest, SizeInvalid(told))


def _blobs(manifest: Manifest, manifests: dict[Digest, int]) -> Iterator[Named]:
    """What *manifest* names and is no manifest: an index may list blobs as well (trap T34)."""
    for each in named(manifest):
        either = each.kind is Kind.EITHER and each.descriptor.digest not in manifests
        if either or each.kind in (Kind.BLOB, Kind.ELSEWHERE):
            yield each


async def _read(source: ContentSource, wanted: Named, found: Checked, listener: Listener) -> None:
    blob = wanted.descriptor
    moved = 0
    listener(Step(Event.STARTED, blob))
    try:
        body = await opened(source, blob.digest, blob.size)
        try:
            while await body.ready():
                moved += await in_thread(_drained, body)
                listener(Step(Event.BYTES, blob, moved=moved))
        finally:
            await body.aclose()
    except _FAULTS as error:
        if isinstance(error, BlobUnknown) and wanted.kind is Kind.ELSEWHERE:
            found.elsewhere += 1
            listener(Step(Event.EXISTS, blob))
            return
        listener(Step(Event.FAILED, blob, error=error))
        found.faults.append(Fault(blob.digest, error))
        return
    found.blobs += 1
    found.size += moved
    listener(Step(Event.DONE, blob, moved=moved))


def _drained(body: Inbound) -> int:
    return sum(len(block) for block in wanted(body.blocks()))
