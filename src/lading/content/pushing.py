"""Files on their way into a registry, as one artifact.

The same files always make the same manifest: nothing in it tells when it was made.
"""

import base64
import os
import posixpath
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from lading.bodies import BlobContent, FileSpan, Held
from lading.content import archives, crowd, files, titles
from lading.content.annotations import Annotated
from lading.content.blobs import Blobs
from lading.content.graph import Named
from lading.content.platforms import image_for
from lading.content.report import Tally
from lading.content.sides import TARGET, at
from lading.content.steps import Event, Listener, Step, silent
from lading.content.threads import in_thread
from lading.errors import FileRefused
from lading.interfaces.repository import Repository
from lading.oci import media_types
from lading.oci.descriptor import Descriptor, encoded
from lading.oci.digest import Digest
from lading.oci.manifest import Kind, Manifest
from lading.oci.names import Reference, Tag
from lading.oci.platform import Platform

UNTYPED = "application/vnd.unknown.artifact.v1"
"""The type of an artifact for which none was given."""

NOTHING = Annotated()
"""No annotations."""

_EMPTY = b"{}"
_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FileToPush:
    """A file or directory, and what it is called in the artifact (its title)."""

    path: Path
    title: str
    media_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``PATH[:MEDIA/TYPE]``; the title is the path. ``PATH:`` may have colons itself.

        Raises:
            FileRefused: the path is absolute or leads out of the working directory, or what
                follows it is no media type.
        """
        path, colon, media_type = text.rpartition(":")
        if not colon or (media_type and "/" not in media_type):
            path, media_type = text, ""
        if media_type and not media_types.well_formed(media_type):
            raise FileRefused(f"{media_type!r}, behind {path!r}, is not a media type")
        title = posixpath.normpath(path)
        titles.parts(title, directory=True)
        return cls(path=Path(path), title=title, media_type=media_type or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushReport:
    """What was pushed; ``files`` are its layers in the order of the files.

    ``blobs_there`` counts all that the registry had, here or in another repository.
    """

    descriptor: Descriptor
    files: tuple[Descriptor, ...]
    blobs_copied: int
    blobs_there: int
    bytes_moved: int
    tags: tuple[Tag, ...] = ()


async def push(
    target: Repository,
    named: Sequence[FileToPush],
    *,
    tags: Sequence[Tag] = (),
    artifact_type: str | None = None,
    config: FileToPush | None = None,
    annotations: Annotated = NOTHING,
    subject: Descriptor | None = None,
    listener: Listener = silent,
) -> PushReport:
    """Push the files *named* as one artifact, about *subject* if that is given.

    Raises:
        FileRefused: a file cannot be read, or two have the same title.
        ManifestInvalid: *artifact_type* is no media type.
    """
    _check_titles(named)
    if artifact_type:
        media_types.require_artifact_type(artifact_type)
    tally, ready = Tally(), _Ready()
    blobs = Blobs(
        ready,
        target,
        tally,
        mount_from=None,
        fetch=None,
        dry_run=False,
        most=_AT_ONCE,
        listener=listener,
    )
    layers: dict[int, Descriptor] = {}

    async def one(numbered: tuple[int, FileToPush]) -> None:
        number, file = numbered
        layers[number] = await _sent(file, blobs, ready, annotations)

    await crowd.each(one, enumerate(named), most=_AT_ONCE)
    found = [layers[number] for number in sorted(layers)]
    if config is not None:
        settings = await _sent(replace(config, title=""), blobs, ready, annotations)
    else:
        settings = await _empty(blobs, annotations.config)
    manifest = _manifest(
        settings,
        found or [await _empty(blobs, {})],
        artifact_type or (UNTYPED if config is None else None),
        subject,
        annotations.manifest,
    )
    with at(TARGET):
        await target.put_manifest(manifest, tags=tags)
    listener(Step(Event.DONE, manifest.descriptor, name=", ".join(tags)))
    return PushReport(
        descriptor=manifest.as_referrer,
        files=tuple(found),
        blobs_copied=tally.blobs_copied,
        blobs_there=tally.blobs_there + tally.blobs_mounted,
        bytes_moved=tally.bytes_moved,
        tags=tuple(tags),
    )


async def attach(
    target: Repository,
    subject: Reference,
    named: Sequence[FileToPush],
    *,
    artifact_type: str,
    annotations: Annotated = NOTHING,
    platform: Platform | None = None,
    listener: Listener = silent,
) -> PushReport:
    """Push the files *named* as an artifact about what *subject* names now.

    With *platform*, it is about the image for that platform.

    Raises:
        ManifestUnknown: *subject* names nothing.
        FileRefused, ManifestInvalid: as `push` does.
    """
    with at(TARGET):
        if platform is None:
            about = await target.resolve(subject)
        else:
            about = (await image_for(target, subject, platform)).descriptor
    return await push(
        target,
        named,
        artifact_type=artifact_type,
        annotations=annotations,
        subject=Descriptor(about.media_type, about.digest, about.size),
        listener=listener,
    )


def _check_titles(named: Sequence[FileToPush]) -> None:
    seen: set[tuple[str, ...]] = set()
    for file in named:
        place = titles.parts(file.title, directory=True)
        if not file.title.isprintable():
            raise FileRefused(f"{file.title!r} cannot be written into a manifest")
        if place in seen:
            raise FileRefused(f"{file.title!r} is the title of two files")
        seen.add(place)


class _Ready:
    """Content that is open, to be sent."""

    def __init__(self) -> None:
        self._files: dict[Digest, tuple[int, int]] = {}

    def hold(self, digest: Digest, file: int, size: int) -> bool:
        """Whether the content is needed: it is not, where another file has the same."""
        return self._files.setdefault(digest, (file, size)) == (file, size)

    def drop(self, digest: Digest) -> None:
        """Forget it, before its file is closed."""
        del self._files[digest]

    async def open_blob(self, digest: Digest) -> BlobContent:
        """The content, from a descriptor of its own."""
        if digest == Digest.of(_EMPTY):
            return Held(_EMPTY, ((0, len(_EMPTY)),))
        file, size = self._files[digest]
        return FileSpan(os.dup(file), ((0, size),), size)


async def _sent(
    file: FileToPush, blobs: Blobs, ready: _Ready, annotations: Annotated
) -> Descriptor:
    """Measure *file* and send it, unless it is there."""
    opened = _Opened(file)
    try:
        descriptor = await in_thread(opened.measure)
        extra = annotations.files.get(file.title, {}) if file.title else annotations.config
        notes = {**file.annotations, **extra, **(descriptor.annotations or {})}
        descriptor = replace(descriptor, annotations=notes or None)
        holding = ready.hold(descriptor.digest, opened.file, descriptor.size)
        try:
            await blobs.move(Named(descriptor, Kind.BLOB))
        finally:
            if holding:
                ready.drop(descriptor.digest)
    finally:
        opened.close()
    return descriptor


class _Opened:
    """A file that is being pushed; a directory is packed into a temporary one."""

    def __init__(self, file: FileToPush) -> None:
        self._file = file
        self.file = -1

    def measure(self) -> Descriptor:
        """Read all of it, in a thread."""
        path, title = self._file.path, self._file.title
        notes = {titles.TITLE: title} if title else {}
        if path.is_dir():
            with files.file_errors(path), tempfile.TemporaryFile() as packed:
                self.file = os.dup(packed.fileno())
                plain, digest, size = archives.pack(path, title, packed)
            notes |= {titles.CONTENT: str(plain), titles.UNPACK: "true"}
            media_type = self._file.media_type or media_types.OCI_LAYER_GZIP
            return Descriptor(media_type, digest, size, annotations=notes)
        self.file = files.open_file(path)
        with files.file_errors(path):
            mode = os.fstat(self.file).st_mode & 0o777
            digest, size = files.measured(self.file)
        # What can only be read and written is the same everywhere, whatever the umask was.
        if title and mode & 0o111:
            notes[titles.MODE] = f"{mode:04o}"
        media_type = self._file.media_type or media_types.OCI_LAYER
        return Descriptor(media_type, digest, size, annotations=notes)

    def close(self) -> None:
        """Let go of it."""
        if self.file >= 0:
            os.close(self.file)


async def _empty(blobs: Blobs, notes: Mapping[str, str]) -> Descriptor:
    """Send the content that stands for nothing (image-spec, Guidance for an Empty Descriptor)."""
    data = base64.b64encode(_EMPTY).decode()
    empty = Descriptor(
        media_types.OCI_EMPTY,
        Digest.of(_EMPTY),
        len(_EMPTY),
        annotations=notes or None,
        data=data,
    )
    await blobs.move(Named(empty, Kind.BLOB))
    return empty


def _manifest(
    config: Descriptor,
    layers: Sequence[Descriptor],
    artifact_type: str | None,
    subject: Descriptor | None,
    notes: Mapping[str, str],
) -> Manifest:
    document: dict[str, Any] = {"schemaVersion": 2, "mediaType": media_types.OCI_MANIFEST}
    if artifact_type is not None:
        document["artifactType"] = artifact_type
    document["config"] = config.as_json()
    document["layers"] = [each.as_json() for each in layers]
    if subject is not None:
        document["subject"] = subject.as_json()
    if notes:
        document["annotations"] = dict(notes)
    return Manifest.verified(encoded(document), media_types.OCI_MANIFEST)
