"""What the contract of blob stores needs: content that is published, read back, or nowhere."""

from lading.bodies import Bytes, Span
from lading.interfaces.blobs import BlobIntake, BlobSource, UploadId
from lading.oci.digest import CANONICAL, Digest
from lading.testing import samples

NOBODYS = Digest.of(b"never written")
"""The digest of what is nowhere."""


async def publish(
    store: BlobIntake, content: bytes, *, name: str = "u", algorithm: str = CANONICAL
) -> Digest:
    """Store *content* by the upload *name*; return its digest."""
    writer = await store.create(UploadId(name), algorithm=algorithm)
    await writer.write(Bytes(content))
    digest = Digest.of(content, algorithm)
    await writer.commit(digest)
    await writer.aclose()
    return digest


async def content_in(store: BlobSource, digest: Digest, *spans: Span) -> bytes:
    """The bytes of *digest*, or of *spans* of it, as *store* gives them."""
    return await samples.content_of(await store.open(digest, spans=spans))
