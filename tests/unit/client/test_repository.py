"""Manifests, tags and lists of registries that forget headers, lack things, or lie."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from lading.errors import (
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestTooLarge,
    NameUnknown,
    Unsupported,
    UpstreamFailed,
)
from lading.interfaces.repository import Strict
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName, Tag
from lading.testing import samples
from lading.testing.personalities import Personality, page_limit, without
from lading.testing.places import NAME, NOWHERE
from lading.wire.message import Handler, Request, Response
from lading.wire.routes import Route
from tests.unit.client.connected import connected, without_fields

IMAGE = samples.image()
MANIFEST = "*/manifests/*"


def _saying(name: str, value: str) -> Callable[[Response], Response]:
    def change(response: Response) -> Response:
        kept = [each for each in response.headers if each[0] != name]
        return replace(response, headers=[*kept, (name, value)])

    return change


def without_tag_parameter(handler: Handler) -> Handler:
    """A registry that knows only the first version of the spec."""

    async def older(request: Request) -> Response:
        about_manifests = "/manifests/" in request.path
        return await handler(replace(request, query="") if about_manifests else request)

    return older


@pytest.mark.parametrize("field", ["Docker-Content-Digest", "Content-Length", "Content-Type"])
async def test_manifest_is_resolved_without_a_header_that_should_be_there(field: str) -> None:
    """Where HEAD does not tell, the manifest is read and hashed (trap T40)."""
    async with connected(without_fields(field)) as both:
        await samples.put_image(both.real, IMAGE, tags=["v1"])

        assert await both.repository.resolve(Tag("v1")) == IMAGE.manifest.descriptor
    assert [each.method for each in both.trouble.asked] == ["HEAD", "GET"]


async def test_manifest_is_resolved_where_head_is_not_allowed() -> None:
    """Some proxies let only GET through."""
    async with connected(without("HEAD")) as both:
        await samples.put_image(both.real, IMAGE, tags=["v1"])

        assert await both.repository.resolve(Tag("v1")) == IMAGE.manifest.descriptor


async def test_other_manifest_than_was_asked_for_is_refused() -> None:
    """By the digest that it says, and by the one that it has; the registry is named."""
    async with connected() as both:
        await samples.put_image(both.real, IMAGE, tags=["v1"])
        await samples.put_image(both.real, samples.image(1))
        wanted = samples.image(1).manifest.digest
        for method, ask in (
            ("HEAD", both.repository.resolve),
            ("GET", both.repository.get_manifest),
        ):
            both.trouble.change(
                _saying("Docker-Content-Digest", str(IMAGE.manifest.digest)), method=method
            )
            with pytest.raises(DigestInvalid) as found:
                await ask(wanted)
            assert found.value.where == "registry.test"

        both.trouble.flip(5, path=MANIFEST)
        with pytest.raises(DigestInvalid) as found:
            await both.repository.get_manifest(wanted)
        assert found.value.where == "registry.test"


async def test_manifest_may_be_called_by_a_type_that_says_nothing() -> None:
    """Then what it calls itself counts; another type of manifest is a contradiction (R13)."""
    async with connected() as both:
        await samples.put_image(both.real, IMAGE, tags=["v1"])
        both.trouble.change(_saying("Content-Type", "text/plain"))
        both.trouble.change(_saying("Content-Type", "application/vnd.oci.image.index.v1+json"))

        assert await both.repository.get_manifest(Tag("v1")) == IMAGE.manifest
        with pytest.raises(ManifestInvalid):
            await both.repository.get_manifest(Tag("v1"))


async def test_manifest_that_is_too_long_is_not_read() -> None:
    """A manifest is held in memory, and a registry may say whatever it likes."""
    async with connected() as both:
        await samples.put_image(both.real, IMAGE, tags=["v1"])
        both.trouble.change(_saying("Content-Length", str(1 << 40)))

        with pytest.raises(ManifestTooLarge) as found:
            await both.repository.get_manifest(Tag("v1"))

    assert found.value.where == "registry.test"


async def test_page_for_people_is_no_manifest() -> None:
    """Whatever its status: what answers there is no registry."""
    page = b"<html>Welcome!</html>"
    fields = [("Content-Type", "text/html"), ("Content-Length", str(len(page)))]
    async with connected() as both:
        both.trouble.answer(lambda: Response(200, fields, page))

        with pytest.raises(UpstreamFailed, match="a web page came"):
            await both.repository.get_manifest(Tag("v1"))


@pytest.mark.parametrize("number", [1, 2, 25])
async def test_tags_take_as_few_requests_as_the_registry_allows(number: int) -> None:
    """Ten at a time where it takes several, else one after the other (R43)."""
    tags = [Tag(f"v{each:02}") for each in range(number)]
    several = {1: 1, 2: 1, 25: 3}[number]
    alone = {1: 1, 2: 3, 25: 26}[number]
    personalities: list[tuple[tuple[Personality, ...], int]] = [
        ((), several),
        ((without_tag_parameter,), alone),
    ]
    for given, expected in personalities:
        async with connected(*given) as both:
            await samples.put_image(both.real, IMAGE)

            receipt = await both.repository.put_manifest(IMAGE.manifest, tags=[*tags, tags[0]])

            assert list((await both.real.tags()).items) == list(receipt.tags) == tags
            assert both.trouble.count("PUT") == expected


async def test_tag_cannot_name_another_algorithm_everywhere() -> None:
    """Older registries name what they were given by its sha256 alone."""
    image = samples.image(algorithm="sha512")
    async with connected(without_tag_parameter) as both:
        with pytest.raises(Unsupported) as caught:
            await samples.put_image(both.repository, image, tags=["v1"])

    assert "sha256" in caught.value.advice


async def test_registry_has_to_say_what_it_got() -> None:
    """Another digest in the answer to a push is an error, and none is made up for by a look."""
    async with connected() as both:
        await samples.put_image(both.real, IMAGE)
        both.trouble.change(_saying("Docker-Content-Digest", str(Digest.of(b"other"))))
        with pytest.raises(DigestInvalid):
            await both.repository.put_manifest(IMAGE.manifest, tags=[Tag("v1")])

    async with connected(without_fields("Docker-Content-Digest")) as both:
        await samples.put_image(both.real, IMAGE)
        await both.repository.put_manifest(IMAGE.manifest, tags=[Tag("v1")])
    assert [each.method for each in both.trouble.asked] == ["PUT", "HEAD", "GET"]


@pytest.mark.parametrize("status", [400, 405])
async def test_registry_without_deletes_says_so(status: int) -> None:
    """And a tag that cannot be deleted never takes its manifest with it (R57)."""
    async with connected() as both:
        await samples.put_image(both.real, IMAGE, tags=["v1"])
        both.trouble.answer(
            lambda: Response(status, [("Content-Length", "0")]), method="DELETE", times=2
        )

        with pytest.raises(Unsupported, match="does not delete tags"):
            await both.repository.delete_tag(Tag("v1"))
        with pytest.raises(Unsupported, match="does not delete manifests"):
            await both.repository.delete_manifest(IMAGE.manifest.digest)

        deleted = [
            each.path.rpartition("/")[2] for each in both.trouble.asked if each.method == "DELETE"
        ]
        assert deleted == ["v1", str(IMAGE.manifest.digest)]
        assert await both.real.resolve(Tag("v1")) == IMAGE.manifest.descriptor


async def test_page_that_is_too_long_is_asked_for_again() -> None:
    """And how long one may be is remembered (ECR)."""
    async with connected(page_limit(100)) as both:
        await samples.put_image(both.real, IMAGE, tags=["a", "b"])

        for _ in range(2):
            assert list((await both.repository.tags(limit=5000)).items) == ["a", "b"]

    sizes = [each.query for each in both.trouble.asked]
    assert sizes == ["n=5000", "n=1000", "n=100", "n=100"]


async def test_list_that_begins_again_is_gone_on_with() -> None:
    """Registries that know no ``last`` and no pages give all there is each time."""

    def whole(handler: Handler) -> Handler:
        async def listing(request: Request) -> Response:
            return await handler(replace(request, query=""))

        return listing

    async with connected(whole) as both:
        await samples.put_image(both.real, IMAGE, tags=["a", "b", "c"])

        first = await both.repository.tags(limit=2)
        rest = await both.repository.tags(after=first.items[-1], limit=2)

    assert (list(first.items), first.more) == (["a", "b"], True)
    assert (list(rest.items), rest.more) == (["c"], False)


@pytest.mark.parametrize("to", ["http://elsewhere.test", "//elsewhere.test", "file://", "http://["])
async def test_link_to_another_host_is_not_followed(to: str) -> None:
    """The list is gone on with at the registry, by the last tag that it had."""
    link = _saying("Link", f'<{to}/v2/x/tags/list?page=2>; rel="next"')
    async with connected() as both:
        await samples.put_image(both.real, IMAGE, tags=["a", "b", "c"])
        both.trouble.change(link, path="*/tags/list")

        first = await both.repository.tags(limit=2)
        rest = await both.repository.tags(after=Tag("b"), limit=2)

    assert first.more
    assert list(rest.items) == ["c"]
    assert both.elsewhere.count() == 0


async def test_link_is_followed_as_it_is() -> None:
    """Where it leads, only the registry has to understand."""
    link = _saying("Link", f'</v2/{NAME}/tags/list?n=1&last=a&cursor=xyz>; rel="next"')
    async with connected() as both:
        await samples.put_image(both.real, IMAGE, tags=["a", "b", "c"])
        both.trouble.change(link, path="*/tags/list")

        await both.repository.tags(limit=2)
        rest = await both.repository.tags(after=Tag("b"), limit=2)

    assert both.trouble.asked[-1].query == "n=1&last=a&cursor=xyz"
    assert list(rest.items) == []


@pytest.mark.parametrize("body", [{"tags": 5}, {"tags": [1]}, {}, [], None])
async def test_answer_that_is_no_list_is_an_error(body: object) -> None:
    """Also where it is JSON."""
    text = json.dumps(body).encode()
    fields = [("Content-Type", "application/json"), ("Content-Length", str(len(text)))]
    async with connected() as both:
        both.trouble.answer(lambda: Response(200, fields, text))

        with pytest.raises(UpstreamFailed, match="no list of tags"):
            await both.repository.tags()


async def test_empty_list_may_be_null() -> None:
    """Some registries write it so."""
    text = b'{"name":"x","tags":null}'
    fields = [("Content-Type", "application/json"), ("Content-Length", str(len(text)))]
    async with connected() as both:
        both.trouble.answer(lambda: Response(200, fields, text))

        assert list((await both.repository.tags()).items) == []


async def test_registry_without_a_catalog_says_what_to_do() -> None:
    """Most registries that people meet do not list their repositories."""

    def closed(handler: Handler) -> Handler:
        async def without_catalog(request: Request) -> Response:
            if request.path == Route.CATALOG.value:
                return Response(404, [("Content-Length", "0")])
            return await handler(request)

        return without_catalog

    async with connected(closed) as both:
        with pytest.raises(Unsupported) as caught:
            await both.here.repositories()

    assert "Name the repository" in caught.value.advice


async def test_repositories_are_deleted_only_where_that_is_known_to_be_possible() -> None:
    """The extension is looked for; where it is, a missing repository is told from a missing one."""
    async with connected(without("DELETE", routes=[Route.REPOSITORY])) as both:
        await samples.put_image(both.real, IMAGE)
        with pytest.raises(Unsupported):
            await both.here.delete(NAME)
    async with connected(without("GET", routes=[Route.REPOSITORY_EXTENSIONS])) as both:
        with pytest.raises(Unsupported) as caught:
            await both.here.delete(NAME)
        assert "one by one" in caught.value.advice
        assert both.trouble.count("DELETE") == 0
    async with connected() as both:
        with pytest.raises(NameUnknown):
            await both.here.delete(NOWHERE)


async def test_nobody_says_that_images_are_whole() -> None:
    """So that copies look at everything that a manifest names."""
    async with connected() as both:
        repository = both.here.repository(RepositoryName("a"))

        assert isinstance(repository, Strict)
        assert not await repository.refuses_sparse()


MISSING = str(Digest.of(IMAGE.blobs[0]))


@pytest.mark.parametrize("detail", [MISSING, {"Digest": MISSING}, {"size": 5, "digest": MISSING}])
async def test_missing_content_is_told_from_the_detail(detail: object) -> None:
    """Other registries say there what is missing, and always the same in the message."""
    entry = {"code": "MANIFEST_BLOB_UNKNOWN", "message": "blob unknown", "detail": detail}
    text = json.dumps({"errors": [entry]}).encode()
    async with connected() as both:
        both.trouble.answer(lambda: Response(400, [("Content-Length", str(len(text)))], text))

        with pytest.raises(ManifestBlobUnknown) as caught:
            await both.repository.put_manifest(IMAGE.manifest)

    assert caught.value.missing == (MISSING,)
