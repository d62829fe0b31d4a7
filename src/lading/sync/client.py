"""Registries, layouts and archives for programs that block."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lading.app import clients
from lading.app import locate as places
from lading.content import artifacts
from lading.content import check as checks
from lading.content import copy as copies
from lading.content.artifacts import Annotated, FileToPush, PullReport, PushReport
from lading.content.check import Checked
from lading.content.copy import CopyOptions
from lading.content.report import CopyReport
from lading.content.steps import Listener, silent
from lading.content.tree import Tree
from lading.interfaces import repository as interfaces
from lading.interfaces.repository import Page
from lading.oci.names import Reference, RepositoryName, Tag
from lading.oci.platform import Platform
from lading.sync.loop import Loop, every
from lading.sync.repository import PAGE, Repository

T = TypeVar("T")

_DEFAULT = CopyOptions()


@dataclass(frozen=True, slots=True)
class Located:
    """An image, or where one is to be."""

    repository: Repository
    reference: Reference
    text: str


class Client:
    """Registries, layouts and archives, by what people write for them.

    That is ``HOST/NAME:TAG@DIGEST``, ``oci:DIR:TAG``, ``oci-archive:FILE:TAG`` and
    ``docker-archive:FILE:NAME:TAG``, of which the ends may be left out.
    """

    def __init__(self, loop: Loop, inner: clients.Client) -> None:
        self._loop = loop
        self._inner = inner

    def run(self, work: Callable[[clients.Client], Coroutine[Any, Any, T]]) -> T:
        """Do *work*, which gets the client that is blocked for, and wait for it."""
        return self._loop.run(lambda: work(self._inner))

    def repository(self, text: str) -> Repository:
        """The repository ``HOST/NAME``; nothing is asked yet.

        Raises:
            ReferenceInvalid: *text* cannot be understood, or names a tag or a digest as well.
        """

        async def found(client: clients.Client) -> interfaces.Repository:
            return client.repository(text)

        return Repository(self._loop, self.run(found))

    def repositories(self, host: str) -> Iterator[RepositoryName]:
        """The repositories of the registry *host*, asked for a page at a time.

        Raises:
            ReferenceInvalid: *host* is not the name of a registry.
            Unsupported: the registry does not list them.
        """

        def page(last: RepositoryName | None) -> Page[RepositoryName]:
            return self.run(
                lambda client: client.registry(host).repositories(after=last, limit=PAGE)
            )

        return every(page, None)

    @contextmanager
    def locate(
        self, text: str, *, writing: bool = False, create: bool = True, fresh: bool = False
    ) -> Iterator[Located]:
        """What *text* means; an archive is there when this is left without an error.

        *writing* adds to a layout or an archive, which is made where there is none, unless
        *create* says otherwise. A *fresh* archive takes the place of an old one.

        Raises:
            ReferenceInvalid: it cannot be understood.
            LayoutInvalid: it is no layout or archive.
        """
        located = places.locate(text, self._inner, writing=writing, create=create, fresh=fresh)
        with self._loop.entered(located) as found:
            yield Located(Repository(self._loop, found.repository), found.reference, found.text)

    def copy(
        self,
        source: str,
        target: str,
        *,
        options: CopyOptions = _DEFAULT,
        external: bool = False,
        listener: Listener = silent,
    ) -> CopyReport:
        """Copy the image *source* to *target*, which has the same tag if it names none.

        With *external*, non-distributable layers come along. *listener* is called in the thread of
        the loop.

        Raises:
            LadingError: as `lading.copy` does; ``where`` says which side failed.
        """

        async def copied(client: clients.Client) -> CopyReport:
            async with _ends(client, source, target, trial=options.dry_run) as (here, there):
                named = there.reference if there.named else here.reference
                return await copies.copy(
                    here.repository,
                    there.repository,
                    here.reference,
                    tags=[named] if isinstance(named, Tag) else [],
                    options=options,
                    mount_from=_shared(here, there),
                    fetch=client.fetch if external else None,
                    listener=listener,
                )

        return self.run(copied)

    def copy_tags(
        self,
        source: str,
        target: str,
        *,
        include: Sequence[str] = ("*",),
        exclude: Sequence[str] = (),
        options: CopyOptions = _DEFAULT,
        external: bool = False,
        listener: Listener = silent,
    ) -> CopyReport:
        """Copy every tag of *source* that matches one of *include* and none of *exclude* (globs).

        See `copy`.
        """

        async def copied(client: clients.Client) -> CopyReport:
            ends = _ends(client, source, target, trial=options.dry_run, several=True)
            async with ends as (here, there):
                return await copies.copy_tags(
                    here.repository,
                    there.repository,
                    include=include,
                    exclude=exclude,
                    options=options,
                    mount_from=_shared(here, there),
                    fetch=client.fetch if external else None,
                    listener=listener,
                )

        return self.run(copied)

    def push(
        self,
        target: str,
        files: Sequence[FileToPush],
        *,
        artifact_type: str | None = None,
        config: FileToPush | None = None,
        annotations: Annotated = Annotated(),  # noqa: B008 - frozen
        listener: Listener = silent,
    ) -> PushReport:
        """Push *files* as the artifact *target*.

        Raises:
            FileRefused: a file cannot be read, or two have the same title.
            ManifestInvalid: *artifact_type* is no media type.
        """

        async def pushed(client: clients.Client) -> PushReport:
            async with places.locate(target, client, writing=True) as there:
                return await artifacts.push(
                    there.repository,
                    files,
                    tags=[there.reference] if isinstance(there.reference, Tag) else [],
                    artifact_type=artifact_type,
                    config=config,
                    annotations=annotations,
                    listener=listener,
                )

        return self.run(pushed)

    def attach(
        self,
        subject: str,
        files: Sequence[FileToPush],
        *,
        artifact_type: str,
        annotations: Annotated = Annotated(),  # noqa: B008 - frozen
        platform: Platform | None = None,
        listener: Listener = silent,
    ) -> PushReport:
        """Push *files* as an artifact about what *subject* names now.

        Raises:
            ManifestUnknown: it names nothing.
            FileRefused, ManifestInvalid: as `push` does.
        """

        async def attached(client: clients.Client) -> PushReport:
            async with places.locate(subject, client, writing=True, create=False) as there:
                return await artifacts.attach(
                    there.repository,
                    there.reference,
                    files,
                    artifact_type=artifact_type,
                    annotations=annotations,
                    platform=platform,
                    listener=listener,
                )

        return self.run(attached)

    def pull(
        self,
        source: str,
        into: Path,
        *,
        include: Sequence[str] = ("*",),
        platform: Platform | None = None,
        overwrite: bool = True,
        listener: Listener = silent,
    ) -> PullReport:
        """Write the files of the artifact *source* under *into*.

        Raises:
            FileRefused: a title leads elsewhere, or a file is in the way.
            Unsupported: it is no artifact of files; the advice says what to do with it.
        """

        async def pulled(client: clients.Client) -> PullReport:
            async with places.locate(source, client) as here:
                return await artifacts.pull(
                    here.repository,
                    here.reference,
                    into,
                    include=include,
                    platform=platform,
                    overwrite=overwrite,
                    listener=listener,
                )

        return self.run(pulled)

    def tree(self, text: str, *, artifact_type: str | None = None) -> Tree:
        """What *text* names, and all that refers to it, to that, and so on."""

        async def grown(client: clients.Client) -> Tree:
            async with places.locate(text, client) as here:
                return await artifacts.tree(
                    here.repository, here.reference, artifact_type=artifact_type
                )

        return self.run(grown)

    def check(self, text: str, *, referrers: bool = True) -> Checked:
        """Read every byte that *text* leads to, and say what is wrong."""

        async def checked(client: clients.Client) -> Checked:
            async with places.locate(text, client) as here:
                return await checks.check(
                    here.repository,
                    here.reference,
                    referrers=here.repository if referrers else None,
                )

        return self.run(checked)


@asynccontextmanager
async def _ends(
    client: clients.Client, source: str, target: str, *, trial: bool, several: bool = False
) -> AsyncIterator[tuple[places.Located, places.Located]]:
    async with (
        places.locate(source, client, several=several) as here,
        places.locate(target, client, writing=True, fresh=True, trial=trial) as there,
    ):
        yield here, there


def _shared(here: places.Located, there: places.Located) -> RepositoryName | None:
    """From where blobs can be mounted."""
    return here.repository.name if here.registry is there.registry else None
