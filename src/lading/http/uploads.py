"""Uploads: starting, mounting, sending, asking, finishing, giving up (end-4 to end-6, 11, 13, 14).

A session's location is its path and holds no state, so every location of it stays valid, however
old, and any query parameter may be left out or made up.
"""

from contextlib import AsyncExitStack, aclosing, suppress

from lading.errors import DigestInvalid, NameInvalid, SizeInvalid
from lading.http.call import Call
from lading.interfaces.blobs import UploadId
from lading.interfaces.repository import Repository, Upload
from lading.oci.digest import CANONICAL, Digest
from lading.oci.names import RepositoryName
from lading.wire import headers, ranges, routes
from lading.wire.message import Request, Response
from lading.wire.ranges import Chunk
from lading.wire.routes import Route

_LONGEST = 64


async def start(call: Call) -> Response:
    """``POST /v2/<name>/blobs/uploads/``: mount, push in one request, or begin (end-4, end-11)."""
    request, repository = call.request, call.repository
    if not request.query:
        return await _begin(call, repository, CANONICAL)
    mount = request.param("mount")
    if mount is not None and await _mounted(request, repository, mount):
        return _created(repository, Digest.parse(mount))
    digest = request.param("digest")
    if digest is not None:
        return await _push(request, repository, _storable(digest))
    return await _begin(call, repository, request.param("digest-algorithm") or CANONICAL)


async def append(call: Call) -> Response:
    """``PATCH`` of a session: the next chunk, or a stream (end-5, R32)."""
    repository = call.repository
    async with aclosing(await _resumed(call, repository)) as upload:
        offset = await _written(call.request, upload)
    return _standing(202, repository, upload.id, offset)


async def finish(call: Call) -> Response:
    """``PUT`` of a session: the last bytes, if any, and the digest of all of them (end-6)."""
    repository = call.repository
    async with aclosing(await _resumed(call, repository)) as upload:
        # A digest that cannot be right is refused before a byte is taken, so that the session
        # stays as it was.
        digest = _storable(call.request.param("digest"))
        await _finished(call.request, upload, digest)
    return _created(repository, digest)


async def status(call: Call) -> Response:
    """``GET`` of a session: how far it has come (end-13)."""
    repository = call.repository
    async with aclosing(await _resumed(call, repository)) as upload:
        return _standing(204, repository, upload.id, upload.offset)


async def cancel(call: Call) -> Response:
    """``DELETE`` of a session: forget it (end-14)."""
    async with aclosing(await _resumed(call, call.repository)) as upload:
        await upload.cancel()
    return Response(204, [("Docker-Upload-UUID", call.place.last)])


async def _resumed(call: Call, repository: Repository) -> Upload:
    return await repository.resume_upload(UploadId(call.place.last))


async def _begin(call: Call, repository: Repository, algorithm: str) -> Response:
    async with aclosing(await repository.start_upload(algorithm=algorithm)) as upload:
        response = _standing(202, repository, upload.id, 0)
    if call.terms.chunk_min_length is not None:
        response.headers.append(("OCI-Chunk-Min-Length", str(call.terms.chunk_min_length)))
    return response


async def _push(request: Request, repository: Repository, digest: Digest) -> Response:
    async with AsyncExitStack() as held:
        upload = await held.enter_async_context(
            aclosing(await repository.start_upload(algorithm=digest.algorithm))
        )
        async with AsyncExitStack() as undo:
            # The client never learns where this session is, so nobody could go on with it.
            undo.push_async_callback(upload.cancel)
            await _finished(request, upload, digest)
            undo.pop_all()
    return _created(repository, digest)


async def _mounted(request: Request, repository: Repository, mount: str) -> bool:
    """Whether the blob could be mounted; what cannot be understood cannot (R34, T13)."""
    source = request.param("from")
    with suppress(DigestInvalid, NameInvalid):
        digest = Digest.parse(mount)
        name = RepositoryName.parse(source) if source is not None else None
        return await repository.mount_blob(digest, name)
    return False


async def _finished(request: Request, upload: Upload, digest: Digest) -> None:
    if request.headers.get(b"content-range") is None:
        await upload.commit(digest, request.body)
        return
    # Only when all is written is it known whether the range was true.
    await _written(request, upload)
    await upload.commit(digest)


async def _written(request: Request, upload: Upload) -> int:
    """Append the body of *request*, where its ``Content-Range`` says if it has one."""
    field = request.headers.get(b"content-range")
    body = request.body
    if field is None:
        return upload.offset if body.length == 0 else await upload.write(body)
    chunk, said = Chunk.parse(field), f"Content-Range {field.strip()[:_LONGEST]}"
    if body.length is not None and body.length != chunk.length:
        raise SizeInvalid(f"{said} with {body.length} bytes")
    offset = await upload.write(body, at=chunk.first)
    if offset != chunk.last + 1:
        raise SizeInvalid(f"{said} with {offset - chunk.first} bytes")
    return offset


def _storable(text: str | None) -> Digest:
    if text is None:
        raise DigestInvalid("the request has no digest parameter")
    digest = Digest.parse(text)
    if not digest.storable:
        raise DigestInvalid(f"no content is kept under {digest.algorithm}")
    return digest


def _standing(status: int, repository: Repository, upload_id: UploadId, offset: int) -> Response:
    fields = [
        ("Location", routes.path(Route.UPLOAD, repository.name, upload_id)),
        ("Range", ranges.received(offset)),
        ("Docker-Upload-UUID", upload_id),
    ]
    if status != 204:
        fields.append(headers.NO_BODY)
    return Response(status, fields)


def _created(repository: Repository, digest: Digest) -> Response:
    text = str(digest)
    return Response(
        201,
        [
            headers.NO_BODY,
            ("Location", routes.path(Route.BLOB, repository.name, text)),
            ("Docker-Content-Digest", text),
        ],
    )
