"""Who failed how often, in memory that all workers share; it is made before the fork.

Nobody waits for anybody: of two who fail at the very same moment, one may not be counted.
"""

import hashlib
import mmap
import secrets
from dataclasses import dataclass

_WAYS = 8
"""How many places there are for one key; what failed longest ago gives way."""
_CELL = 8
_CELLS = 4
"""Of one place: the mark of the key, and then what a `Trouble` says."""


@dataclass(slots=True)
class Trouble:
    """How often somebody failed, and when last; ``next`` is when the next try may be made."""

    failures: int = 0
    last: float = 0.0
    next: float = 0.0


class Failures:
    """The trouble of about *most* keys, words that strangers may choose."""

    def __init__(self, most: int) -> None:
        # Nobody can choose words that push out those of somebody else.
        self._secret = secrets.token_bytes(32)
        self._sets = max(1, most // _WAYS)
        shared = memoryview(mmap.mmap(-1, self._sets * _WAYS * _CELLS * _CELL))
        self._marks: memoryview[int] = shared.cast("Q")
        self._numbers: memoryview[float] = shared.cast("d")

    def get(self, *words: str) -> Trouble | None:
        """What is known of *words*."""
        mark, places = self._places(words)
        for place in places:
            if self._marks[place] == mark:
                failures, last, next_ = self._numbers[place + 1 : place + _CELLS]
                return Trouble(int(failures), last, next_)
        return None

    def put(self, trouble: Trouble, *words: str) -> None:
        """Remember the *trouble* of *words*."""
        mark, places = self._places(words)
        # Places are taken in their order: an empty one is behind all that are.
        found = next((place for place in places if self._marks[place] in {mark, 0}), None)
        if found is None:
            found = min(places, key=lambda place: self._numbers[place + 2])
        self._numbers[found + 1] = trouble.failures
        self._numbers[found + 2] = trouble.last
        self._numbers[found + 3] = trouble.next
        self._marks[found] = mark

    def _places(self, words: tuple[str, ...]) -> tuple[int, range]:
        said = "\0".join(words).encode("utf-8", "surrogatepass")
        mark = int.from_bytes(hashlib.blake2b(said, key=self._secret, digest_size=8).digest())
        first = mark % self._sets * _WAYS * _CELLS
        # An empty place has the mark 0.
        return mark or 1, range(first, first + _WAYS * _CELLS, _CELLS)
