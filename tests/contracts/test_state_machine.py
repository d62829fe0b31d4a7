"""Two repositories are driven at random, and compared with two dictionaries at every step."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lading.bodies import Bytes
from lading.errors import (
    BlobInUse,
    BlobUnknown,
    DigestInvalid,
    LadingError,
    ManifestBlobUnknown,
    ManifestUnknown,
    NameUnknown,
    UploadOutOfOrder,
    UploadUnknown,
)
from lading.interfaces.blobs import UploadId
from lading.interfaces.repository import Repository
from lading.metadata.sqlite import open_sqlite
from lading.oci import media_types
from lading.oci.digest import Digest
from lading.oci.manifest import Kind, Manifest
from lading.oci.names import RepositoryName, Tag
from lading.registry.registry import LocalRegistry
from lading.storage.memory import open_memory
from lading.testing import samples

_NAMES = [RepositoryName("a"), RepositoryName("b/c")]
_TAGS = [Tag("v1"), Tag("V1"), Tag("latest")]
_BLOBS = [samples.blob(size, size) for size in (0, 1, 20)]


def _manifests() -> list[Manifest]:
    layers = [samples.described(content, media_types.OCI_LAYER) for content in _BLOBS]
    first = samples.image_manifest(config=layers[0], layers=layers[1:2])
    second = samples.image_manifest(config=layers[1], layers=layers, algorithm="sha512")
    about = samples.image_manifest(config=layers[0], subject=first.descriptor)
    return [first, second, about, samples.index(first, second), samples.index(layers[2], first)]


_MANIFESTS = _manifests()
_names = st.sampled_from(_NAMES)
_tags = st.sampled_from(_TAGS)
_blobs = st.sampled_from(_BLOBS)
_manifest = st.sampled_from(_MANIFESTS)


@dataclass
class Model:
    """What a repository should hold."""

    blobs: dict[Digest, bytes] = field(default_factory=dict)
    manifests: dict[Digest, Manifest] = field(default_factory=dict)
    tags: dict[Tag, Digest] = field(default_factory=dict)
    listed: bool = False

    def lacks(self, manifest: Manifest) -> set[str]:
        """What *manifest* names and is not here."""
        return {
            str(edge.digest)
            for edge in manifest.edges
            if not (edge.kind is not Kind.MANIFEST and edge.digest in self.blobs)
            and not (edge.kind is not Kind.BLOB and edge.digest in self.manifests)
        }

    def users(self, digest: Digest) -> set[str]:
        """The manifests that name *digest*."""
        return {
            str(each.digest)
            for each in self.manifests.values()
            if digest in {edge.digest for edge in each.edges}
        }


@dataclass
class Pending:
    """What an upload should have taken."""

    name: RepositoryName
    content: bytes = b""


class Machine(RuleBasedStateMachine):
    """Every rule does a thing to a repository and to its model; the invariant compares them."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.models: dict[RepositoryName, Model] = {}
        self.uploads: dict[UploadId, Pending] = {}

    @initialize()
    def open(self) -> None:
        """Begin with two empty repositories."""
        self.runner.run(self._open())

    async def _open(self) -> None:
        blobs = await self.stack.enter_async_context(open_memory())
        metadata = await self.stack.enter_async_context(
            open_sqlite(None, grace=timedelta(hours=24))
        )
        self.registry = LocalRegistry(blobs, metadata)

    def teardown(self) -> None:
        """Close the stores and the loop."""
        self.runner.run(self.stack.aclose())
        self.runner.close()

    def _at(self, name: RepositoryName) -> tuple[Repository, Model]:
        return self.registry.repository(name), self.models.get(name, Model())

    def _made(self, name: RepositoryName) -> Model:
        return self.models.setdefault(name, Model())

    @rule(name=_names, content=_blobs, algorithm=st.sampled_from(["sha256", "sha512"]))
    def push_blob(self, name: RepositoryName, content: bytes, algorithm: str) -> None:
        """A blob in one piece is readable from then on."""
        repository, _ = self._at(name)
        pushed = self.runner.run(samples.put_blob(repository, content, algorithm=algorithm))
        self._made(name).blobs[pushed.digest] = content

    @rule(name=_names)
    def start_upload(self, name: RepositoryName) -> None:
        """An upload that is begun is nothing yet."""

        async def start() -> UploadId:
            upload = await self.registry.repository(name).start_upload()
            await upload.aclose()
            return upload.id

        self.uploads[self.runner.run(start())] = Pending(name)

    @rule(data=st.data(), name=_names, piece=st.binary(max_size=5), at=st.integers(0, 12))
    def write(self, data: st.DataObject, name: RepositoryName, piece: bytes, at: int) -> None:
        """A chunk is taken where the upload stands, in its own repository, and nowhere else."""
        if not self.uploads:
            return
        upload_id = data.draw(st.sampled_from(list(self.uploads)))
        pending = self.uploads[upload_id]
        at = data.draw(st.sampled_from([at, len(pending.content)]))

        async def write() -> int:
            upload = await self.registry.repository(name).resume_upload(upload_id)
            try:
                return await upload.write(Bytes(piece), at=at)
            finally:
                await upload.aclose()

        if name != pending.name:
            with pytest.raises(UploadUnknown):
                self.runner.run(write())
        elif at != len(pending.content):
            with pytest.raises(UploadOutOfOrder) as caught:
                self.runner.run(write())
            assert caught.value.offset == len(pending.content)
        else:
            pending.content += piece
            assert self.runner.run(write()) == len(pending.content)

    @rule(data=st.data(), wrong=st.booleans())
    def close_upload(self, data: st.DataObject, wrong: bool) -> None:
        """With the right digest it becomes a blob, with a wrong one nothing; it is over."""
        if not self.uploads:
            return
        upload_id = data.draw(st.sampled_from(list(self.uploads)))
        pending = self.uploads.pop(upload_id)
        digest = Digest.of(pending.content + b"!" * wrong)

        async def close() -> None:
            upload = await self.registry.repository(pending.name).resume_upload(upload_id)
            await upload.commit(digest)

        if wrong:
            with pytest.raises(DigestInvalid):
                self.runner.run(close())
        else:
            self.runner.run(close())
            self._made(pending.name).blobs[digest] = pending.content
        with pytest.raises(UploadUnknown):
            self.runner.run(close())

    @rule(name=_names, source=_names, content=_blobs, named=st.booleans())
    def mount(
        self, name: RepositoryName, source: RepositoryName, content: bytes, named: bool
    ) -> None:
        """A blob is mounted if the source has it; without a source, if anybody has."""
        digest = Digest.of(content)
        repository, model = self._at(name)
        places = [source, name] if named else _NAMES
        possible = any(digest in self._at(place)[1].blobs for place in places)

        mounted = self.runner.run(repository.mount_blob(digest, source if named else None))

        assert mounted is possible
        if mounted and digest not in model.blobs:
            self._made(name).blobs[digest] = content

    @rule(name=_names, manifest=_manifest, tags=st.lists(_tags, max_size=2))
    def put_manifest(self, name: RepositoryName, manifest: Manifest, tags: list[Tag]) -> None:
        """A manifest is taken when all it names is here; else all that is not is named."""
        repository, model = self._at(name)
        lacking = model.lacks(manifest)
        if lacking:
            with pytest.raises(ManifestBlobUnknown) as caught:
                self.runner.run(repository.put_manifest(manifest, tags=tags))
            assert set(caught.value.missing) == lacking
            return

        self.runner.run(repository.put_manifest(manifest, tags=tags))
        model = self._made(name)
        model.listed = True
        model.manifests[manifest.digest] = manifest
        model.tags.update(dict.fromkeys(tags, manifest.digest))

    @rule(name=_names, tag=_tags)
    def delete_tag(self, name: RepositoryName, tag: Tag) -> None:
        """The tag goes, and nothing else."""
        repository, model = self._at(name)
        if tag in model.tags:
            del model.tags[tag]
            self.runner.run(repository.delete_tag(tag))
        else:
            self._fails(repository.delete_tag(tag), ManifestUnknown)

    @rule(name=_names, manifest=_manifest)
    def delete_manifest(self, name: RepositoryName, manifest: Manifest) -> None:
        """The manifest goes, and every tag that names it."""
        repository, model = self._at(name)
        if manifest.digest in model.manifests:
            del model.manifests[manifest.digest]
            model.tags = {t: d for t, d in model.tags.items() if d != manifest.digest}
            self.runner.run(repository.delete_manifest(manifest.digest))
        else:
            self._fails(repository.delete_manifest(manifest.digest), ManifestUnknown)

    @rule(name=_names, content=_blobs)
    def delete_blob(self, name: RepositoryName, content: bytes) -> None:
        """The blob goes, unless a manifest names it."""
        digest = Digest.of(content)
        repository, model = self._at(name)
        if digest not in model.blobs:
            self._fails(repository.delete_blob(digest), BlobUnknown)
        elif users := model.users(digest):
            with pytest.raises(BlobInUse) as caught:
                self.runner.run(repository.delete_blob(digest))
            assert caught.value.manifest in users
        else:
            del model.blobs[digest]
            self.runner.run(repository.delete_blob(digest))

    @rule(name=_names)
    def delete_repository(self, name: RepositoryName) -> None:
        """The repository goes with all that is in it."""
        if name in self.models:
            del self.models[name]
            self.runner.run(self.registry.delete(name))
        else:
            self._fails(self.registry.delete(name), NameUnknown)

    def _fails(self, step: Any, error: type[LadingError]) -> None:
        with pytest.raises(error):
            self.runner.run(step)

    @invariant()
    def everything_is_as_in_the_model(self) -> None:
        """Blobs, manifests, tags, referrers and the list of repositories."""
        if hasattr(self, "registry"):
            self.runner.run(self._compare())

    async def _compare(self) -> None:
        # A repository is listed from its first manifest on.
        listed = sorted(name for name, model in self.models.items() if model.listed)
        assert list((await self.registry.repositories()).items) == listed
        for name in _NAMES:
            repository, model = self._at(name)
            await _compare_content(repository, model)
            if name in self.models:
                assert list((await repository.tags()).items) == sorted(model.tags)
            else:
                with pytest.raises(NameUnknown):
                    await repository.tags()


async def _compare_content(repository: Repository, model: Model) -> None:
    for digest in {Digest.of(content) for content in _BLOBS} | set(model.blobs):
        if digest in model.blobs:
            body = await repository.open_blob(digest)
            assert await samples.content_of(body) == model.blobs[digest]
        else:
            with pytest.raises(BlobUnknown):
                await repository.stat_blob(digest)
    for manifest in _MANIFESTS:
        if manifest.digest in model.manifests:
            assert await repository.get_manifest(manifest.digest) == manifest
        else:
            with pytest.raises(ManifestUnknown):
                await repository.resolve(manifest.digest)
        found = {each.digest for each in (await repository.referrers(manifest.digest)).items}
        assert found == {
            d for d, each in model.manifests.items() if each.subject == manifest.digest
        }
    for tag in _TAGS:
        if tag in model.tags:
            assert (await repository.resolve(tag)).digest == model.tags[tag]


TestRepositories = Machine.TestCase
TestRepositories.settings = settings(max_examples=30, stateful_step_count=30)
