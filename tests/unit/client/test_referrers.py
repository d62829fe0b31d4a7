"""Referrers: by the API, by fallback tags, and from registries that have only half of either."""

import asyncio
import json
from dataclasses import replace

import pytest

from lading.content.digest_tags import fallback_tag
from lading.errors import ManifestInvalid, ManifestUnknown, UpstreamFailed
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.testing import samples
from lading.testing.personalities import Personality, without_referrers
from lading.wire.message import Handler, Request, Response
from tests.unit.client.connected import Connected, connected

SUBJECT = samples.image().manifest
TAG = fallback_tag(SUBJECT.digest)
REFERRERS = "*/referrers/*"


def _about(seed: object = 0, **named: str) -> Manifest:
    return samples.artifact(SUBJECT, seed=seed, **named)


async def _list(both: Connected, artifact_type: str | None = None) -> list[Digest]:
    page = await both.repository.referrers(SUBJECT.digest, artifact_type=artifact_type)
    return [each.digest for each in page.items]


async def _noted(both: Connected, *entries: Descriptor) -> None:
    """Let the fallback tag list *entries*, as an older client would have done it."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_INDEX,
        "manifests": [each.as_json() for each in entries],
        "annotations": {"com.example.made-by": "somebody"},
    }
    index = Manifest.verified(json.dumps(document).encode(), media_types.OCI_INDEX)
    await both.real.put_manifest(index, tags=[TAG], sparse=True)


async def test_registry_without_the_api_gets_a_list() -> None:
    """Under the tag of the subject, with all that the API would tell (R55)."""
    async with connected(without_referrers) as both:
        one, two = _about(1), _about(2, artifact_type="application/vnd.example.signature")
        for each in (one, two, one):
            await samples.put_artifact(both.repository, each)

        listed = await both.real.get_manifest(TAG)
        assert listed.manifests == (one.as_referrer, two.as_referrer)
        assert await _list(both) == [one.digest, two.digest]
        assert await _list(both, "application/vnd.example.signature") == [two.digest]


async def test_list_is_added_to_and_not_overwritten() -> None:
    """What others wrote stays, also what nobody here understands."""
    async with connected(without_referrers) as both:
        theirs, ours = _about("theirs"), _about("ours")
        await samples.put_artifact(both.real, theirs)
        await _noted(both, theirs.as_referrer)

        await samples.put_artifact(both.repository, ours)

        listed = await both.real.get_manifest(TAG)
        assert listed.manifests == (theirs.as_referrer, ours.as_referrer)
        assert listed.annotations == {"com.example.made-by": "somebody"}


async def test_list_that_somebody_overwrites_is_written_again() -> None:
    """It is read back, since two clients may have read it at the same time."""
    theirs, ours = _about("theirs"), _about("ours")

    def contested(handler: Handler) -> Handler:
        rounds = 2

        async def overwriting(request: Request) -> Response:
            nonlocal rounds
            response = await handler(request)
            if request.method == "PUT" and request.path.endswith(TAG) and rounds:
                rounds -= 1
                await _noted(both, theirs.as_referrer)
            return response

        return overwriting

    async with connected(without_referrers, contested) as both:
        await samples.put_artifact(both.real, theirs)
        await samples.put_artifact(both.repository, ours)

        listed = await both.real.get_manifest(TAG)
        assert listed.manifests == (theirs.as_referrer, ours.as_referrer)


async def test_list_that_is_always_overwritten_is_an_error() -> None:
    """Nobody is told that a referrer can be found that cannot."""

    def contested(handler: Handler) -> Handler:
        async def overwriting(request: Request) -> Response:
            response = await handler(request)
            if request.method == "PUT" and request.path.endswith(TAG):
                await _noted(both)
            return response

        return overwriting

    async with connected(without_referrers, contested) as both:
        with pytest.raises(UpstreamFailed, match="overwriting"):
            await samples.put_artifact(both.repository, _about())


async def test_referrers_pushed_at_once_are_all_listed() -> None:
    """In one process they wait for each other."""
    async with connected(without_referrers) as both:
        await samples.put_blob(both.repository, samples.EMPTY)
        abouts = [_about(seed) for seed in range(8)]

        await asyncio.gather(*(both.repository.put_manifest(each) for each in abouts))

        assert set(await _list(both)) == {each.digest for each in abouts}


async def test_tag_that_is_no_list_is_left_alone() -> None:
    """It may be anything that somebody called so; it is not taken for a list (trap T44)."""
    async with connected(without_referrers) as both:
        await samples.put_image(both.real, tags=[TAG])

        assert await _list(both) == []
        with pytest.raises(ManifestInvalid, match="should list referrers") as found:
            await samples.put_artifact(both.repository, _about())
        assert "lading untag" in found.value.advice
        assert await both.real.get_manifest(TAG) == SUBJECT


async def test_deleted_referrer_is_taken_out_of_the_list() -> None:
    """And the others stay."""
    async with connected(without_referrers) as both:
        one, two = _about(1), _about(2)
        for each in (one, two):
            await samples.put_artifact(both.repository, each)

        await both.repository.delete_manifest(one.digest)

        assert (await both.real.get_manifest(TAG)).manifests == (two.as_referrer,)


async def test_entries_are_completed_from_the_manifests() -> None:
    """Some writers list digests alone; entries of manifests that are gone are left out (T42)."""
    async with connected(without_referrers) as both:
        about, gone = _about(1), _about(2)
        await samples.put_artifact(both.real, about)
        await _noted(both, about.descriptor, gone.descriptor)

        page = await both.repository.referrers(
            SUBJECT.digest, artifact_type="application/vnd.example.sbom"
        )

        assert list(page.items) == [about.as_referrer]


async def test_list_under_the_tag_is_merged_with_that_of_the_api() -> None:
    """Older clients wrote the one, newer registries have the other, each referrer comes once."""
    async with connected() as both:
        known, noted = _about(1), _about(2)
        await samples.put_artifact(both.real, known)
        await _noted(both, known.as_referrer, noted.as_referrer)

        assert await _list(both) == [known.digest, noted.digest]


async def test_registry_with_the_api_gets_no_list() -> None:
    """And is not asked for its API, since it says that it saw the subject (R41)."""
    async with connected() as both:
        await samples.put_artifact(both.repository, _about())

        with pytest.raises(ManifestUnknown):
            await both.real.get_manifest(TAG)
    assert both.trouble.count("GET", REFERRERS) == 0


async def test_registry_without_the_api_is_asked_for_it_once() -> None:
    """What was learned holds for all its repositories."""
    async with connected(without_referrers) as both:
        for _ in range(3):
            await _list(both)

    assert both.trouble.count("GET", REFERRERS) == 1


@pytest.mark.parametrize("kind", ["application/json", "text/html"])
async def test_answer_of_another_type_is_not_believed(kind: str) -> None:
    """There are servers that answer 200 to everything (trap T39)."""

    def otherwise(response: Response) -> Response:
        kept = [each for each in response.headers if each[0] != "Content-Type"]
        return replace(response, headers=[*kept, ("Content-Type", kind)])

    async with connected() as both:
        await samples.put_artifact(both.real, _about())
        both.trouble.change(otherwise, path=REFERRERS)

        assert await _list(both) == []


@pytest.mark.parametrize("body", [b"", b"[]", b'{"manifests":[{}]}', b'{"manifests":{"a":1}}'])
async def test_answer_that_is_no_list_is_an_error(body: bytes) -> None:
    """Nothing would be the wrong answer to what may exist."""
    fields = [("Content-Type", media_types.OCI_INDEX), ("Content-Length", str(len(body)))]
    async with connected() as both:
        both.trouble.answer(lambda: Response(200, fields, body), path=REFERRERS)

        with pytest.raises(UpstreamFailed, match="not a list of referrers"):
            await _list(both)


def paged(link: str) -> Personality:
    """Two pages of referrers, and *link* from the first to the second."""

    def personality(handler: Handler) -> Handler:
        async def cut(request: Request) -> Response:
            page = request.param("page")
            response = await handler(replace(request, query=""))
            if "/referrers/" not in request.path:
                return response
            document = json.loads(bytes(response.body))  # type: ignore[arg-type]  # made at once
            found = document["manifests"]
            document["manifests"] = found[2:] if page else found[:2]
            body = json.dumps(document).encode()
            fields = [("Content-Type", media_types.OCI_INDEX), ("Content-Length", str(len(body)))]
            if not page:
                target = link.format(path=request.path)
                fields.append(("Link", f'<{target}?page=2>; rel="next"'))
            return Response(200, fields, body)

        return cut

    return personality


async def test_pages_are_followed_where_the_registry_leads() -> None:
    """Its ``Link`` is opaque, and does not have to say what comes last."""
    async with connected(paged("{path}")) as both:
        for seed in range(5):
            await samples.put_artifact(both.real, _about(seed))

        first = await both.repository.referrers(SUBJECT.digest)
        rest = await both.repository.referrers(SUBJECT.digest, after=first.items[-1].digest)

    assert (len(first.items), first.more) == (2, True)
    assert (len(rest.items), rest.more) == (3, False)
    assert {each.digest for each in (*first.items, *rest.items)} == {
        _about(seed).digest for seed in range(5)
    }


async def test_page_without_a_match_is_passed_over() -> None:
    """Where the registry does not filter, the first match may be on a later page."""
    async with connected(paged("{path}")) as both:
        for seed in range(5):
            await samples.put_artifact(both.real, _about(seed))

        page = await both.repository.referrers(SUBJECT.digest, artifact_type="a/b")

    assert (list(page.items), page.more) == ([], False)
    assert both.trouble.count("GET", REFERRERS) == 2


async def test_link_to_another_host_is_not_followed() -> None:
    """Nobody vouches for what is there."""
    async with connected(paged("http://elsewhere.test{path}")) as both:
        for seed in range(5):
            await samples.put_artifact(both.real, _about(seed))

        first = await both.repository.referrers(SUBJECT.digest)
        await both.repository.referrers(SUBJECT.digest, after=first.items[-1].digest)

    assert first.more
    assert both.elsewhere.count() == 0


async def test_list_that_is_nested_for_ever_is_a_fault_of_the_registry() -> None:
    """And not one of whoever reads it."""
    async with connected() as both:
        fields = [("Content-Type", media_types.OCI_INDEX)]
        body = b'{"manifests":' + b"[" * 500_000
        both.trouble.answer(lambda: Response(200, fields, body), path=REFERRERS)

        with pytest.raises(UpstreamFailed, match="not a list"):
            await _list(both)
