"""Uploads are begun, found again, and spared by mounts."""

from lading.bodies import Bytes
from lading.client import downloads
from lading.client.asking.exchange import Call
from lading.client.locations import begin, found, shortest_piece
from lading.client.remote import Remote, check_digest, pulling, pushing
from lading.client.uploads import RemoteUpload
from lading.errors import BlobUnknown, DigestInvalid
from lading.interfaces.blobs import UploadId
from lading.oci.descriptor import Descriptor
from lading.oci.digest import ALGORITHMS, Digest
from lading.oci.names import RepositoryName
from lading.wire import routes
from lading.wire.routes import Route


async def start(
    remote: Remote, name: RepositoryName, algorithm: str, expected: Descriptor | None
) -> RemoteUpload:
    """Begin an upload; see `ContentTarget.start_upload`."""
    if expected is not None:
        algorithm = expected.digest.algorithm
    if algorithm not in ALGORITHMS:
        raise DigestInvalid(algorithm)
    answer = await begin(remote, name, algorithm)
    return RemoteUpload(
        remote, name, answer.location(), expected=expected, least=shortest_piece(answer)
    )


async def resume(remote: Remote, name: RepositoryName, upload_id: UploadId) -> RemoteUpload:
    """Go on with an upload; see `ContentTarget.resume_upload`."""
    url = found(remote, name, upload_id)
    upload = RemoteUpload(remote, name, url)
    await upload.refresh()
    return upload


async def mount(
    remote: Remote, name: RepositoryName, digest: Digest, source: RepositoryName | None
) -> bool:
    """Make a blob of *source* readable in *name*; see `ContentTarget.mount_blob`."""
    query = [("mount", str(digest))]
    scopes = pushing(name)
    if source is not None:
        query.append(("from", source))
        if source != name:
            scopes += pulling(source)
    call = Call(
        method="POST",
        path=routes.path(Route.UPLOADS, name),
        query=query,
        body=Bytes(b""),
        scopes=scopes,
        idempotent=True,
        expect=frozenset({201, 202}),
    )
    answer = await remote.exchange.send(call)
    await answer.aclose()
    if answer.status == 201:
        check_digest(answer, digest)
        return True
    # A session was begun in place of it. Nobody will go on with that one.
    await RemoteUpload(remote, name, answer.location()).cancel()
    try:
        await downloads.stat(remote, name, digest)
    except BlobUnknown:
        return False
    return True
