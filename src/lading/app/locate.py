"""What people write in place of an image, and the registry that it is in: the four kinds.

``host/name:tag@digest`` is in a registry, ``oci:DIR[:TAG|@DIGEST]`` in a directory,
``oci-archive:FILE[:TAG]`` and ``docker-archive:FILE[:NAME[:TAG]]`` in an archive. In the place of
a tag, layouts and archives of several images take ``HOST/NAME:TAG``; ``-`` is standard input or
output in the place of an archive.
"""

import importlib
import re
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from lading.app.clients import Client
from lading.errors import DigestInvalid, LayoutInvalid, NameUnknown, ReferenceInvalid, TagInvalid
from lading.interfaces.repository import Registry, Repository
from lading.oci.digest import Digest
from lading.oci.locator import LATEST, Locator
from lading.oci.names import TAG_GRAMMAR, Reference, RepositoryName, Tag

if TYPE_CHECKING:
    from lading.layout.registry import LayoutRegistry

_DIGEST = re.compile(r"@([a-z0-9+._-]+:[A-Za-z0-9=_-]+)$", re.ASCII)
_MOST_TOLD = 10
_OCI = "oci"
_DOCKER = "docker-archive"
_KINDS = {
    _OCI: ("lading.layout.directory", "open_layout"),
    "oci-archive": ("lading.layout.archive", "open_archive"),
    _DOCKER: ("lading.layout.docker_archive", "open_docker_archive"),
}
"""What opens each kind. Most commands are about registries alone, and start sooner without."""

_NAME = RepositoryName("layout")


class Located(NamedTuple):
    """An image, or where one is to be.

    ``named`` says whether *text* itself names a tag or a digest; ``place`` is the repository as
    people write it, without them.
    """

    registry: Registry
    repository: Repository
    reference: Reference
    text: str
    place: str
    named: bool


@asynccontextmanager
async def locate(
    text: str,
    client: Client,
    *,
    writing: bool = False,
    create: bool = True,
    fresh: bool = False,
    trial: bool = False,
    several: bool = False,
) -> AsyncIterator[Located]:
    """What *text* means; an archive that was written is there when this is left without an error.

    Without a tag or a digest, reading takes the only image of a layout or an archive, and
    ``latest`` where there are several; everything else means ``latest``. Where *several* are meant
    anyway, none has to be told from the others.

    *writing* adds to a layout or an archive, which is made where there is none, unless *create*
    says otherwise. A *fresh* archive takes the place of an old one, with all that was in that.
    On *trial* nothing is made, whatever is written: it looks as it would before the first byte.

    Raises:
        ReferenceInvalid: it cannot be understood, or several images could be meant.
        LayoutInvalid: it is no layout or archive, or there is none.
    """
    kind, colon, rest = text.partition(":")
    if not colon or kind not in _KINDS:
        yield _remote(text, client)
        return
    found = _Local.parse(kind, rest, text)
    opened = found.rehearsed() if trial else found.open(writing=writing, create=create, fresh=fresh)
    async with opened as registry:
        repository = registry.repository(_NAME)
        named = found.reference is not None
        reference = found.reference
        if reference is None:
            reference = LATEST if writing or several else await _only(registry, text, found.image)
        yield Located(registry, repository, reference, text, found.place, named)


def _remote(text: str, client: Client) -> Located:
    locator = Locator.parse(client.qualified(text))
    registry = client.registry(locator.host, locator.repository)
    return Located(
        registry,
        registry.repository(locator.repository),
        locator.reference,
        text,
        f"{locator.host}/{locator.repository}",
        named=locator.tag is not None or locator.digest is not None,
    )


class _Local(NamedTuple):
    """A layout or an archive; ``image`` is the name that its images go by, if one was given."""

    kind: str
    path: str
    image: str | None
    reference: Reference | None

    @classmethod
    def parse(cls, kind: str, rest: str, text: str) -> "_Local":
        """Read what comes after the kind.

        Raises:
            ReferenceInvalid: it cannot be understood.
        """
        try:
            return cls._parsed(kind, rest)
        except (ReferenceInvalid, TagInvalid, DigestInvalid) as error:
            raise ReferenceInvalid(f"{text!r}: {error.subject}") from None

    @classmethod
    def _parsed(cls, kind: str, rest: str) -> "_Local":
        reference: Reference | None = None
        if (digest := _DIGEST.search(rest)) is not None:
            rest, reference = rest[: digest.start()], Digest.parse(digest[1])
        path, colon, name = rest.partition(":")
        if not path or (colon and not name):
            raise ReferenceInvalid("it names no file, or ends with a colon")
        if not name or (kind != _DOCKER and TAG_GRAMMAR.fullmatch(name)):
            return cls(kind, path, None, reference or (Tag(name) if name else None))
        image, tag = _split(name)
        return cls(kind, path, image, reference or (Tag.parse(tag) if tag else None))

    @property
    def place(self) -> str:
        """How it is written, without tag and digest."""
        return ":".join(filter(None, (self.kind, self.path, self.image)))

    def open(
        self, *, writing: bool, create: bool, fresh: bool
    ) -> "AbstractAsyncContextManager[LayoutRegistry]":
        """The registry in it; see `locate`.

        Raises:
            LayoutInvalid: there is no file, and none is to be made.
        """
        opened = _opener(self.kind)
        if self.kind == _OCI:
            made = writing and create
            return opened(Path(self.path), create=made, name=_NAME, image=self.image)
        file = self._file(writing=writing)
        if writing and not create and isinstance(file, Path) and not file.is_file():
            raise LayoutInvalid(f"{file} is no file")
        return opened(file, write=writing, keep=not fresh, name=_NAME, image=self.image)

    @asynccontextmanager
    async def rehearsed(self) -> "AsyncIterator[LayoutRegistry]":
        """The layout that is there; in place of an archive and of nothing, one that is empty."""
        from tempfile import TemporaryDirectory  # noqa: PLC0415 - only for a trial

        there = self._is_directory()
        with TemporaryDirectory(prefix="lading-") as empty:
            path = Path(self.path if there else empty)
            async with _opener(_OCI)(
                path, create=not there, name=_NAME, image=self.image
            ) as registry:
                yield registry

    def _is_directory(self) -> bool:
        return self.kind == _OCI and Path(self.path).is_dir()

    def _file(self, *, writing: bool) -> Path | BinaryIO:
        if self.path != "-":
            return Path(self.path)
        return sys.stdout.buffer if writing else sys.stdin.buffer


def _opener(kind: str) -> "Callable[..., AbstractAsyncContextManager[LayoutRegistry]]":
    """What opens layouts or archives of a *kind*; imported only when one is named."""
    module, name = _KINDS[kind]
    found: Callable[..., AbstractAsyncContextManager[LayoutRegistry]]
    found = getattr(importlib.import_module(module), name)
    return found


def _split(name: str) -> tuple[str, str]:
    """The name of an image and its tag, if it has one; a colon before a slash is of a port."""
    head, colon, tag = name.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (name, "")


async def _only(registry: "LayoutRegistry", text: str, image: str | None) -> Reference:
    """What is meant where no tag is named: of *image*, or of whatever there is."""
    try:
        page = await registry.repository(_NAME).tags(limit=_MOST_TOLD)
    except NameUnknown:
        return LATEST
    if len(page.items) == 1 and not page.more:
        return page.items[0]
    names = await registry.known_as()
    roots = await registry.roots()
    if image is not None and names and not page.items:
        raise _unclear(f"{text!r} is not there, but", names)
    if len(roots) == 1:
        return roots[0].digest
    if LATEST in page.items or not roots:
        return LATEST
    raise _unclear(f"{text!r} holds several images:", names)


def _unclear(what: str, names: Sequence[str]) -> ReferenceInvalid:
    told = [*names[:_MOST_TOLD], *(["…"] if len(names) > _MOST_TOLD else [])]
    failure = ReferenceInvalid(f"{what} {', '.join(told) or 'images without names'}")
    failure.advice = "Name one of them, or any by its @DIGEST, behind the layout or archive."
    return failure
