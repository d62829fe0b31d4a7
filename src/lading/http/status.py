"""Whether this is a registry, whether it lives, and whether it can serve (end-1)."""

from lading.http.call import Call
from lading.wire import headers
from lading.wire.message import Response

_EMPTY = b"{}"
_WELCOME = b"This is a Lading registry. Its API begins at /v2/.\n"
_FINE = b"ok\n"


async def support(_call: Call) -> Response:
    """``GET /v2/``: this is a registry, and the caller may talk to it (end-1)."""
    return Response(200, headers.of_document(_EMPTY), _EMPTY)


async def root(_call: Call) -> Response:
    """``GET /``: what a person or a load balancer sees who knows nothing else."""
    return _text(_WELCOME)


async def healthy(_call: Call) -> Response:
    """``GET /healthz``: the process answers requests."""
    return _text(_FINE)


async def ready(call: Call) -> Response:
    """``GET /readyz``: the registry can reach its storage."""
    await call.terms.ready()
    return _text(_FINE)


def _text(body: bytes) -> Response:
    fields = headers.of_document(body, "text/plain; charset=utf-8")
    return Response(200, [*fields, headers.REVALIDATE], body)
