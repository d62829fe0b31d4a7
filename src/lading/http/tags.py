"""Tags of a repository, a page at a time (end-8)."""

from lading.http.call import Call
from lading.oci.descriptor import encoded
from lading.oci.names import Tag
from lading.wire import headers, routes
from lading.wire.message import Response
from lading.wire.paging import following, page_size
from lading.wire.routes import Route


async def listed(call: Call) -> Response:
    """``GET /v2/<name>/tags/list``, with ``n`` and ``last`` (end-8a, end-8b)."""
    wanted = page_size(call.request.param("n"), limit=call.terms.page_limit)
    # What comes after a tag is a matter of order, so `last` need not be a tag (R49).
    last = call.request.param("last")
    repository = call.repository
    page = await repository.tags(after=Tag(last) if last else None, limit=max(wanted, 1))
    found = list(page.items[:wanted])
    body = encoded({"name": repository.name, "tags": found})
    fields = headers.of_document(body)
    if page.more and found:
        path = routes.path(Route.TAGS, repository.name)
        fields.append(headers.next_link(following(path, n=wanted, last=found[-1])))
    return Response(200, fields, body)
