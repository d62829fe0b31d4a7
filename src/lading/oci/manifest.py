"""Manifests: exact bytes first, meaning second.

A digest is of bytes, so the bytes are what is kept and served; what they mean is read beside them.
`Manifest.verified` is the one way in for bytes that somebody sent, and refuses every document that
two readers could understand differently (CVE-2021-41190): duplicate keys, keys that differ from
known ones only in case, manifests that are also indexes.
"""

import base64
import binascii
import json
import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple, NoReturn, Self

from lading.errors import DigestInvalid, ManifestInvalid
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import CANONICAL, Digest

_ACCEPTED = re.compile(r"application/[A-Za-z0-9!#$&^_.+-]+\+json", re.ASCII)


def _folded(*keys: str) -> Mapping[str, str]:
    """Known keys by what a reader that ignores case takes them for."""
    return {key.casefold(): key for key in keys}


_DOCUMENT_KEYS = _folded(
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "blobs",
    "manifests",
    "subject",
    "annotations",
)
_DESCRIPTOR_KEYS = _folded(
    "mediaType",
    "digest",
    "size",
    "urls",
    "annotations",
    "data",
    "artifactType",
    "platform",
)
_PLATFORM_KEYS = _folded("architecture", "os", "os.version", "os.features", "variant", "features")
_SIZE_LIMIT = 1 << 63
_DEEPEST = 64
_LONGEST_REASON = 500


class Kind(Enum):
    """As what the content at the end of an edge has to be here."""

    BLOB = "blob"
    MANIFEST = "manifest"
    EITHER = "either"
    """An index entry of a type that is not a manifest's: build caches list blobs (trap T34)."""
    ELSEWHERE = "elsewhere"
    """A non-distributable layer: may be here as a blob, but need not (trap T15)."""

    @classmethod
    def of_layer(cls, media_type: str) -> "Kind":
        """What a layer, or another file, of *media_type* has to be."""
        return cls.ELSEWHERE if media_type in media_types.NON_DISTRIBUTABLE else cls.BLOB

    @classmethod
    def of_entry(cls, media_type: str) -> "Kind":
        """What an entry of an index, of *media_type*, has to be."""
        known = media_type in media_types.MANIFESTS or media_type in media_types.INDEXES
        return cls.MANIFEST if known else cls.EITHER


class Edge(NamedTuple):
    """That a manifest names some content; all that is named is kept while the manifest is."""

    digest: Digest
    kind: Kind


class Manifest:
    """A manifest or an index: ``body`` are its exact bytes, ``digest`` the name it goes by.

    It never changes: what was asked of it once is remembered.
    """

    body: bytes
    media_type: str
    digest: Digest

    def __init__(self, body: bytes, media_type: str, digest: Digest) -> None:
        self.__dict__.update(body=body, media_type=media_type, digest=digest)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a manifest does not change, and neither does its {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a manifest does not change, and keeps its {name}")

    @classmethod
    def verified(cls, body: bytes, media_type: str | None, expected: Digest | None = None) -> Self:
        """Read what somebody sent as *media_type*, under *expected* if they named a digest.

        Without a *media_type* the document has to carry one. The manifest goes by *expected*, so
        that a push by sha512 keeps its name; without one, by its sha256.

        Raises:
            DigestInvalid: *expected* is not the digest of *body*, or cannot be checked here.
            ManifestInvalid: the document is none that can be stored and trusted.
        """
        digest = Digest.of(body, expected.algorithm if expected else CANONICAL)
        if expected is not None and expected != digest:
            raise DigestInvalid(f"{expected} was named, {digest} is that of the body")
        document = _parsed(body)
        manifest = cls(body, _media_type(document, media_type), digest)
        manifest.__dict__["document"] = document
        _check(document, manifest.media_type)
        return manifest

    @classmethod
    def stored(cls, body: bytes, descriptor: Descriptor) -> Self:
        """A manifest as it was stored: its bytes were checked then.

        *descriptor* says its type, digest and size, and nothing else.
        """
        manifest = cls(body, descriptor.media_type, descriptor.digest)
        manifest.__dict__["descriptor"] = descriptor
        return manifest

    @cached_property
    def descriptor(self) -> Descriptor:
        """What it takes to name this manifest."""
        return Descriptor(self.media_type, self.digest, len(self.body))

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The document as it was parsed; read-only by custom."""
        found: Mapping[str, Any] = json.loads(self.body)
        return found

    @property
    def is_index(self) -> bool:
        """Whether it lists manifests, and is not one with a config and layers."""
        return self.document.get("manifests") is not None

    @cached_property
    def config(self) -> Descriptor | None:
        """What the manifest names as its config; ``None`` for an index."""
        found = self.document.get("config")
        return Descriptor.from_json(found) if found is not None else None

    @cached_property
    def layers(self) -> tuple[Descriptor, ...]:
        """The layers, or files, of the manifest, the lowest first; none for an index."""
        return tuple(Descriptor.from_json(each) for each in self.document.get("layers") or ())

    @cached_property
    def manifests(self) -> tuple[Descriptor, ...]:
        """What an index lists, in its order."""
        return tuple(Descriptor.from_json(each) for each in self.document.get("manifests") or ())

    @property
    def edges(self) -> Sequence[Edge]:
        """Everything the manifest names except its subject, each digest once per kind."""
        document = self.document
        found: dict[Edge, None] = {}
        if document.get("config") is not None:
            found[Edge(Digest.parse(document["config"]["digest"]), Kind.BLOB)] = None
        for key in ("layers", "blobs"):
            for each in document.get(key) or ():
                found[Edge(Digest.parse(each["digest"]), Kind.of_layer(each["mediaType"]))] = None
        for each in document.get("manifests") or ():
            found[Edge(Digest.parse(each["digest"]), Kind.of_entry(each["mediaType"]))] = None
        return tuple(found)

    @property
    def subject(self) -> Digest | None:
        """The manifest that this one is about, which need not exist (R40)."""
        subject = self.document.get("subject")
        return Digest.parse(subject["digest"]) if subject is not None else None

    @property
    def artifact_type(self) -> str | None:
        """The manifest's own artifact type, else that of its config (R51)."""
        own = self.document.get("artifactType")
        if own or self.document.get("manifests") is not None:
            return own or None
        config = self.document.get("config")
        return config["mediaType"] if config is not None else None

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotations of the manifest itself."""
        return self.document.get("annotations") or {}

    @property
    def as_referrer(self) -> Descriptor:
        """How the manifest is listed among the referrers of its subject (R51)."""
        return Descriptor(
            self.media_type,
            self.digest,
            len(self.body),
            self.artifact_type,
            self.annotations or None,
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Manifest)
            and (self.body, self.media_type, self.digest)
            == (other.body, other.media_type, other.digest)
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Manifest({self.media_type}, {self.digest}, {len(self.body)} bytes)"


def _invalid(reason: str) -> NoReturn:
    # A key or a type may be as long as the document; what is answered and logged is not.
    raise ManifestInvalid(reason[:_LONGEST_REASON])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object, refusing keys that come twice: readers disagree on which one counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        _invalid(f"key {counts.most_common(1)[0][0]!r} comes twice")
    return found


def _parsed(body: bytes) -> dict[str, Any]:
    if body.startswith(BOM_UTF8):
        _invalid("the document begins with a byte order mark")
    try:
        document = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_integer,
        )
        # A lone surrogate can be written as an escape and in no other way.
        if b"\\u" in body:
            json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeError:
        _invalid("the document is not UTF-8")
    except RecursionError:
        _invalid("the document is nested too deeply")
    except ValueError as error:
        _invalid(f"the document is not JSON: {error}")
    if not isinstance(document, dict):
        _invalid("the document is not a JSON object")
    _check_depth(document)
    return document


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:
        # What the interpreter says is advice for those who program it.
        raise ValueError(f"a number has {len(digits)} digits") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check_depth(document: dict[str, Any]) -> None:
    """Refuse deep nesting outright: other readers give up at depths of their own."""
    level: list[Any] = [document]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    _invalid(f"the document is nested more than {_DEEPEST} levels deep")


def _media_type(document: Mapping[str, Any], said: str | None) -> str:
    inside = document.get("mediaType")
    if inside is not None and not isinstance(inside, str):
        _invalid("mediaType is not a string")
    chosen = _spelled(said, inside) if said else inside
    if not chosen:
        _invalid("no media type is given, neither as Content-Type nor as mediaType")
    if chosen in media_types.DOCKER_SCHEMA_1 or document.get("schemaVersion") == 1:
        _invalid("Docker schema 1 manifests are not stored; push the image with a current client")
    if _ACCEPTED.fullmatch(chosen) is None or not media_types.well_formed(chosen):
        _invalid(f"{chosen} is not the media type of a manifest")
    if inside and inside != chosen:
        _invalid(f"it was sent as {chosen}, but calls itself {inside}")
    return chosen


def _spelled(said: str, inside: str | None) -> str:
    """*said* as the document or the specification writes it, which may be said in capitals."""
    small = said.lower()
    known = small in media_types.MANIFESTS or small in media_types.INDEXES
    return small if small == inside or (not inside and known) else said


def _check(document: Mapping[str, Any], media_type: str) -> None:
    _check_keys(document, _DOCUMENT_KEYS, "the document")
    version = document.get("schemaVersion")
    if version != 2 or isinstance(version, bool) or not isinstance(version, int):
        _invalid("schemaVersion is not 2")
    _check_shape(document, media_type)
    _check_type(document.get("artifactType"), "artifactType")
    _check_annotations(document.get("annotations"), "annotations")
    for key in ("config", "subject"):
        if document.get(key) is not None:
            _check_descriptor(document[key], key)
    for key in ("layers", "blobs", "manifests"):
        entries = document.get(key)
        if not isinstance(entries, list | None):
            _invalid(f"{key} is not a list")
        for position, entry in enumerate(entries or ()):
            _check_descriptor(entry, f"{key}[{position}]")


def _check_shape(document: Mapping[str, Any], media_type: str) -> None:
    lists = document.get("manifests") is not None
    images = document.get("layers") is not None or document.get("config") is not None
    if lists and images:
        _invalid("the document has both manifests and layers or a config")
    if media_type in media_types.INDEXES and not lists:
        _invalid("an index needs a list of manifests")
    if media_type in media_types.MANIFESTS and document.get("config") is None:
        _invalid("an image manifest needs a config")


def _check_keys(found: Mapping[str, Any], known: Mapping[str, str], where: str) -> None:
    """Refuse keys that some readers take for known ones, and others do not.

    Go matches keys without regard to case, by Unicode's folding (the long s is an s to it).
    """
    for key in found:
        meant = known.get(key.casefold())
        if meant is not None and meant != key:
            _invalid(f"{where} has a key {key!r} that differs from {meant!r} only in case")


def _check_descriptor(found: object, where: str) -> None:
    if not isinstance(found, dict):
        _invalid(f"{where} is not a descriptor")
    _check_keys(found, _DESCRIPTOR_KEYS, where)
    media_type, digest, size = found.get("mediaType"), found.get("digest"), found.get("size")
    if not isinstance(media_type, str) or not media_types.tolerable(media_type):
        _invalid(f"{where} has no valid mediaType")
    if not isinstance(digest, str):
        _invalid(f"{where} has no digest")
    try:
        parsed = Digest.parse(digest)
    except DigestInvalid as error:
        raise ManifestInvalid(f"{where}: {error}") from None
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < _SIZE_LIMIT:
        _invalid(f"{where} has no valid size")
    _check_type(found.get("artifactType"), f"{where}.artifactType")
    _check_annotations(found.get("annotations"), f"{where}.annotations")
    _check_list_of_strings(found.get("urls"), f"{where}.urls")
    _check_data(found.get("data"), parsed, size, where)
    platform = found.get("platform")
    if platform is not None:
        if not isinstance(platform, dict):
            _invalid(f"{where}.platform is not an object")
        _check_keys(platform, _PLATFORM_KEYS, f"{where}.platform")


def _check_type(found: object, where: str) -> None:
    # An empty string is how some writers say "none".
    if found not in (None, "") and not (isinstance(found, str) and media_types.tolerable(found)):
        _invalid(f"{where} is not a media type")


def _check_annotations(found: object, where: str) -> None:
    if found is None:
        return
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        _invalid(f"{where} is not an object of strings")


def _check_list_of_strings(found: object, where: str) -> None:
    if found is None:
        return
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        _invalid(f"{where} is not a list of strings")


def _check_data(found: object, digest: Digest, size: int, where: str) -> None:
    """Embedded content has to be the content (image-spec, Embedded Content)."""
    if found is None:
        return
    if not isinstance(found, str):
        _invalid(f"{where}.data is not a string")
    try:
        data = base64.b64decode(found, validate=True)
    except (binascii.Error, ValueError):
        _invalid(f"{where}.data is not base64")
    if len(data) != size or (digest.storable and Digest.of(data, digest.algorithm) != digest):
        _invalid(f"{where}.data is not the content that the descriptor names")
