"""What refers to a manifest, a page at a time (end-12)."""

from lading.http.call import Call
from lading.oci.descriptor import Descriptors
from lading.oci.digest import Digest
from lading.oci.media_types import OCI_INDEX
from lading.wire import headers, routes
from lading.wire.message import Response
from lading.wire.paging import following
from lading.wire.routes import Route

_BEFORE = f'{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":'.encode()


async def listed(call: Call) -> Response:
    """``GET /v2/<name>/referrers/<digest>``, with ``artifactType`` (end-12a, end-12b).

    How long a page is, the repository decides; ``n`` is not looked at.
    """
    subject = Digest.parse(call.place.last)
    wanted = call.request.param("artifactType") or None
    last = call.request.param("last")
    repository = call.repository
    page = await repository.referrers(
        subject, artifact_type=wanted, after=Digest.parse(last) if last else None
    )
    items = page.items if isinstance(page.items, Descriptors) else Descriptors.of(page.items)
    body = b"".join((_BEFORE, items.as_json(), b"}"))
    fields = headers.of_document(body, OCI_INDEX)
    if wanted is not None:
        fields.append(("OCI-Filters-Applied", "artifactType"))
    if page.more and items:
        kept = {"artifactType": wanted} if wanted is not None else {}
        path = routes.path(Route.REFERRERS, repository.name, str(subject))
        fields.append(headers.next_link(following(path, **kept, last=str(items[-1].digest))))
    return Response(200, fields, body)
