"""Tags, repositories and referrers, a page at a time (end-8, end-12, the catalog)."""

from collections.abc import Callable

import pytest

from lading.oci.media_types import OCI_INDEX
from lading.testing import samples
from tests.protocol.exchange import Exchange

Serve = Callable[..., Exchange]


async def walk(ask: Exchange, target: str, key: str) -> list[list[str]]:
    """Every page from *target* on, as links lead."""
    pages: list[list[str]] = []
    following: str | None = target
    while following is not None:
        answer = await ask("GET", following)
        pages.append(answer.json[key])
        links = answer.all("Link")
        following = links[0].partition(">")[0].removeprefix("<") if links else None
    return pages


async def test_page_is_never_longer_than_the_limit(serve: Serve) -> None:
    """Without ``n``, and with one that is too large, the limit rules, and a link leads on."""
    ask = serve(most_tags=3)
    names = [f"v{number}" for number in range(5)]
    await ask.push_image("a", *names)

    without = await walk(ask, "/v2/a/tags/list", "tags")
    larger = await walk(ask, "/v2/a/tags/list?n=1000000", "tags")

    assert without == larger == [names[:3], names[3:]]


async def test_last_full_page_has_no_link(ask: Exchange) -> None:
    """A link leads to something (R48)."""
    await ask.push_image("a", "v1", "v2")

    assert "Link" not in await ask("GET", "/v2/a/tags/list?n=2")


@pytest.mark.parametrize(
    ("last", "rest"),
    [
        ("v1", ["v2"]),
        ("v1x", ["v2"]),
        ("", ["v1", "v2"]),
        ("%00", ["v1", "v2"]),
        ("%FF", []),
        ("v1%00", ["v2"]),
        ("%F0%9F%90%B3", []),
        ("v1%0D%0ASet-Cookie:x", ["v2"]),
        ("a" * 5000, ["v1", "v2"]),
        ("../../etc", ["v1", "v2"]),
    ],
)
async def test_list_goes_on_after_anything(ask: Exchange, last: str, rest: list[str]) -> None:
    """What comes after is a matter of order, whether or not it is a tag (R49)."""
    await ask.push_image("a", "v1", "v2")

    answer = await ask("GET", f"/v2/a/tags/list?last={last}")

    assert (answer.status, answer.json["tags"]) == (200, rest)


async def test_no_entries_are_no_entries(ask: Exchange) -> None:
    """``n=0`` gives an empty list and no link, of a repository that exists (R47)."""
    await ask.push_image("a", "v1")

    known = await ask("GET", "/v2/a/tags/list?n=0")
    unknown = await ask("GET", "/v2/b/tags/list?n=0")

    assert (known.status, known.json["tags"], "Link" in known) == (200, [], False)
    assert (unknown.status, unknown.codes) == (404, ["NAME_UNKNOWN"])


@pytest.mark.parametrize("path", ["/v2/a/tags/list", "/v2/_catalog"])
@pytest.mark.parametrize("number", ["-1", "x", "1.5", "%00", "%D9%A1", "0x1"])
async def test_number_that_is_none_is_refused(ask: Exchange, path: str, number: str) -> None:
    """It is the client's mistake, and told as such."""
    await ask.push_image("a", "v1")

    answer = await ask("GET", f"{path}?n={number}")

    assert answer.status == 400


async def test_repositories_are_listed_in_byte_order(ask: Exchange) -> None:
    """A name with a slash comes after its stem, page by page."""
    for name in ("b", "a/b", "a", "a-b"):
        await ask.push_image(name, "v1")

    pages = await walk(ask, "/v2/_catalog?n=3", "repositories")

    assert pages == [["a", "a-b", "a/b"], ["b"]]


async def test_referrers_are_listed_with_their_type_and_annotations(ask: Exchange) -> None:
    """As their manifests have them, or their configs (R51)."""
    image = await ask.push_image("a")
    artifact = await ask.push_artifact("a", samples.artifact(image))

    answer = await ask("GET", f"/v2/a/referrers/{image.digest}")

    assert answer.json == {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [artifact.as_referrer.as_json()],
    }


async def test_referrers_are_filtered_by_type(ask: Exchange) -> None:
    """And the answer says so (R52)."""
    image = await ask.push_image("a")
    for kind in ("one", "two"):
        await ask.push_artifact("a", samples.artifact(image, artifact_type=f"a/{kind}"))

    answer = await ask("GET", f"/v2/a/referrers/{image.digest}?artifactType=a%2Fone")

    assert [each["artifactType"] for each in answer.json["manifests"]] == ["a/one"]
    assert answer["OCI-Filters-Applied"] == "artifactType"


async def test_referrers_that_fill_a_page_are_followed_by_another(ask: Exchange) -> None:
    """A page closes near 4 MiB; each is an index of its own, and the filter goes on (R53)."""
    image = await ask.push_image("a")
    pushed = []
    for number in range(6):
        index = samples.index(
            subject=image.descriptor,
            artifact_type="a/b",
            annotations={"n": str(number), "x": "x" * 1_000_000},
        )
        await ask.push_manifest("a", index)
        pushed.append(str(index.digest))

    pages = await walk(ask, f"/v2/a/referrers/{image.digest}?artifactType=a/b", "manifests")

    assert len(pages) > 1
    assert [each["digest"] for page in pages for each in page] == sorted(pushed)  # type: ignore[index]  # descriptors


@pytest.mark.parametrize("query", ["last=x", "last=%00"])
async def test_malformed_place_in_a_list_of_referrers_is_refused(ask: Exchange, query: str) -> None:
    """The list goes by digest, and only our links name a place in it."""
    answer = await ask("GET", f"/v2/a/referrers/{samples.index().digest}?{query}")

    assert (answer.status, answer.codes) == (400, ["DIGEST_INVALID"])


async def test_emptied_repository_has_a_list_of_no_tags(ask: Exchange) -> None:
    """Deleting the last tag does not make the repository unknown."""
    await ask.push_image("a", "v1")
    await ask("DELETE", "/v2/a/manifests/v1")

    answer = await ask("GET", "/v2/a/tags/list")

    assert (answer.status, answer.json) == (200, {"name": "a", "tags": []})


async def test_repository_is_deleted_whole(ask: Exchange) -> None:
    """With tags, manifests and the permission to read its blobs."""
    image = await ask.push_image("a", "v1")
    layer = samples.image().blobs[1]
    digest = await ask.push_blob("b", layer)

    assert (await ask("DELETE", "/v2/a/_lading/")).status == 202

    assert (await ask("GET", f"/v2/a/manifests/{image.digest}")).status == 404
    assert (await ask("GET", f"/v2/a/blobs/{digest}")).status == 404
    assert (await ask("GET", f"/v2/b/blobs/{digest}")).status == 200
    assert (await ask("GET", "/v2/a/tags/list")).codes == ["NAME_UNKNOWN"]


async def test_strict_catalog_never_lists_fewer_than_was_asked(serve: Serve) -> None:
    """It refuses numbers that it will not honour, and lists a hundred to who names none."""
    ask = serve(most_repositories=200, strict_lists=True)
    for number in range(101):
        await ask.push_image(f"r{number:03}", "v1")

    whole = await ask("GET", "/v2/_catalog?n=200")
    default = await ask("GET", "/v2/_catalog")

    assert len(whole.json["repositories"]) == 101
    assert len(default.json["repositories"]) == 100
    assert default["Link"] == '</v2/_catalog?last=r099&n=100>; rel="next"'
    assert (await ask("GET", "/v2/_catalog?n=")).body == default.body
    for wrong in ("201", "-1", "ten"):
        answer = await ask("GET", f"/v2/_catalog?n={wrong}")
        assert (answer.status, answer.codes) == (400, ["PAGINATION_NUMBER_INVALID"])


async def test_strict_list_of_tags_has_all_of_them(serve: Serve) -> None:
    """Who names no number is told them all; a number is cut down to the limit."""
    ask = serve(most_tags=2, strict_lists=True)
    await ask.push_image("a", "v1", "v2", "v3")

    every = await ask("GET", "/v2/a/tags/list")
    some = await ask("GET", "/v2/a/tags/list?n=3")
    none = await ask("GET", "/v2/a/tags/list?n=0")

    assert every.json["tags"] == ["v1", "v2", "v3"]
    assert "Link" not in every
    assert some.json["tags"] == ["v1", "v2"]
    assert some["Link"] == '</v2/a/tags/list?last=v2&n=2>; rel="next"'
    assert none.json["tags"] == []
