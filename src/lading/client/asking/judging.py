"""What an answer means that was not expected: the error it tells of, and what to do about it."""

import re
from urllib.parse import urlsplit

from lading import errors
from lading.client.connections.origin import Origin
from lading.errors import LadingError, UpstreamFailed
from lading.wire import problems, routes
from lading.wire.message import Headers
from lading.wire.routes import Route

_MISSING = {
    Route.MANIFEST: errors.ManifestUnknown,
    Route.BLOB: errors.BlobUnknown,
    Route.UPLOAD: errors.UploadUnknown,
}


_WANTS_TLS = re.compile(
    rb"HTTP request to an HTTPS server|HTTP request was sent to HTTPS port|server speaks HTTPS here"
)
"""What servers written in Go, nginx and Lading say to whoever does not encrypt."""


def judged(
    method: str, url: str, path: str, status: int, *, headers: Headers, body: bytes
) -> LadingError:
    """The error that the answer to *method* at *url* tells of.

    *path* is what was asked for, as the protocol has it.
    """
    request = f"{method} {shown(url)}"
    if status == 400 and url.startswith("http:") and _wants_encryption(method, headers, body):
        sealed = UpstreamFailed(f"{request}: the server speaks TLS", status=status)
        sealed.advice = Origin.parse(url).how_to_encrypt
        return sealed
    if status < 400:
        return UpstreamFailed(
            f"{request}: answered {status}, which means nothing here", status=status
        )
    error = problems.decode(status, headers, body)
    told = b'"errors"' in body
    place = routes.match(path)
    route = place.route if place else None
    if not told and status == 404 and route in _MISSING:
        error = _MISSING[route](place.last if place and route is not Route.UPLOAD else "")
    if not told and status == 413 and route is not Route.MANIFEST:
        error = errors.UploadTooLarge(f"{request}: refused by {_server(headers)}")
        error.advice = (
            "A proxy in front of the registry limits what it takes in one request: raise that "
            "(nginx: client_max_body_size 0), or send smaller pieces with --chunk-size."
        )
    # What kind of fault it is matters less than that it is theirs, and may pass.
    if type(error) is errors.StorageFailed or (
        status >= 500 and isinstance(error, errors.RegistryError)
    ):
        reason = f": {error.subject}" if error.subject else ""
        error = UpstreamFailed(f"{request}: answered {status}{reason}", status=status)
    if type(error) is errors.RegistryError:
        reason = f": {error.subject}" if error.subject else ""
        error = errors.RegistryError(f"{request}: answered {status}{reason}")
    if not error.subject:
        error.subject = request
    error.add_note(f"{request}: {status}")
    return error


def page_of_html(
    method: str, url: str, path: str, status: int, headers: Headers
) -> LadingError | None:
    """An error if a web page came in place of what was asked for."""
    kind = (headers.get(b"content-type") or "").partition(";")[0].strip().lower()
    place = routes.match(path)
    if kind != "text/html" or method not in {"GET", "HEAD"}:
        return None
    if place is not None and place.route is Route.BLOB:
        # Content is what it is, and is known by its digest.
        return None
    failed = UpstreamFailed(f"{method} {shown(url)}: a web page came", status=status)
    failed.advice = "Check the name of the registry: what answers there is a web site or a portal."
    return failed


def shown(url: str) -> str:
    """*url* as it may be told: what signs it is left out."""
    return urlsplit(url)._replace(query="", fragment="").geturl()


def _wants_encryption(method: str, headers: Headers, body: bytes) -> bool:
    if method == "HEAD":
        # They answer the same, of which no words are left; a registry would say that it is one.
        return headers.get(b"docker-distribution-api-version") is None
    return _WANTS_TLS.search(body) is not None


def _server(headers: Headers) -> str:
    return (headers.get(b"server") or "something in front of it")[:80]
