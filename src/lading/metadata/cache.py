"""What a process remembers of the database, within bounds.

Answers that name things, and only until anybody writes; manifests, immutable bytes by the row that
holds them, for as long as there is room, since rows of manifests are never rewritten or used again.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from lading.metadata.connection import Connection, Row
from lading.oci.descriptor import Descriptor

ANSWERS = 8_192
"""How many answers a process remembers; each has two names and a few numbers."""

LASTING = 1.0
"""Seconds after which is asked again: a program that is not ours may have written as well."""

LIMIT = 16 << 20
"""How many bytes of manifests a process remembers, about."""

_OVERHEAD = 1024


class AnswerCache:
    """First rows that were given since anybody wrote: the same question has the same answer.

    *written* is as `lading.metadata.connection.Database.written`, *clock* counts seconds. It is for
    answers that are short.
    """

    def __init__(
        self,
        written: Callable[[], int | None],
        *,
        limit: int = ANSWERS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._written = written
        self._limit = limit
        self._clock = clock
        self._as_of: int | None = None
        self._until = 0.0
        self._kept: dict[tuple[str, tuple[str, ...]], Row] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def row(self, connection: Connection, statement: str, values: tuple[str, ...]) -> Row | None:
        """As `Connection.row`."""
        written = self._written()
        if written is None:
            return connection.row(statement, values)
        if written != self._as_of or self._clock() >= self._until:
            self._kept.clear()
            self._as_of = written
            self._until = self._clock() + LASTING
        question = (statement, values)
        found = self._kept.get(question)
        if found is None:
            found = connection.row(statement, values)
            # If somebody wrote meanwhile, the number is another one when this would be used.
            if found is not None:
                if len(self._kept) >= self._limit:
                    self._kept.clear()
                self._kept[question] = found
        return found


class Remembered(NamedTuple):
    """The bytes of a manifest, and what they are.

    Not a `Manifest`, which may hold its parsed document as well.
    """

    body: bytes
    descriptor: Descriptor


class ManifestCache:
    """Manifests that were read lately, up to *limit* bytes."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[int, Remembered] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, row: int) -> Remembered | None:
        """The manifest of that row, if it is remembered."""
        found = self._kept.get(row)
        if found is not None:
            self._kept.move_to_end(row)
        return found

    def put(self, row: int, manifest: Remembered) -> None:
        """Remember *manifest*, and forget what was not asked for longest."""
        if row in self._kept:
            return
        self._kept[row] = manifest
        self._size += len(manifest.body) + _OVERHEAD
        while self._size > self._limit:
            _, oldest = self._kept.popitem(last=False)
            self._size -= len(oldest.body) + _OVERHEAD


class Memory:
    """Both together, as one store has them."""

    def __init__(self, written: Callable[[], int | None]) -> None:
        self.answers = AnswerCache(written)
        self.manifests = ManifestCache()
