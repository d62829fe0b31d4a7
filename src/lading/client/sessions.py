"""Uploads are begun, found again, and spared by mounts."""

from lading.bodies import Bytes
from lading.client import downloads
from lading.client.asking.exchange import Answer, Call
from lading.client.locations import begin, found, leads_to, shortest_piece
from lading.client.mounted import MountedUpload
from lading.client.remote import Remote, check_digest, pulling, pushing, told_digest
from lading.client.uploads import RemoteUpload
from lading.errors import (
    BlobUnknown,
    Denied,
    DigestInvalid,
    RegistryError,
    TooManyRequests,
    Unauthorized,
)
from lading.interfaces.blobs import UploadId
from lading.interfaces.repository import Upload
from lading.oci.descriptor import Descriptor
from lading.oci.digest import ALGORITHMS, Digest
from lading.oci.names import RepositoryName
from lading.wire import routes
from lading.wire.routes import Route


async def start(
    remote: Remote, name: RepositoryName, algorithm: str, expected: Descriptor | None
) -> Upload:
    """Begin an upload; see `ContentTarget.start_upload`.

    Where it is known what will come, the registry is asked to mount it from wherever it may have
    it (end-11 without ``from``); what cannot be mounted is a session, as ever (R34).
    """
    if expected is not None:
        algorithm = expected.digest.algorithm
    if algorithm not in ALGORITHMS:
        raise DigestInvalid(algorithm)
    answer = None
    if expected is not None and remote.learned.spares:
        answer = await _spared(remote, name, algorithm, expected.digest)
        if answer is not None and answer.status == 201:
            return MountedUpload(answer.asked, name, expected)
    if answer is None:
        answer = await begin(remote, name, algorithm)
        if expected is not None:
            # It has been seen now that only the other way does not go well here.
            remote.learned.spares = False
    return RemoteUpload(
        remote, name, answer.location(), expected=expected, least=shortest_piece(answer)
    )


async def _spared(
    remote: Remote, name: RepositoryName, algorithm: str, digest: Digest
) -> Answer | None:
    """A session or a mount; ``None`` where the registry takes the question amiss."""
    try:
        answer = await begin(remote, name, algorithm, mount=digest)
    except (Unauthorized, Denied, TooManyRequests):
        raise
    except RegistryError:
        return None
    if answer.status == 201 and not _created(answer, digest):
        return None
    return answer


def _created(answer: Answer, digest: Digest) -> bool:
    """Whether *answer* says that what is there now is *digest*, and nothing against it."""
    said = told_digest(answer)
    if said is not None and said.algorithm == digest.algorithm:
        return said == digest
    return leads_to(answer, digest)


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
