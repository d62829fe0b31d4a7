"""Code as users of the library write it: it has to type-check, and mypy sees to that.

Each function is checked, none is run against a store; the test below keeps pytest from passing
over the module in silence.
"""

import inspect
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import assert_type

import lading
from lading import (
    BlobContent,
    Bytes,
    Descriptor,
    Digest,
    Elsewhere,
    FileSpan,
    Held,
    Inbound,
    Manifest,
    Page,
    Receipt,
    Registry,
    Repository,
    RepositoryName,
    Span,
    Stream,
    Tag,
    Upload,
    open_registry,
    parse_reference,
)
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
    functions = [push, tag, size_of, every_tag, whole, counted]

    assert all(inspect.isfunction(function) for function in functions)
    assert lading.Registry is Registry
