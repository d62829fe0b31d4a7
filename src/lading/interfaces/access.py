"""Who is asking, what for, and whether they may.

Finding out who asks may wait for a network and is async; whether they may is a pure function.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from lading.oci.names import RepositoryName


class Action(Enum):
    """What somebody wants to do with a repository, in the words of token scopes."""

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks. ``name`` is empty for somebody who did not say who they are."""

    name: str = ""

    def __str__(self) -> str:
        return self.name or "anonymous"


ANONYMOUS = Principal()
"""Somebody who did not say who they are."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller showed to prove who they are: the scheme in lower case, and the rest."""

    scheme: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Occasion:
    """On whose behalf something happens, and what the face knew of the request.

    The domain stores it with every change and never looks inside ``facts``.
    """

    principal: Principal = ANONYMOUS
    facts: Mapping[str, str] = field(default_factory=dict)


class Authenticator(Protocol):
    """Finds out who is asking."""

    async def authenticate(self, credentials: Credentials | None) -> Principal:
        """Who showed these credentials.

        Raises:
            Unauthorized: they prove nothing, or nothing was shown where something must be.
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
