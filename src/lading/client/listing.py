"""Lists a page at a time: tags and repositories.

Where a list goes on is the registry's word, its ``Link``, and followed only to the registry
itself. Where it says nothing that can be followed, ``last`` is what every registry understands.
"""

import json
from typing import NamedTuple

from lading.client.asking.exchange import Answer, Call
from lading.client.connections.origin import Origin, resolved
from lading.client.remote import Learned, Remote
from lading.errors import (
    ReferenceInvalid,
    RequestInvalid,
    Unsupported,
    UpstreamFailed,
)
from lading.interfaces.repository import Page
from lading.wire import headers
from lading.wire.challenges import Scope

_SMALLER = (1000, 100)
"""The page sizes that are tried where more are refused (ECR refuses more than 1000)."""


class Further(NamedTuple):
    """Whether a list goes on, and the URL where it does, if that is one to be followed."""

    more: bool
    url: str | None = None

    @classmethod
    def after(cls, answer: Answer) -> "Further":
        """What the ``Link`` fields of *answer* say."""
        for value in answer.headers.all(b"link"):
            target = headers.link_target(value)
            if target is None:
                continue
            try:
                url = resolved(answer.asked, target)
            except ReferenceInvalid:
                return cls(more=True)
            # Elsewhere nobody vouches for the list, and our credentials must not go.
            same = Origin.parse(url) == Origin.parse(answer.asked)
            return cls(more=True, url=url if same else None)
        return cls(more=False)


async def listed(
    remote: Remote,
    path: str,
    key: str,
    scopes: tuple[Scope, ...],
    *,
    after: str | None,
    limit: int,
) -> Page[str]:
    """Up to *limit* entries of the list at *path*, which are under *key*, after *after*.

    Raises:
        RegistryError: the registry has no such list.
        UpstreamFailed: what it gave is no list.
    """
    learned = remote.learned
    url = learned.continuation(path, after) if after is not None else None
    if url is not None:
        answer = await remote.exchange.send(Call(method="GET", url=url, scopes=scopes))
    else:
        answer = await _asked(remote, path, scopes, after, limit)
    further = Further.after(answer)
    items = _entries(await answer.read(), key, answer.asked)
    if after is not None and after in items:
        # The parameter was not understood, and the list begins again from its beginning.
        items = items[items.index(after) + 1 :]
    if len(items) > limit:
        return Page(items[:limit], more=True)
    if items and further.url is not None:
        learned.goes_on(path, items[-1], further.url)
    return Page(items, more=further.more and bool(items))


async def _asked(
    remote: Remote, path: str, scopes: tuple[Scope, ...], after: str | None, limit: int
) -> Answer:
    learned = remote.learned
    while True:
        size = _size(learned, limit)
        query = [("n", str(size))]
        if after is not None:
            query.append(("last", after))
        try:
            return await remote.exchange.send(
                Call(method="GET", path=path, query=query, scopes=scopes)
            )
        except (RequestInvalid, Unsupported):
            smaller = [each for each in _SMALLER if each < size]
            if not smaller:
                raise
            learned.page_size = smaller[0]


def _size(learned: Learned, limit: int) -> int:
    return limit if learned.page_size is None else min(limit, learned.page_size)


def _entries(body: bytes, key: str, url: str) -> list[str]:
    try:
        found = json.loads(body)[key]
    except (ValueError, KeyError, TypeError, RecursionError):
        found = False
    # Some write an empty list as null.
    items = [] if found is None else found
    if not isinstance(items, list) or not all(isinstance(each, str) for each in items):
        raise UpstreamFailed(f"{url} answers with no list of {key}", status=200)
    return items
