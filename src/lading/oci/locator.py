"""Locators: where an image is, as people write it: ``host/name:tag@digest``.

Short names mean Docker Hub, as they do to docker: ``alpine`` is
``docker.io/library/alpine:latest``.
"""

import re
from typing import NamedTuple, Self

from lading.errors import DigestInvalid, NameInvalid, ReferenceInvalid, TagInvalid
from lading.oci.digest import Digest
from lading.oci.names import Reference, RepositoryName, Tag

DOCKER_HUB = "docker.io"
"""The registry that is meant when none is named."""

LATEST = Tag("latest")
"""The tag that is meant when neither tag nor digest is named."""

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::([0-9]{{1,5}}))?", re.ASCII)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}", re.ASCII)
_LONGEST = 1024
_LAST_PORT = 65535
_SECRET = re.compile(r".*@(?=[^@]*/)", re.DOTALL)
"""What stands before a host as in a URL, and may hold a password."""


class Locator(NamedTuple):
    """A repository at a host, and perhaps a tag or a digest in it.

    ``host`` has its port, if one was named, and is as it was written; ``docker.io`` stands for
    Docker Hub, whose API is served elsewhere.
    """

    host: str
    repository: RepositoryName
    tag: Tag | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``[host/]name[:tag][@digest]``.

        Raises:
            ReferenceInvalid: it cannot be understood; the subject says why.
        """
        if (secret := _SECRET.match(text)) is not None:
            raise _with_secret(text[secret.end() :])
        if len(text) > _LONGEST:
            raise ReferenceInvalid(f"{text[:80]}… is too long")
        name, at, digest = text.partition("@")
        head, colon, tag = name.rpartition(":")
        # A colon before the last slash belongs to a port.
        if not colon or "/" in tag:
            head, tag = name, ""
        host, path = split_host(head)
        if colon and head != name and not tag:
            raise ReferenceInvalid(f"{text!r} ends its name with a colon, and no tag follows")
        if _IDENTIFIER.fullmatch(head) is not None:
            # A name that looks like the id of an image would mean one thing to docker and
            # another to a registry (distribution/reference).
            raise ReferenceInvalid(f"{text!r} is the id of an image, and names no repository")
        if path != path.lower():
            raise ReferenceInvalid(f"{text!r}: the name of a repository is in lower case")
        try:
            return cls(
                host,
                RepositoryName.parse(path),
                Tag.parse(tag) if tag else None,
                Digest.parse(digest) if at else None,
            )
        except (NameInvalid, TagInvalid, DigestInvalid) as error:
            raise ReferenceInvalid(f"{text!r}: {error}") from None

    @property
    def reference(self) -> Reference:
        """What is asked for: the digest if there is one, else the tag, else ``latest``."""
        return self.digest or self.tag or LATEST

    def at(self, digest: Digest) -> Self:
        """The content *digest* in the same repository."""
        return self._replace(tag=None, digest=digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.host}/{self.repository}{tag}{digest}"


def split_host(text: str) -> tuple[str, str]:
    """The host, with its port, and the path of ``[host/]path``; Docker Hub's if there is none.

    Raises:
        ReferenceInvalid: what must be a host is none.
    """
    if is_short(text):
        host, path = DOCKER_HUB, text
    else:
        host, _, path = text.partition("/")
    if host == f"index.{DOCKER_HUB}":
        host = DOCKER_HUB
    if host == DOCKER_HUB and path and "/" not in path:
        path = f"library/{path}"
    if not _well_formed(host):
        if "@" in host:
            raise _with_secret(host.rpartition("@")[2])
        raise ReferenceInvalid(f"{host!r} is not the name of a host")
    return host, path


def parse_host(text: str) -> str:
    """Read the name of a registry: a host, perhaps with a port.

    Raises:
        ReferenceInvalid: it is none.
    """
    if not _well_formed(text):
        if "@" in text:
            raise _with_secret(text.rpartition("@")[2])
        raise ReferenceInvalid(f"{text!r} is not the name of a registry such as localhost:5000")
    return DOCKER_HUB if text == f"index.{DOCKER_HUB}" else text


def _with_secret(rest: str) -> ReferenceInvalid:
    """The error for who wrote a name and a password before *rest*: they are not repeated."""
    error = ReferenceInvalid(f"'***@{rest[:80]}': no name and no password belong there")
    error.advice = "Leave out all up to the @, and log in with `lading login HOST`."
    return error


def _well_formed(host: str) -> bool:
    found = _HOST.fullmatch(host)
    return found is not None and int(found[1] or 0) <= _LAST_PORT


def is_short(text: str) -> bool:
    """Whether *text* names a repository without saying at which host."""
    first, slash, _ = text.partition("/")
    return not slash or not _is_host(first)


def _is_host(text: str) -> bool:
    """Whether the first component of a reference names a host, and is not part of a path."""
    return text == "localhost" or any(mark in text for mark in ".:[") or text.lower() != text
