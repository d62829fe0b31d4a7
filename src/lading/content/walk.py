"""Walking the graph that manifests make.

Children come before what names them: in this order a graph can be pushed to a repository that
takes nothing whose content is missing.
"""

from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

from lading.content.referrers import by_index
from lading.errors import ManifestInvalid, ManifestUnknown
from lading.interfaces.repository import ContentIndex, ContentSource
from lading.oci.digest import Digest
from lading.oci.manifest import Edge, Kind, Manifest
from lading.oci.names import Reference

DEPTH = 16
"""How many manifests deep a graph is followed: far more than any image has."""

NODES = 100_000
"""How many manifests and blobs a graph may have; what was visited is kept in memory."""


class Node(NamedTuple):
    """Something that a walk came to: a digest, and as what it is there.

    ``manifest`` is the manifest itself; a node of kind ``MANIFEST`` without one is missing.
    Blobs are not asked for, so whether they are there is not known. ``EITHER`` does not occur:
    it was found to be a manifest, or else is taken for a blob.
    """

    digest: Digest
    kind: Kind
    manifest: Manifest | None = None


class _Open(NamedTuple):
    """A manifest whose children are being visited."""

    node: Node
    children: Iterator[Edge]


async def walk(
    source: ContentSource,
    root: Reference,
    *,
    referrers: ContentIndex | None = None,
    depth: int = DEPTH,
    nodes: int = NODES,
) -> AsyncIterator[Node]:
    """Every manifest and blob that *root* leads to, each once, children first.

    With *referrers* (as a rule the same repository), manifests about each one follow after it.

    Raises:
        ManifestUnknown: *root* names nothing.
        ManifestInvalid: the graph is more than *depth* manifests deep or has more than *nodes*.
    """
    top = await source.get_manifest(root)
    seen: set[Edge] = {Edge(top.digest, Kind.MANIFEST)}
    async for node in _down(source, top, seen, depth=depth, nodes=nodes):
        yield node
        if referrers is not None and node.manifest is not None:
            about = [node.digest]
            while about:
                async for other in _about(source, referrers, about.pop(), seen):
                    async for each in _down(source, other, seen, depth=depth, nodes=nodes):
                        yield each
                        if each.manifest is not None:
                            about.append(each.digest)


async def _down(
    source: ContentSource, top: Manifest, seen: set[Edge], *, depth: int, nodes: int
) -> AsyncIterator[Node]:
    """*top* and what it names, children first, without what was *seen*."""
    path = [_opened(top)]
    while path:
        edge = next(path[-1].children, None)
        if edge is None:
            yield path.pop().node
            continue
        if edge in seen:
            continue
        seen.add(edge)
        node = await _node(source, edge)
        found = Edge(node.digest, node.kind)
        # What may be either is known for what it is only now, and may have been seen as that.
        if found != edge and found in seen:
            continue
        seen.add(found)
        if len(seen) > nodes:
            raise ManifestInvalid(f"{top.digest} leads to more than {nodes} manifests and blobs")
        if node.manifest is None:
            yield node
        elif len(path) < depth:
            path.append(_opened(node.manifest))
        else:
            raise ManifestInvalid(f"{top.digest} is more than {depth} manifests deep")


def _opened(manifest: Manifest) -> _Open:
    return _Open(Node(manifest.digest, Kind.MANIFEST, manifest), iter(manifest.edges))


async def _node(source: ContentSource, edge: Edge) -> Node:
    if edge.kind not in (Kind.MANIFEST, Kind.EITHER):
        return Node(edge.digest, edge.kind)
    try:
        return Node(edge.digest, Kind.MANIFEST, await source.get_manifest(edge.digest))
    except ManifestUnknown:
        kind = Kind.MANIFEST if edge.kind is Kind.MANIFEST else Kind.BLOB
        return Node(edge.digest, kind)


async def _about(
    source: ContentSource, index: ContentIndex, subject: Digest, seen: set[Edge]
) -> AsyncIterator[Manifest]:
    """Manifests about *subject* that were not seen yet; they are, after this."""
    async for descriptor in by_index(index, subject):
        edge = Edge(descriptor.digest, Kind.MANIFEST)
        if edge in seen:
            continue
        seen.add(edge)
        try:
            manifest = await source.get_manifest(descriptor.digest)
        except ManifestUnknown:
            continue  # deleted since it was listed
        yield manifest
