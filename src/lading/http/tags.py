"""Tags of a repository, a page at a time (end-8)."""

from lading.http.call import Call
from lading.oci.descriptor import encoded
from lading.oci.names import Tag
from lading.wire import headers, routes
from lading.wire.message import Response
from lading.wire.paging import following, page_size
from lading.wire.routes import Route

_ALL = 1 << 31
"""More tags than a repository can have."""


async def listed(call: Call) -> Response:
    """``GET /v2/<name>/tags/list``, with ``n`` and ``last`` (end-8a, end-8b)."""
    asked = call.request.param("n") or None
    every = asked is None and call.terms.strict_lists
    wanted = _ALL if every else page_size(asked, limit=call.terms.most_tags)
    # What comes after a tag is a matter of order, so `last` need not be a tag (R49).
    last = call.request.param("last")
    repository = call.repository
    page = await repository.tags(after=Tag(last) if last else None, limit=max(wanted, 1))
    found = list(page.items[:wanted])
    body = encoded({"name": repository.name, "tags": found}) + b"\n"
    fields = headers.of_document(body)
    if page.more and found:
        path = routes.path(Route.TAGS, repository.name)
        fields.append(headers.next_link(following(path, last=found[-1], n=wanted)))
    return Response(200, fields, body)
