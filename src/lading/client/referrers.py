"""What refers to a manifest: by the API, and by the tags that stand in for it (R50 to R56).

Older clients, and clients of older registries, list referrers in an index under a tag made of the
subject's digest. What stands there is merged with what the API says. Where there is no API, that
index is kept here: entries are added to what is there, and read back, since another client may
have written at the same time.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lading.client import manifests
from lading.client.asking.exchange import Answer, Call
from lading.client.listing import Further
from lading.client.remote import Remote, pulling
from lading.content.digest_tags import fallback_tag
from lading.errors import (
    ManifestInvalid,
    ManifestUnknown,
    RegistryError,
    RequestInvalid,
    Unsupported,
    UpstreamFailed,
)
from lading.interfaces.repository import Page
from lading.oci import media_types
from lading.oci.descriptor import Descriptor, encoded
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import RepositoryName, Tag
from lading.wire import headers, routes
from lading.wire.message import Fields
from lading.wire.routes import Route

_LIMIT = 16 << 20
"""The longest page of referrers that is read, in bytes."""

_MOST_PAGES = 1000
"""How many pages without a match are gone through for one that has."""


async def listed(
    remote: Remote,
    name: RepositoryName,
    subject: Digest,
    artifact_type: str | None,
    after: Digest | None,
) -> Page[Descriptor]:
    """Manifests about *subject*, a page at a time; see `ContentIndex.referrers`."""
    page = None
    if remote.learned.referrers is not False:
        page = await _by_api(remote, name, subject, artifact_type, after)
    if page is not None and page.more:
        return page
    noted = [
        each
        for each in await _by_tag(remote, name, subject)
        if artifact_type is None or each.artifact_type == artifact_type
    ]
    places = [each.digest for each in noted]
    if after in places:
        return Page(noted[places.index(after) + 1 :])
    if page is None:
        return Page(noted)
    known = {each.digest for each in page.items}
    return Page([*page.items, *(each for each in noted if each.digest not in known)])


async def has_api(remote: Remote, name: RepositoryName, subject: Digest) -> bool:
    """Whether the registry lists referrers by itself."""
    learned = remote.learned
    if learned.referrers is None:
        await _by_api(remote, name, subject, None, None)
    return bool(learned.referrers)


async def added(remote: Remote, name: RepositoryName, about: Manifest, answer: Answer) -> None:
    """Make sure that *about* is found by its subject, after *answer* said that it was put (R55).

    Raises:
        UpstreamFailed: others kept overwriting the list.
        ManifestInvalid: the tag of the list names something else.
    """
    subject = about.subject
    if subject is None:
        return
    if answer.headers.get(b"oci-subject") is not None:
        remote.learned.referrers = True
        return
    if not await has_api(remote, name, subject):
        await _change(remote, name, subject, add=about.as_referrer)


async def removed(remote: Remote, name: RepositoryName, about: Manifest) -> None:
    """Take *about*, which was deleted, out of the list of its subject."""
    subject = about.subject
    if subject is not None and not await has_api(remote, name, subject):
        await _change(remote, name, subject, remove=about.digest)


async def _by_api(
    remote: Remote,
    name: RepositoryName,
    subject: Digest,
    artifact_type: str | None,
    after: Digest | None,
) -> Page[Descriptor] | None:
    """A page as the registry gives it; ``None`` if it has no such API."""
    learned = remote.learned
    path = routes.path(Route.REFERRERS, name, str(subject))
    listed = f"{path} {artifact_type or ''}"
    url = learned.continuation(listed, str(after)) if after is not None else None
    query: Fields = [] if artifact_type is None else [("artifactType", artifact_type)]
    if after is not None:
        query.append(("last", str(after)))
    for _ in range(_MOST_PAGES):
        asked = {"url": url} if url is not None else {"path": path, "query": query}
        answer = await _answered(remote, name, asked)
        if answer is None:
            return None
        items, further = await _read(answer), Further.after(answer)
        digests = [each.digest for each in items]
        if after in digests:
            items = items[digests.index(after) + 1 :]
        # To filter is an offer that not every registry makes (R52).
        found = [each for each in items if artifact_type in (None, each.artifact_type)]
        if found and further.url is not None:
            learned.goes_on(listed, str(found[-1].digest), further.url)
        if found or further.url is None:
            return Page(found, more=further.more and bool(found))
        url = further.url
    raise UpstreamFailed(f"{path} goes on for ever and lists nothing")


async def _answered(
    remote: Remote, name: RepositoryName, asked: Mapping[str, Any]
) -> Answer | None:
    """An answer of the API, or ``None``: what has no such API answers all kinds of things."""
    call = Call(method="GET", **asked, scopes=pulling(name), expect=frozenset({200, 404}))
    try:
        answer = await remote.exchange.send(call)
    except UpstreamFailed as error:
        # A page for people, given with 200 for whatever is asked.
        if error.status != 200:
            raise
        return None
    except (Unsupported, RequestInvalid):
        remote.learned.referrers = False
        return None
    if answer.status == 404:
        # The registry may have the API and only not the repository (trap T43).
        if b"NAME_UNKNOWN" not in await answer.read(_LIMIT):
            remote.learned.referrers = False
        return None
    # Anything may answer 200; the type is what tells (trap T39).
    remote.learned.referrers = headers.media_type(answer.headers) == media_types.OCI_INDEX
    if not remote.learned.referrers:
        await answer.aclose()
        return None
    return answer


async def _read(answer: Answer) -> list[Descriptor]:
    try:
        found = json.loads(await answer.read(_LIMIT))["manifests"] or ()
        return [Descriptor.from_json(each) for each in found]
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        RegistryError,
    ) as error:
        raise UpstreamFailed(f"{answer.asked} is not a list of referrers", status=200) from error


async def _by_tag(remote: Remote, name: RepositoryName, subject: Digest) -> Sequence[Descriptor]:
    """What the index under the tag lists; nothing if there is none."""
    try:
        found = await manifests.get(remote, name, fallback_tag(subject))
    except (ManifestUnknown, ManifestInvalid):
        return ()
    # Some registries take the tag for the digest, and give the subject itself (trap T44).
    if not found.is_index or found.digest == subject:
        return ()
    entries = {each.digest: each for each in reversed(found.manifests)}
    return [
        entry
        for digest in reversed(entries)
        if (entry := await _completed(remote, name, entries[digest])) is not None
    ]


async def _completed(remote: Remote, name: RepositoryName, entry: Descriptor) -> Descriptor | None:
    """*entry* with what some writers leave out (trap T42); ``None`` if it is of nothing."""
    if entry.artifact_type is not None:
        return entry
    try:
        return (await manifests.get(remote, name, entry.digest)).as_referrer
    except ManifestUnknown:
        return None
    except ManifestInvalid:
        return entry


async def _change(
    remote: Remote,
    name: RepositoryName,
    subject: Digest,
    *,
    add: Descriptor | None = None,
    remove: Digest | None = None,
) -> None:
    tag = fallback_tag(subject)
    failures = 0
    async with remote.learned.lock(f"{name}:{tag}"):
        while True:
            before = await _document(remote, name, subject)
            entries = before.get("manifests") or []
            present = {each.get("digest") for each in entries}
            if (add is None or str(add.digest) in present) and str(remove) not in present:
                return
            # The read-back is the next round: an entry that somebody overwrote is added again.
            if failures and not await remote.patience.pause(failures):
                raise UpstreamFailed(f"others keep overwriting the referrers under {name}:{tag}")
            failures += 1
            kept = [each for each in entries if each.get("digest") != str(remove)]
            if add is not None and str(add.digest) not in present:
                kept.append(add.as_json())
            await _written(remote, name, tag, before | {"manifests": kept})


async def _document(remote: Remote, name: RepositoryName, subject: Digest) -> dict[str, Any]:
    tag = fallback_tag(subject)
    try:
        found = await manifests.get(remote, name, tag)
    except ManifestUnknown:
        return {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": []}
    if not found.is_index or found.digest == subject:
        taken = ManifestInvalid(f"{name}:{tag} should list referrers, and is something else")
        taken.advice = (
            "This registry lists referrers by that tag only, and something else was given it, as "
            "`cosign copy` does: remove the tag with `lading untag` if nothing needs it."
        )
        raise taken
    return dict(found.document)


async def _written(
    remote: Remote, name: RepositoryName, tag: Tag, document: dict[str, Any]
) -> None:
    body = encoded(document)
    index = Manifest.verified(body, document.get("mediaType") or media_types.OCI_INDEX)
    await manifests.put(remote, name, index, [tag])
