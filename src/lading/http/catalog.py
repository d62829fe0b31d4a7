"""Repositories of the registry, a page at a time (an extension known as ``_catalog``)."""

from lading.http.call import Call
from lading.oci.descriptor import encoded
from lading.oci.names import RepositoryName
from lading.wire import headers
from lading.wire.message import Response
from lading.wire.paging import exact_size, following, page_size
from lading.wire.routes import Route

_UNASKED = 100
"""How many repositories a strict list has for those who name no number."""


async def listed(call: Call) -> Response:
    """``GET /v2/_catalog``, with ``n`` and ``last`` as for tags."""
    wanted = _wanted(call)
    last = call.request.param("last")
    after = RepositoryName(last) if last else None
    page = await call.registry.repositories(after=after, limit=max(wanted, 1))
    found = list(page.items[:wanted])
    body = encoded({"repositories": found}) + b"\n"
    fields = headers.of_document(body)
    if page.more and found:
        target = following(Route.CATALOG.value, last=found[-1], n=wanted)
        fields.append(headers.next_link(target))
    return Response(200, fields, body)


def _wanted(call: Call) -> int:
    terms, asked = call.terms, call.request.param("n") or None
    if not terms.strict_lists:
        return page_size(asked, limit=terms.most_repositories)
    if asked is None:
        return min(_UNASKED, terms.most_repositories)
    return exact_size(asked, limit=terms.most_repositories)
