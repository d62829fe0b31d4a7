"""Names of repositories, tags and what a tag or digest may refer to.

Names are parsed once, at the edge. They are strings, compare byte by byte, and are never
percent-encoded (distribution-spec, Pulling Manifests).
"""

import re
from functools import lru_cache
from typing import Self

from lading.errors import NameInvalid, TagInvalid
from lading.oci.digest import Digest

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"

NAME_GRAMMAR = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
"""What a repository may be called (distribution-spec, Pulling Manifests)."""

TAG_GRAMMAR = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", re.ASCII)
"""What a tag may look like (distribution-spec, Pulling Manifests)."""

NAME_LIMIT = 255
"""The longest repository name, in characters."""

TAG_LIMIT = 128
"""The longest tag, in characters."""

_REMEMBERED = 1024
"""Names that are remembered to be names: a push says that of its repository many times over."""


class RepositoryName(str):
    """The name of a repository, such as ``team/app``."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name.

        Raises:
            NameInvalid: the grammar does not allow it, or it is too long.
        """
        _check_name(text)
        return cls(text)


@lru_cache(_REMEMBERED)
def _check_name(text: str) -> None:
    # The length comes first: it bounds what the expression has to look at.
    if len(text) > NAME_LIMIT or NAME_GRAMMAR.fullmatch(text) is None:
        raise NameInvalid(text[: NAME_LIMIT + 1])


class Tag(str):
    """A name for a manifest within a repository, such as ``v1``."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a tag.

        Raises:
            TagInvalid: the grammar does not allow it.
        """
        if len(text) > TAG_LIMIT or TAG_GRAMMAR.fullmatch(text) is None:
            raise TagInvalid(text[: TAG_LIMIT + 1])
        return cls(text)


Reference = Tag | Digest
"""What a manifest is asked for by."""


def parse_reference(text: str) -> Reference:
    """Read a tag or a digest. A tag has no colon, so whatever has one must be a digest.

    Raises:
        DigestInvalid: there is a colon, and it is not a digest.
        TagInvalid: there is no colon, and it is not a tag.
    """
    return Digest.parse(text) if ":" in text else Tag.parse(text)
