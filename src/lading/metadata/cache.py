"""A bounded cache of manifests: immutable bytes by the row that holds them.

What a tag names and what is live is never remembered here; only what a row says, which cannot
change, because rows of manifests are never rewritten or used again.
"""

from collections import OrderedDict
from typing import NamedTuple

from lading.oci.digest import Digest

LIMIT = 16 << 20
"""How many bytes of manifests a process remembers, about."""

_OVERHEAD = 1024


class Remembered(NamedTuple):
    """The parts of a manifest. Not a `Manifest`, which may hold its parsed document as well."""

    body: bytes
    media_type: str
    digest: Digest


class ManifestCache:
    """Manifests that were read lately, up to *limit* bytes."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[int, Remembered] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, row: int) -> Remembered | None:
        """The manifest of that row, if it is remembered."""
        found = self._kept.get(row)
        if found is not None:
            self._kept.move_to_end(row)
        return found

    def put(self, row: int, manifest: Remembered) -> None:
        """Remember *manifest*, and forget what was not asked for longest."""
        if row in self._kept:
            return
        self._kept[row] = manifest
        self._size += len(manifest.body) + _OVERHEAD
        while self._size > self._limit:
            _, oldest = self._kept.popitem(last=False)
            self._size -= len(oldest.body) + _OVERHEAD
