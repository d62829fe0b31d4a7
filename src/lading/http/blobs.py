"""Blobs: pulling whole or in parts, and deleting (end-2, end-10)."""

import secrets
from collections.abc import Sequence

from lading.bodies import Elsewhere, FileSpan, Held, Span, Stream
from lading.http.call import Call
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.media_types import OCTETS
from lading.wire import headers, ranges
from lading.wire.message import Fields, Headers, Response


async def get(call: Call) -> Response:
    """``GET /v2/<name>/blobs/<digest>``, whole or in parts (end-2, R15)."""
    digest = Digest.parse(call.place.last)
    fields = _fields(digest)
    if headers.names_tag(call.request.headers.all(b"if-none-match"), str(digest)):
        descriptor = await call.repository.stat_blob(digest)
        _note(call, digest, descriptor.size)
        return Response(304, fields)
    spans = _spans(call.request.headers, digest)
    content = await call.repository.open_blob(digest, spans=spans, url_ok=True)
    _note(call, digest, content.total)
    if isinstance(content, Elsewhere):
        await content.aclose()
        return Response(307, [headers.NO_BODY, ("Location", content.url)])
    if isinstance(content, Stream) and len(content.parts) > 1:
        # What cannot be cut up again is sent whole, as RFC 9110 (14.2) allows.
        await content.aclose()
        spans, content = (), await call.repository.open_blob(digest)
        assert not isinstance(content, Elsewhere)
    if not spans:
        fields.append(("Content-Type", OCTETS))
        fields.append(("Content-Length", str(content.total)))
        return Response(200, fields, content)
    return _partial(fields, content)


async def head(call: Call) -> Response:
    """``HEAD /v2/<name>/blobs/<digest>`` (end-2)."""
    digest = Digest.parse(call.place.last)
    descriptor = await call.repository.stat_blob(digest)
    _note(call, digest, descriptor.size)
    fields = _fields(digest)
    if headers.names_tag(call.request.headers.all(b"if-none-match"), str(digest)):
        return Response(304, fields)
    fields.append(("Content-Type", OCTETS))
    fields.append(("Content-Length", str(descriptor.size)))
    return Response(200, fields)


async def delete(call: Call) -> Response:
    """``DELETE /v2/<name>/blobs/<digest>`` (end-10)."""
    await call.repository.delete_blob(Digest.parse(call.place.last))
    return Response(202, [headers.NO_BODY])


def _note(call: Call, digest: Digest, size: int) -> None:
    if call.terms.pulled is not None:
        call.terms.pulled(call.request, Descriptor(OCTETS, digest, size), None)


def _fields(digest: Digest) -> Fields:
    # The digest that was asked for is repeated, whatever else the content may be called (T3).
    text = str(digest)
    return [
        ("Docker-Content-Digest", text),
        ("ETag", headers.quoted(text)),
        headers.FOREVER,
        ("Accept-Ranges", "bytes"),
        headers.NO_SNIFFING,
    ]


def _spans(found: Headers, digest: Digest) -> Sequence[Span]:
    value = found.get(b"range")
    if value is None:
        return ()
    condition = found.get(b"if-range")
    # A date cannot be met, since content has none: then all of it is sent (RFC 9110, 13.1.5).
    if condition is not None and condition.strip() != headers.quoted(str(digest)):
        return ()
    return ranges.spans(value)


def _partial(fields: Fields, content: Held | FileSpan | Stream) -> Response:
    parts = ranges.bounded(content.parts, content.total)
    body = content._replace(parts=parts)
    if len(parts) == 1:
        fields.append(("Content-Type", OCTETS))
        fields.append(("Content-Length", str(parts[0][1])))
        fields.append(("Content-Range", ranges.content_range(parts[0], content.total)))
        return Response(206, fields, body)
    # Content cannot be made to contain a boundary that nobody knew before.
    boundary = secrets.token_hex(16)
    frames = ranges.frames(parts, content.total, boundary)
    length = sum(map(len, frames)) + sum(length for _, length in parts)
    fields.append(("Content-Type", f"multipart/byteranges; boundary={boundary}"))
    fields.append(("Content-Length", str(length)))
    return Response(206, fields, body, frames)
