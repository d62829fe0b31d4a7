"""Content digests: the names that content gives itself.

A digest is parsed once, at the edge, and trusted afterwards: code that holds a `Digest` never
checks its grammar again. Nothing here reads files or sockets.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

from lading.errors import DigestInvalid

_GRAMMAR = re.compile(r"([a-z0-9]+(?:[+._-][a-z0-9]+)*):([a-zA-Z0-9=_-]+)", re.ASCII)
_REGISTERED = {
    "sha256": re.compile(r"[a-f0-9]{64}", re.ASCII),
    "sha384": re.compile(r"[a-f0-9]{96}", re.ASCII),
    "sha512": re.compile(r"[a-f0-9]{128}", re.ASCII),
    "blake3": re.compile(r"[a-f0-9]{64}", re.ASCII),
}
_LONGEST = 512
_REMEMBERED = 1024
"""Digests that are remembered: whoever pushes or pulls names the same ones over and over."""

_HASHES: dict[str, Callable[..., Any]] = {
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
}

ALGORITHMS = tuple(_HASHES)
"""The algorithms under which content can be stored and checked here."""

CANONICAL = "sha256"
"""The algorithm that is used when nobody names one."""


@dataclass(frozen=True, slots=True)
class Digest:
    """An algorithm and the value it gave for some content (image-spec, Digests).

    Anything the grammar allows can be read, since descriptors may carry algorithms that are not
    ours; `storable` says whether content can be kept and checked under it here.
    """

    algorithm: str
    value: str

    @staticmethod
    def parse(text: str) -> "Digest":
        """Read ``algorithm:value``.

        Raises:
            DigestInvalid: the text is not a digest, or not one of its algorithm.
        """
        return _parsed(text)

    @classmethod
    def of(cls, content: bytes | memoryview, algorithm: str = CANONICAL) -> Self:
        """The digest of *content*.

        Raises:
            DigestInvalid: the algorithm is not one of `ALGORITHMS`.
        """
        hasher = Hasher(algorithm)
        hasher.update(content)
        return cls(algorithm, hasher.value())

    @property
    def storable(self) -> bool:
        """Whether content can be kept and checked under this digest."""
        return self.algorithm in _HASHES

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


@lru_cache(_REMEMBERED)
def _parsed(text: str) -> Digest:
    parts = _GRAMMAR.fullmatch(text) if len(text) <= _LONGEST else None
    if parts is None:
        raise DigestInvalid(text[:_LONGEST])
    algorithm, value = parts.groups()
    registered = _REGISTERED.get(algorithm)
    if registered is not None and registered.fullmatch(value) is None:
        raise DigestInvalid(text)
    return Digest(algorithm, value)


class Hasher:
    """A digest in the making.

    ``update`` lets go of the interpreter lock for blocks above 2 KiB.

    Raises:
        DigestInvalid: the algorithm is not one of `ALGORITHMS`.
    """

    __slots__ = ("_hash", "algorithm", "update")

    def __init__(self, algorithm: str = CANONICAL) -> None:
        make = _HASHES.get(algorithm)
        if make is None:
            raise DigestInvalid(algorithm)
        self.algorithm = algorithm
        self._hash = make()
        self.update: Callable[[bytes | memoryview], None] = self._hash.update

    def value(self) -> str:
        """The hexadecimal value of all that was seen so far."""
        return str(self._hash.hexdigest())

    def digest(self) -> Digest:
        """The digest of all that was seen so far."""
        return Digest(self.algorithm, self.value())
