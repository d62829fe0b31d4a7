"""What this registry offers beside the spec, and how clients find out (Extensions)."""

from collections.abc import Sequence
from typing import Any

from lading.http.call import Call
from lading.oci.descriptor import encoded
from lading.oci.names import RepositoryName
from lading.wire import headers
from lading.wire.message import Response

_MANUAL = "docs/reference/protocol.md#extensions"
_DISCOVERY = {
    "name": "_oci",
    "url": "https://github.com/opencontainers/distribution-spec/tree/main/extensions",
    "description": "Tells which extensions there are.",
    "endpoints": ["_oci/ext/discover"],
}
_CATALOG = {
    "name": "_catalog",
    "url": _MANUAL,
    "description": "GET lists the repositories, a page at a time, as tags are listed.",
    "endpoints": ["_catalog"],
}
_LADING = {
    "name": "_lading",
    "url": _MANUAL,
    "description": "DELETE on /v2/<name>/_lading/ removes a repository with all that is in it.",
    "endpoints": ["_lading/"],
}


async def of_registry(_call: Call) -> Response:
    """``GET /v2/_oci/ext/discover``: extensions of the registry as a whole."""
    return _described((_DISCOVERY, _CATALOG))


async def of_repository(call: Call) -> Response:
    """``GET /v2/<name>/_oci/ext/discover``: extensions of a repository."""
    RepositoryName.parse(call.place.name)
    return _described((_DISCOVERY, _LADING))


async def delete_repository(call: Call) -> Response:
    """``DELETE /v2/<name>/_lading/``: end a repository with all its tags and manifests."""
    await call.registry.delete(RepositoryName.parse(call.place.name))
    return Response(202, [headers.NO_BODY])


def _described(extensions: Sequence[dict[str, Any]]) -> Response:
    body = encoded({"extensions": extensions})
    return Response(200, headers.of_document(body), body)
