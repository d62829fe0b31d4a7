"""Repositories in directories: what is written there, and how it is kept whole.

``index.json`` is changed by one writer at a time, under a lock on the directory, and replaced in
one step; readers need no lock. Everything that a change needs is read again under the lock.
"""

import os
from collections.abc import Callable, Sequence

from lading.bodies import FileSpan, Span, extents
from lading.errors import (
    BlobInUse,
    BlobUnknown,
    LayoutInvalid,
    ManifestBlobUnknown,
    ManifestUnknown,
    NameUnknown,
    RangeUnsatisfiable,
)
from lading.interfaces.blobs import UploadId
from lading.interfaces.repository import Receipt
from lading.layout.catalogue import INDEX_LIMIT, Catalogue, Facts
from lading.layout.files import Folder
from lading.layout.index import Index
from lading.layout.reading import LayoutReader
from lading.layout.uploads import LayoutUpload, Staging
from lading.layout.workers import Workers
from lading.oci.descriptor import Descriptor
from lading.oci.digest import CANONICAL, Digest
from lading.oci.manifest import Kind, Manifest
from lading.oci.names import RepositoryName, Tag
from lading.wall import storage_errors

INDEX = "index.json"


class Directory:
    """The content of a layout that is a directory (a `Shelf`)."""

    def __init__(self, folder: Folder, image: str | None = None) -> None:
        self.folder = folder
        self._image = image
        self._last: tuple[object, Index] = (None, Index.empty(image))

    def index(self) -> tuple[object, Index]:
        """See `Shelf.index`; the mark is all that the file says, and which file it is.

        Every writer replaces it, also when only what it leads to has changed.
        """
        file = self.folder.open(INDEX)
        if file is None:
            return None, Index.empty(self._image)
        with os.fdopen(file, "rb") as opened, storage_errors(INDEX):
            known = os.fstat(file)
            data = opened.read(INDEX_LIMIT + 1)
        if len(data) > INDEX_LIMIT:
            raise LayoutInvalid(f"{self.folder.root / INDEX} has more than {INDEX_LIMIT} bytes")
        mark = (known.st_ino, known.st_mtime_ns, data)
        if self._last[0] != mark:
            self._last = (mark, Index.parse(data, str(self.folder.root / INDEX), self._image))
        return self._last

    def wrote(self, index: Index, data: bytes) -> None:
        """Remember that *data*, which says *index*, was just written; nobody else may write now."""
        file = self.folder.open(INDEX)
        if file is not None:
            known = os.fstat(file)
            os.close(file)
            self._last = ((known.st_ino, known.st_mtime_ns, data), index)

    def size(self, digest: Digest) -> int | None:
        """See `Shelf.size`."""
        file = self.folder.open(blob(digest))
        if file is None:
            return None
        try:
            return os.fstat(file).st_size
        finally:
            os.close(file)

    def open(self, digest: Digest, spans: Sequence[Span]) -> FileSpan:
        """See `Shelf.open`; a file that the kernel can send."""
        file = self.folder.open(blob(digest))
        if file is None:
            raise BlobUnknown(digest)
        try:
            total = os.fstat(file).st_size
            return FileSpan(file, extents(spans, total), total)
        except (OSError, RangeUnsatisfiable):
            os.close(file)
            raise

    def read(self, digest: Digest, *, limit: int) -> bytes | None:
        """See `Shelf.read`."""
        return self.folder.read(blob(digest), limit=limit)


class LayoutRepository(LayoutReader):
    """The one repository of a layout in a directory.

    *accepts* raises for a manifest, or a sparse one, that whatever is made of the directory
    cannot keep.
    """

    def __init__(
        self,
        name: RepositoryName,
        directory: Directory,
        staging: Staging,
        workers: Workers,
        *,
        accepts: Callable[[Manifest, bool], None] | None = None,
    ) -> None:
        super().__init__(name, directory, workers)
        self._directory = directory
        self._folder = directory.folder
        self._staging = staging
        self._accepts = accepts

    async def put_manifest(
        self, manifest: Manifest, *, tags: Sequence[Tag] = (), sparse: bool = False
    ) -> Receipt:
        """See `ContentTarget.put_manifest`."""
        if self._accepts is not None:
            self._accepts(manifest, sparse)
        named = tuple(dict.fromkeys(tags))
        await self._workers.run(self._put, manifest, named, sparse)
        return Receipt(manifest.descriptor, manifest.subject, named)

    def _put(self, manifest: Manifest, tags: Sequence[Tag], sparse: bool) -> None:
        with self._folder.locked():
            index, before = self._reader.current()
            absent = [] if sparse else self._absent(manifest)
            if absent:
                raise ManifestBlobUnknown(absent)
            # Before anything names it; and again if it is there, since that may be damaged.
            self._folder.replace(blob(manifest.digest), manifest.body, sync=self._staging.durable)
            # Children are found by what lists them: an index lists what nothing else does.
            children = {e.digest for e in manifest.edges if e.kind is Kind.MANIFEST}
            entries = [
                entry for entry in index.entries if not (entry.plain and entry.digest in children)
            ]
            listed = index.holding(entries).naming(manifest.descriptor, tags)
            after = _with(before, manifest)
            self._replace(self._reader.keeping(listed, after), after)

    def _absent(self, manifest: Manifest) -> list[Digest]:
        return [
            edge.digest
            for edge in manifest.edges
            if edge.kind is not Kind.ELSEWHERE and self._directory.size(edge.digest) is None
        ]

    def _replace(self, index: Index, catalogue: Catalogue | None = None) -> None:
        """Let *index* be what the layout lists, which leads to *catalogue* if that is known."""
        data = index.as_bytes()
        # Whatever the blobs do after a power cut, the list of what there is stays readable.
        self._folder.replace(INDEX, data, sync=True)
        if catalogue is None:
            self._reader.forget()
        else:
            self._directory.wrote(index, data)
            self._reader.learn(index, catalogue)

    async def start_upload(
        self,
        *,
        algorithm: str = CANONICAL,
        expected: Descriptor | None = None,  # noqa: ARG002 - the bytes decide
    ) -> LayoutUpload:
        """See `ContentTarget.start_upload`."""
        return await self._staging.start(algorithm)

    async def resume_upload(self, upload_id: UploadId) -> LayoutUpload:
        """See `ContentTarget.resume_upload`."""
        return await self._staging.resume(upload_id)

    async def delete_tag(self, tag: Tag) -> None:
        """See `Curation.delete_tag`; a manifest without other names is listed without one."""
        await self._workers.run(self._delete_tag, tag)

    def _delete_tag(self, tag: Tag) -> None:
        with self._folder.locked():
            index, before = self._reader.current()
            self._replace(self._reader.keeping(index.without_tag(tag), before))

    async def delete_manifest(self, digest: Digest) -> None:
        """See `Curation.delete_manifest`; what it listed is listed in its place."""
        await self._workers.run(self._delete_manifest, digest)

    def _delete_manifest(self, digest: Digest) -> None:
        with self._folder.locked():
            index, before = self._reader.current()
            if digest not in before.manifests:
                raise ManifestUnknown(digest)
            kept = index.holding([each for each in index.entries if each.digest != digest])
            self._folder.remove(blob(digest))
            self._replace(self._reader.keeping(kept, before, gone=digest))

    async def delete_blob(self, digest: Digest) -> None:
        """See `Curation.delete_blob`."""
        await self._workers.run(self._delete_blob, digest)

    def _delete_blob(self, digest: Digest) -> None:
        with self._folder.locked():
            _, catalogue = self._reader.current()
            if self._directory.size(digest) is None:
                raise BlobUnknown(digest)
            user = catalogue.user(digest)
            if user is not None:
                raise BlobInUse(digest, manifest=user)
            self._folder.remove(blob(digest))

    async def delete_all(self) -> None:
        """End everything that the layout lists, and remove every blob."""
        await self._workers.run(self._delete_all)

    def _delete_all(self) -> None:
        with self._folder.locked():
            index, _ = self._reader.current()
            if not index.entries:
                raise NameUnknown(self.name)
            self._replace(index.holding(()))
            with storage_errors(self._folder.root):
                found = sorted((self._folder.root / "blobs").glob("*/*"))
            for path in found:
                self._folder.remove(f"blobs/{path.parent.name}/{path.name}")


def blob(digest: Digest) -> str:
    """Where a layout keeps some content; the grammar of digests leaves no way out of there."""
    return f"blobs/{digest.algorithm}/{digest.value}"


def _with(catalogue: Catalogue, manifest: Manifest) -> Catalogue:
    """*catalogue* and *manifest*, before those that it names."""
    facts = Facts.of(manifest)
    if manifest.digest in catalogue.manifests:
        return Catalogue({**catalogue.manifests, manifest.digest: facts})
    return Catalogue({manifest.digest: facts, **catalogue.manifests})
