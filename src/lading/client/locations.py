"""Where uploads are, and how far they have come: what registries say of them.

An upload's id is its location and the repository that it is for. An id may come from anybody, so
it is asked about only where the registry itself may have named it.
"""

from urllib.parse import quote, unquote, urlsplit

from lading.bodies import Bytes
from lading.client.asking.exchange import Answer, Call
from lading.client.connections.origin import Origin
from lading.client.hosts.host import Capability
from lading.client.remote import Remote, pushing
from lading.errors import ReferenceInvalid, UploadUnknown
from lading.interfaces.blobs import UploadId
from lading.oci.digest import CANONICAL, Digest
from lading.oci.names import RepositoryName
from lading.wire import ranges, routes
from lading.wire.routes import Route


async def begin(
    remote: Remote, name: RepositoryName, algorithm: str, *, mount: Digest | None = None
) -> Answer:
    """A new session, closed answer: its location is in the fields.

    The status is 201 in place of 202 where the blob *mount* was put there from another repository.
    """
    query = [] if algorithm == CANONICAL else [("digest-algorithm", algorithm)]
    if mount is not None:
        query.append(("mount", str(mount)))
    call = Call(
        method="POST",
        path=routes.path(Route.UPLOADS, name),
        query=query,
        body=Bytes(b""),
        scopes=pushing(name),
        idempotent=True,  # a session that nobody heard of ends by itself
        expect=frozenset({202} if mount is None else {201, 202}),
    )
    answer = await remote.exchange.send(call)
    await answer.aclose()
    return answer


def leads_to(answer: Answer, digest: Digest) -> bool:
    """Whether the location that *answer* gives is that of the blob *digest*."""
    place = urlsplit(answer.headers.get(b"location") or "").path
    return unquote(place).endswith(f"/blobs/{digest}")


def id_at(url: str, name: RepositoryName) -> UploadId:
    """The id of the upload at *url*, in one segment of a path, so that it can be passed on."""
    return UploadId(quote(marked(url, name), safe=""))


def found(remote: Remote, name: RepositoryName, upload_id: UploadId) -> str:
    """Where the upload *upload_id* to repository *name* is.

    Raises:
        UploadUnknown: it is none of that repository's.
    """
    url, _, mark = unquote(upload_id).rpartition("#")
    if mark != name or not _may_be_asked(remote, name, url):
        raise UploadUnknown(upload_id[:200])
    return url


def marked(url: str, name: RepositoryName) -> str:
    """The location of an upload, with the repository that it is for."""
    return f"{url}#{name}"


def shortest_piece(answer: Answer) -> int:
    """The fewest bytes of a piece, but the last, that the registry takes (R28); 0 for any."""
    return ranges.number(answer.headers.get(b"oci-chunk-min-length") or "") or 0


def last_byte(answer: Answer) -> int | None:
    """The last byte that ``Range`` says the upload has; both ways to write it are understood."""
    said = answer.headers.get(b"range")
    if said is None:
        return None
    _, dash, last = said.strip().removeprefix("bytes=").partition("-")
    return ranges.number(last) if dash else None


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
