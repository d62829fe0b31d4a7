"""The content of a layout that is in an archive."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from lading.bodies import FileSource, Held, Span, Stream, extents
from lading.errors import BlobUnknown, LayoutInvalid
from lading.layout.catalogue import INDEX_LIMIT
from lading.layout.directory import MARKER, check_mark
from lading.layout.index import Index
from lading.layout.tar import Archive, Member
from lading.layout.writing import INDEX, blob
from lading.oci.digest import Digest


class Box:
    """Blobs in an archive, and a few that were made for it (a `Shelf`)."""

    def __init__(
        self,
        archive: Archive,
        index: Index,
        *,
        places: Mapping[Digest, Member] | None = None,
        made: Mapping[Digest, bytes] | None = None,
    ) -> None:
        self._archive = archive
        self._index = index
        self._places = places or {}
        self._made = made or {}

    def index(self) -> tuple[object, Index]:
        """See `Shelf.index`; it stays what it is."""
        return None, self._index

    def size(self, digest: Digest) -> int | None:
        """See `Shelf.size`."""
        made = self._made.get(digest)
        if made is not None:
            return len(made)
        member = self._member(digest)
        return member.size if member is not None else None

    def open(self, digest: Digest, spans: Sequence[Span]) -> Held | Stream:
        """See `Shelf.open`; read in place."""
        made = self._made.get(digest)
        if made is not None:
            return Held(made, extents(spans, len(made)))
        member = self._member(digest)
        if member is None:
            raise BlobUnknown(digest)
        parts = extents(spans, member.size)
        there = [(member.offset + offset, length) for offset, length in parts]
        source = FileSource(os.dup(self._archive.file), there)
        return Stream(source, parts, member.size)

    def read(self, digest: Digest, *, limit: int) -> bytes | None:
        """See `Shelf.read`."""
        made = self._made.get(digest)
        if made is not None:
            return made
        member = self._member(digest)
        return None if member is None else self._archive.read(member, limit=limit)

    def save(self, digest: Digest, path: Path) -> None:
        """Write some content that is here to the new file *path*."""
        made, member = self._made.get(digest), self._member(digest)
        with path.open("xb") as target:
            if made is not None:
                target.write(made)
            elif member is not None:
                source = FileSource(self._archive.file, [(member.offset, member.size)])
                target.writelines(source.blocks())

    def _member(self, digest: Digest) -> Member | None:
        return self._places.get(digest) or self._archive.find(blob(digest))


def is_layout(archive: Archive) -> bool:
    """Whether there is an image layout in *archive*."""
    return archive.find(MARKER) is not None and archive.find(INDEX) is not None


def layout(archive: Archive, image: str | None) -> Box:
    """The image layout in *archive*.

    Raises:
        LayoutInvalid: there is none.
    """
    mark, index = archive.find(MARKER), archive.find(INDEX)
    if mark is None or index is None:
        raise LayoutInvalid(f"{archive.where} has no {MARKER if mark is None else INDEX} in it")
    check_mark(archive.read(mark, limit=1 << 16), f"{archive.where}: {MARKER}")
    data = archive.read(index, limit=INDEX_LIMIT)
    return Box(archive, Index.parse(data, f"{archive.where}: {INDEX}", image))
