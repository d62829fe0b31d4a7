"""Repositories of the registry, a page at a time (an extension known as ``_catalog``)."""

from lading.http.call import Call
from lading.oci.descriptor import encoded
from lading.oci.names import RepositoryName
from lading.wire import headers
from lading.wire.message import Response
from lading.wire.paging import following, page_size
from lading.wire.routes import Route


async def listed(call: Call) -> Response:
    """``GET /v2/_catalog``, with ``n`` and ``last`` as for tags."""
    wanted = page_size(call.request.param("n"), limit=call.terms.page_limit)
    last = call.request.param("last")
    after = RepositoryName(last) if last else None
    page = await call.registry.repositories(after=after, limit=max(wanted, 1))
    found = list(page.items[:wanted])
    body = encoded({"repositories": found})
    fields = headers.of_document(body)
    if page.more and found:
        target = following(Route.CATALOG.value, n=wanted, last=found[-1])
        fields.append(headers.next_link(target))
    return Response(200, fields, body)
