"""Uploads, as clients make them and as they go wrong (end-4 to end-6, end-11, end-13, end-14)."""

from collections.abc import Callable

import pytest

from lading.oci.digest import Digest
from lading.testing import samples
from tests.protocol.exchange import Exchange

Serve = Callable[..., Exchange]

CONTENT = samples.blob(3067)
DIGEST = Digest.of(CONTENT)


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_blob_is_pushed_in_one_request(
    ask: Exchange, algorithm: str, *, chunked: bool
) -> None:
    """POST with the digest and the body (end-4b)."""
    digest = Digest.of(CONTENT, algorithm)

    answer = await ask("POST", f"/v2/a/blobs/uploads/?digest={digest}", CONTENT, chunked=chunked)

    assert answer.status == 201
    assert (await ask("GET", answer["Location"])).body == CONTENT


@pytest.mark.parametrize("hint", ["", "?digest-algorithm=sha512", "?digest-algorithm=sha256"])
async def test_algorithm_need_not_be_told_beforehand(ask: Exchange, hint: str) -> None:
    """The closing PUT decides, whatever was announced (R29, trap T3)."""
    digest = Digest.of(CONTENT, "sha512")
    location = await ask.begin("a", hint)

    await ask("PATCH", location, CONTENT, chunked=True)
    answer = await ask("PUT", f"{location}?digest={digest}")

    assert (answer.status, answer["Docker-Content-Digest"]) == (201, str(digest))


async def test_blob_is_pushed_in_chunks(ask: Exchange) -> None:
    """Two by PATCH, the last by PUT (R23, R26)."""
    location = await ask.begin("a")

    one = await ask("PATCH", location, CONTENT[:1024], {"Content-Range": "0-1023"})
    two = await ask("PATCH", one["Location"], CONTENT[1024:2048], {"Content-Range": "1024-2047"})
    done = await ask(
        "PUT",
        f"{two['Location']}?digest={DIGEST}",
        CONTENT[2048:],
        {"Content-Range": "2048-3066"},
    )

    assert (one["Range"], two["Range"]) == ("0-1023", "0-2047")
    assert done.status == 201
    assert (await ask("GET", done["Location"])).body == CONTENT


@pytest.mark.parametrize("at", ["1024-2047", "5-1028"])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_chunk_out_of_order_is_416_and_harms_nothing(
    ask: Exchange, method: str, at: str
) -> None:
    """The answer says how far the upload is and where, and it goes on from there (R25, R27)."""
    location = await ask.begin("a")
    target = location if method == "PATCH" else f"{location}?digest={DIGEST}"

    wrong = await ask(method, target, CONTENT[:1024], {"Content-Range": at})
    right = await ask("PUT", f"{wrong['Location']}?digest={DIGEST}", CONTENT)

    assert (wrong.status, wrong.codes, wrong["Range"]) == (416, ["BLOB_UPLOAD_INVALID"], "0-0")
    assert right.status == 201


@pytest.mark.parametrize("said", ["0-4", "4-0", "0-0", "0-99999999999999999999"])
async def test_chunk_of_another_length_than_its_range_is_refused(ask: Exchange, said: str) -> None:
    """Nothing is taken of it."""
    location = await ask.begin("a")

    answer = await ask("PATCH", location, b"0123", {"Content-Range": said})

    assert (answer.status, answer.codes) == (400, ["SIZE_INVALID"])
    assert (await ask("GET", location))["Range"] == "0-0"


async def test_chunk_whose_length_nobody_knew_is_measured(ask: Exchange) -> None:
    """In chunked encoding a wrong range is found at the end; the bytes that came stay."""
    location = await ask.begin("a")

    answer = await ask("PATCH", location, b"0123", {"Content-Range": "0-9"}, chunked=True)

    assert (answer.status, answer.codes) == (400, ["SIZE_INVALID"])
    assert (await ask("GET", location))["Range"] == "0-3"


@pytest.mark.parametrize("said", ["", "x", "bytes", "0", "-4", "0x0-3", "1_0-13"])
async def test_malformed_chunk_range_is_refused(ask: Exchange, said: str) -> None:
    """Bytes are never put where nobody is sure they belong."""
    location = await ask.begin("a")

    answer = await ask("PATCH", location, b"0123", {"Content-Range": said})

    assert answer.status == 400
    assert (await ask("GET", location))["Range"] == "0-0"


async def test_upload_goes_on_after_the_sender_went_away(ask: Exchange) -> None:
    """What came stays, the status says how much, and the rest is enough."""
    location = await ask.begin("a")

    broken = await ask("PATCH", location, CONTENT, breaks_after=2048)
    status = await ask("GET", location)
    await ask("PATCH", location, CONTENT[2048:], {"Content-Range": "2048-3066"})
    done = await ask("PUT", f"{location}?digest={DIGEST}")

    assert (broken.status, broken.codes) == (400, ["SIZE_INVALID"])
    assert status["Range"] == "0-2047"
    assert done.status == 201


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?digest=",
        "?digest=sha256:x",
        "?digest=md5:d41d8cd98f00b204e9800998ecf8427e",
        "?digest=%00",
    ],
)
async def test_session_survives_a_digest_that_is_none(ask: Exchange, query: str) -> None:
    """It is refused before a byte is taken (R21)."""
    location = await ask.begin("a")

    wrong = await ask("PUT", f"{location}{query}", CONTENT)
    right = await ask("PUT", f"{location}?digest={DIGEST}", CONTENT)

    assert (wrong.status, wrong.codes) == (400, ["DIGEST_INVALID"])
    assert right.status == 201


async def test_content_of_another_digest_is_refused(ask: Exchange) -> None:
    """In every way to push (R21)."""
    other = Digest.of(b"other")
    location = await ask.begin("a")
    await ask("PATCH", location, CONTENT)

    single = await ask("POST", f"/v2/a/blobs/uploads/?digest={other}", CONTENT)
    at_once = await ask("PUT", f"{await ask.begin('a')}?digest={other}", CONTENT)
    in_parts = await ask("PUT", f"{location}?digest={other}")

    for answer in (single, at_once, in_parts):
        assert (answer.status, answer.codes) == (400, ["DIGEST_INVALID"])
    assert (await ask("HEAD", f"/v2/a/blobs/{other}")).status == 404


@pytest.mark.parametrize("query", ["digest=sha256:x", "digest=", "digest-algorithm=md5"])
async def test_digest_that_cannot_be_is_refused_at_once(ask: Exchange, query: str) -> None:
    """Before the body is sent, if the client waits for that."""
    answer = await ask("POST", f"/v2/a/blobs/uploads/?{query}", CONTENT, breaks_after=0)

    assert answer.status == (202 if query == "digest-algorithm=" else 400)
    assert answer.codes == ["DIGEST_INVALID"]


async def test_single_push_that_fails_leaves_no_session(serve: Serve) -> None:
    """Nobody knows where it is, so nobody could finish it; a hundred may be open."""
    ask = serve()
    for _ in range(101):
        answer = await ask(
            "POST", f"/v2/a/blobs/uploads/?digest={DIGEST}", CONTENT, breaks_after=100
        )
        assert answer.status == 400

    assert (await ask("POST", "/v2/a/blobs/uploads/")).status == 202


async def test_session_belongs_to_its_repository(ask: Exchange) -> None:
    """An id is of no use elsewhere."""
    location = (await ask.begin("a")).replace("/v2/a/", "/v2/b/")

    answers = [
        await ask("GET", location),
        await ask("PATCH", location, b"x"),
        await ask("PUT", f"{location}?digest={DIGEST}", CONTENT),
        await ask("DELETE", location),
    ]

    assert [answer.status for answer in answers] == [404] * 4
    assert answers[0].codes == ["BLOB_UPLOAD_UNKNOWN"]


async def test_shortest_chunk_is_announced_if_there_is_one(serve: Serve) -> None:
    """OCI-Chunk-Min-Length on the answer that begins a session (R28)."""
    told = await serve(chunk_min_length=1 << 20)("POST", "/v2/a/blobs/uploads/")
    untold = await serve()("POST", "/v2/a/blobs/uploads/")

    assert told["OCI-Chunk-Min-Length"] == "1048576"
    assert "OCI-Chunk-Min-Length" not in untold


async def test_type_of_a_chunk_does_not_matter(ask: Exchange) -> None:
    """Whatever the client calls it, bytes are bytes."""
    location = await ask.begin("a")
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    await ask("PATCH", location, CONTENT, form)

    assert (await ask("PUT", f"{location}?digest={DIGEST}", fields=form)).status == 201


async def test_session_begins_with_or_without_a_slash(ask: Exchange) -> None:
    """Some clients leave it out."""
    assert (await ask("POST", "/v2/a/blobs/uploads")).status == 202


@pytest.mark.parametrize("source", ["&from=b", ""])
async def test_blob_is_mounted(ask: Exchange, source: str) -> None:
    """With the name of where it is, or without (R33, R35)."""
    digest = await ask.push_blob("b", CONTENT)

    answer = await ask("POST", f"/v2/a/blobs/uploads/?mount={digest}{source}")

    assert answer.status == 201
    assert (await ask("GET", answer["Location"])).body == CONTENT


async def test_cancelled_session_is_gone(ask: Exchange) -> None:
    """204, and then nobody knows it (R31)."""
    location = await ask.begin("a")

    assert (await ask("DELETE", location)).status == 204

    assert (await ask("PATCH", location, b"x")).status == 404
