"""The config of an image: what it is for, how it was made and how it is run.

The bytes are what is kept (the digest of a config is the id of its image); what they mean is read
beside them, as far as anybody here needs it. ``null`` is as good as absent, and keys that are not
known are passed over.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from lading.errors import DigestInvalid, ManifestInvalid
from lading.oci.digest import Digest
from lading.oci.platform import Platform

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class History:
    """One step of how an image was made; most made a layer (image-spec, Image Configuration)."""

    created: str = ""
    author: str = ""
    created_by: str = ""
    comment: str = ""
    empty_layer: bool = False


@dataclass(frozen=True, slots=True)
class Execution:
    """How a container of the image is run, unless its user says otherwise (``config``).

    ``exposed_ports`` and ``volumes`` are the keys of what the document has as objects.
    """

    user: str = ""
    exposed_ports: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    working_dir: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = ""


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The config of an image.

    ``body`` are its exact bytes; ``created`` is as it was written (RFC 3339); ``diff_ids`` are
    the digests of the uncompressed layers, the lowest first.
    """

    body: bytes
    platform: Platform
    created: str = ""
    author: str = ""
    diff_ids: tuple[Digest, ...] = ()
    history: tuple[History, ...] = ()
    execution: Execution = field(default_factory=Execution)

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read a config document.

        Raises:
            ManifestInvalid: it is no JSON object, or something in it is of another type than the
                image spec says.
        """
        found = _Reader(_parsed(body), "the config")
        return cls(
            body,
            found.platform(),
            found.text("created"),
            found.text("author"),
            tuple(_diff_id(each) for each in found.inner("rootfs").texts("diff_ids")),
            tuple(_history(each) for each in found.objects("history")),
            _execution(found.inner("config")),
        )

    @property
    def digest(self) -> Digest:
        """The digest of the bytes, which is the id of the image."""
        return Digest.of(self.body)


class _Reader:
    """One object of the document, whose fields are read by their type."""

    def __init__(self, found: Mapping[str, Any], where: str) -> None:
        self._found = found
        self._where = where

    def text(self, key: str) -> str:
        return self._typed(key, str, "a string") or ""

    def truth(self, key: str) -> bool:
        return self._typed(key, bool, "true or false") or False

    def texts(self, key: str) -> tuple[str, ...]:
        return self._all_texts(key, self._typed(key, list, "a list") or ())

    def keys(self, key: str) -> tuple[str, ...]:
        return tuple(self._typed(key, dict, "an object") or ())

    def labels(self, key: str) -> Mapping[str, str]:
        found = self._typed(key, dict, "an object") or {}
        self._all_texts(key, found.values())
        return found

    def inner(self, key: str) -> "_Reader":
        return _Reader(self._typed(key, dict, "an object") or {}, key)

    def objects(self, key: str) -> "list[_Reader]":
        found = self._typed(key, list, "a list") or []
        if not all(isinstance(each, dict) for each in found):
            raise ManifestInvalid(f"{key} of {self._where} is not a list of objects")
        return [_Reader(each, key) for each in found]

    def platform(self) -> Platform:
        return Platform(
            self.text("os"),
            self.text("architecture"),
            self.text("variant"),
            self.text("os.version"),
            self.texts("os.features"),
        )

    def _typed(self, key: str, kind: type[Kind], called: str) -> Kind | None:
        value = self._found.get(key)
        if value is not None and not isinstance(value, kind):
            raise ManifestInvalid(f"{key} of {self._where} is not {called}")
        return value

    def _all_texts(self, key: str, values: Any) -> tuple[str, ...]:
        if not all(isinstance(each, str) for each in values):
            raise ManifestInvalid(f"{key} of {self._where} has something in it that is no string")
        return tuple(values)


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise ManifestInvalid("the config is not a JSON object")
    return document


def _diff_id(text: str) -> Digest:
    try:
        return Digest.parse(text)
    except DigestInvalid as error:
        raise ManifestInvalid(f"diff_ids of rootfs: {error}") from None


def _history(found: _Reader) -> History:
    return History(
        found.text("created"),
        found.text("author"),
        found.text("created_by"),
        found.text("comment"),
        found.truth("empty_layer"),
    )


def _execution(found: _Reader) -> Execution:
    return Execution(
        found.text("User"),
        found.keys("ExposedPorts"),
        found.texts("Env"),
        found.texts("Entrypoint"),
        found.texts("Cmd"),
        found.keys("Volumes"),
        found.text("WorkingDir"),
        found.labels("Labels"),
        found.text("StopSignal"),
    )
