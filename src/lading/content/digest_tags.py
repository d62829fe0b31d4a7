"""Tags that stand for digests: how content was referred to before referrers, and by some still.

``sha256-<hex>`` is an index of referrers, for registries that keep none themselves
(distribution-spec, Referrers Tag Schema); with ``.sig``, ``.att`` or ``.sbom`` behind it is
cosign's tag for what it made about an image (trap T42).
"""

import re

from lading.errors import ManifestUnknown, NameUnknown, RegistryError
from lading.interfaces.repository import Repository
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.names import Tag

_SUFFIXES = (".sig", ".att", ".sbom")
_PAGE = 1000
_FALLBACK = re.compile(r"(?:sha256-[a-f0-9]{64}|sha(?:384|512)-[a-f0-9]{64})", re.ASCII)
_OUTSIDE = re.compile(r"[^a-zA-Z0-9._-]", re.ASCII)


def fallback_tag(digest: Digest) -> Tag:
    """The tag under which the referrers of *digest* are listed where there is no API (R56)."""
    algorithm = _OUTSIDE.sub("-", digest.algorithm[:32])
    return Tag(f"{algorithm}-{_OUTSIDE.sub('-', digest.value[:64])}")


def cosign_tags(digest: Digest) -> tuple[Tag, ...]:
    """The tags under which cosign keeps what it made about *digest*."""
    return tuple(Tag(fallback_tag(digest) + suffix) for suffix in _SUFFIXES)


def is_fallback(tag: Tag) -> bool:
    """Whether *tag* looks like a list of referrers."""
    return _FALLBACK.fullmatch(tag) is not None


class DigestTags:
    """Which of these tags a repository has.

    Where one page holds all tags it is asked once, else for every tag that could be.
    """

    def __init__(self, source: Repository) -> None:
        self._source = source
        self._asked = False
        self._all: frozenset[str] | None = None

    async def find(self, tag: Tag) -> Descriptor | None:
        """What *tag* names, or ``None``."""
        if not self._asked:
            # Several may ask at first. The answer is the same.
            self._all = await self._listed()
            self._asked = True
        if self._all is not None and tag not in self._all:
            return None
        try:
            return await self._source.resolve(tag)
        except (ManifestUnknown, NameUnknown):
            return None

    async def _listed(self) -> frozenset[str] | None:
        try:
            page = await self._source.tags(limit=_PAGE)
        except RegistryError:
            return None  # some may pull and not list
        return None if page.more else frozenset(page.items)
