"""What all that speaks with one registry shares: the way there, and what was learned about it."""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from weakref import WeakValueDictionary

from lading.client.asking.exchange import Answer, Exchange
from lading.client.asking.retry import Retry
from lading.content.steps import Listener
from lading.errors import (
    BlobUnknown,
    DigestInvalid,
    LadingError,
    ManifestUnknown,
    NameUnknown,
    RegistryError,
    RequestInvalid,
    Unsupported,
    UploadUnknown,
)
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName
from lading.wire.challenges import Scope

_MOST_REMEMBERED = 1024
PIECES = (64 << 20, 16 << 20, 4 << 20, 1 << 20, 512 << 10)
"""The lengths in bytes that are tried in turn where a proxy takes no more in one request."""


class Patience(NamedTuple):
    """How often something is taken up again that broke off in the middle."""

    retry: Retry = Retry()
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random

    async def pause(self, failures: int) -> bool:
        """Wait before the next try; ``False`` when there have been too many *failures*."""
        seconds = self.retry.wait(max(failures, 1), None, self.random())
        if seconds is None:
            return False
        await self.sleep(seconds)
        return True


class Learned:
    """What was found out about a registry, and need not be found out again.

    Attributes:
        referrers: whether it has the referrers API; ``None`` while nobody knows.
        tag_parameter: whether it takes several tags with one manifest (R43).
        page_size: the most entries that may be asked of a list.
        piece: the most bytes of an upload that get through in one request.
        removal: whether repositories can be deleted, by our own extension.
        spares: whether an upload may be begun by asking for a mount from anywhere.
    """

    def __init__(self) -> None:
        self.referrers: bool | None = None
        self.tag_parameter: bool | None = None
        self.page_size: int | None = None
        self.piece: int | None = None
        self.removal: bool | None = None
        self.spares = True
        self._links: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._places: OrderedDict[str, None] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def goes_on(self, listed: str, last: str, url: str) -> None:
        """Remember that the list *listed* goes on at *url* after its entry *last*."""
        self._links[listed, last] = url
        if len(self._links) > _MOST_REMEMBERED:
            self._links.popitem(last=False)

    def continuation(self, listed: str, last: str) -> str | None:
        """Where the list goes on, if its page that ended with *last* said so."""
        return self._links.get((listed, last))

    def was_at(self, place: str) -> None:
        """Remember that the registry itself named *place* for an upload."""
        self._places[place] = None
        if len(self._places) > _MOST_REMEMBERED:
            self._places.popitem(last=False)

    def named(self, place: str) -> bool:
        """Whether the registry itself named *place* for an upload."""
        return place in self._places

    def lock(self, key: str) -> asyncio.Lock:
        """What keeps two tasks from changing *key* at the same time."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock

    def shrink(self, least: int, tried: int | None) -> bool:
        """Send pieces that are smaller than *tried* from now on, but not smaller than *least*.

        ``False`` when there are none.
        """
        smaller = [each for each in PIECES if tried is None or each < tried]
        if not smaller or smaller[0] < least:
            return False
        self.piece = smaller[0]
        return True


class Remote(NamedTuple):
    """One registry as all its repositories use it.

    ``chunk_size`` is how many bytes of an upload go into one request, if somebody wants pieces.
    """

    exchange: Exchange
    chunk_size: int | None
    patience: Patience
    listener: Listener
    learned: Learned

    @contextmanager
    def named(self) -> Iterator[None]:
        """Name the registry in what is found wrong with its answers here."""
        try:
            yield
        except LadingError as error:
            error.where = error.where or self.exchange.host.name
            raise


def pulling(name: RepositoryName) -> tuple[Scope, ...]:
    """What it takes to read."""
    return (Scope("repository", name, ("pull",)),)


def pushing(name: RepositoryName) -> tuple[Scope, ...]:
    """What it takes to write."""
    return (Scope("repository", name, ("pull", "push")),)


def deleting(name: RepositoryName) -> tuple[Scope, ...]:
    """What it takes to delete; some registries hear of it only beside the others (T41)."""
    return (Scope("repository", name, ("pull", "push", "delete")),)


@contextmanager
def missing(kind: type[RegistryError], subject: object) -> Iterator[None]:
    """Raise *kind* for whatever a registry says is not there: HEAD has no body that says what."""
    try:
        yield
    except (NameUnknown, BlobUnknown, ManifestUnknown, UploadUnknown) as error:
        if isinstance(error, kind):
            raise
        found = kind(subject)
        found.where = error.where
        raise found from error


@contextmanager
def refusing(subject: str) -> Iterator[None]:
    """Name what a registry does not do: it may say so by 400 as well as by 405 (R57 to R59)."""
    try:
        yield
    except (Unsupported, RequestInvalid) as error:
        refusal = Unsupported(subject)
        refusal.where = error.where
        raise refusal from error


def told_digest(answer: Answer) -> Digest | None:
    """The digest that an answer carries; ``None`` for none, or one that cannot be read."""
    said = answer.headers.get(b"docker-content-digest")
    if said is None:
        return None
    try:
        return Digest.parse(said.strip())
    except DigestInvalid:
        return None


def check_digest(answer: Answer, expected: Digest) -> bool:
    """Whether *answer* names *expected*; it may name the content by another algorithm (R16).

    Raises:
        DigestInvalid: it names other content.
    """
    said = told_digest(answer)
    if said is not None and said.algorithm == expected.algorithm and said != expected:
        raise DigestInvalid(f"{expected} was meant, and {answer.asked} answers with {said}")
    return said == expected
