"""Manifests: what is pushed is what is pulled (end-3, end-7, end-9)."""

from collections.abc import Callable

import pytest

from lading.oci.digest import Digest
from lading.oci.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from lading.testing import samples
from tests.protocol.exchange import Exchange

Serve = Callable[..., Exchange]

INDEX = samples.index()


def typed(media_type: str = OCI_INDEX) -> dict[str, str]:
    """The header that says what a manifest is."""
    return {"Content-Type": media_type}


@pytest.mark.parametrize("docker", [False, True])
@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
async def test_image_is_pulled_as_it_was_pushed(
    ask: Exchange, algorithm: str, *, docker: bool
) -> None:
    """Bytes, type, length and digest, by tag and by digest, by GET and by HEAD."""
    image = samples.image(docker=docker, algorithm=algorithm)
    for content in image.blobs:
        await ask.push_blob("a", content, algorithm=algorithm)
    digest = image.manifest.digest
    await ask(
        "PUT",
        f"/v2/a/manifests/{digest}?tag=v1",
        image.manifest.body,
        typed(DOCKER_MANIFEST if docker else OCI_MANIFEST),
    )

    for reference in ("v1", digest):
        got = await ask("GET", f"/v2/a/manifests/{reference}")
        head = await ask("HEAD", f"/v2/a/manifests/{reference}")

        assert got.body == image.manifest.body
        assert got["Content-Type"] == image.manifest.media_type
        assert got["Docker-Content-Digest"] == str(digest)
        assert got["ETag"] == f'"{digest}"'
        assert [each for each in head.fields if each[0] != "X-Request-Id"] == [
            each for each in got.fields if each[0] != "X-Request-Id"
        ]


async def test_docker_list_is_kept(ask: Exchange) -> None:
    """An index by another name."""
    child = await ask.push_image("a")
    index = samples.index(child, docker=True)

    pushed = await ask("PUT", "/v2/a/manifests/v1", index.body, typed(DOCKER_LIST))

    assert pushed.status == 201
    assert (await ask("GET", "/v2/a/manifests/v1"))["Content-Type"] == DOCKER_LIST


async def test_type_may_be_told_by_the_document_alone(ask: Exchange) -> None:
    """Clients that send no Content-Type are understood."""
    pushed = await ask("PUT", "/v2/a/manifests/v1", INDEX.body)

    assert pushed.status == 201
    assert (await ask("GET", "/v2/a/manifests/v1"))["Content-Type"] == OCI_INDEX


async def test_type_that_the_document_denies_is_refused(ask: Exchange) -> None:
    """Two readers would understand two things (R38)."""
    answer = await ask("PUT", "/v2/a/manifests/v1", INDEX.body, typed(OCI_MANIFEST))

    assert (answer.status, answer.codes) == (400, ["MANIFEST_INVALID"])


@pytest.mark.parametrize("chunked", [False, True])
async def test_manifest_above_the_limit_is_refused(serve: Serve, *, chunked: bool) -> None:
    """By its Content-Length before a byte is read, or while it is read (R42)."""
    ask = serve(manifest_limit=len(INDEX.body) - 1)

    answer = await ask("PUT", "/v2/a/manifests/v1", INDEX.body, typed(), chunked=chunked)

    assert (answer.status, answer.codes) == (413, ["MANIFEST_INVALID"])
    assert (await ask("GET", "/v2/a/manifests/v1")).status == 404


async def test_manifest_of_four_megabytes_is_taken(ask: Exchange) -> None:
    """Everybody should handle as much (R42)."""
    index = samples.index(annotations={"a": "x" * (4 * 1000 * 1000)})

    answer = await ask("PUT", "/v2/a/manifests/v1", index.body, typed(), chunked=True)

    assert answer.status == 201


async def test_manifest_that_ends_early_is_refused(ask: Exchange) -> None:
    """Half a document is none."""
    answer = await ask("PUT", "/v2/a/manifests/v1", INDEX.body, typed(), breaks_after=10)

    assert (answer.status, answer.codes) == (400, ["SIZE_INVALID"])


async def test_one_push_sets_many_tags(ask: Exchange) -> None:
    """A hundred at once, by digest; the answer names them (R43)."""
    names = [f"v{number:03}" for number in range(100)]
    query = "&".join(f"tag={name}" for name in names)

    answer = await ask("PUT", f"/v2/a/manifests/{INDEX.digest}?{query}", INDEX.body, typed())

    assert answer["OCI-Tag"].split(", ") == names
    assert (await ask("GET", "/v2/a/tags/list")).json["tags"] == names


async def test_too_many_tags_are_refused_with_nothing_done(ask: Exchange) -> None:
    """More than a hundred are 414 (R43)."""
    query = "&".join(f"tag=v{number}" for number in range(101))

    answer = await ask("PUT", f"/v2/a/manifests/{INDEX.digest}?{query}", INDEX.body, typed())

    assert (answer.status, answer.codes) == (414, ["UNSUPPORTED"])
    assert (await ask("GET", "/v2/a/tags/list")).status == 404


async def test_push_by_tag_may_name_more_tags(ask: Exchange) -> None:
    """All of them are set, none twice."""
    answer = await ask("PUT", "/v2/a/manifests/v1?tag=v2&tag=v1", INDEX.body, typed())

    assert answer["OCI-Tag"] == "v1, v2"
    assert (await ask("GET", "/v2/a/tags/list")).json["tags"] == ["v1", "v2"]


async def test_subject_is_told_and_need_not_exist(ask: Exchange) -> None:
    """So that clients keep no list of referrers of their own (R40, R41)."""
    subject = samples.image().manifest
    await ask.push_blob("a", samples.EMPTY)

    answer = await ask.push_manifest("a", samples.artifact(subject), "v1")

    assert answer["OCI-Subject"] == str(subject.digest)


async def test_missing_content_is_told_one_by_one(ask: Exchange) -> None:
    """One error for each blob or manifest that is not here (R39)."""
    image = samples.image(layers=3)

    answer = await ask("PUT", "/v2/a/manifests/v1", image.manifest.body, typed(OCI_MANIFEST))

    assert answer.codes == ["MANIFEST_BLOB_UNKNOWN"] * 4
    for content in image.blobs:
        assert any(str(Digest.of(content)) in entry["message"] for entry in answer.json["errors"])


@pytest.mark.parametrize(
    "body",
    [
        b'{"schemaVersion":2,"manifests":[],"layers":[]}',
        b'{"schemaVersion":2,"schemaVersion":2,"manifests":[]}',
        b'{"schemaVersion":2,"Manifests":[],"manifests":[]}',
        b"[]",
        b"",
        b"\xff",
        b"[" * 100_000,
        b'{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"x","size":0}]}',
        b'{"schemaVersion":' + b"9" * 10_000 + b',"manifests":[]}',
    ],
)
async def test_document_that_two_readers_could_read_differently_is_refused(
    ask: Exchange, body: bytes
) -> None:
    """CVE-2021-41190, doubled keys, keys in another case, and what is no manifest at all."""
    answer = await ask("PUT", "/v2/a/manifests/v1", body, typed())

    assert (answer.status, answer.codes) == (400, ["MANIFEST_INVALID"])


async def test_deleting_a_tag_leaves_the_manifest(ask: Exchange) -> None:
    """Only the name goes (R57)."""
    image = await ask.push_image("a", "v1", "v2")

    assert (await ask("DELETE", "/v2/a/manifests/v1")).status == 202

    assert (await ask("GET", "/v2/a/manifests/v1")).status == 404
    assert (await ask("GET", "/v2/a/manifests/v2")).status == 200
    assert (await ask("GET", f"/v2/a/manifests/{image.digest}")).status == 200


async def test_deleting_a_manifest_takes_its_tags(ask: Exchange) -> None:
    """By digest and by every tag, it is gone (R58)."""
    image = await ask.push_image("a", "v1", "v2")

    assert (await ask("DELETE", f"/v2/a/manifests/{image.digest}")).status == 202

    for reference in ("v1", "v2", image.digest):
        assert (await ask("GET", f"/v2/a/manifests/{reference}")).status == 404
    assert (await ask("GET", "/v2/a/tags/list")).json["tags"] == []


async def test_answer_by_tag_is_to_be_revalidated(ask: Exchange) -> None:
    """A tag may move at any time; a digest names the same for ever."""
    image = await ask.push_image("a", "v1")

    tagged = await ask("GET", "/v2/a/manifests/v1")
    named = await ask("GET", f"/v2/a/manifests/{image.digest}")

    assert tagged["Cache-Control"] == "no-cache"
    assert "immutable" in named["Cache-Control"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_manifest_that_the_client_has_is_not_sent_again(ask: Exchange, method: str) -> None:
    """304, until the tag moves."""
    image = await ask.push_image("a", "v1")
    known = {"If-None-Match": f'"{image.digest}"'}

    same = await ask(method, "/v2/a/manifests/v1", fields=known)
    await ask.push_manifest("a", INDEX, "v1")
    moved = await ask(method, "/v2/a/manifests/v1", fields=known)

    assert (same.status, moved.status) == (304, 200)


@pytest.mark.parametrize("reference", ["sha256%3A" + INDEX.digest.value, "v%31"])
async def test_reference_is_decoded_once(ask: Exchange, reference: str) -> None:
    """Some clients escape the colon of a digest."""
    await ask.push_manifest("a", INDEX, "v1")

    assert (await ask("GET", f"/v2/a/manifests/{reference}")).status == 200
