"""Which manifests a layout has: those that its index lists, and those that these lead to.

Nothing here changes a layout. Everything blocks on files and runs in a worker thread.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from lading.bodies import BlobContent, Span
from lading.errors import DigestInvalid, LayoutInvalid, ManifestInvalid
from lading.layout.index import Entry, Index
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Edge, Kind, Manifest

MANIFEST_LIMIT = 16 << 20
"""The longest manifest or config that is read, in bytes."""

INDEX_LIMIT = 64 << 20
"""The longest index.json that is read, in bytes."""

NODES = 100_000
"""How many manifests a layout may have."""


class Shelf(Protocol):
    """Where the content of a layout is; every method blocks."""

    def index(self) -> tuple[object, Index]:
        """What the layout lists now, and a mark that changes whenever that does."""
        ...

    def size(self, digest: Digest) -> int | None:
        """The length of some content in bytes; ``None`` if it is not here."""
        ...

    def open(self, digest: Digest, spans: Sequence[Span]) -> BlobContent:
        """Some content, or parts of it.

        Raises:
            BlobUnknown: it is not here.
            RangeUnsatisfiable: none of *spans* lies within it.
        """
        ...

    def read(self, digest: Digest, *, limit: int) -> bytes | None:
        """Some content of at most *limit* bytes; ``None`` if it is not here.

        Raises:
            LayoutInvalid: it is longer.
        """
        ...


class Facts(NamedTuple):
    """What has to be known of a manifest to find it, and what it names, without reading it."""

    descriptor: Descriptor
    edges: Sequence[Edge]
    subject: Digest | None
    referrer: Descriptor | None

    @classmethod
    def of(cls, manifest: Manifest) -> "Facts":
        """Those of *manifest*."""
        subject = manifest.subject
        referrer = manifest.as_referrer if subject is not None else None
        return cls(manifest.descriptor, manifest.edges, subject, referrer)


class Catalogue:
    """The manifests of a layout, those first that name others."""

    def __init__(self, manifests: Mapping[Digest, Facts]) -> None:
        self.manifests = manifests

    def referrers(self, subject: Digest) -> Sequence[Descriptor]:
        """All that are about *subject*, in the order of their digests."""
        found = [
            each.referrer
            for each in self.manifests.values()
            if each.subject == subject and each.referrer is not None
        ]
        return sorted(found, key=lambda each: str(each.digest))

    def user(self, digest: Digest) -> Digest | None:
        """A manifest that names *digest*, or is it."""
        if digest in self.manifests:
            return digest
        for found, facts in self.manifests.items():
            if any(edge.digest == digest for edge in facts.edges):
                return found
        return None

    def missing(self, shelf: Shelf) -> bool:
        """Whether any of them names content that is not here and ought to be."""
        edges = {edge for each in self.manifests.values() for edge in each.edges}
        return any(
            edge.kind is not Kind.ELSEWHERE and shelf.size(edge.digest) is None for edge in edges
        )


class Reader:
    """Reads manifests of a shelf, and remembers of each what `Facts` there are."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._facts: dict[tuple[Digest, str | None], Facts] = {}
        self._last: tuple[object, Index, Catalogue] | None = None
        self._changes = 0

    def current(self) -> tuple[Index, Catalogue]:
        """What the layout has now.

        Raises:
            LayoutInvalid: its index cannot be read.
        """
        changes = self._changes
        mark, index = self._shelf.index()
        last = self._last
        if last is None or last[0] != mark:
            last = (mark, index, self.catalogue(index))
            # What was looked up while somebody changed the layout is not remembered.
            self._last = last if changes == self._changes else None
        return last[1], last[2]

    def forget(self) -> None:
        """Look again next time: what is here was changed beside the index."""
        self._changes += 1
        self._last = None

    def learn(self, index: Index, catalogue: Catalogue) -> None:
        """Know that *index*, just written, leads to *catalogue*, without looking at each file."""
        self._changes += 1
        mark, found = self._shelf.index()
        # Whoever writes here without our lock may have come in between.
        self._last = (mark, found, catalogue) if found is index else None

    def manifest(self, digest: Digest, media_type: str | None) -> Manifest | None:
        """The manifest itself; ``None`` if it is not here.

        Raises:
            LayoutInvalid: its bytes have another digest.
            ManifestInvalid: it is not a manifest.
        """
        body = self._shelf.read(digest, limit=MANIFEST_LIMIT)
        if body is None:
            return None
        try:
            return Manifest.verified(body, media_type, digest)
        except DigestInvalid as error:
            raise LayoutInvalid(f"content was changed: {error}") from None

    def catalogue(self, index: Index) -> Catalogue:
        """All that *index* leads to and is here; what is no manifest is left out."""
        found: dict[Digest, Facts] = {}
        for digest, facts in self._from(index.entries, {}):
            found.setdefault(digest, facts)
        return Catalogue(found)

    def keeping(self, index: Index, before: Catalogue, *, gone: Digest | None = None) -> Index:
        """*index*, in which all manifests of *before* but *gone* can still be found.

        Those that have lost their last name, or what named them, are listed without one.
        """
        # To look whether each file is still there would take the longer, the more there are.
        here = {digest: facts for digest, facts in before.manifests.items() if digest != gone}
        reached = {found for found, _ in self._from(index.entries, here)}
        entries = list(index.entries)
        for digest, facts in before.manifests.items():
            if digest not in reached and digest != gone:
                entry = Entry.of(_listed(facts))
                entries.append(entry)
                reached.update(found for found, _ in self._from([entry], here))
        return index.holding(entries)

    def _from(
        self, entries: Iterable[Entry], here: Mapping[Digest, Facts]
    ) -> Iterable[tuple[Digest, Facts]]:
        """What *entries* lead to; of what is *here*, nobody has to look whether it is."""
        todo = deque((entry.digest, entry.media_type) for entry in entries)
        seen: set[Digest] = set()
        while todo:
            digest, media_type = todo.popleft()
            if digest in seen:
                continue
            facts = here.get(digest) or self._known(digest, media_type)
            if facts is None:
                continue
            seen.add(digest)
            if len(seen) > NODES:
                raise LayoutInvalid(f"the layout has more than {NODES} manifests")
            yield digest, facts
            # A type that was said elsewhere need not be right: the document has one of its own.
            todo.extend((e.digest, None) for e in facts.edges if e.kind is Kind.MANIFEST)

    def _known(self, digest: Digest, media_type: str | None) -> Facts | None:
        if self._shelf.size(digest) is None:
            return None
        known = self._facts.get((digest, media_type))
        if known is None:
            try:
                manifest = self._typed(digest, media_type)
            except (LayoutInvalid, ManifestInvalid):
                return None
            if manifest is None:
                return None
            known = self._facts[digest, media_type] = Facts.of(manifest)
        return known

    def _typed(self, digest: Digest, media_type: str | None) -> Manifest | None:
        """The manifest, of the type that it has if none was said.

        OCI documents need not say what they are; their shape then tells it.
        """
        try:
            return self.manifest(digest, media_type)
        except ManifestInvalid:
            if media_type is not None:
                raise
        for guess in (media_types.OCI_INDEX, media_types.OCI_MANIFEST):
            try:
                return self.manifest(digest, guess)
            except ManifestInvalid:
                continue
        return None


def _listed(facts: Facts) -> Descriptor:
    """How a manifest without a name is listed: as oras does, with its artifact type."""
    one = facts.descriptor
    artifact = facts.referrer.artifact_type if facts.referrer is not None else None
    return Descriptor(one.media_type, one.digest, one.size, artifact)
