"""Manifests: pulling, pushing, deleting (end-3, end-7, end-9)."""

import asyncio

from lading.bodies import read
from lading.errors import ManifestTooLarge, TooManyTags
from lading.http.call import Call
from lading.interfaces.repository import Receipt
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Reference, RepositoryName, Tag, parse_reference
from lading.wire import headers, routes
from lading.wire.message import Response
from lading.wire.routes import Route

_BRIEF = 64 * 1024
"""Manifests up to this many bytes are read on the event loop; it takes a millisecond."""


async def get(call: Call) -> Response:
    """``GET /v2/<name>/manifests/<reference>`` (end-3).

    ``Range`` is not honoured here, which clients take well (trap T30); ``Accept`` neither: what
    was pushed is what is served (R10, R12).
    """
    reference = parse_reference(call.place.last)
    manifest = await call.repository.get_manifest(reference)
    return _found(call, reference, manifest.descriptor, manifest.body)


async def head(call: Call) -> Response:
    """``HEAD /v2/<name>/manifests/<reference>`` (end-3)."""
    reference = parse_reference(call.place.last)
    return _found(call, reference, await call.repository.resolve(reference), b"")


async def put(call: Call) -> Response:
    """``PUT /v2/<name>/manifests/<reference>``, also with ``?tag=`` (end-7a, end-7b)."""
    repository, reference = call.repository, parse_reference(call.place.last)
    tags = _tags(call)
    body = await read(call.request.body, limit=call.terms.manifest_limit)
    if body is None:
        raise ManifestTooLarge(f"at most {call.terms.manifest_limit} bytes are taken")
    media_type = headers.media_type(call.request.headers)
    if isinstance(reference, Digest):
        manifest, named = await _verified(body, media_type, reference), tags
    else:
        manifest = await _verified(body, media_type, None)
        named = tuple(dict.fromkeys((reference, *tags)))
    receipt = await repository.put_manifest(manifest, tags=named)
    return _created(repository.name, receipt, tell_tags=bool(tags))


async def delete(call: Call) -> Response:
    """``DELETE /v2/<name>/manifests/<reference>`` (end-9)."""
    reference = parse_reference(call.place.last)
    if isinstance(reference, Digest):
        await call.repository.delete_manifest(reference)
    else:
        await call.repository.delete_tag(reference)
    return Response(202, [headers.NO_BODY])


async def _verified(body: bytes, media_type: str | None, expected: Digest | None) -> Manifest:
    if len(body) <= _BRIEF:
        return Manifest.verified(body, media_type, expected)
    # Four mebibytes of nothing but keys take half a second, in which others want an answer.
    return await asyncio.to_thread(Manifest.verified, body, media_type, expected)


def _tags(call: Call) -> tuple[Tag, ...]:
    asked = call.request.params("tag")
    if len(asked) > call.terms.tag_limit:
        raise TooManyTags(f"at most {call.terms.tag_limit} are taken")
    return tuple(dict.fromkeys(Tag.parse(each) for each in asked))


def _found(call: Call, reference: Reference, descriptor: Descriptor, body: bytes) -> Response:
    digest = str(descriptor.digest)
    fields = [
        ("Docker-Content-Digest", digest),
        ("ETag", headers.quoted(digest)),
        headers.FOREVER if isinstance(reference, Digest) else headers.REVALIDATE,
        headers.NO_SNIFFING,
    ]
    if headers.names_tag(call.request.headers.all(b"if-none-match"), digest):
        return Response(304, fields)
    if call.terms.pulled is not None:
        tag = reference if isinstance(reference, Tag) else None
        call.terms.pulled(call.request, descriptor, tag)
    fields.append(("Content-Type", descriptor.media_type))
    fields.append(("Content-Length", str(descriptor.size)))
    return Response(200, fields, body)


def _created(name: RepositoryName, receipt: Receipt, *, tell_tags: bool) -> Response:
    digest = str(receipt.descriptor.digest)
    fields = [
        headers.NO_BODY,
        ("Location", routes.path(Route.MANIFEST, name, digest)),
        ("Docker-Content-Digest", digest),
    ]
    if receipt.subject is not None:
        fields.append(("OCI-Subject", str(receipt.subject)))
    if tell_tags:
        fields.append(("OCI-Tag", headers.joined(receipt.tags)))
    return Response(201, fields)
