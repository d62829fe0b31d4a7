"""Copies that meet lies, losses and refusals, at either end."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from lading.bodies import BlobContent, Bytes, FileSpan, Held, Inbound, Source, Span, Stream
from lading.content.blobs import Blobs
from lading.content.copier import Copier
from lading.content.copy import CopyOptions, CopyReport, copy, copy_tags
from lading.content.report import Tally
from lading.content.sides import blame
from lading.content.steps import Event, Step, silent
from lading.content.verify import Verified
from lading.errors import (
    BlobUnknown,
    BodyIncomplete,
    Denied,
    DigestInvalid,
    LadingError,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    PartlyDone,
    SizeInvalid,
    StorageFailed,
    StorageFull,
    UpstreamFailed,
)
from lading.interfaces.blobs import UploadId
from lading.interfaces.repository import Page, Receipt, Registry, Repository, Upload
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import CANONICAL, Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Reference, RepositoryName, Tag
from lading.registry.forwarding import ForwardingRepository, ForwardingUpload
from lading.testing import samples
from lading.testing.places import OTHER
from tests.unit.content.graphs import blob, held, tags

V1 = Tag("v1")


class _Body:
    """A body of *data* that breaks off after *until* bytes, as often as *breaks* says."""

    def __init__(self, data: bytes, until: int, breaks: list[LadingError]) -> None:
        self.length: int | None = len(data)
        self._data = data
        self._until = until
        self._breaks = breaks
        self._rest = [data[:until], data[until:]] if until else [data]

    async def ready(self) -> bool:
        if len(self._rest) == 1 and self._until and self._breaks:
            raise self._breaks.pop()
        return bool(self._rest)

    def blocks(self) -> Iterator[memoryview]:
        yield memoryview(self._rest.pop(0))

    async def again(self, at: int = 0) -> Source:
        rest = self._data[at:]
        return _Body(rest, len(rest) // 2, self._breaks)

    async def aclose(self) -> None:
        pass


class _Breaking(ForwardingRepository):
    """A source whose blobs break off in the middle, for every one of *breaks*."""

    def __init__(self, inner: Repository, breaks: list[LadingError]) -> None:
        super().__init__(inner)
        self.breaks = breaks
        self.opened = 0

    async def open_blob(
        self, digest: Digest, *, spans: Sequence[Span] = (), url_ok: bool = False
    ) -> BlobContent:
        self.opened += 1
        data = await samples.content_of(await super().open_blob(digest))
        body = _Body(data, len(data) // 2, self.breaks)
        return Stream(body, ((0, len(data)),), len(data))


class _Flipping(ForwardingRepository):
    """A source that gives other bytes than it has; *verified* says if it notices."""

    def __init__(self, inner: Repository, *, verified: bool, times: int = 1000) -> None:
        super().__init__(inner)
        self.verified = verified
        self.times = times

    async def open_blob(
        self, digest: Digest, *, spans: Sequence[Span] = (), url_ok: bool = False
    ) -> BlobContent:
        data = await samples.content_of(await super().open_blob(digest))
        if self.times:
            self.times -= 1
            data = data[:-1] + bytes([data[-1] ^ 1])
        body: Source = Bytes(data)
        if self.verified:
            body = Verified(body, digest, len(data))
        return Stream(body, ((0, len(data)),), len(data))


class _VouchingUpload(ForwardingUpload):
    """An upload that says whether its keeper named the digest."""

    def __init__(self, inner: Upload, *, vouched: bool) -> None:
        super().__init__(inner)
        self.vouched = vouched


class _Vouching(ForwardingRepository):
    """A target at the other end of a connection."""

    def __init__(self, inner: Repository, *, vouched: bool = True) -> None:
        super().__init__(inner)
        self.vouched = vouched
        self.read: list[Digest] = []
        self.flip = 0

    async def start_upload(
        self, *, algorithm: str = CANONICAL, expected: Descriptor | None = None
    ) -> Upload:
        assert expected is not None
        inner = await super().start_upload(algorithm=algorithm, expected=expected)
        return _VouchingUpload(inner, vouched=self.vouched)

    async def open_blob(
        self, digest: Digest, *, spans: Sequence[Span] = (), url_ok: bool = False
    ) -> BlobContent:
        self.read.append(digest)
        content = await super().open_blob(digest)
        if self.flip:
            self.flip -= 1
            data = bytes(len(await samples.content_of(content)))
            return Stream(Verified(Bytes(data), digest, len(data)), ((0, len(data)),), len(data))
        return content


class _FailingUpload(ForwardingUpload):
    """An upload that takes some bytes and then fails, or fails to commit."""

    def __init__(self, inner: Upload, target: "_Failing") -> None:
        super().__init__(inner)
        self._target = target

    async def write(self, body: Inbound, *, at: int | None = None) -> int:
        if self._target.writes:
            await self._inner.write(Bytes(b"".join(map(bytes, _half(body)))))
            raise self._target.writes.pop()
        self._target.begun_at.append(at)
        return await super().write(body, at=at)

    async def commit(self, digest: Digest, last: Inbound | None = None) -> Descriptor:
        if self._target.commits:
            failure = self._target.commits.pop()
            if failure.exit_code == UpstreamFailed.exit_code and self._target.lost_after:
                await super().commit(digest, last)
            raise failure
        return await super().commit(digest, last)

    async def cancel(self) -> None:
        self._target.cancelled += 1
        await super().cancel()


def _half(body: Inbound) -> Iterator[bytes]:
    for block in body.blocks():
        yield bytes(block[: len(block) // 2])
        return


class _Failing(ForwardingRepository):
    """A target whose uploads fail as they are told to."""

    def __init__(self, inner: Repository) -> None:
        super().__init__(inner)
        self.writes: list[LadingError] = []
        self.commits: list[LadingError] = []
        self.lost_after = False
        self.begun_at: list[int | None] = []
        self.cancelled = 0
        self.resumes = True
        self.full_for: set[Digest] = set()

    async def start_upload(
        self, *, algorithm: str = CANONICAL, expected: Descriptor | None = None
    ) -> Upload:
        if expected is not None and expected.digest in self.full_for:
            raise StorageFull("no room")
        return _FailingUpload(await super().start_upload(algorithm=algorithm), self)

    async def resume_upload(self, upload_id: UploadId) -> Upload:
        if not self.resumes:
            raise Denied("no sessions here")
        return _FailingUpload(await super().resume_upload(upload_id), self)


@pytest.fixture
async def image(source: Repository) -> Manifest:
    """An image in the source, of one layer."""
    made = samples.image(layers=1)
    await samples.put_image(source, made, tags=["v1"])
    return made.manifest


async def test_source_that_breaks_off_is_asked_again_and_nothing_is_sent_twice(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """The upload goes on where it stood."""
    breaking = _Breaking(source, [BodyIncomplete("lost")])
    steps: list[Step] = []

    await copy(breaking, target, V1, tags=[V1], listener=steps.append)

    assert await held(target, V1) == await held(source, V1)
    assert [step.event for step in steps].count(Event.RETRIED) == 1
    assert breaking.opened == 3


async def test_source_that_always_breaks_off_is_the_one_that_failed(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """After a few tries; the manifest is not put, and the tag not set."""
    breaking = _Breaking(source, [UpstreamFailed("lost") for _ in range(10)])
    steps: list[Step] = []

    with pytest.raises(UpstreamFailed) as caught:
        await copy(
            breaking, target, V1, tags=[V1], options=CopyOptions(blobs=1), listener=steps.append
        )

    assert caught.value.where == "source"
    assert len(breaking.breaks) <= 7
    assert Event.FAILED in [step.event for step in steps]
    with pytest.raises(ManifestUnknown):
        await target.resolve(V1)


@pytest.mark.parametrize("verified", [True, False], ids=["notices", "does not notice"])
async def test_source_that_gives_other_bytes_is_the_one_that_failed(
    source: Repository, target: Repository, image: Manifest, *, verified: bool
) -> None:
    """Bytes are hashed on the way once the target has refused them."""
    with pytest.raises(DigestInvalid) as caught:
        await copy(_Flipping(source, verified=verified), target, V1, tags=[V1])

    assert caught.value.where == "source"
    assert await blob(target, image.layers[0].digest) is None


async def test_bytes_that_were_wrong_once_are_right_when_read_again(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """Lines are noisy."""
    report = await copy(_Flipping(source, verified=False, times=1), target, V1, tags=[V1])

    assert await held(target, V1) == await held(source, V1)
    assert report.bytes_hashed == report.bytes_moved


async def test_target_that_refuses_right_bytes_is_the_one_that_failed(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """They were hashed on the way, so it is not the source."""
    failing = _Failing(target)
    failing.commits = [DigestInvalid("no") for _ in range(10)]

    with pytest.raises(DigestInvalid) as caught:
        await copy(source, failing, V1)

    assert caught.value.where == "target"


async def test_bytes_that_a_target_vouches_for_are_relayed(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """They are hashed there, and nothing is read back."""
    vouching = _Vouching(target)

    report = await copy(source, vouching, V1, tags=[V1])

    assert (report.bytes_relayed, report.bytes_hashed) == (report.bytes_moved, 0)
    assert vouching.read == []


async def test_bytes_that_a_target_does_not_vouch_for_are_read_back(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """And are counted as hashed."""
    silent_one = _Vouching(target, vouched=False)

    report = await copy(source, silent_one, V1, tags=[V1])

    assert (report.bytes_relayed, report.bytes_hashed) == (0, report.bytes_moved)
    assert sorted(map(str, silent_one.read)) == sorted(
        str(each.digest) for each in (*image.layers, *([image.config] if image.config else []))
    )


async def test_bytes_that_read_back_wrong_are_sent_again(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """This time they are hashed on the way."""
    silent_one = _Vouching(target, vouched=False)
    silent_one.flip = 1
    steps: list[Step] = []

    report = await copy(source, silent_one, V1, tags=[V1], listener=steps.append)

    assert [step.event for step in steps].count(Event.RETRIED) == 1
    assert report.bytes_hashed == report.bytes_moved


@pytest.mark.parametrize("resumes", [True, False])
async def test_upload_that_is_interrupted_goes_on(
    source: Repository, target: Repository, *, resumes: bool
) -> None:
    """From where it stands, or from the beginning if the target forgot it."""
    content = samples.blob(1000)
    layer = samples.described(content, media_types.OCI_LAYER)
    await samples.put_blob(source, content)
    await samples.put_blob(source, samples.EMPTY)
    await samples.put_blob(target, samples.EMPTY)
    await source.put_manifest(samples.image_manifest(layers=[layer]), tags=[V1])
    failing = _Failing(target)
    failing.writes = [UpstreamFailed("lost")]
    failing.resumes = resumes

    report = await copy(source, failing, V1, tags=[V1])

    assert failing.begun_at == [500 if resumes else 0]
    assert await blob(target, layer.digest) == content
    assert report.bytes_moved == 1000


async def test_answer_that_is_lost_is_not_asked_for_twice(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """The blob was published, and only the word of it went missing."""
    failing = _Failing(target)
    failing.commits, failing.lost_after = [UpstreamFailed("lost")], True

    report = await copy(source, failing, V1, tags=[V1])

    assert len(failing.begun_at) == 2
    assert report.blobs_copied == 2


async def test_target_that_fails_is_named_and_the_upload_given_up(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """What cannot pass is not tried again."""
    failing = _Failing(target)
    failing.writes = [StorageFull("no room")]

    with pytest.raises(StorageFull) as caught:
        await copy(source, failing, V1, options=CopyOptions(blobs=1))

    assert caught.value.where == "target"
    assert failing.cancelled == 1


class _Translating(ForwardingRepository):
    """A target whose connection names every failure of a body again."""

    async def start_upload(
        self, *, algorithm: str = CANONICAL, expected: Descriptor | None = None
    ) -> Upload:
        return _TranslatingUpload(await super().start_upload(algorithm=algorithm))


class _TranslatingUpload(ForwardingUpload):
    async def write(self, body: Inbound, *, at: int | None = None) -> int:
        try:
            return await super().write(body, at=at)
        except LadingError as error:
            raise UpstreamFailed("the request failed") from error


async def test_failure_of_the_source_is_told_even_where_the_target_renames_it(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """The reason is what helps."""
    breaking = _Breaking(source, [StorageFull("odd, but the source's") for _ in range(9)])

    with pytest.raises(StorageFull) as caught:
        await copy(breaking, _Translating(target), V1)

    assert caught.value.where == "source"


class _Unreadable(ForwardingRepository):
    """A source whose disk gives up."""

    async def open_blob(
        self, digest: Digest, *, spans: Sequence[Span] = (), url_ok: bool = False
    ) -> BlobContent:
        size = (await super().stat_blob(digest)).size
        read, write = os.pipe()
        os.close(write)
        # Nobody can read a pipe at an offset.
        return FileSpan(read, ((0, size),), size)


async def test_source_that_cannot_read_its_own_files_is_the_one_that_failed(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """What the operating system says is given a name of ours."""
    with pytest.raises(StorageFailed) as caught:
        await copy(_Unreadable(source), target, V1)

    assert caught.value.where == "source"


async def test_side_is_named_once_and_before_the_registry() -> None:
    """Whoever talks to a registry may have named it already."""
    error = UpstreamFailed("lost")
    error.where = "registry.example"

    blame(error, "target")
    blame(error, "source")

    assert error.where == "target registry.example"


class _Lying(ForwardingRepository):
    """A source whose blobs are of one byte."""

    async def open_blob(
        self, digest: Digest, *, spans: Sequence[Span] = (), url_ok: bool = False
    ) -> BlobContent:
        return Held(b"x", ((0, 1),))


async def test_content_that_has_two_lengths_is_refused(
    source: Repository, target: Repository
) -> None:
    """One of the two is a lie, also where it stands beside the truth."""
    config, layer = b"{}", samples.layer()
    await samples.put_blob(source, config)
    await samples.put_blob(source, layer)
    true = samples.described(layer, media_types.OCI_LAYER_GZIP)
    manifest = samples.image_manifest(
        config=samples.described(config, media_types.OCI_CONFIG),
        layers=[true, replace(true, size=true.size + 1)],
    )
    await source.put_manifest(manifest, tags=[Tag("v1")])

    with pytest.raises(SizeInvalid) as caught:
        await copy(source, target, Tag("v1"), tags=[Tag("v1")])

    assert caught.value.where.startswith("source")
    with pytest.raises(ManifestUnknown):
        await target.resolve(Tag("v1"))


async def test_blob_of_another_length_is_refused_before_it_is_sent(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """Its length is known as soon as it is opened."""
    with pytest.raises(SizeInvalid) as caught:
        await copy(_Lying(source), target, V1)

    assert caught.value.where == "source"


class _Swapping(ForwardingRepository):
    """A source that answers every digest with the same manifest."""

    def __init__(self, inner: Repository, other: Manifest) -> None:
        super().__init__(inner)
        self._other = other

    async def get_manifest(self, reference: Reference) -> Manifest:
        asked = await super().get_manifest(reference)
        return asked if isinstance(reference, Tag) else self._other


async def test_manifest_of_another_digest_is_refused(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """Whatever the source may be."""
    await source.put_manifest(samples.index(image), tags=[Tag("index")])
    other = samples.index()

    with pytest.raises(DigestInvalid) as caught:
        await copy(_Swapping(source, other), target, Tag("index"))

    assert caught.value.where == "source"


class _NoMount(ForwardingRepository):
    """A target that lets nobody mount."""

    async def mount_blob(self, digest: Digest, source: RepositoryName | None) -> bool:
        raise Denied("not from there")


async def test_blob_that_may_not_be_mounted_is_sent(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """A refusal is not the end."""
    report = await copy(source, _NoMount(target), V1, tags=[V1], mount_from=OTHER)

    assert report.blobs_copied == 2


class _MountedUpload(ForwardingUpload):
    """An upload of what its keeper has already: it takes no bytes."""

    mounted = True

    async def write(self, body: Inbound, *, at: int | None = None) -> int:
        raise AssertionError("these bytes need not be sent")

    async def commit(self, digest: Digest, last: Inbound | None = None) -> Descriptor:
        return Descriptor(media_types.OCTETS, digest, 0)


class _Mounting(ForwardingRepository):
    """A target that mounts what it has in its repository `OTHER` when an upload begins."""

    async def start_upload(
        self, *, algorithm: str = CANONICAL, expected: Descriptor | None = None
    ) -> Upload:
        upload = await super().start_upload(algorithm=algorithm, expected=expected)
        if expected is not None and await self.mount_blob(expected.digest, OTHER):
            return _MountedUpload(upload)
        return upload


async def test_blob_that_is_mounted_as_its_upload_begins_is_not_sent(
    source: Repository, target: Repository, target_registry: Registry, image: Manifest
) -> None:
    """It counts as mounted, and the others as copied."""
    layer = image.layers[0]
    await copy(source, target_registry.repository(OTHER), V1)
    await target_registry.repository(OTHER).delete_manifest(image.digest)
    assert image.config is not None
    await target_registry.repository(OTHER).delete_blob(image.config.digest)
    steps: list[Step] = []

    report = await copy(source, _Mounting(target), V1, tags=[V1], listener=steps.append)

    assert (report.blobs_mounted, report.blobs_copied) == (1, 1)
    assert [s.event for s in steps if s.descriptor == layer] == [Event.STARTED, Event.MOUNTED]
    assert await held(target, V1) == await held(source, V1)


async def test_with_keep_going_what_fails_does_not_stop_the_rest(
    source: Repository, target: Repository
) -> None:
    """All failures are told at the end, each once, with what was done."""
    good, bad = samples.image("good"), samples.image("bad")
    for each in (good, bad):
        await samples.put_image(source, each)
    await source.put_manifest(samples.index(good.manifest), tags=[Tag("good")])
    await source.put_manifest(samples.index(good.manifest, bad.manifest), tags=[Tag("bad")])
    failing = _Failing(target)
    failing.full_for = {bad.manifest.layers[0].digest}

    with pytest.raises(PartlyDone) as caught:
        await copy_tags(source, failing, options=CopyOptions(keep_going=True))

    assert [type(each) for each in caught.value.failures] == [StorageFull]
    assert caught.value.failures[0].where == "target"
    assert isinstance(caught.value.done, CopyReport)
    assert caught.value.done.failures == caught.value.failures
    assert list(await tags(target)) == ["good"]
    assert await blob(target, bad.manifest.layers[1].digest) is not None


async def test_with_keep_going_a_referrer_that_fails_does_not_keep_the_tag_back(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """The image itself is whole."""
    content = samples.layer("sbom")
    layer = samples.described(content, media_types.OCI_LAYER)
    await samples.put_blob(source, content)
    await samples.put_blob(source, samples.EMPTY)
    sbom = samples.image_manifest(layers=[layer], subject=image.descriptor, artifact_type="a/b")
    await source.put_manifest(sbom)
    failing = _Failing(target)
    failing.full_for = {layer.digest}

    with pytest.raises(StorageFull):
        await copy(source, failing, V1, tags=[V1])
    with pytest.raises(PartlyDone, match="1 failed"):
        await copy(source, failing, V1, tags=[V1], options=CopyOptions(keep_going=True))

    assert list(await tags(target)) == ["v1"]


async def test_with_keep_going_a_root_that_fails_is_told(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """And is not tagged."""
    failing = _Failing(target)
    failing.full_for = {image.layers[0].digest}

    with pytest.raises(PartlyDone) as caught:
        await copy(source, failing, V1, tags=[V1], options=CopyOptions(keep_going=True))

    assert len(caught.value.failures) == 1


async def test_failure_of_one_tag_stops_all_unless_asked_to_keep_going(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """The reason is raised as it is."""
    failing = _Failing(target)
    failing.full_for = {image.layers[0].digest}

    with pytest.raises(StorageFull):
        await copy_tags(source, failing)


async def test_interrupted_copy_goes_on_where_it_stopped(
    source: Repository, target: Repository
) -> None:
    """What arrived is not sent again."""
    one, two = samples.image(1), samples.image(2)
    for each in (one, two):
        await samples.put_image(source, each)
    await source.put_manifest(samples.index(one.manifest, two.manifest), tags=[V1])
    failing = _Failing(target)
    failing.full_for = {two.manifest.layers[1].digest}
    with pytest.raises(StorageFull):
        await copy(source, failing, V1, tags=[V1], options=CopyOptions(blobs=1, manifests=1))

    report = await copy(source, target, V1, tags=[V1])

    assert report.blobs_there == 5
    assert report.blobs_copied == 1
    assert await held(target, V1) == await held(source, V1)


class _Stalling(ForwardingRepository):
    """A source whose blobs never come."""

    def __init__(self, inner: Repository) -> None:
        super().__init__(inner)
        self.reached = asyncio.Event()

    async def open_blob(
        self, digest: Digest, *, spans: Sequence[Span] = (), url_ok: bool = False
    ) -> BlobContent:
        self.reached.set()
        await asyncio.Event().wait()
        raise AssertionError


async def test_cancelled_copy_leaves_the_target_consistent(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """No manifest without its blobs, no tag; the next copy goes on."""
    stalling = _Stalling(source)
    task = asyncio.create_task(copy(stalling, target, V1, tags=[V1]))
    await stalling.reached.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    with pytest.raises(ManifestUnknown):
        await target.resolve(image.digest)
    await copy(source, target, V1, tags=[V1])
    assert await held(target, V1) == await held(source, V1)


class _Strict(ForwardingRepository):
    """A target of which everything that is there is whole, and which counts what it is asked."""

    def __init__(self, inner: Repository) -> None:
        super().__init__(inner)
        self.asked = 0

    async def refuses_sparse(self) -> bool:
        return True

    async def stat_blob(self, digest: Digest) -> Descriptor:
        self.asked += 1
        return await super().stat_blob(digest)


async def test_strict_target_is_not_asked_for_what_a_root_proves(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """But new referrers of children are still found, and one may ask for all the same."""
    lower = samples.index(image)
    odd = samples.described(samples.EMPTY, "application/vnd.odd")
    await samples.put_blob(source, samples.EMPTY)
    await source.put_manifest(lower)
    await source.put_manifest(samples.index(lower, odd), tags=[Tag("root")])
    await copy(source, target, Tag("root"))
    sbom = samples.artifact(image)
    await samples.put_artifact(source, sbom)
    strict = _Strict(target)

    report = await copy(source, strict, Tag("root"))
    asked = strict.asked
    await copy(source, strict, Tag("root"), options=CopyOptions(deep=True, referrers=False))

    assert report.referrers == 1
    assert await target.get_manifest(sbom.digest) == sbom
    assert asked == 1
    assert strict.asked == 4


class _Vanishing(ForwardingRepository):
    """A source whose referrers are gone when they are asked for."""

    def __init__(self, inner: Repository, *gone: Digest) -> None:
        super().__init__(inner)
        self._gone = gone

    async def get_manifest(self, reference: Reference) -> Manifest:
        if reference in self._gone:
            raise ManifestUnknown(reference)
        return await super().get_manifest(reference)


async def test_referrer_that_goes_meanwhile_is_passed_over(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """Under its own name, or under a tag."""
    sbom, signature = samples.artifact(image), samples.artifact(seed="signature")
    for each in (sbom, signature):
        await samples.put_artifact(source, each)
    tag = Tag(f"sha256-{image.digest.value}.sig")
    await source.put_manifest(signature, tags=[tag])

    report = await copy(_Vanishing(source, sbom.digest, signature.digest), target, V1)

    assert report.referrers == 0


async def test_referrer_with_a_hole_is_an_error(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """It is not taken for one that is gone."""
    hole = samples.image_manifest(annotations={"not": "here"})
    await source.put_manifest(samples.index(hole, subject=image.descriptor), sparse=True)

    with pytest.raises(ManifestUnknown) as caught:
        await copy(source, target, V1)

    assert str(hole.digest) in str(caught.value)


async def test_graph_of_too_many_parts_is_refused(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """Memory is bounded; the limit is for each root."""
    tally = Tally()
    blobs = Blobs(
        source, target, tally, mount_from=None, fetch=None, dry_run=False, most=1, listener=silent
    )
    copier = Copier(
        source, target, CopyOptions(), blobs=blobs, tally=tally, listener=silent, nodes=2
    )

    with pytest.raises(ManifestInvalid, match="more than 2"):
        await copier.copy(await copier.root(V1), [V1])


async def test_target_that_takes_no_sparse_index_says_what_is_missing(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """Its refusal is the target's."""

    class Refusing(ForwardingRepository):
        async def put_manifest(
            self, manifest: Manifest, *, tags: Sequence[Tag] = (), sparse: bool = False
        ) -> Receipt:
            raise ManifestBlobUnknown(["x"])

    with pytest.raises(ManifestBlobUnknown) as caught:
        await copy(source, Refusing(target), V1)

    assert caught.value.where == "target"


class _Unlisted(ForwardingRepository):
    """A source that lists no tags."""

    async def tags(self, *, after: Tag | None = None, limit: int = 100) -> Page[Tag]:
        raise Denied("no listing")


async def test_source_that_lists_nothing_is_asked_for_tags_one_by_one(
    source: Repository, target: Repository, image: Manifest
) -> None:
    """Some may pull and not list."""
    signature = samples.artifact()
    await samples.put_artifact(source, signature)
    await source.put_manifest(signature, tags=[Tag(f"sha256-{image.digest.value}.sig")])

    report = await copy(_Unlisted(source), target, V1)

    assert report.referrers == 1


# --- Non-distributable layers

FOREIGN = samples.layer("foreign")
FOREIGN_TYPE = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


async def _foreign(source: Repository, *urls: str) -> Descriptor:
    layer = replace(samples.described(FOREIGN, FOREIGN_TYPE), urls=urls)
    await samples.put_blob(source, samples.EMPTY)
    await source.put_manifest(samples.image_manifest(layers=[layer]), tags=[V1])
    return layer


async def _fetch(url: str) -> Source:
    if url == "https://bad.example/":
        raise UpstreamFailed(url)
    return Bytes(FOREIGN if url == "https://good.example/" else bytes(len(FOREIGN)))


async def test_layers_that_are_elsewhere_stay_there(source: Repository, target: Repository) -> None:
    """The manifest keeps their URLs (trap T15)."""
    layer = await _foreign(source, "https://good.example/")

    report = await copy(source, target, V1, tags=[V1])

    assert report.blobs_elsewhere == 1
    assert await blob(target, layer.digest) is None
    assert (await target.get_manifest(V1)).layers[0].urls == ("https://good.example/",)


async def test_layers_that_are_elsewhere_are_fetched_when_asked_for(
    source: Repository, target: Repository
) -> None:
    """From the first URL that works."""
    layer = await _foreign(source, "https://bad.example/", "https://good.example/")

    report = await copy(source, target, V1, tags=[V1], fetch=_fetch)

    assert report.blobs_elsewhere == 0
    assert await blob(target, layer.digest) == FOREIGN


async def test_layers_that_a_source_has_are_not_fetched(
    source: Repository, target: Repository
) -> None:
    """Some registries hold them although they need not."""
    layer = await _foreign(source, "https://bad.example/")
    await samples.put_blob(source, FOREIGN)

    await copy(source, target, V1, tags=[V1], fetch=_fetch)

    assert await blob(target, layer.digest) == FOREIGN


@pytest.mark.parametrize(
    ("urls", "error"),
    [
        ([], BlobUnknown),
        (["https://bad.example/"], UpstreamFailed),
        (["https://wrong.example/"], DigestInvalid),
    ],
    ids=["no URL", "no answer", "other content"],
)
async def test_layer_that_cannot_be_fetched_is_the_sources_fault(
    source: Repository, target: Repository, urls: list[str], error: type[LadingError]
) -> None:
    """Nothing is put in its place."""
    await _foreign(source, *urls)

    with pytest.raises(error) as caught:
        await copy(source, target, V1, fetch=_fetch)

    assert caught.value.where == "source"
