"""What was found out once and need not be found out again for a while."""

import hashlib
import secrets
from collections.abc import Hashable
from typing import Generic, TypeVar

Known = TypeVar("Known", bound=Hashable)
Value = TypeVar("Value")


class Remembered(Generic[Known, Value]):
    """At most *most* values; those that were not asked for the longest go first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[Known, Value] = {}

    def get(self, key: Known) -> Value | None:
        """What is known of *key*."""
        value = self._values.pop(key, None)
        if value is not None:
            self._values[key] = value
        return value

    def put(self, key: Known, value: Value) -> None:
        """Remember *value*."""
        self._values.pop(key, None)
        if len(self._values) >= self._most:
            del self._values[next(iter(self._values))]
        self._values[key] = value

    def clear(self) -> None:
        """Know nothing any more."""
        self._values.clear()

    def __len__(self) -> int:
        return len(self._values)


class Marks:
    """Short names for secrets, which nobody outside of this process can make or read."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def of(self, secret: str) -> bytes:
        """The mark of *secret*."""
        return hashlib.blake2b(
            secret.encode("utf-8", "surrogatepass"), key=self._key, digest_size=32
        ).digest()
