"""Hosts: where the registry that a name means is to be found, and what may be asked where.

Values only; `lading.client.hosts.rules` makes them of what is configured.
"""

from enum import Enum
from typing import NamedTuple, Self

from lading.client.connections.origin import Origin
from lading.client.connections.transport import Connection


class Capability(Enum):
    """What an endpoint may be asked for (the words are those of containerd's hosts.toml)."""

    PULL = "pull"
    """Content by its digest, and lists."""
    RESOLVE = "resolve"
    """What a tag names."""
    PUSH = "push"
    """Every change."""


EVERYTHING = frozenset(Capability)
"""What a registry itself may be asked for."""

READING = frozenset({Capability.PULL, Capability.RESOLVE})
"""What a mirror may be asked for that is allowed all of reading."""


class Endpoint(NamedTuple):
    """One place where a registry, or a mirror of it, is served.

    Attributes:
        origin: who is connected to.
        prefix: what stands in place of ``/v2`` in front of every path there.
        capabilities: what may be asked there.
        connection: how it is connected to.
        headers: sent along with each request to this origin, and to no other.
        known_as: the host under which logins for it are kept, such as ``docker.io``.
        renamed: names that begin with the first, in whole components, begin with the second
            there; empty for all names and for nothing.
        namespace: if not empty, what the parameter ``ns`` tells a mirror of several registries.
        plain: the same place without encryption; to be tried, and kept to, when encryption
            cannot be had at ``origin`` and the configuration allows it (``insecure``).
    """

    origin: Origin
    prefix: str = "/v2"
    capabilities: frozenset[Capability] = EVERYTHING
    connection: Connection = Connection()
    headers: tuple[tuple[str, str], ...] = ()
    known_as: str = ""
    renamed: tuple[str, str] = ("", "")
    namespace: str = ""
    plain: Origin | None = None

    def name(self, repository: str) -> str:
        """What *repository* is called there, in paths, scopes and ``from=``."""
        before, after = self.renamed
        if before == after:
            return repository
        if not before:
            return f"{after}/{repository}"
        if repository != before and not repository.startswith(f"{before}/"):
            return repository
        return (after + repository[len(before) :]).removeprefix("/")

    def path(self, path: str) -> str:
        """What has to be asked there for *path*, which begins with ``/v2/``."""
        rest = path.removeprefix("/v2/")
        # What begins with an underscore, such as the catalog, is of the registry, not of a name.
        if rest and not rest.startswith("_"):
            rest = self.name(rest)
        return f"{self.prefix}/{rest}"


class Host(NamedTuple):
    """A registry by the name that people use for it, perhaps for some of its repositories only.

    ``endpoints`` are in the order in which they are asked: mirrors first, the registry itself
    last. What one does not have, or fails to give, is asked of the next that may be asked for it.
    """

    name: str
    endpoints: tuple[Endpoint, ...]

    @classmethod
    def at(cls, url: str, **settings: object) -> Self:
        """The registry at the origin of *url*, which is also its name; *settings* of `Endpoint`.

        Raises:
            ReferenceInvalid: it is no URL of HTTP.
        """
        origin = Origin.parse(url)
        known = {"origin": origin, "known_as": origin.netloc} | settings
        return cls(origin.netloc, (Endpoint(**known),))  # type: ignore[arg-type]  # passed on

    def able(self, capability: Capability) -> tuple[Endpoint, ...]:
        """Those that may be asked for *capability*, in order."""
        return tuple(each for each in self.endpoints if capability in each.capabilities)
