"""Something small that is pushed to a repository and removed again, to see what it can do."""

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress

from lading.bodies import Bytes
from lading.content.digest_tags import fallback_tag
from lading.content.indexes import index_of
from lading.errors import BlobUnknown, ManifestUnknown, Unsupported
from lading.interfaces.repository import Repository
from lading.oci import media_types
from lading.oci.descriptor import Descriptor, encoded
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Tag

Attempt = Callable[[], Awaitable[str]]
"""Tries something; returns what is to be said about it, or raises what it failed by."""

_EMPTY = b"{}"


class Trial:
    """Attempts on *repository*, each of which builds on those before."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        # Content of its own each time, so that nothing is there already and nothing else needs it.
        self._content = b"lading doctor " + os.urandom(16).hex().encode()
        self._blob = Digest.of(self._content)
        self._tag = Tag("lading-doctor")
        self._manifest = _artifact(self._content)

    def attempts(self) -> Iterator[tuple[str, Attempt]]:
        """What is tried, in order."""
        yield "push", self._push
        yield "push in pieces", self._pieces
        yield "mount", self._mount
        yield "manifest", self._put
        yield "referrers", self._refer
        yield "delete a tag", self._untag
        yield "delete a manifest", self._delete
        yield "delete a blob", self._delete_blob

    async def _push(self) -> str:
        for content in (self._content, _EMPTY):
            descriptor = Descriptor(media_types.OCTETS, Digest.of(content), len(content))
            upload = await self._repository.start_upload(expected=descriptor)
            await upload.write(Bytes(content), at=0)
            await upload.commit(descriptor.digest)
        return "in one request"

    async def _pieces(self) -> str:
        upload = await self._repository.start_upload()
        half = len(self._content) // 2
        await upload.write(Bytes(self._content[:half]), at=0)
        await upload.write(Bytes(self._content[half:]), at=half)
        await upload.commit(self._blob)
        return ""

    async def _mount(self) -> str:
        if not await self._repository.mount_blob(self._blob, self._repository.name):
            raise Unsupported("blobs are not taken from other repositories")
        return ""

    async def _put(self) -> str:
        await self._repository.put_manifest(self._manifest, tags=[self._tag])
        found = await self._repository.resolve(self._tag)
        if found.digest != self._manifest.digest:
            raise ManifestUnknown(f"{self._tag} names {found.digest} after it was pushed")
        return ""

    async def _refer(self) -> str:
        about = index_of([self._manifest.descriptor], subject=self._manifest.descriptor)
        await self._repository.put_manifest(about)
        page = await self._repository.referrers(self._manifest.digest)
        listed = about.digest in {each.digest for each in page.items}
        await self._repository.delete_manifest(about.digest)
        await self._forget_list()
        if not listed:
            raise Unsupported("a referrer is not listed after it was pushed")
        return ""

    async def _forget_list(self) -> None:
        """Remove the list of referrers that is kept where the registry has none."""
        with suppress(ManifestUnknown, Unsupported):
            # By its tag: lists that are empty are all the same manifest.
            await self._repository.delete_tag(fallback_tag(self._manifest.digest))

    async def _untag(self) -> str:
        await self._repository.delete_tag(self._tag)
        await self._repository.resolve(self._manifest.digest)
        return "the manifest stays"

    async def _delete(self) -> str:
        await self._repository.delete_manifest(self._manifest.digest)
        return ""

    async def _delete_blob(self) -> str:
        await self._repository.delete_blob(self._blob)
        try:
            await self._repository.stat_blob(self._blob)
        except BlobUnknown:
            return ""
        raise Unsupported("the blob is there after it was deleted")


def _artifact(content: bytes) -> Manifest:
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "artifactType": "application/vnd.lading.doctor",
        "config": Descriptor(media_types.OCI_EMPTY, Digest.of(_EMPTY), len(_EMPTY)).as_json(),
        "layers": [Descriptor(media_types.OCTETS, Digest.of(content), len(content)).as_json()],
    }
    return Manifest.verified(encoded(document), media_types.OCI_MANIFEST)
