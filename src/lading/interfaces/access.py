"""Who is asking, what for, and whether they may.

Finding out who asks may wait for a network and is async; whether they may is a pure function.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple, Protocol

from lading.errors import Unauthorized
from lading.oci.names import RepositoryName


class Action(Enum):
    """What somebody wants to do with a repository, in the words of token scopes."""

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"


class Access(NamedTuple):
    """One right: *action* on the thing *name* of a *kind*, in the words of token scopes.

    Kinds are ``repository``, with the actions of `Action`, and ``registry``, whose ``catalog`` is
    listed by the action ``*``.
    """

    kind: str
    name: str
    action: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{self.action}"


CATALOG = Access("registry", "catalog", "*")
"""The right to list the repositories of a registry."""


class Principal(NamedTuple):
    """Somebody who asks. ``name`` is empty for somebody who did not say who they are.

    ``rights`` are those that came with what they showed; ``None`` when that says nothing of rights,
    which are the policy's to decide then. ``classes`` are repositories and kinds of content, such
    as ``image``, where those rights say for which they are.
    """

    name: str = ""
    rights: frozenset[Access] | None = None
    classes: frozenset[tuple[str, str]] = frozenset()

    def __str__(self) -> str:
        return self.name or "anonymous"


ANONYMOUS = Principal()
"""Somebody who did not say who they are."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller showed to prove who they are: the scheme in lower case, and the rest."""

    scheme: str
    value: str = field(repr=False)


class Occasion(NamedTuple):
    """On whose behalf something happens, and what the face knew of the request.

    The domain stores it with every change and never looks inside ``facts``.
    """

    principal: Principal = ANONYMOUS
    facts: Mapping[str, str] = MappingProxyType({})


class Authenticator(Protocol):
    """Finds out who is asking."""

    async def authenticate(
        self, credentials: Credentials | None, *, wanted: Sequence[Access], peer: str
    ) -> Principal:
        """Who showed these credentials, at the address *peer*, to do all that is *wanted*.

        Raises:
            Unauthorized: they prove nothing, or not enough, or nothing was shown where something
                must be.
            TooManyRequests: too many wrong ones came before.
        """
        ...

    def challenge(self, refused: Unauthorized, *, base: str) -> str:
        """What a caller who was *refused* is asked to show (RFC 9110, 11.6.1).

        *base* is the URL of the registry as the caller knows it.
        """
        ...


class Policy(Protocol):
    """Decides who may do what."""

    def allows(
        self, principal: Principal, action: Action, repository: RepositoryName | None
    ) -> bool:
        """Whether *principal* may do *action*; without a repository, to the registry as a whole.

        On the registry as a whole, ``PULL`` is to list its repositories.
        """
        ...
