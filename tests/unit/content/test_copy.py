"""Copying graphs between repositories in memory."""

import json
from dataclasses import replace

import pytest

from lading.content.copy import CopyOptions, copy, copy_tags
from lading.content.digest_tags import fallback_tag, is_fallback
from lading.content.steps import Event, Step
from lading.errors import (
    BlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameUnknown,
    PlatformUnknown,
    SizeInvalid,
)
from lading.interfaces.repository import Registry, Repository
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Tag
from lading.oci.platform import Platform
from lading.testing import samples
from lading.testing.places import OTHER
from tests.unit.content.graphs import blob, held, tags

V1, V2 = Tag("v1"), Tag("v2")
AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
UNKNOWN = Platform("unknown", "unknown")


async def _image(
    repository: Repository, seed: object = 0, *, algorithm: str = "sha256"
) -> Manifest:
    image = samples.image(seed, algorithm=algorithm)
    await samples.put_image(repository, image)
    return image.manifest


async def _multi(repository: Repository, *named: str) -> tuple[Manifest, Manifest, Manifest]:
    """An index of two images and an attestation of the first, under tags *named*."""
    first, second = await _image(repository, 1), await _image(repository, 2)
    attestation = samples.artifact(artifact_type="application/vnd.in-toto+json", seed=1)
    await samples.put_artifact(repository, attestation)
    about = {"vnd.docker.reference.digest": str(first.digest)}
    index = samples.index(
        replace(first.descriptor, platform=AMD64),
        replace(second.descriptor, platform=ARM64),
        replace(attestation.descriptor, platform=UNKNOWN, annotations=about),
    )
    await repository.put_manifest(index, tags=[Tag(name) for name in named])
    return index, first, second


async def test_image_arrives_whole_and_is_tagged(source: Repository, target: Repository) -> None:
    """Every byte, and the report says how many."""
    image = samples.image()
    await samples.put_image(source, image, tags=["v1"])

    report = await copy(source, target, V1, tags=[V1, V2])

    size = sum(map(len, image.blobs))
    assert await held(target, V2) == await held(source, V1)
    assert await tags(target) == {
        "v1": str(image.manifest.digest),
        "v2": str(image.manifest.digest),
    }
    assert report.roots == (image.manifest.descriptor,)
    assert (report.manifests_copied, report.blobs_copied, report.bytes_moved) == (1, 3, size)
    assert (report.bytes_hashed, report.bytes_relayed) == (size, 0)
    assert report.tags == (V1, V2)
    assert not report.made


async def test_what_is_there_is_not_sent_again(source: Repository, target: Repository) -> None:
    """A second copy moves nothing."""
    await _multi(source, "v1")
    await copy(source, target, V1, tags=[V1])

    report = await copy(source, target, V1, tags=[V1])

    assert (report.manifests_copied, report.blobs_copied, report.bytes_moved) == (0, 0, 0)
    assert (report.manifests_there, report.blobs_there) == (4, 7)
    assert (report.tags, report.tags_there) == ((), (V1,))


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
async def test_graph_of_any_algorithm_is_copied(
    source: Repository, target: Repository, algorithm: str
) -> None:
    """Roots, children and blobs keep the names they go by."""
    image = await _image(source, algorithm=algorithm)
    index = samples.index(samples.index(image, algorithm=algorithm), algorithm=algorithm)
    await source.put_manifest(samples.index(image, algorithm=algorithm))
    await source.put_manifest(index, tags=[V1])

    await copy(source, target, V1)

    assert await held(target, index.digest) == await held(source, V1)


async def test_docker_lists_are_copied_as_they_are(source: Repository, target: Repository) -> None:
    """Nothing is converted."""
    image = samples.image(docker=True)
    await samples.put_image(source, image)
    listing = samples.index(image.manifest, docker=True)
    await source.put_manifest(listing)

    report = await copy(source, target, listing.digest, tags=[V1])

    assert (await target.get_manifest(V1)) == listing
    assert report.roots[0].media_type == media_types.DOCKER_LIST


async def test_layers_that_repeat_move_once(source: Repository, target: Repository) -> None:
    """Within an image, and among images."""
    content = samples.layer()
    layer = samples.described(content, media_types.OCI_LAYER_GZIP)
    await samples.put_blob(source, content)
    await samples.put_blob(source, samples.EMPTY)
    one = samples.image_manifest(layers=[layer, layer])
    two = samples.image_manifest(layers=[layer], annotations={"a": "b"})
    for each in (one, two):
        await source.put_manifest(each)
    await source.put_manifest(samples.index(one, two, one), tags=[V1])

    report = await copy(source, target, V1)

    assert (report.blobs_copied, report.manifests_copied) == (2, 3)


async def test_build_caches_list_blobs(source: Repository, target: Repository) -> None:
    """An index may list blobs, and what is of an unknown type may be a manifest (trap T34)."""
    cache = b'{"layers":[]}'
    image = await _image(source)
    await samples.put_blob(source, cache)
    odd = Manifest.verified(
        image.body.replace(b"vnd.oci.image.manifest.v1", b"vnd.odd.v1"),
        "application/vnd.odd.v1+json",
    )
    await source.put_manifest(odd)
    index = samples.index(
        samples.described(cache, "application/vnd.buildkit.cacheconfig.v0"), odd.descriptor
    )
    await source.put_manifest(index)

    await copy(source, target, index.digest)

    assert await blob(target, Digest.of(cache)) == cache
    assert await target.get_manifest(odd.digest) == odd


async def test_referrers_of_the_root_its_children_and_of_referrers_come_along(
    source: Repository, target: Repository
) -> None:
    """That is what signatures of multi-platform images are."""
    index, first, _ = await _multi(source, "v1")
    sbom = samples.artifact(first)
    signature = samples.artifact(sbom, artifact_type="application/vnd.example.sig")
    of_root = samples.artifact(index)
    for each in (sbom, signature, of_root):
        await samples.put_artifact(source, each)

    report = await copy(source, target, V1, tags=[V1])

    assert await held(target, V1) == await held(source, V1)
    assert report.referrers == 3
    assert await held(target, V1) == {
        key: value for key, value in (await held(target, V1)).items() if value is not None
    }


async def test_referrer_may_name_what_leads_to_it(source: Repository, target: Repository) -> None:
    """An index about a child that lists the root as well: nobody waits for themselves."""
    index, first, _ = await _multi(source, "v1")
    around = samples.index(index, subject=first.descriptor)
    await source.put_manifest(around)

    await copy(source, target, V1, tags=[V1])

    assert await target.get_manifest(around.digest) == around


async def test_without_referrers_only_the_graph_is_copied(
    source: Repository, target: Repository
) -> None:
    """When that is asked for."""
    image = await _image(source)
    await samples.put_artifact(source, samples.artifact(image))

    report = await copy(source, target, image.digest, options=CopyOptions(referrers=False))

    assert (report.referrers, report.manifests_copied) == (0, 1)


async def test_many_referrers_come_in_pages(source: Repository, target: Repository) -> None:
    """All pages are read."""
    image = await _image(source)
    for seed in range(30):
        await samples.put_artifact(source, samples.artifact(image, seed=seed))

    report = await copy(source, target, image.digest)

    assert report.referrers == 30


async def test_cosign_tags_come_along_with_what_they_name(
    source: Repository, target: Repository
) -> None:
    """Those of children too, under the same tags (trap T42)."""
    _, first, _ = await _multi(source, "v1")
    signature = samples.artifact(seed="signature")
    await samples.put_artifact(source, signature)
    about_it = samples.artifact(signature, seed="about")
    await samples.put_artifact(source, about_it)
    base = fallback_tag(first.digest)
    for suffix in (".sig", ".att"):
        await source.put_manifest(signature, tags=[Tag(base + suffix)])

    report = await copy(source, target, V1, tags=[V1])

    assert (await target.resolve(Tag(f"{base}.sig"))).digest == signature.digest
    assert (await target.resolve(Tag(f"{base}.att"))).digest == signature.digest
    assert await target.get_manifest(about_it.digest) == about_it
    assert set(report.tags) == {V1, f"{base}.sig", f"{base}.att"}
    assert report.referrers == 2


async def test_what_a_fallback_tag_lists_comes_along_and_the_list_does_not(
    source: Repository, target: Repository
) -> None:
    """The target lists referrers in its own way, and a list of its own is not overwritten."""
    image = await _image(source)
    odd = samples.artifact(seed="not found by its subject")
    await samples.put_artifact(source, odd)
    await source.put_manifest(samples.index(odd), tags=[fallback_tag(image.digest)])

    report = await copy(source, target, image.digest, tags=[V1])

    assert await target.get_manifest(odd.digest) == odd
    assert list(await tags(target)) == ["v1"]
    assert report.referrers == 1


async def test_tag_taken_for_the_digest_is_no_list_of_referrers(
    source: Repository, target: Repository
) -> None:
    """GitLab answers so, and the images of an index would look like its referrers (trap T44)."""
    index = samples.index(await _image(source))
    await source.put_manifest(index, tags=[fallback_tag(index.digest)])

    report = await copy(source, target, index.digest)

    assert report.referrers == 0


async def test_repository_of_many_tags_is_asked_for_single_ones(
    source: Repository, target: Repository
) -> None:
    """Its tags are not all listed only to find three of them."""
    image, signature = await _image(source), samples.artifact()
    await samples.put_artifact(source, signature)
    await source.put_manifest(image, tags=[Tag(f"t{number:04}") for number in range(1001)])
    await source.put_manifest(signature, tags=[Tag(f"{fallback_tag(image.digest)}.sig")])

    report = await copy(source, target, image.digest)

    assert report.referrers == 1


async def test_dry_run_says_what_would_move_and_moves_nothing(
    source: Repository, target: Repository
) -> None:
    """Not even tags."""
    index, _, _ = await _multi(source, "v1")
    await samples.put_artifact(source, samples.artifact(index))

    planned = await copy(source, target, V1, tags=[V1], options=CopyOptions(dry_run=True))

    with pytest.raises(NameUnknown):
        await target.tags()
    done = await copy(source, target, V1, tags=[V1])
    assert planned.dry_run
    assert replace(planned, dry_run=False, bytes_hashed=done.bytes_hashed) == done


async def test_tags_that_name_something_else_may_be_kept(
    source: Repository, target: Repository
) -> None:
    """Then nothing is copied for them."""
    image = await _image(source)
    other = await _image(target, "other")
    await target.put_manifest(other, tags=[V1])
    options = CopyOptions(clobber=False)

    kept = await copy(source, target, image.digest, tags=[V1], options=options)
    moved = await copy(source, target, image.digest, tags=[V1, V2], options=options)
    again = await copy(source, target, image.digest, tags=[V2], options=options)

    assert (kept.tags_kept, kept.manifests_copied) == ((V1,), 0)
    assert (moved.tags, moved.tags_kept) == ((V2,), (V1,))
    assert again.tags_there == (V2,)
    assert (await target.resolve(V1)).digest == other.digest


async def test_cosign_tags_may_be_kept_as_well(source: Repository, target: Repository) -> None:
    """They are tags like others."""
    image, signature = await _image(source), samples.artifact()
    await samples.put_artifact(source, signature)
    tag = Tag(f"{fallback_tag(image.digest)}.sig")
    await source.put_manifest(signature, tags=[tag])
    other = await _image(target, "other")
    await target.put_manifest(other, tags=[tag])

    report = await copy(source, target, image.digest, options=CopyOptions(clobber=False))

    assert (report.tags_kept, report.referrers) == ((tag,), 0)


async def test_some_platforms_make_a_new_index(source: Repository, target: Repository) -> None:
    """With their attestations; what refers to the old index stays behind, and that is said."""
    index, first, second = await _multi(source, "v1")
    of_child = samples.artifact(first)
    await samples.put_artifact(source, samples.artifact(index))
    await samples.put_artifact(source, of_child)

    report = await copy(source, target, V1, tags=[V1], options=CopyOptions(platforms=(AMD64,)))

    made = await target.get_manifest(V1)
    assert report.made
    assert report.roots == (made.descriptor,)
    assert made.digest != index.digest
    assert [each.platform for each in made.manifests] == [AMD64, UNKNOWN]
    assert report.referrers == 1
    assert await target.get_manifest(of_child.digest) == of_child
    with pytest.raises(ManifestUnknown):
        await target.resolve(second.digest)


async def test_all_platforms_leave_the_index_as_it_is(
    source: Repository, target: Repository
) -> None:
    """Nothing is made anew without need."""
    index, _, _ = await _multi(source, "v1")

    report = await copy(source, target, V1, options=CopyOptions(platforms=(AMD64, ARM64)))

    assert not report.made
    assert report.roots == (index.descriptor,)


async def test_sparse_copy_keeps_the_bytes(source: Repository, target: Repository) -> None:
    """The index names images that are not there, and what refers to it stays valid."""
    index, first, second = await _multi(source, "v1")
    of_root = samples.artifact(index)
    await samples.put_artifact(source, of_root)
    options = CopyOptions(platforms=(ARM64,), sparse=True)

    report = await copy(source, target, V1, tags=[V1], options=options)

    assert not report.made
    assert await target.get_manifest(V1) == index
    assert await target.get_manifest(second.digest) == second
    assert await target.get_manifest(of_root.digest) == of_root
    with pytest.raises(ManifestUnknown):
        await target.resolve(first.digest)


async def test_hole_in_the_source_is_an_error_unless_sparse_is_asked_for(
    source: Repository, target: Repository
) -> None:
    """A sparse source cannot give what it does not have."""
    missing = samples.image_manifest(annotations={"not": "here"})
    here = await _image(source)
    index = samples.index(missing, here)
    await source.put_manifest(index, tags=[V1], sparse=True)

    with pytest.raises(ManifestUnknown) as caught:
        await copy(source, target, V1)
    await copy(source, target, V1, tags=[V1], options=CopyOptions(sparse=True))

    assert caught.value.where == "source"
    assert await target.get_manifest(V1) == index


async def test_one_image_of_an_index_can_be_copied_alone(
    source: Repository, target: Repository
) -> None:
    """It is the root then, and its referrers come along."""
    _, _, second = await _multi(source, "v1")
    sbom = samples.artifact(second)
    await samples.put_artifact(source, sbom)

    report = await copy(source, target, V1, tags=[V1], options=CopyOptions(image=ARM64))

    assert await target.get_manifest(V1) == second
    assert report.referrers == 1
    assert report.manifests_copied == 2


async def test_platform_that_is_not_there_is_told_with_those_that_are(
    source: Repository, target: Repository
) -> None:
    """Attestations are no platforms."""
    await _multi(source, "v1")
    wanted = Platform("linux", "s390x")

    for options in (CopyOptions(image=wanted), CopyOptions(platforms=(AMD64, wanted))):
        with pytest.raises(PlatformUnknown) as caught:
            await copy(source, target, V1, options=options)

        assert caught.value.present == ("linux/amd64", "linux/arm64")
        assert caught.value.where == "source"


async def test_platform_of_a_plain_image_is_that_of_its_config(
    source: Repository, target: Repository
) -> None:
    """The sample images are for linux/amd64."""
    image = await _image(source)

    await copy(source, target, image.digest, options=CopyOptions(platforms=(ARM64, AMD64)))
    with pytest.raises(PlatformUnknown):
        await copy(source, target, image.digest, options=CopyOptions(platforms=(ARM64,)))

    assert await target.get_manifest(image.digest) == image


async def test_nothing_named_is_the_sources_fault(source: Repository, target: Repository) -> None:
    """The error says where to look."""
    with pytest.raises(ManifestUnknown) as caught:
        await copy(source, target, V1)

    assert caught.value.where == "source"


async def test_sizes_that_lie_are_refused(source: Repository, target: Repository) -> None:
    """Of blobs that have to be sent, of those that are there, and of manifests."""
    image = await _image(source)
    document = json.loads(image.body)
    document["layers"][0]["size"] += 1
    lying = Manifest.verified(json.dumps(document).encode(), image.media_type)
    of_manifest = samples.index(replace(image.descriptor, size=1))
    for each in (lying, of_manifest):
        await source.put_manifest(each)

    for root in (lying, of_manifest, lying):
        with pytest.raises(SizeInvalid) as caught:
            await copy(source, target, root.digest)
        assert caught.value.where == "source"
        await copy(source, target, image.digest)

    with pytest.raises(ManifestUnknown):
        await target.resolve(lying.digest)


async def test_graph_that_is_too_deep_is_refused(source: Repository, target: Repository) -> None:
    """Nobody builds such by accident."""
    root = await _image(source)
    for _ in range(16):
        root = samples.index(root)
        await source.put_manifest(root)

    with pytest.raises(ManifestInvalid, match="more than 16 manifests deep"):
        await copy(source, target, root.digest)


async def test_blobs_are_mounted_within_a_registry(target_registry: Registry) -> None:
    """No byte moves."""
    here, there = target_registry.repository(OTHER), target_registry.repository(OTHER.parse("x/y"))
    image = await _image(here)
    planned = await copy(
        here, there, image.digest, mount_from=OTHER, options=CopyOptions(dry_run=True)
    )

    report = await copy(here, there, image.digest, mount_from=OTHER, tags=[V1])

    assert (planned.blobs_mounted, planned.bytes_moved) == (3, 0)
    assert (report.blobs_mounted, report.blobs_copied, report.bytes_moved) == (3, 0, 0)
    assert await held(there, V1) == await held(here, image.digest)


async def test_whoever_listens_hears_what_happens(source: Repository, target: Repository) -> None:
    """Each piece of content begins and ends, and the tag comes last."""
    image = await _image(source)
    steps: list[Step] = []

    await copy(source, target, image.digest, tags=[V1], listener=steps.append)
    first = [(step.event, step.descriptor.digest, step.name) for step in steps]
    steps.clear()
    await copy(source, target, image.digest, tags=[V1], listener=steps.append)

    assert first[-1] == (Event.DONE, image.digest, "v1")
    assert [event for event, _, _ in first].count(Event.STARTED) == 3
    assert [event for event, _, _ in first].count(Event.DONE) == 5
    assert {step.event for step in steps} == {Event.EXISTS}


async def test_all_tags_are_copied(source: Repository, target: Repository) -> None:
    """What they share is copied once, and lists of referrers are no tags of their own."""
    index, first, _ = await _multi(source, "v1", "v2", "latest")
    await source.put_manifest(first, tags=[Tag("amd64")])
    await source.put_manifest(samples.index(), tags=[fallback_tag(first.digest)])

    report = await copy_tags(source, target)

    expected = await tags(source)
    del expected[fallback_tag(first.digest)]
    assert await tags(target) == expected
    assert report.tags == ("amd64", "latest", "v1", "v2")
    assert report.manifests_copied == 4
    assert len(report.roots) == 4
    assert index.descriptor in report.roots


async def test_tags_that_only_look_like_lists_of_referrers_are_copied(
    source: Repository, target: Repository
) -> None:
    """Cosign gives such tags to the images that it copies (trap T44)."""
    image = await _image(source)
    index, _, _ = await _multi(source, "v1")
    for each in (image, index):
        await source.put_manifest(each, tags=[fallback_tag(each.digest)])

    report = await copy_tags(source, target, include=["sha256-*"])
    again = await copy_tags(source, target)

    assert set(report.tags) == {fallback_tag(image.digest), fallback_tag(index.digest)}
    assert again.tags == (V1,)
    assert await tags(target) == await tags(source)


async def test_list_of_referrers_is_copied_when_what_it_is_about_is_not(
    source: Repository, target: Repository
) -> None:
    """No tag leads to its subject, and nothing else leads to what it lists."""
    image, odd = await _image(source), samples.artifact(seed="not found by its subject")
    await samples.put_artifact(source, odd)
    listing = samples.index(odd)
    await source.put_manifest(listing, tags=[fallback_tag(image.digest)])

    await copy_tags(source, target)

    assert await tags(target) == {fallback_tag(image.digest): str(listing.digest)}
    assert await target.get_manifest(odd.digest) == odd


async def test_list_of_referrers_stays_behind_without_them(
    source: Repository, target: Repository
) -> None:
    """Whoever wants no referrers is not brought them by the tag that lists them."""
    image, odd = await _image(source), samples.artifact(seed="not found by its subject")
    await source.put_manifest(image, tags=[V1])
    await samples.put_artifact(source, odd)
    await source.put_manifest(samples.index(odd), tags=[fallback_tag(image.digest)])

    await copy_tags(source, target, options=CopyOptions(referrers=False))

    assert await tags(target) == {V1: str(image.digest)}


async def test_list_of_referrers_at_the_target_is_not_replaced(
    source: Repository, target: Repository
) -> None:
    """Where there is no referrers API, it is all that leads to them."""
    image = await _image(source)
    await source.put_manifest(image, tags=[V1, fallback_tag(image.digest)])
    listing = samples.index()
    await target.put_manifest(listing, tags=[fallback_tag(image.digest)])

    report = await copy_tags(source, target)

    assert report.tags_kept == (fallback_tag(image.digest),)
    assert (await target.resolve(fallback_tag(image.digest))).digest == listing.digest


async def test_tags_are_chosen_by_globs(source: Repository, target: Repository) -> None:
    """Those that match and are not excluded."""
    await _multi(source, "v1.0", "v1.1", "v2.0", "latest")

    report = await copy_tags(source, target, include=["v*", "x"], exclude=["*.1"])

    assert report.tags == ("v1.0", "v2.0")


async def test_many_tags_come_in_pages(source: Repository, target: Repository) -> None:
    """All pages are read."""
    image = await _image(source)
    many = [Tag(f"t{number:04}") for number in range(1001)]
    await source.put_manifest(image, tags=many)

    report = await copy_tags(source, target, options=CopyOptions(dry_run=True))

    assert report.tags == tuple(many)


async def test_tags_that_were_kept_are_none_of_what_was_copied(
    source: Repository, target: Repository
) -> None:
    """Their images are not there."""
    image = await _image(source)
    await source.put_manifest(image, tags=[V1, V2])
    other = await _image(target, "other")
    await target.put_manifest(other, tags=[V1])

    report = await copy_tags(source, target, options=CopyOptions(clobber=False))

    assert report.roots == (image.descriptor,)
    assert (report.tags, report.tags_kept) == ((V2,), (V1,))


async def test_repository_that_is_not_there_is_told(source: Repository, target: Repository) -> None:
    """With the side."""
    with pytest.raises(NameUnknown) as caught:
        await copy_tags(source, target)

    assert caught.value.where == "source"


def test_fallback_tags_are_those_of_the_spec() -> None:
    """The algorithm, a dash, and as much of the value as a tag may hold."""
    assert fallback_tag(Digest("sha512", "a" * 128)) == "sha512-" + "a" * 64
    assert fallback_tag(Digest("x+y", "a=b")) == "x-y-a-b"
    assert is_fallback(Tag("sha256-" + "0" * 64))
    assert not is_fallback(Tag("sha256-" + "0" * 64 + ".sig"))


async def test_layer_that_cannot_be_had_is_an_error(source: Repository, target: Repository) -> None:
    """Even where its algorithm says that nobody here could check it."""
    strange = Descriptor(media_types.OCI_LAYER, Digest("blake3", "0" * 64), 5)
    await samples.put_blob(source, samples.EMPTY)
    await source.put_manifest(samples.image_manifest(layers=[strange]), tags=[V1], sparse=True)

    with pytest.raises(BlobUnknown, match="blake3"):
        await copy(source, target, V1)


async def test_whoever_listens_hears_of_bytes_once_in_a_while(
    source: Repository, target: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the event loop, though they move in threads."""
    monkeypatch.setattr("lading.content.steps._OFTEN", 0)
    content = samples.blob(3 << 20)
    await samples.put_blob(source, content)
    await samples.put_blob(source, samples.EMPTY)
    layer = samples.described(content, media_types.OCI_LAYER)
    await source.put_manifest(samples.image_manifest(layers=[layer]), tags=[V1])
    steps: list[Step] = []

    await copy(source, target, V1, listener=steps.append)

    moved = [
        step.moved
        for step in steps
        if step.event is Event.BYTES and step.descriptor.digest == layer.digest
    ]
    assert moved == [1 << 20, 2 << 20, 3 << 20]
