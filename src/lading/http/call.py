"""What an endpoint is given: the request, where it leads, and the registry as its caller sees it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from lading.interfaces.access import Occasion, Principal
from lading.interfaces.repository import Registry, Repository
from lading.oci.descriptor import Descriptor
from lading.oci.names import RepositoryName, Tag
from lading.wire import challenges
from lading.wire.message import Request, Response
from lading.wire.routes import Place

_LONGEST_FACT = 256


async def at_once() -> None:
    """Ready without having to look."""


Pulled = Callable[[Request, Descriptor, Tag | None], None]
"""Takes note that something was fetched or looked at, by a tag or without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On which terms a face serves.

    Args:
        manifest_limit: the longest manifest it takes, in bytes (R42).
        tag_limit: the most tags that one push may name (R43).
        chunk_min_length: the shortest chunk it asks clients for, in bytes (R28).
        most_repositories: how many a list of repositories has at most.
        most_tags: how many a list of tags has at most.
        strict_lists: refuse to list more repositories than that instead of listing fewer, a hundred
            if no number is named, and list all tags to whoever names none.
        strict_sources: ask for the right to pull what ``from`` names in every request, and not only
            in those that mount it.
        asked: the URL of what was asked, as those know it who are sent elsewhere for a token.
        fields: what is added to every answer of the API.
        ready: raises the error that keeps the registry from serving, if there is one.
        pulled: takes note of what was fetched or looked at, by a tag or without; if anybody does.
    """

    manifest_limit: int = 4 << 20
    tag_limit: int = 100
    chunk_min_length: int | None = None
    most_repositories: int = 1000
    most_tags: int = 1000
    strict_lists: bool = False
    strict_sources: bool = False
    asked: Callable[[Request], str] = attrgetter("base")
    fields: Sequence[tuple[str, str]] = ()
    ready: Callable[[], Awaitable[None]] = at_once
    pulled: Pulled | None = None


USUAL = Terms()
"""The terms of a face that is told no others."""


@dataclass(slots=True)
class Call:
    """One request on its way to an endpoint."""

    request: Request
    registry: Registry
    place: Place
    terms: Terms

    @property
    def repository(self) -> Repository:
        """The repository that the path names.

        Raises:
            NameInvalid: its name is not allowed.
        """
        return self.registry.repository(RepositoryName.parse(self.place.name))


def occasion_of(request: Request, principal: Principal) -> Occasion:
    """That *principal* asks, and what else is known of *request*."""
    facts = {
        "address": request.client or request.peer,
        "host": _fact(request, b"host"),
        "method": request.method,
        "agent": _fact(request, b"user-agent"),
        "request": request.id,
        "base": request.base,
    }
    if not principal.name and (claimed := _claimed(request)):
        facts["claimed"] = claimed
    return Occasion(principal, facts)


def _claimed(request: Request) -> str:
    """The name that was sent along although nobody asked for it, and that nobody has checked."""
    scheme, value = challenges.shown(request.headers.get(b"authorization")) or ("", "")
    found = challenges.name_and_password(value) if scheme == "basic" else None
    return found[0][:_LONGEST_FACT] if found else ""


def _fact(request: Request, field: bytes) -> str:
    # It is kept for long, and a client may make it as long as the head.
    return (request.headers.get(field) or "")[:_LONGEST_FACT]


Endpoint = Callable[[Call], Awaitable[Response]]
"""What answers one method of one route: it parses, makes one call and formats."""
