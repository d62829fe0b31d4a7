"""Manifests of a registry: resolved, read and put, and never taken on trust."""

import asyncio
from collections.abc import Sequence

from lading.bodies import Bytes
from lading.client.asking.exchange import Answer, Call
from lading.client.remote import (
    Remote,
    check_digest,
    deleting,
    missing,
    pulling,
    pushing,
    refusing,
    told_digest,
)
from lading.errors import (
    DigestInvalid,
    ManifestTooLarge,
    ManifestUnknown,
    RequestInvalid,
    TooManyTags,
    Unsupported,
)
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import CANONICAL, Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Reference, RepositoryName, Tag
from lading.wire import headers, ranges, routes
from lading.wire.routes import Route

_READ = (
    media_types.OCI_INDEX,
    media_types.OCI_MANIFEST,
    media_types.DOCKER_LIST,
    media_types.DOCKER_MANIFEST,
    "application/vnd.oci.artifact.manifest.v1+json",
)
ACCEPT = ("Accept", ", ".join(_READ))
"""What is read here; registries hide what is not listed."""

LIMIT = 16 << 20
"""The longest manifest that is read, in bytes. The spec asks for four mebibytes (R42)."""

_BRIEF = 64 * 1024
_TAGS_AT_ONCE = 10
"""How many tags every registry takes with one manifest that takes any (R43)."""


async def resolve(remote: Remote, name: RepositoryName, reference: Reference) -> Descriptor:
    """What *reference* names; read and hashed where the headers do not tell (trap T40).

    Raises:
        ManifestUnknown: nothing.
        DigestInvalid: the registry has other content under that digest.
    """
    call = Call(
        method="HEAD",
        path=routes.path(Route.MANIFEST, name, str(reference)),
        headers=[ACCEPT],
        scopes=pulling(name),
    )
    try:
        with missing(ManifestUnknown, reference):
            answer = await remote.exchange.send(call)
    except (Unsupported, RequestInvalid):
        return (await get(remote, name, reference)).descriptor
    await answer.aclose()
    digest = told_digest(answer)
    if isinstance(reference, Digest):
        with remote.named():
            check_digest(answer, reference)
        digest = reference
    size = ranges.number(answer.headers.get(b"content-length") or "")
    media_type = _media_type(answer)
    if digest is None or size is None or media_type is None:
        return (await get(remote, name, reference)).descriptor
    return Descriptor(media_type, digest, size)


async def get(remote: Remote, name: RepositoryName, reference: Reference) -> Manifest:
    """The manifest that *reference* names, under the digest that the registry has it by.

    Raises:
        ManifestUnknown: there is none.
        DigestInvalid: it is other content than the digest says.
        ManifestInvalid: it is no manifest that can be trusted.
        ManifestTooLarge: it has more than `LIMIT` bytes.
    """
    call = Call(
        method="GET",
        path=routes.path(Route.MANIFEST, name, str(reference)),
        headers=[ACCEPT],
        scopes=pulling(name),
    )
    with missing(ManifestUnknown, reference), remote.named():
        answer = await remote.exchange.send(call)
        return await _read(answer, reference)


async def _read(answer: Answer, reference: Reference) -> Manifest:
    """The manifest in *answer*, which is closed then."""
    try:
        size = answer.body.source.length
        if size is not None and size > LIMIT:
            raise ManifestTooLarge(f"{reference} has {size} bytes, at most {LIMIT} are read")
        expected = told_digest(answer)
        if isinstance(reference, Digest):
            check_digest(answer, reference)
            expected = reference
        body = await answer.read(LIMIT)
    finally:
        await answer.aclose()
    if expected is not None and not expected.storable:
        if isinstance(reference, Digest):
            raise DigestInvalid(reference)
        expected = None
    if len(body) <= _BRIEF:
        return Manifest.verified(body, _media_type(answer), expected)
    return await asyncio.to_thread(Manifest.verified, body, _media_type(answer), expected)


async def put(
    remote: Remote, name: RepositoryName, manifest: Manifest, tags: Sequence[Tag]
) -> Answer:
    """Store *manifest* and let *tags* name it; the last answer, closed, tells what became of it.

    Raises:
        ManifestBlobUnknown: what it names is not there.
        DigestInvalid: the registry says that it got something else.
        Unsupported: the registry cannot let a tag name a digest of that algorithm.
    """
    canonical = manifest.digest.algorithm == CANONICAL
    named = list(dict.fromkeys(tags))
    if not named:
        return await _put(remote, name, manifest, manifest.digest, ())
    if canonical and (len(named) == 1 or remote.learned.tag_parameter is False):
        return await _each(remote, name, manifest, named)
    answer = await _put(remote, name, manifest, manifest.digest, named[:_TAGS_AT_ONCE])
    while True:
        taken = set(headers.split(answer.headers.all(b"oci-tag")))
        remote.learned.tag_parameter = bool(taken)
        left = [tag for tag in named if tag not in taken]
        if not left:
            return answer
        if not taken or len(left) == len(named):
            break
        named = left
        answer = await _put(remote, name, manifest, manifest.digest, named[:_TAGS_AT_ONCE])
    if not canonical:
        refusal = Unsupported(f"{left[0]} cannot name {manifest.digest} in this registry")
        refusal.advice = "Push the manifest by its sha256 digest; every registry can tag that."
        raise refusal
    return await _each(remote, name, manifest, left)


async def _each(
    remote: Remote, name: RepositoryName, manifest: Manifest, tags: Sequence[Tag]
) -> Answer:
    """Push it by every tag: how registries tag that know only the first version of the spec."""
    for tag in tags:
        answer = await _put(remote, name, manifest, tag, ())
    return answer


async def _put(
    remote: Remote,
    name: RepositoryName,
    manifest: Manifest,
    reference: Reference,
    tags: Sequence[Tag],
) -> Answer:
    call = Call(
        method="PUT",
        path=routes.path(Route.MANIFEST, name, str(reference)),
        query=[("tag", tag) for tag in tags],
        headers=[("Content-Type", manifest.media_type)],
        body=Bytes(manifest.body),
        scopes=pushing(name),
        expect=frozenset({201}),
    )
    try:
        answer = await remote.exchange.send(call)
    except TooManyTags:
        if not tags:
            raise
        return await _put(remote, name, manifest, reference, ())
    await answer.aclose()
    check_digest(answer, manifest.digest)
    if told_digest(answer) is None:
        found = await resolve(remote, name, reference)
        if found.digest.algorithm == manifest.digest.algorithm and found.digest != manifest.digest:
            raise DigestInvalid(f"{manifest.digest} was put, and {reference} is {found.digest}")
    return answer


async def delete(remote: Remote, name: RepositoryName, reference: Reference) -> None:
    """End a tag, or a manifest with all its tags; a tag never takes anything with it (R57).

    Raises:
        ManifestUnknown: there is none.
        Unsupported: the registry does not delete that.
    """
    call = Call(
        method="DELETE",
        path=routes.path(Route.MANIFEST, name, str(reference)),
        scopes=deleting(name),
        expect=frozenset({200, 202, 204}),
    )
    what = "manifests" if isinstance(reference, Digest) else "tags"
    with missing(ManifestUnknown, reference), refusing(f"this registry does not delete {what}"):
        await (await remote.exchange.send(call)).aclose()


def _media_type(answer: Answer) -> str | None:
    """The type that an answer names, unless it is one that says nothing about manifests."""
    found = headers.media_type(answer.headers)
    if found is None or not found.endswith("+json"):
        return None
    return found
