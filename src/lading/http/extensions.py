"""What this registry offers beside the spec, and how clients find out (Extensions)."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from lading.http.call import Call
from lading.oci.descriptor import encoded
from lading.oci.names import RepositoryName
from lading.wire import headers
from lading.wire.message import Response

_REMOVAL = "DELETE on /v2/<name>/_lading/ removes a repository with all that is in it."
_DISCOVERY = {
    "name": "_oci",
    "url": "https://github.com/opencontainers/distribution-spec/tree/main/extensions",
    "description": "Tells which extensions there are.",
    "endpoints": ["_oci/ext/discover"],
}
_CATALOG = {
    "name": "_catalog",
    "url": "https://distribution.github.io/distribution/spec/api/#catalog",
    "description": "GET lists the repositories, a page at a time, as tags are listed.",
    "endpoints": ["_catalog"],
}
_LADING = {
    "name": "_lading",
    # Where this is documented has to be a URL; one that holds the text is true wherever it is read.
    "url": "data:text/plain,"
    + quote(
        f"{_REMOVAL} The answer is 202, or 404 with the code NAME_UNKNOWN. "
        "It needs the right to delete in that repository."
    ),
    "description": _REMOVAL,
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
