"""Uploads are begun, found again, and spared by mounts."""

from urllib.parse import unquote, urlsplit

from lading.bodies import Bytes
from lading.client import downloads
from lading.client.asking.exchange import Answer, Call
from lading.client.connections.origin import Origin
from lading.client.hosts.host import Capability
from lading.client.remote import Remote, check_digest, pulling, pushing
from lading.client.uploads import RemoteUpload, begin, marked
from lading.errors import BlobUnknown, DigestInvalid, ReferenceInvalid, UploadUnknown
from lading.interfaces.blobs import UploadId
from lading.oci.descriptor import Descriptor
from lading.oci.digest import ALGORITHMS, Digest
from lading.oci.names import RepositoryName
from lading.wire import ranges, routes
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
    return RemoteUpload(remote, name, answer.location(), expected=expected, least=_least(answer))


async def resume(remote: Remote, name: RepositoryName, upload_id: UploadId) -> RemoteUpload:
    """Go on with an upload; see `ContentTarget.resume_upload`."""
    url, _, mark = unquote(upload_id).rpartition("#")
    if mark != name or not _may_be_asked(remote, name, url):
        raise UploadUnknown(upload_id[:200])
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


def _least(answer: Answer) -> int:
    return ranges.number(answer.headers.get(b"oci-chunk-min-length") or "") or 0


def _may_be_asked(remote: Remote, name: RepositoryName, url: str) -> bool:
    """Whether *url* is an upload to repository *name*.

    An id may come from anybody, and what is asked is asked with our credentials.
    """
    if remote.learned.named(marked(url, name)):
        return True
    try:
        origin, path = Origin.parse(url), urlsplit(url).path
    except (ReferenceInvalid, ValueError):
        return False
    for endpoint in remote.exchange.host.able(Capability.PUSH):
        if endpoint.origin == origin and path.startswith(f"{endpoint.prefix}/"):
            place = routes.match("/v2" + path.removeprefix(endpoint.prefix))
            if place is not None and place.route is Route.UPLOAD:
                return place.name == endpoint.name(name)
    return False
