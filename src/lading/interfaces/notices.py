"""Telling others what happened: the notice, who takes it, and who counts.

A `Notice` is what one endpoint is told at a time, in the words that clients of registries know:
somebody pulled, pushed, mounted or deleted something. How it is written is a sink's affair.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from lading.interfaces.access import Occasion
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName, Tag


class Deed(StrEnum):
    """What was done."""

    PULL = "pull"
    PUSH = "push"
    MOUNT = "mount"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing that happened.

    The ``id`` is the same each time the same thing is told. ``media_type`` and ``size`` are empty
    and 0 where they are not known any more. Without a ``digest`` it is about a ``tag``, and without
    both about the whole repository. ``source`` is where something was mounted from, ``references``
    what a manifest names, if that is told.
    """

    id: str
    at: datetime
    deed: Deed
    repository: RepositoryName
    occasion: Occasion
    digest: Digest | None = None
    media_type: str = ""
    size: int = 0
    tag: Tag | None = None
    source: RepositoryName | None = None
    references: tuple[Descriptor, ...] = ()


class Sink(Protocol):
    """Somebody who is told."""

    async def tell(self, notice: Notice) -> int:
        """Hand over *notice*; return the status of HTTP with which it was taken.

        Raises:
            UpstreamFailed: it was not, or nobody knows; ``status`` is that of an answer.
        """
        ...


class Meter(Protocol):
    """Counts what is told; for metrics. Called on the event loop, and returns at once."""

    def told(self, endpoint: str, status: int) -> None:
        """An attempt ended with *status*, 0 if there was no answer."""
        ...

    def queued(self, endpoint: str, number: int) -> None:
        """*number* more notices are to be told."""
        ...

    def lost(self, endpoint: str, number: int) -> None:
        """*number* notices will not be told: too old, or too many for what is told best effort."""
        ...

    def pending(self, endpoint: str, number: int) -> None:
        """*number* changes wait to be told."""
        ...


class NoMeter:
    """Counts nothing."""

    def told(self, endpoint: str, status: int) -> None:
        """Nothing."""

    def queued(self, endpoint: str, number: int) -> None:
        """Nothing."""

    def lost(self, endpoint: str, number: int) -> None:
        """Nothing."""

    def pending(self, endpoint: str, number: int) -> None:
        """Nothing."""
