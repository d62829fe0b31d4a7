"""The file ``index.json``: what a layout lists, and under which names (image-spec, Image Layout).

An entry carries its tag as ``org.opencontainers.image.ref.name``; podman writes a full name
there, and docker, containerd and BuildKit write one beside it. What nobody here knows is kept.
Nothing here reads files.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Self

from lading.errors import DigestInvalid, LayoutInvalid, ManifestUnknown, ReferenceInvalid
from lading.oci import media_types
from lading.oci.descriptor import Descriptor, encoded
from lading.oci.digest import Digest
from lading.oci.locator import Locator, split_host
from lading.oci.names import TAG_GRAMMAR, Tag

TAG = "org.opencontainers.image.ref.name"
"""The annotation that holds the tag, or a full name."""

FULL_NAME = "io.containerd.image.name"
"""The annotation that holds the full name, for docker and containerd."""

_PLAIN = frozenset({"mediaType", "digest", "size"})


class Name(NamedTuple):
    """A tag that an entry has, and of which image, if that is said."""

    tag: Tag
    image: str | None = None


class Entry:
    """One line of the index: its JSON as it came, and what it means."""

    def __init__(self, found: Mapping[str, Any], digest: Digest) -> None:
        self.found = found
        self.digest = digest

    @classmethod
    def parse(cls, found: object, where: str) -> Self:
        """Read an entry.

        Raises:
            LayoutInvalid: it is no descriptor.
        """
        if not isinstance(found, dict) or not isinstance(found.get("digest"), str):
            raise LayoutInvalid(f"{where} is no descriptor")
        for key, kind in (("mediaType", str), ("annotations", dict)):
            if not isinstance(found.get(key), kind | None):
                raise LayoutInvalid(f"{where} has an invalid {key}")
        try:
            return cls(found, Digest.parse(found["digest"]))
        except DigestInvalid as error:
            raise LayoutInvalid(f"{where}: {error}") from None

    @classmethod
    def of(cls, descriptor: Descriptor, name: Name | None = None) -> Self:
        """The entry that lists *descriptor* under *name*."""
        found = descriptor.as_json()
        if name is not None:
            found["annotations"] = _annotations(name)
        return cls(found, descriptor.digest)

    @property
    def media_type(self) -> str | None:
        """What the entry says that it is."""
        return self.found.get("mediaType") or None

    @property
    def _notes(self) -> Mapping[str, Any]:
        return self.found.get("annotations") or {}

    @cached_property
    def names(self) -> tuple[Name, ...]:
        """The names by which the entry can be asked for."""
        full = _full(self._notes.get(FULL_NAME))
        own = self._notes.get(TAG)
        if isinstance(own, str) and TAG_GRAMMAR.fullmatch(own):
            image = full.image if full is not None and full.tag == own else None
            found: Name | None = Name(Tag(own), image)
        else:
            found = _full(own)
        return tuple(dict.fromkeys(each for each in (found, full) if each is not None))

    def tagged(self, tag: Tag) -> bool:
        """Whether *tag* itself, and no full name, is what every reader finds."""
        return self._notes.get(TAG) == tag

    @property
    def plain(self) -> bool:
        """Whether it says nothing but that its content is here."""
        return not self.found.keys() - _PLAIN

    def named(self, name: Name) -> "Entry":
        """The same, also under *name*."""
        return Entry(
            {**self.found, "annotations": {**self._notes, **_annotations(name)}}, self.digest
        )

    def without(self, tag: Tag) -> "Entry":
        """The same without the name *tag*."""
        kept = dict(self._notes)
        for key in (TAG, FULL_NAME):
            full = _full(kept.get(key))
            if kept.get(key) == tag or (full is not None and full.tag == tag):
                del kept[key]
        found = {key: value for key, value in self.found.items() if key != "annotations"}
        return Entry(found | ({"annotations": kept} if kept else {}), self.digest)


class Index:
    """What a layout lists; *image* narrows its tags to those of one image, and to nameless ones.

    A value: every change gives another one.
    """

    def __init__(
        self, document: Mapping[str, Any], entries: Sequence[Entry], image: str | None = None
    ) -> None:
        self._document = document
        self.entries = tuple(entries)
        self._image = image

    @classmethod
    def parse(cls, data: bytes, where: str, image: str | None = None) -> Self:
        """Read ``index.json``.

        Raises:
            LayoutInvalid: it is no image index.
        """
        found = parsed(data, where)
        listed = found.get("manifests") if isinstance(found, dict) else ""
        if not isinstance(found, dict) or not isinstance(listed, list | None):
            raise LayoutInvalid(f"{where} is no image index")
        entries = [
            Entry.parse(each, f"{where}: manifests[{position}]")
            for position, each in enumerate(listed or ())
        ]
        return cls(found, entries, image)

    @classmethod
    def empty(cls, image: str | None = None) -> Self:
        """An index of nothing."""
        return cls({"schemaVersion": 2, "mediaType": media_types.OCI_INDEX}, (), image)

    def as_bytes(self) -> bytes:
        """The file, with all that was in it and is not listed here."""
        listed = [each.found for each in self.entries]
        return encoded({**self._document, "manifests": listed})

    def holding(self, entries: Iterable[Entry]) -> "Index":
        """The same with other *entries*."""
        return Index(self._document, tuple(entries), self._image)

    def names(self, entry: Entry) -> Sequence[Name]:
        """The names of *entry*, as far as they are of the image that is meant."""
        wanted = self._image
        return [each for each in entry.names if wanted is None or each.image in (None, wanted)]

    def tags(self) -> Sequence[Tag]:
        """All tags, in byte order."""
        return sorted({name.tag for entry in self.entries for name in self.names(entry)})

    def known_as(self) -> Sequence[str]:
        """The names of all images, each as it can be asked for: in full if more than its tag."""
        found = {name for entry in self.entries for name in entry.names}
        return sorted(f"{image}:{tag}" if image else str(tag) for tag, image in found)

    def find(self, tag: Tag) -> Entry:
        """What *tag* names.

        Of several with the same name, the last one counts, as for other readers.

        Raises:
            ManifestUnknown: nothing; or there are several images that have it.
        """
        found = [
            (name, entry) for entry in self.entries for name in self.names(entry) if name.tag == tag
        ]
        bare = [(name, entry) for name, entry in found if name.image is None]
        meant = bare or found
        if not meant:
            raise ManifestUnknown(tag)
        if len({entry.digest for _, entry in meant}) > 1:
            images = sorted({name.image for name, _ in meant if name.image is not None})
            if len(images) > 1:
                unclear = ManifestUnknown(f"{tag} is ambiguous: {', '.join(images)}")
                unclear.advice = "Say which image is meant by its full name or by its digest."
                raise unclear
        return meant[-1][1]

    def naming(self, descriptor: Descriptor, tags: Sequence[Tag]) -> "Index":
        """The same, where each of *tags* names *descriptor*, and nothing else."""
        index = self
        for tag in tags:
            index = index._naming(descriptor, Name(tag, self._image))
        return index

    def _naming(self, descriptor: Descriptor, name: Name) -> "Index":
        kept: list[Entry] = []
        done = False
        for entry in self.entries:
            # Full names of images that nobody spoke of stay theirs.
            has = (
                entry.tagged(name.tag)
                if self._image is None
                else any(each.tag == name.tag for each in self.names(entry))
            )
            if has and entry.digest == descriptor.digest and not done:
                kept.append(entry)
                done = True
            elif not has:
                kept.append(entry)
            elif not (shorn := entry.without(name.tag)).plain:
                kept.append(shorn)
        # A place in the list that has no name yet is taken, with all that it says.
        for position, entry in enumerate(kept):
            if not done and entry.digest == descriptor.digest and not entry.names:
                kept[position] = entry.named(name)
                done = True
        if not done:
            kept.append(Entry.of(descriptor, name))
        return self.holding(kept)

    def without_tag(self, tag: Tag) -> "Index":
        """The same without the name *tag*.

        Raises:
            ManifestUnknown: there is no such name, or there are several images that have it.
        """
        gone = self.find(tag).digest
        kept = []
        for entry in self.entries:
            if entry.digest == gone and any(each.tag == tag for each in self.names(entry)):
                entry = entry.without(tag)  # noqa: PLW2901 - the same entry, shorn
                if entry.plain:
                    continue
            kept.append(entry)
        return self.holding(kept)

    def in_order(self) -> "Index":
        """The same, its entries in an order that does not depend on who came first."""
        return self.holding(sorted(self.entries, key=_order))


def parsed(data: bytes, where: str) -> Any:
    """Read JSON.

    Raises:
        LayoutInvalid: it is none.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise LayoutInvalid(f"{where} is not JSON: {str(error)[:100]}") from None


def full_image(text: str) -> str:
    """The full name of an image, ``host/path``, of what docker takes for one.

    Raises:
        ReferenceInvalid: it is none.
    """
    return "/".join(split_host(text))


def _full(text: object) -> Name | None:
    """What a full name such as ``host/path:tag`` says."""
    if not isinstance(text, str) or ("/" not in text and ":" not in text):
        return None
    try:
        found = Locator.parse(text)
    except ReferenceInvalid:
        return None
    return Name(found.tag, f"{found.host}/{found.repository}") if found.tag else None


def _annotations(name: Name) -> dict[str, str]:
    full = {} if name.image is None else {FULL_NAME: f"{name.image}:{name.tag}"}
    return {TAG: str(name.tag), **full}


def _order(entry: Entry) -> tuple[bool, list[tuple[str, str]], str]:
    names = sorted((each.image or "", str(each.tag)) for each in entry.names)
    return (not names, names, str(entry.digest))
