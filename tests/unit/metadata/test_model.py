"""Whatever is done in whatever order, the store agrees with plain dictionaries."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lading.errors import RegistryError
from lading.interfaces.access import Occasion
from lading.interfaces.changes import (
    BlobLinked,
    BlobUnlinked,
    Change,
    ManifestDeleted,
    ManifestPut,
    RepositoryDeleted,
    TagDeleted,
)
from lading.interfaces.metadata import MetadataStore
from lading.metadata.sqlite import open_sqlite
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import RepositoryName, Tag
from lading.testing import samples
from lading.testing.metadata_writing import Clock

GRACE = timedelta(hours=24)
CONTENTS = [samples.EMPTY, b"shared", b"one", b"two"]
BLOBS = [samples.described(content, media_types.OCI_LAYER_GZIP) for content in CONTENTS]
IMAGES = [
    samples.image_manifest(layers=[BLOBS[1], BLOBS[2]]),
    samples.image_manifest(layers=[BLOBS[1], BLOBS[3]]),
]
MANIFESTS = [*IMAGES, samples.index(*IMAGES)]

repositories = st.sampled_from([RepositoryName("a"), RepositoryName("b")])
blobs = st.sampled_from(BLOBS)
manifests = st.sampled_from(MANIFESTS)
tags = st.sampled_from([Tag("v1"), Tag("v2")])


@dataclass
class _Model:
    """What a repository should hold; with each blob, since when nothing has kept it."""

    links: dict[Digest, datetime] = field(default_factory=dict)
    manifests: dict[Digest, Manifest] = field(default_factory=dict)
    tags: dict[Tag, Digest] = field(default_factory=dict)

    def named(self) -> set[Digest]:
        """Everything that a manifest names."""
        return {edge.digest for each in self.manifests.values() for edge in each.edges}


class Metadata(RuleBasedStateMachine):
    """A store in memory beside its model."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.clock = Clock()
        self.model: dict[RepositoryName, _Model] = {}
        self.store: MetadataStore = self.runner.run(
            self.stack.enter_async_context(open_sqlite(None, grace=GRACE, now=self.clock))
        )

    def teardown(self) -> None:
        """Close the store."""
        self.runner.run(self.stack.aclose())
        self.runner.close()

    def commit(self, change: Change, *, fits: bool) -> bool:
        """Commit *change*, which is to be taken if it *fits* and refused if not."""
        try:
            self.runner.run(self.store.commit(change, occasion=Occasion()))
        except RegistryError:
            assert not fits
            return False
        assert fits
        return True

    @rule(repository=repositories, blob=blobs)
    def link(self, repository: RepositoryName, blob: Descriptor) -> None:
        """Upload a blob."""
        self.commit(BlobLinked(repository, blob), fits=True)
        self.model.setdefault(repository, _Model()).links[blob.digest] = self.clock()

    @rule(repository=repositories, source=repositories, blob=blobs)
    def mount(self, repository: RepositoryName, source: RepositoryName, blob: Descriptor) -> None:
        """Mount a blob."""
        fits = blob.digest in self.model.get(source, _Model()).links
        if self.commit(BlobLinked(repository, blob, source), fits=fits):
            self.model.setdefault(repository, _Model()).links[blob.digest] = self.clock()

    @rule(repository=repositories, blob=blobs)
    def unlink(self, repository: RepositoryName, blob: Descriptor) -> None:
        """Delete a blob."""
        model = self.model.get(repository, _Model())
        fits = blob.digest in model.links and blob.digest not in model.named()
        if self.commit(BlobUnlinked(repository, blob.digest), fits=fits):
            del model.links[blob.digest]

    @rule(repository=repositories, manifest=manifests, tag=st.none() | tags, sparse=st.booleans())
    def put(
        self, repository: RepositoryName, manifest: Manifest, tag: Tag | None, *, sparse: bool
    ) -> None:
        """Put a manifest."""
        model = self.model.get(repository, _Model())
        here = {*model.links, *model.manifests}
        fits = sparse or all(edge.digest in here for edge in manifest.edges)
        named = (tag,) if tag else ()
        if self.commit(ManifestPut(repository, manifest, named, sparse), fits=fits):
            model = self.model.setdefault(repository, model)
            model.manifests[manifest.digest] = manifest
            model.tags |= dict.fromkeys(named, manifest.digest)

    @rule(repository=repositories, manifest=manifests)
    def delete(self, repository: RepositoryName, manifest: Manifest) -> None:
        """Delete a manifest."""
        model = self.model.get(repository, _Model())
        fits = manifest.digest in model.manifests
        if self.commit(ManifestDeleted(repository, manifest.digest), fits=fits):
            del model.manifests[manifest.digest]
            model.tags = {tag: at for tag, at in model.tags.items() if at != manifest.digest}
            for edge in manifest.edges:
                if edge.digest in model.links:
                    model.links[edge.digest] = self.clock()

    @rule(repository=repositories, tag=tags)
    def untag(self, repository: RepositoryName, tag: Tag) -> None:
        """Delete a tag."""
        model = self.model.get(repository, _Model())
        if self.commit(TagDeleted(repository, tag), fits=tag in model.tags):
            del model.tags[tag]

    @rule(repository=repositories)
    def forget(self, repository: RepositoryName) -> None:
        """Delete a repository."""
        if self.commit(RepositoryDeleted(repository), fits=repository in self.model):
            del self.model[repository]

    @rule(hours=st.sampled_from([1, 13, 25]))
    def wait(self, hours: int) -> None:
        """Let time pass."""
        self.clock.advance(timedelta(hours=hours))

    @rule(limit=st.sampled_from([1, 2, 100]))
    def collect(self, limit: int) -> None:
        """Collect everything that may go."""
        before = self.clock() - GRACE
        finished = False
        while not finished:
            step = self.runner.run(self.store.condemn(before=before, limit=limit))
            finished = step.finished
            for each in step.taken:
                if each.repository is None:
                    self.runner.run(self.store.bury(each.digest))
        for model in self.model.values():
            named = model.named()
            model.links = {
                digest: since
                for digest, since in model.links.items()
                if digest in named or since >= before
            }

    @invariant()
    def everything_is_as_it_should_be(self) -> None:
        """Tags, manifests and blobs are readable exactly where they should be."""
        assert self.runner.run(self._found()) == {
            repository: ({*model.links}, model.manifests, model.tags)
            for repository, model in self.model.items()
        }

    async def _found(self) -> dict[RepositoryName, object]:
        found: dict[RepositoryName, object] = {}
        for name in (RepositoryName("a"), RepositoryName("b")):
            try:
                page = await self.store.list_tags(name, after=None, limit=10)
            except RegistryError:
                continue
            links = {blob.digest for blob in BLOBS if await self._has_blob(name, blob.digest)}
            held = {each.digest: each for each in MANIFESTS if await self._has(name, each.digest)}
            named = {tag: (await self.store.get_manifest(name, tag)).digest for tag in page.items}
            found[name] = (links, held, named)
        return found

    async def _has_blob(self, name: RepositoryName, digest: Digest) -> bool:
        readable = name in await self.store.holders(digest, limit=10)
        try:
            await self.store.get_blob(name, digest)
        except RegistryError:
            assert not readable
            return False
        assert readable
        return True

    async def _has(self, name: RepositoryName, digest: Digest) -> bool:
        try:
            await self.store.get_manifest(name, digest)
        except RegistryError:
            return False
        return True


TestMetadata = Metadata.TestCase
TestMetadata.settings = settings(max_examples=40, stateful_step_count=40)
