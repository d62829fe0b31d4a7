"""One copy at work: what a root leads to, children first, and then what refers to it.

Every digest is dealt with once, whatever names it. Only a manifest whose children are being
copied is kept in memory.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, TypeVar

from lading.content import crowd, platforms
from lading.content.blobs import Blobs
from lading.content.crowd import Once
from lading.content.digest_tags import fallback_tag
from lading.content.graph import Named, named
from lading.content.options import CopyOptions
from lading.content.referrers import Referrers
from lading.content.report import Tally
from lading.content.sides import SOURCE, TARGET, at, blame
from lading.content.steps import Event, Listener, Step
from lading.content.walk import DEPTH, NODES
from lading.errors import (
    DigestInvalid,
    LadingError,
    ManifestInvalid,
    ManifestUnknown,
    NameUnknown,
    PlatformUnknown,
    SizeInvalid,
)
from lading.interfaces.repository import Repository, Strict
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Kind, Manifest
from lading.oci.names import Reference, Tag

Item = TypeVar("Item")


class Root(NamedTuple):
    """Where a copy begins: with ``only``, just these of what the manifest names are wanted.

    ``made`` says that the manifest is not in the source, but was made of one that is.
    """

    manifest: Manifest
    only: frozenset[Digest] | None = None
    made: bool = False


class Copier:
    """Copies graphs from *source* to *target*; what they share is copied once."""

    def __init__(
        self,
        source: Repository,
        target: Repository,
        options: CopyOptions,
        *,
        blobs: Blobs,
        tally: Tally,
        listener: Listener,
        nodes: int = NODES,
    ) -> None:
        self._source = source
        self._target = target
        self._options = options
        self._blobs = blobs
        self._tally = tally
        self._listener = listener
        self._nodes = nodes
        self._limit = 0
        self._talking = asyncio.Semaphore(options.manifests)
        self._placed: Once[Digest] = Once()
        self._seen: set[Digest] = set()
        self._sizes: dict[Digest, int] = {}
        self._missing: dict[Digest, ManifestUnknown] = {}
        self._referring: set[Digest] = set()
        self._about: set[Digest] = set()
        self._lists: dict[Tag, Digest] = {}
        self._referrers = Referrers(source)
        self._strict: bool | None = None

    async def root(self, reference: Reference) -> Root:
        """What *reference* names, as far as it is wanted.

        Raises:
            ManifestUnknown: it names nothing.
            PlatformUnknown: there is no image for a platform that is wanted.
        """
        options = self._options
        with at(SOURCE):
            if options.image is not None:
                return Root(await platforms.image_for(self._source, reference, options.image))
            manifest = await self._source.get_manifest(reference)
            if not options.platforms:
                return Root(manifest)
            if not manifest.is_index:
                await self._check(manifest)
                return Root(manifest)
            wanted = platforms.kept(manifest, options.platforms)
        if options.sparse:
            return Root(manifest, wanted)
        smaller = platforms.narrowed(manifest, wanted)
        return Root(smaller, made=smaller is not manifest)

    async def _check(self, image: Manifest) -> None:
        failure: PlatformUnknown | None = None
        for platform in self._options.platforms:
            try:
                await platforms.check(self._source, image, platform)
            except PlatformUnknown as error:
                failure = error
            else:
                return
        assert failure is not None, "some platform is wanted"
        raise failure

    async def copy(self, root: Root, tags: Sequence[Tag]) -> bool:
        """Copy what *root* leads to, and then let *tags* name it; ``False`` if none of them may.

        Raises:
            LadingError: something failed; ``where`` begins with the side at which it did.
        """
        manifest = root.manifest
        free = [tag for tag in tags if await self._may_set(tag, manifest.digest)]
        if tags and not free:
            return False
        self._limit += self._nodes
        self._count(manifest.digest)
        self._tally.made |= root.made
        placed: list[Digest] = []
        place = partial(self._place, manifest, 1, placed, only=root.only)
        await self._placed.do(manifest.digest, place)
        # What refers to a part may name the whole, so it has to wait until that is there.
        while placed:
            subjects = [each for each in placed if each not in self._about]
            placed.clear()
            self._about.update(subjects)
            self._lists.update((fallback_tag(each), each) for each in subjects)
            if self._options.referrers:
                await self._all(lambda subject: self._refer(subject, placed), subjects)
        for tag in free:
            await self._tag(manifest, tag)
        return True

    async def _place(
        self,
        manifest: Manifest,
        depth: int,
        placed: list[Digest],
        *,
        only: frozenset[Digest] | None = None,
        proved: bool = False,
    ) -> None:
        """Let *manifest* be at the target after all that it names; *proved* says that it is.

        Manifests that are there then are added to *placed*.
        """
        if depth > DEPTH:
            raise ManifestInvalid(f"{manifest.digest} is named more than {DEPTH} manifests deep")
        self._compare(manifest)
        there = proved or await self._names(manifest.digest, manifest.digest)
        proves = there and not self._options.deep and await self._refuses_sparse()

        async def descend(child: Named) -> None:
            self._count(child.descriptor.digest)
            with self._noted(child.descriptor):
                await self._child(child, depth + 1, placed, proved=proves)

        await self._all(
            descend,
            [
                child
                for child in named(manifest)
                if (only is None or child.descriptor.digest in only)
                and (not proves or child.kind in (Kind.MANIFEST, Kind.EITHER))
            ],
        )
        if there:
            self._tally.manifests_there += 1
            self._listener(Step(Event.EXISTS, manifest.descriptor))
        else:
            await self._put(manifest)
            self._tally.manifests_copied += 1
            self._listener(Step(Event.DONE, manifest.descriptor))
        placed.append(manifest.digest)

    async def _child(self, child: Named, depth: int, placed: list[Digest], *, proved: bool) -> None:
        descriptor = child.descriptor
        if child.kind not in (Kind.MANIFEST, Kind.EITHER):
            await self._blobs.move(child)
        elif proved and descriptor.media_type in media_types.MANIFESTS:
            placed.append(descriptor.digest)
        else:
            fetch = partial(
                self._fetched, descriptor.digest, depth, placed, size=descriptor.size, proved=proved
            )
            await self._placed.do(descriptor.digest, fetch)
            missing = self._missing.get(descriptor.digest)
            if missing is not None and child.kind is Kind.EITHER:
                # Build caches list blobs as if they were manifests (trap T34).
                await self._blobs.move(child)
            elif missing is not None and not self._options.sparse:
                raise missing

    async def _fetched(
        self,
        digest: Digest,
        depth: int,
        placed: list[Digest],
        *,
        size: int | None = None,
        proved: bool = False,
    ) -> None:
        async with self._talking:
            with at(SOURCE):
                try:
                    manifest = await self._source.get_manifest(digest)
                except ManifestUnknown as error:
                    # Whether that matters depends on who asks.
                    self._missing[digest] = error
                    blame(error, SOURCE)
                    return
                if manifest.digest != digest:
                    raise DigestInvalid(f"{digest} was asked for, {manifest.digest} came")
                if size is not None and len(manifest.body) != size:
                    raise SizeInvalid(f"{digest} has {len(manifest.body)} bytes, not {size}")
        await self._place(manifest, depth, placed, proved=proved)

    async def _refer(self, subject: Digest, placed: list[Digest]) -> None:
        """Copy what refers to *subject* in one way or another."""
        async with self._talking:
            with at(SOURCE):
                found = await self._referrers.listed(subject)
                signed = [each async for each in self._referrers.signed(subject)]

        async def referrer(descriptor: Descriptor) -> None:
            await self._referrer(descriptor.digest, placed)

        async def named_so(found: tuple[Tag, Descriptor]) -> None:
            await self._digest_tag(*found, placed)

        await self._all(referrer, found, tolerant=True)
        await self._all(named_so, signed, tolerant=True)

    async def _referrer(self, digest: Digest, placed: list[Digest]) -> None:
        self._count(digest)
        await self._placed.do(digest, partial(self._fetched, digest, 1, placed))
        if digest in self._missing:
            return  # deleted since it was listed
        self._referring.add(digest)
        self._tally.referrers = len(self._referring)

    async def _digest_tag(self, tag: Tag, found: Descriptor, placed: list[Digest]) -> None:
        digest = found.digest
        if not await self._may_set(tag, digest):
            return
        await self._referrer(digest, placed)
        if digest not in self._missing:
            with at(SOURCE):
                manifest = await self._source.get_manifest(digest)
            await self._tag(manifest, tag)

    async def came_along(self, tag: Tag) -> bool:
        """Whether *tag* is a list of what refers to something that was copied (R56).

        What it lists was copied with that, unless referrers are not wanted. It is told by what is
        there and not by the name alone: cosign gives such tags to images themselves.

        Raises:
            ManifestUnknown: *tag* names nothing in the source.
        """
        if (subject := self._lists.get(tag)) is None:
            return False
        with at(SOURCE):
            manifest = await self._source.get_manifest(tag)
        return manifest.is_index and manifest.digest != subject

    async def _may_set(self, tag: Tag, digest: Digest) -> bool:
        """Whether *tag* may name *digest* at the target.

        Where there is no referrers API, the list that was made there for what was copied stays.
        """
        if self._options.clobber and tag not in self._lists:
            return True
        found = await self._resolved(tag)
        if found is None or found == digest:
            return True
        self._tally.tags_kept.add(tag)
        return False

    async def _tag(self, manifest: Manifest, tag: Tag) -> None:
        if await self._names(tag, manifest.digest):
            self._tally.tags_there.add(tag)
            return
        await self._put(manifest, tag)
        self._tally.tags.add(tag)
        self._listener(Step(Event.DONE, manifest.descriptor, name=tag))

    async def _put(self, manifest: Manifest, *tags: Tag) -> None:
        if self._options.dry_run:
            return
        sparse = self._options.sparse and manifest.is_index
        async with self._talking:
            with at(TARGET):
                await self._target.put_manifest(manifest, tags=tags, sparse=sparse)

    async def _names(self, reference: Reference, digest: Digest) -> bool:
        return await self._resolved(reference) == digest

    async def _resolved(self, reference: Reference) -> Digest | None:
        """What *reference* names at the target."""
        async with self._talking:
            with at(TARGET):
                try:
                    return (await self._target.resolve(reference)).digest
                except (ManifestUnknown, NameUnknown):
                    return None

    async def _refuses_sparse(self) -> bool:
        if self._strict is None:
            with at(TARGET):
                target = self._target
                self._strict = isinstance(target, Strict) and await target.refuses_sparse()
        return self._strict

    def _count(self, digest: Digest) -> None:
        self._seen.add(digest)
        if len(self._seen) > self._limit:
            raise ManifestInvalid(f"there are more than {self._limit} manifests and blobs")

    def _compare(self, manifest: Manifest) -> None:
        """Refuse content that has two lengths, wherever the two are said."""
        config = () if manifest.config is None else (manifest.config,)
        for each in (*config, *manifest.layers, *manifest.manifests):
            size = self._sizes.setdefault(each.digest, each.size)
            if size != each.size:
                with at(SOURCE):
                    raise SizeInvalid(f"{each.digest} is said to have {size} and {each.size} bytes")

    async def _all(
        self,
        work: Callable[[Item], Awaitable[None]],
        items: Iterable[Item],
        *,
        tolerant: bool = False,
    ) -> None:
        """Do *work* for all *items*; what fails stops the rest, unless asked to keep going.

        Then the first failure is raised after all, except if *tolerant*.
        """
        most = max(self._options.blobs, self._options.manifests)
        if not self._options.keep_going:
            await crowd.each(work, items, most=most)
            return
        failures: list[LadingError] = []

        async def try_it(item: Item) -> None:
            try:
                await work(item)
            except LadingError as error:
                self.remember(error)
                failures.append(error)

        await crowd.each(try_it, items, most=most)
        if failures and not tolerant:
            raise failures[0]

    def remember(self, error: LadingError) -> bool:
        """Note a failure; whether it is news. Those above it fail by the same."""
        if any(known is error for known in self._tally.failures):
            return False
        self._tally.failures.append(error)
        return True

    @contextmanager
    def _noted(self, descriptor: Descriptor) -> Iterator[None]:
        try:
            yield
        except LadingError as error:
            if self.remember(error):
                self._listener(Step(Event.FAILED, descriptor, error=error))
            raise
