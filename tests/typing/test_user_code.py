"""Code as users of the library write it: it has to type-check, and mypy sees to that.

Each function is checked, none is run against a store; the test below keeps pytest from passing
over the module in silence.
"""

import inspect
import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import assert_type

import lading
import lading.sync
from lading import (
    BlobContent,
    Bytes,
    Client,
    ClientOptions,
    CopyOptions,
    CopyReport,
    Descriptor,
    Digest,
    Elsewhere,
    FileSpan,
    FileToPush,
    Held,
    Inbound,
    Located,
    Manifest,
    Page,
    PullReport,
    PushReport,
    Receipt,
    Registry,
    Repository,
    RepositoryName,
    Span,
    Step,
    Stream,
    Tag,
    Upload,
    open_registry,
    parse_reference,
)
from lading.client.repository import RemoteRepository
from lading.errors import BlobUnknown, LadingError, ManifestBlobUnknown
from lading.interfaces.access import Action, Policy, Principal
from lading.interfaces.repository import ContentSource, ContentTarget
from lading.wire.message import Handler, Request, Response


async def push(repository: Repository, content: bytes) -> Descriptor:
    """A blob goes in as an `Inbound` and comes back as a `Descriptor`."""
    upload = await repository.start_upload()
    assert_type(upload, Upload)
    assert_type(await upload.write(Bytes(content)), int)
    return await upload.commit(Digest.of(content))


async def tag(repository: ContentTarget, document: bytes, name: str) -> Receipt:
    """A narrow role is enough to put a manifest, and errors carry data with types."""
    manifest = Manifest.verified(document, None)
    try:
        return await repository.put_manifest(manifest, tags=[Tag.parse(name)])
    except ManifestBlobUnknown as error:
        assert_type(error.missing, tuple[str, ...])
        raise


async def size_of(repository: ContentSource, digest: Digest) -> int:
    """Every case of a blob's content is known, so a `match` over them is complete."""
    body: BlobContent = await repository.open_blob(digest, spans=[Span(0, 99)])
    try:
        match body:
            case Held(data, _):
                return len(data)
            case FileSpan(_, _, total):
                return total
            case Stream(_, _, total):
                return total
            case Elsewhere(_, total):
                return total
    finally:
        await body.aclose()


async def every_tag(repository: Repository) -> AsyncIterator[Tag]:
    """Pages know what they are pages of."""
    page = await repository.tags()
    assert_type(page, Page[Tag])
    while True:
        for each in page.items:
            yield each
        if not page.more:
            return
        page = await repository.tags(after=page.items[-1])


async def whole(folder: Path) -> bool:
    """`open_registry` gives a `Registry`, whatever is behind it."""
    async with open_registry(folder, read_only=True) as registry:
        assert_type(registry, Registry)
        repository = registry.repository(RepositoryName.parse("team/app"))
        try:
            await repository.resolve(parse_reference("latest"))
        except BlobUnknown:
            return False
        except LadingError as error:
            assert_type(error.exit_code, int)
            return False
        return True


async def mirrored(source: str, target: str) -> CopyReport:
    """What people write becomes repositories, and two of them are enough to copy."""
    async with (
        lading.open_client(options=ClientOptions(plain_http=True)) as client,
        lading.locate(source, client) as here,
        lading.locate(target, client, writing=True) as there,
    ):
        assert_type(client, Client)
        assert_type(here, Located)
        repository: Repository = here.repository
        return await lading.copy(
            repository,
            there.repository,
            here.reference,
            tags=[Tag("v1")],
            options=CopyOptions(keep_going=True),
            listener=heard,
        )


def heard(step: Step) -> None:
    """Progress is one function."""
    assert_type(step.moved, int)


async def fetched(image: str, into: Path) -> PullReport:
    """Artifacts are files."""
    async with lading.open_client() as client, lading.locate(image, client) as found:
        return await lading.pull(found.repository, found.reference, into)


def blocking(image: str, file: Path) -> list[Tag]:
    """Without ``async``, references may be text, lists are iterators and blobs are files."""
    with lading.sync.open_client() as client:
        repository = client.repository(image)
        assert_type(repository.get_manifest("v1"), Manifest)
        assert_type(repository.push_blob(file), Descriptor)
        assert_type(client.copy(image, "oci:there"), CopyReport)
        assert_type(client.push(image, [FileToPush.parse("a.txt")]), PushReport)
        with repository.open_blob(Digest.of(b"")) as blob, io.BufferedReader(blob) as buffered:
            assert_type(buffered.read(), bytes)
        return list(repository.tags())


async def over_http(repository: RemoteRepository) -> Repository:
    """A repository at the other end of a connection has the one shape."""
    return repository


class Silence:
    """A body of one's own needs no base class."""

    length: int | None = 0

    async def ready(self) -> bool:
        """Nothing is there."""
        return False

    def blocks(self) -> Iterator[memoryview]:
        """Nothing comes."""
        return iter([])


class PullOnly:
    """A policy of one's own neither."""

    def allows(
        self, principal: Principal, action: Action, repository: RepositoryName | None
    ) -> bool:
        """Everybody may pull."""
        return action is Action.PULL


def counted(inner: Handler) -> Handler:
    """A middleware is a function from handler to handler."""

    async def handle(request: Request) -> Response:
        response = await inner(request)
        response.headers.append(("X-Peer", request.peer))
        return response

    return handle


body: Inbound = Silence()
policy: Policy = PullOnly()


def test_the_examples_are_public_names_at_work() -> None:
    """What the functions above take and give is reachable from the package."""
    functions = [push, tag, size_of, every_tag, whole, mirrored, fetched, blocking, counted]

    assert all(inspect.isfunction(function) for function in functions)
    assert lading.Registry is Registry
