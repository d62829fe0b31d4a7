"""Artifacts: files in a registry, as oras keeps them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from lading.content.steps import Listener, silent
from lading.interfaces.repository import Repository
from lading.oci.descriptor import Descriptor
from lading.oci.names import Reference, Tag
from lading.oci.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class FileToPush:
    """A file or directory, and what it is called in the artifact (its title)."""

    path: Path
    title: str
    media_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``PATH[:MEDIA/TYPE]``; the title is the path.

        Raises:
            FileRefused: the path is absolute or leads out of the working directory.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class PushReport:
    """What was pushed; ``files`` are its layers in the order of the files."""

    descriptor: Descriptor
    files: tuple[Descriptor, ...]
    blobs_copied: int
    blobs_there: int
    bytes_moved: int
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PullReport:
    """What was pulled: paths under the directory by title; ``skipped`` has no title."""

    descriptor: Descriptor
    files: tuple[Path, ...]
    skipped: tuple[Descriptor, ...] = ()
    bytes_moved: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotated:
    """Annotations by what they are for: of the manifest, of the config, and of files by title."""

    manifest: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tree:
    """A manifest and what refers to it."""

    descriptor: Descriptor
    referrers: tuple["Tree", ...] = ()


def read_annotations(path: Path) -> Annotated:
    """Read a JSON file as oras has them: ``$manifest``, ``$config`` and titles.

    Raises:
        FileRefused: it cannot be read, or is something else.
    """
    raise NotImplementedError


async def push(
    target: Repository,
    files: Sequence[FileToPush],
    *,
    tags: Sequence[Tag] = (),
    artifact_type: str | None = None,
    config: FileToPush | None = None,
    annotations: Annotated = Annotated(),
    subject: Descriptor | None = None,
    listener: Listener = silent,
) -> PushReport:
    """Push *files* as one artifact, about *subject* if that is given.

    Raises:
        FileRefused: a file cannot be read, or two have the same title.
    """
    raise NotImplementedError


async def attach(
    target: Repository,
    subject: Reference,
    files: Sequence[FileToPush],
    *,
    artifact_type: str,
    annotations: Annotated = Annotated(),
    platform: Platform | None = None,
    listener: Listener = silent,
) -> PushReport:
    """Push *files* as an artifact about what *subject* names now.

    Raises:
        ManifestUnknown: it names nothing.
        FileRefused: a file cannot be read.
    """
    raise NotImplementedError


async def pull(
    source: Repository,
    reference: Reference,
    into: Path,
    *,
    include: Sequence[str] = ("*",),
    platform: Platform | None = None,
    overwrite: bool = True,
    listener: Listener = silent,
) -> PullReport:
    """Write the files of an artifact whose titles match *include* (globs) under *into*.

    Nothing is written outside of *into*, and no file is there before it is whole and verified.

    Raises:
        FileRefused: a title leads elsewhere, or a file is in the way.
        Unsupported: it is no artifact of files; the advice says what to do with it.
        DigestInvalid: content has another digest than the manifest says.
    """
    raise NotImplementedError


async def tree(
    source: Repository, reference: Reference, *, artifact_type: str | None = None
) -> Tree:
    """What *reference* names, and all that refers to it, to that, and so on.

    Raises:
        ManifestUnknown: it names nothing.
    """
    raise NotImplementedError
