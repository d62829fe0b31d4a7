"""A repository for programs that block."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from lading.bodies import Bytes
from lading.content import blob_files
from lading.content.files import file_errors
from lading.errors import BlobUnknown
from lading.interfaces import repository as interfaces
from lading.interfaces.repository import Page, Receipt
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Reference, RepositoryName, Tag, parse_reference
from lading.sync.blobs import BlobReader, Pouring
from lading.sync.loop import Loop, every

PAGE = 1000
"""How many names are asked for at once."""


class Repository:
    """A repository, wherever it lives; see `lading.Repository`, which this one blocks for.

    References and digests may be given as text. Every method can also raise `UpstreamFailed` when
    a registry keeps failing, and `Unauthorized` or `Denied` when it does not let us.
    """

    def __init__(self, loop: Loop, inner: interfaces.Repository) -> None:
        self._loop = loop
        self._inner = inner

    @property
    def name(self) -> RepositoryName:
        """What it is called."""
        return self._inner.name

    @property
    def inner(self) -> interfaces.Repository:
        """The repository that is blocked for, to be used with `Client.run`."""
        return self._inner

    def resolve(self, reference: Reference | str) -> Descriptor:
        """What *reference* names now.

        Raises:
            ManifestUnknown: nothing.
        """
        return self._loop.run(lambda: self._inner.resolve(_reference(reference)))

    def get_manifest(self, reference: Reference | str) -> Manifest:
        """The manifest that *reference* names now.

        Raises:
            ManifestUnknown: there is none.
            DigestInvalid: what came is not what was asked for.
        """
        return self._loop.run(lambda: self._inner.get_manifest(_reference(reference)))

    def put_manifest(self, manifest: Manifest, *, tags: Sequence[Tag | str] = ()) -> Receipt:
        """Store *manifest*, and let *tags* name it.

        Raises:
            ManifestBlobUnknown: what it names is not in this repository.
        """
        named = [Tag.parse(each) for each in tags]
        return self._loop.run(lambda: self._inner.put_manifest(manifest, tags=named))

    def tag(self, reference: Reference | str, *tags: Tag | str) -> Receipt:
        """Let *tags* name what *reference* names now.

        Raises:
            ManifestUnknown: it names nothing.
        """
        return self.put_manifest(self.get_manifest(reference), tags=tags)

    def stat_blob(self, digest: Digest | str) -> Descriptor:
        """Whether the blob is here, and how long it is.

        Raises:
            BlobUnknown: it is not in this repository.
        """
        return self._loop.run(lambda: self._inner.stat_blob(_digest(digest)))

    def open_blob(self, digest: Digest | str, *, unverified: bool = False) -> BlobReader:
        """A blob as a file: hashed while it is read, or else to be read from any place.

        Raises:
            BlobUnknown: it is not in this repository.
        """
        return BlobReader(self._loop, self._inner, _digest(digest), unverified=unverified)

    def pull_blob(self, digest: Digest | str, file: BinaryIO) -> Descriptor:
        """Write a blob to *file*: all of it only if it is what it is called.

        Raises:
            BlobUnknown: it is not in this repository.
            DigestInvalid: it is something else. Its last bytes were not written.
        """
        return self._loop.run(lambda: blob_files.get_blob(self._inner, _digest(digest), file))

    def push_blob(
        self,
        content: bytes | bytearray | memoryview | Path | BinaryIO,
        *,
        media_type: str = media_types.OCTETS,
    ) -> Descriptor:
        """Push bytes, a file, or what is left in an open one, unless it is here already.

        Raises:
            FileRefused: the file cannot be opened.
        """
        if isinstance(content, Path):
            with file_errors(content):
                file = content.open("rb")
            with file:
                return self.push_blob(file, media_type=media_type)
        if isinstance(content, bytes | bytearray | memoryview):
            held = bytes(content)
            return self._loop.run(lambda: _push_bytes(self._inner, held, media_type))
        if _is_whole_file(content):
            return self._loop.run(
                lambda: blob_files.put_file(self._inner, content, media_type=media_type)
            )
        return self._loop.run(lambda: _push_stream(self._inner, content, media_type))

    def mount_blob(self, digest: Digest | str, source: RepositoryName | str | None) -> bool:
        """Make a blob of *source* readable here; ``False`` when that cannot be done."""
        found = None if source is None else RepositoryName.parse(source)
        return self._loop.run(lambda: self._inner.mount_blob(_digest(digest), found))

    def tags(self, *, after: Tag | str | None = None) -> Iterator[Tag]:
        """Tags, asked for a page at a time, beginning after *after*.

        Raises:
            NameUnknown: there is no such repository.
        """

        def page(last: Tag | None) -> Page[Tag]:
            return self._loop.run(lambda: self._inner.tags(after=last, limit=PAGE))

        return every(page, None if after is None else Tag.parse(after))

    def referrers(
        self, subject: Digest | str, *, artifact_type: str | None = None
    ) -> Iterator[Descriptor]:
        """Manifests about *subject*, asked for a page at a time."""
        about = _digest(subject)

        def page(last: Descriptor | None) -> Page[Descriptor]:
            after = None if last is None else last.digest
            return self._loop.run(
                lambda: self._inner.referrers(about, artifact_type=artifact_type, after=after)
            )

        return every(page, None)

    def delete_tag(self, tag: Tag | str) -> None:
        """End *tag* and nothing else.

        Raises:
            ManifestUnknown: there is no such tag.
            Unsupported: that cannot be done without deleting the manifest.
        """
        self._loop.run(lambda: self._inner.delete_tag(Tag.parse(tag)))

    def delete_manifest(self, digest: Digest | str) -> None:
        """End the manifest and its tags.

        Raises:
            ManifestUnknown: there is none of that digest.
        """
        self._loop.run(lambda: self._inner.delete_manifest(_digest(digest)))

    def delete_blob(self, digest: Digest | str) -> None:
        """Make the blob unreadable here.

        Raises:
            BlobUnknown: it is not in this repository.
            BlobInUse: a manifest names it.
        """
        self._loop.run(lambda: self._inner.delete_blob(_digest(digest)))


def _reference(given: Reference | str) -> Reference:
    return given if isinstance(given, Digest) else parse_reference(given)


def _digest(given: Digest | str) -> Digest:
    return given if isinstance(given, Digest) else Digest.parse(given)


def _is_whole_file(file: BinaryIO) -> bool:
    """Whether *file* is a regular one, of which nothing was read."""
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode) and file.tell() == 0
    except OSError:
        return False


async def _push_bytes(target: interfaces.Repository, content: bytes, media_type: str) -> Descriptor:
    descriptor = Descriptor(media_type, Digest.of(content), len(content))
    try:
        await target.stat_blob(descriptor.digest)
    except BlobUnknown:
        upload = await target.start_upload(expected=descriptor)
        try:
            await upload.write(Bytes(content), at=0)
            await upload.commit(descriptor.digest)
        finally:
            await upload.aclose()
    return descriptor


async def _push_stream(
    target: interfaces.Repository, file: BinaryIO, media_type: str
) -> Descriptor:
    body = Pouring(file)
    upload = await target.start_upload()
    try:
        await upload.write(body, at=0)
        committed = await upload.commit(body.hasher.digest())
    except Exception:
        await upload.cancel()
        raise
    finally:
        await upload.aclose()
    return Descriptor(media_type, committed.digest, committed.size)
