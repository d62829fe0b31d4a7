"""What a manifest names, with all that is known about it there."""

from collections.abc import Iterator
from typing import NamedTuple

from lading.oci.descriptor import Descriptor
from lading.oci.manifest import Edge, Kind, Manifest


class Named(NamedTuple):
    """Some content that a manifest names, and as what it has to be there."""

    descriptor: Descriptor
    kind: Kind

    @property
    def edge(self) -> Edge:
        """The same without what only this manifest says about it."""
        return Edge(self.descriptor.digest, self.kind)


def named(manifest: Manifest) -> tuple[Named, ...]:
    """Everything that *manifest* names except its subject, each once per kind, in its order."""
    return tuple({each.edge: each for each in reversed(list(_named(manifest)))}.values())[::-1]


def _named(manifest: Manifest) -> Iterator[Named]:
    if manifest.config is not None:
        yield Named(manifest.config, Kind.BLOB)
    blobs = manifest.document.get("blobs") or ()
    for each in (*manifest.layers, *map(Descriptor.from_json, blobs)):
        yield Named(each, Kind.of_layer(each.media_type))
    for each in manifest.manifests:
        yield Named(each, Kind.of_entry(each.media_type))
