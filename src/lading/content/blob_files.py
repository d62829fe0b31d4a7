"""Single blobs: from a file into a repository, and out of one into a file."""

import os
from collections.abc import Callable
from typing import BinaryIO

from lading.bodies import BLOCK, FileSource, Inbound
from lading.content.steps import Event, Listener, Step, silent
from lading.content.threads import in_thread, still_wanted, wanted
from lading.content.verify import opened
from lading.errors import BlobUnknown, DigestInvalid
from lading.interfaces.repository import ContentSource, ContentTarget, Repository, Spared
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import CANONICAL, Digest, Hasher


async def put_file(
    target: Repository,
    file: BinaryIO,
    *,
    media_type: str = media_types.OCTETS,
    expected: Digest | None = None,
    listener: Listener = silent,
) -> Descriptor:
    """Push what is in *file*, a regular one, unless it is there already; say what it is.

    Raises:
        DigestInvalid: it is not what was *expected*.
    """
    algorithm = expected.algorithm if expected else CANONICAL
    size = os.fstat(file.fileno()).st_size
    digest = await in_thread(_digest_of, file.fileno(), algorithm)
    if expected is not None and expected != digest:
        raise DigestInvalid(f"{expected} was named, {digest} is that of the file")
    descriptor = Descriptor(media_type, digest, size)
    try:
        await target.stat_blob(digest)
    except BlobUnknown:
        listener(Step(Event.STARTED, descriptor))
        listener(await _push(target, descriptor, file))
    else:
        listener(Step(Event.EXISTS, descriptor))
    return descriptor


async def _push(target: ContentTarget, descriptor: Descriptor, file: BinaryIO) -> Step:
    """Push it, and say how that went."""
    upload = await target.start_upload(algorithm=descriptor.digest.algorithm, expected=descriptor)
    body = FileSource(os.dup(file.fileno()), [(0, descriptor.size)])
    try:
        await upload.write(body, at=0)
        await upload.commit(descriptor.digest)
        if isinstance(upload, Spared) and upload.mounted:
            return Step(Event.MOUNTED, descriptor)
        return Step(Event.DONE, descriptor, moved=descriptor.size)
    except Exception:
        # Who is cancelled does not ask a registry first: what was begun there ends by itself.
        await upload.cancel()
        raise
    finally:
        await body.aclose()
        await upload.aclose()


async def get_blob(
    source: ContentSource, digest: Digest, file: BinaryIO, *, listener: Listener = silent
) -> Descriptor:
    """Write a blob to *file*, and say what it is; all of it only if it is what it is called.

    Raises:
        BlobUnknown: there is none.
        DigestInvalid: it is something else. Its last bytes were not written.
    """
    body = await opened(source, digest)
    descriptor = Descriptor(media_types.OCTETS, digest, body.length or 0)
    listener(Step(Event.STARTED, descriptor))
    try:
        moved = await pour(
            body, file, lambda moved: listener(Step(Event.BYTES, descriptor, moved=moved))
        )
    finally:
        await body.aclose()
    listener(Step(Event.DONE, descriptor, moved=moved))
    return descriptor


async def pour(
    body: Inbound, file: BinaryIO, listener: Callable[[int], None] = lambda _moved: None
) -> int:
    """Write all of *body* to *file*; *listener* hears how many bytes have been written by now."""
    moved = 0
    while await body.ready():
        moved += await in_thread(_written, body, file)
        listener(moved)
    return moved


def _written(body: Inbound, file: BinaryIO) -> int:
    return sum(file.write(block) for block in wanted(body.blocks()))


def _digest_of(file: int, algorithm: str) -> Digest:
    hasher = Hasher(algorithm)
    buffer = memoryview(bytearray(BLOCK))
    at = 0
    while read := os.preadv(file, [buffer], at):
        still_wanted()
        hasher.update(buffer[:read])
        at += read
    return hasher.digest()
