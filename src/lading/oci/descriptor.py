"""Descriptors: what some content is, how long it is and what it is called."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, overload

from lading.oci.digest import Digest
from lading.oci.platform import Platform

_KNOWN = frozenset(
    {"mediaType", "digest", "size", "artifactType", "annotations", "urls", "platform", "data"}
)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Type, digest and size of some content (image-spec, OCI Content Descriptors).

    ``platform`` is what an image in an index is for, ``urls`` where a non-distributable layer is
    to be had, ``data`` the content itself in base64; ``rest`` are fields that nobody here knows,
    kept as they came.
    """

    media_type: str
    digest: Digest
    size: int
    artifact_type: str | None = None
    annotations: Mapping[str, str] | None = None
    platform: Platform | None = None
    urls: tuple[str, ...] = ()
    data: str | None = None
    rest: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """The descriptor as a JSON object of the image spec."""
        found: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.artifact_type is not None:
            found["artifactType"] = self.artifact_type
        if self.annotations:
            found["annotations"] = dict(self.annotations)
        if self.platform is not None:
            found["platform"] = self.platform.as_json()
        if self.urls:
            found["urls"] = list(self.urls)
        if self.data is not None:
            found["data"] = self.data
        return found | dict(self.rest or {})

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """Read what `as_json` wrote, or a descriptor that was checked before."""
        return cls(
            found["mediaType"],
            Digest.parse(found["digest"]),
            found["size"],
            found.get("artifactType"),
            found.get("annotations"),
            Platform.from_json(found["platform"]) if found.get("platform") else None,
            tuple(found.get("urls") or ()),
            found.get("data"),
            {key: found[key] for key in found.keys() - _KNOWN} or None,
        )


class Descriptors(Sequence[Descriptor]):
    """A list of descriptors, kept as the JSON it is stored and sent as.

    A page of referrers may hold ten thousand; nobody between the store and the socket looks at
    them one by one, so they are read only when somebody does.
    """

    __slots__ = ("_encoded",)

    def __init__(self, encoded: Sequence[bytes]) -> None:
        self._encoded = encoded

    @classmethod
    def of(cls, descriptors: Iterable[Descriptor]) -> Self:
        """The list of *descriptors*."""
        return cls([encoded(each.as_json()) for each in descriptors])

    def as_json(self) -> bytes:
        """The whole list as a JSON array."""
        return b"[" + b",".join(self._encoded) + b"]"

    def __len__(self) -> int:
        return len(self._encoded)

    @overload
    def __getitem__(self, index: int) -> Descriptor: ...
    @overload
    def __getitem__(self, index: slice) -> "Descriptors": ...
    def __getitem__(self, index: int | slice) -> "Descriptor | Descriptors":
        if isinstance(index, slice):
            return Descriptors(self._encoded[index])
        return Descriptor.from_json(json.loads(self._encoded[index]))

    def __iter__(self) -> Iterator[Descriptor]:
        for each in self._encoded:
            yield Descriptor.from_json(json.loads(each))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # a sequence that compares by content


def encoded(document: object) -> bytes:
    """*document* as compact JSON in UTF-8."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
