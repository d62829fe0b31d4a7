"""Files on their way out of a registry, into a directory and nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from lading.content import archives, crowd, titles
from lading.content.files import Folder, file_errors, save
from lading.content.platforms import image_for
from lading.content.sides import SOURCE, Trace, Traced, at
from lading.content.steps import Event, Listener, Step, paced, silent
from lading.content.threads import in_thread
from lading.content.verify import opened
from lading.errors import LadingError, Unsupported
from lading.interfaces.repository import Repository
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.manifest import Manifest
from lading.oci.names import Reference
from lading.oci.platform import Platform

_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PullReport:
    """What was pulled: paths of the files in the order of the artifact.

    ``skipped`` is content that is no file, since it has no title.
    """

    descriptor: Descriptor
    files: tuple[Path, ...]
    skipped: tuple[Descriptor, ...] = ()
    bytes_moved: int = 0


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
        SizeInvalid: content has another length than the manifest says.
    """
    with at(SOURCE):
        if platform is not None:
            manifest = await image_for(source, reference, platform)
        else:
            manifest = await source.get_manifest(reference)
    named, skipped = _files(manifest)
    wanted = [each for each in named if _matches(titles.title_of(each), include)]
    folder = Folder(into)
    pulling = _Pulling(source, folder, listener)
    try:
        for each in wanted:
            folder.check(_place(each), overwrite=overwrite)
        await crowd.each(pulling.one, wanted, most=_AT_ONCE)
    finally:
        await in_thread(folder.close)
    return PullReport(
        descriptor=manifest.as_referrer,
        files=tuple(pulling.paths[_place(each)] for each in wanted),
        skipped=skipped,
        bytes_moved=sum(each.size for each in wanted),
    )


def _files(manifest: Manifest) -> tuple[Sequence[Descriptor], tuple[Descriptor, ...]]:
    """What *manifest* names that is a file, and what is not.

    Raises:
        Unsupported: it is of another kind.
        FileRefused: two files want the same place, or one a place that is not to be had.
    """
    if manifest.is_index:
        refusal = Unsupported(f"{manifest.digest} is an index, and no artifact of files")
        refusal.advice = "Choose one of its manifests with --platform, or by its digest."
        raise refusal
    configs = [manifest.config] if manifest.config is not None else []
    files = [each for each in (*manifest.layers, *configs) if titles.title_of(each)]
    if not files and any(each.media_type in media_types.CONFIGS for each in configs):
        refusal = Unsupported(f"{manifest.digest} is an image, and no artifact of files")
        refusal.advice = "Use `lading save` to write an image to a file, or `lading copy`."
        raise refusal
    skipped = tuple(each for each in manifest.layers if not titles.title_of(each))
    return titles.distinct(files), skipped


def _matches(title: str, include: Sequence[str]) -> bool:
    return any(fnmatchcase(title, glob) for glob in include)


def _place(descriptor: Descriptor) -> tuple[str, ...]:
    return titles.parts(titles.title_of(descriptor), directory=titles.is_directory(descriptor))


class _Pulling:
    """One artifact on its way; ``paths`` says where each of its files came to be."""

    def __init__(self, source: Repository, folder: Folder, listener: Listener) -> None:
        self._source = source
        self._folder = folder
        self._listener = listener
        self.paths: dict[tuple[str, ...], Path] = {}

    async def one(self, wanted: Descriptor) -> None:
        """Fetch one file, and put it in its place."""
        title = titles.title_of(wanted)
        self._listener(Step(Event.STARTED, wanted, name=title))
        try:
            whole = self._folder.scratch()
            directory = titles.is_directory(wanted)
            await self._fetched(wanted, whole, 0o600 if directory else titles.mode_of(wanted))
            settle = self._unpacked if directory else self._settled
            self.paths[_place(wanted)] = await in_thread(settle, wanted, whole)
        except LadingError as error:
            self._listener(Step(Event.FAILED, wanted, name=title, error=error))
            raise
        self._listener(Step(Event.DONE, wanted, name=title, moved=wanted.size))

    async def _fetched(self, wanted: Descriptor, whole: Path, mode: int) -> None:
        with at(SOURCE):
            body = await opened(self._source, wanted.digest, wanted.size)
        told = paced(self._listener, wanted, name=titles.title_of(wanted))
        traced = Traced(body, Trace(told))
        try:
            await save(traced, whole, mode)
        finally:
            await traced.aclose()

    def _settled(self, wanted: Descriptor, whole: Path) -> Path:
        return self._folder.put(whole, _place(wanted))

    def _unpacked(self, wanted: Descriptor, packed: Path) -> Path:
        loose = packed.with_name(f"{packed.name}.d")
        title = titles.title_of(wanted)
        expected = (wanted.annotations or {}).get(titles.CONTENT)
        with file_errors(title):
            archives.unpack(packed, title, expected, loose)
        return self._folder.merge(loose, _place(wanted))
