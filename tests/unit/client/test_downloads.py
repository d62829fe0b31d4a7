"""Blobs on their way here, over connections that break and from registries that lie."""

import asyncio
from dataclasses import replace

import pytest

from lading.bodies import Span, Stream
from lading.content.steps import Event
from lading.errors import BlobUnknown, DigestInvalid, LadingError, UpstreamFailed
from lading.oci.digest import Digest
from lading.testing import samples
from lading.testing.personalities import Redirects, without
from lading.testing.places import NAME
from lading.wire.message import Response
from tests.unit.client.connected import (
    ELSEWHERE,
    connected,
    without_fields,
    without_ranges,
)

CONTENT = samples.blob(3_000_000)
BLOB = "*/blobs/sha256:*"


async def _until_error(body: Stream) -> tuple[int, LadingError]:
    """How many bytes were handed out of *body* before it failed, and how it failed."""
    taken = 0
    try:
        while await body.source.ready():
            taken += await asyncio.to_thread(lambda: sum(map(len, body.source.blocks())))
    except LadingError as error:
        return taken, error
    finally:
        await body.aclose()
    pytest.fail("the body did not fail")


async def test_lost_connection_is_taken_up_where_it_broke_off() -> None:
    """Twice the connection is lost, and nothing is fetched twice."""
    async with connected() as both:
        pushed = await samples.put_blob(both.real, CONTENT)
        both.trouble.truncate(1_000_000, path=BLOB, times=2)

        content = await samples.content_of(await both.repository.open_blob(pushed.digest))

    asked = [each.headers for each in both.trouble.asked]
    assert content == CONTENT
    assert [each.get("range") for each in asked] == [
        None,
        "bytes=1000000-2999999",
        "bytes=2000000-2999999",
    ]
    assert asked[1]["if-range"] == f'"{pushed.digest}"'
    assert [(each.event, each.moved) for each in both.steps] == [
        (Event.RETRIED, 1_000_000),
        (Event.RETRIED, 2_000_000),
    ]


async def test_registry_without_ranges_is_read_again_from_its_beginning() -> None:
    """What was handed out already is not handed out again."""
    async with connected(without_ranges) as both:
        pushed = await samples.put_blob(both.real, CONTENT)
        both.trouble.truncate(1_000_000, path=BLOB)

        content = await samples.content_of(await both.repository.open_blob(pushed.digest))

    assert content == CONTENT


async def test_signed_url_is_asked_for_again() -> None:
    """After a loss the registry is asked, since the URL it had named may be of no use any more."""
    storage = Redirects(lambda: ELSEWHERE, lifetime=60)
    async with connected(storage) as both:
        pushed = await samples.put_blob(both.real, CONTENT)
        both.elsewhere.truncate(1_000_000, path="*")
        body = await both.repository.open_blob(pushed.digest)
        storage.clock.advance(61)

        content = await samples.content_of(body)

    assert content == CONTENT
    assert both.trouble.count("GET", BLOB) == both.elsewhere.count("GET") == 2


async def test_connection_that_is_always_lost_is_an_error() -> None:
    """After some tries without a byte, each later than the one before."""
    async with connected() as both:
        pushed = await samples.put_blob(both.real, CONTENT)
        both.trouble.truncate(0, path=BLOB, times=100)

        taken, error = await _until_error(await both.repository.open_blob(pushed.digest))

    assert isinstance(error, UpstreamFailed)
    assert taken == 0
    assert both.trouble.count("GET", BLOB) == 5


async def test_wrong_content_fails_before_its_last_block_is_handed_out() -> None:
    """One bit is wrong in the first block, and whoever reads never gets all of it."""
    async with connected() as both:
        pushed = await samples.put_blob(both.real, CONTENT)
        both.trouble.flip(10, path=BLOB)

        taken, error = await _until_error(await both.repository.open_blob(pushed.digest))

    assert isinstance(error, DigestInvalid)
    assert taken < len(CONTENT)


async def test_other_content_at_the_second_try_is_found_out() -> None:
    """A registry that goes on with something else cannot make two halves one blob."""
    async with connected() as both:
        pushed = await samples.put_blob(both.real, CONTENT)
        both.trouble.truncate(1_000_000, path=BLOB)
        both.trouble.flip(0, path=BLOB)

        _, error = await _until_error(await both.repository.open_blob(pushed.digest))

    assert isinstance(error, DigestInvalid)


async def test_part_that_was_not_asked_for_is_refused() -> None:
    """The answer says from where its bytes are, and that is compared."""

    def shifted(response: Response) -> Response:
        fields = [each for each in response.headers if each[0] != "Content-Range"]
        return replace(response, headers=[*fields, ("Content-Range", "bytes 7-9/10")])

    async with connected() as both:
        pushed = await samples.put_blob(both.real, b"0123456789")
        both.trouble.change(shifted, method="GET", path=BLOB)

        with pytest.raises(UpstreamFailed, match="bytes from 3 on"):
            await both.repository.open_blob(pushed.digest, spans=[Span(3, 5)])


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_answer_about_another_blob_is_refused(method: str) -> None:
    """The digest in the answer has to be the one that was asked for, if it is of its kind."""

    def other(response: Response) -> Response:
        fields = [each for each in response.headers if each[0] != "Docker-Content-Digest"]
        other = ("Docker-Content-Digest", str(Digest.of(b"other")))
        return replace(response, headers=[*fields, other])

    async with connected() as both:
        pushed = await samples.put_blob(both.real, b"this")
        both.trouble.change(other, method=method, path=BLOB)

        repository = both.repository
        ask = repository.stat_blob if method == "HEAD" else repository.open_blob
        with pytest.raises(DigestInvalid):
            await ask(pushed.digest)


async def test_parts_are_asked_for_one_after_the_other() -> None:
    """Also where a connection is lost within one, and where parts are not served at all."""
    spans = [Span(0, 999_999), Span(2_000_000, 2_000_009)]
    expected = CONTENT[:1_000_000] + CONTENT[2_000_000:2_000_010]
    for personalities in ((), (without_ranges,)):
        async with connected(*personalities) as both:
            pushed = await samples.put_blob(both.real, CONTENT)
            both.trouble.truncate(500_000, method="GET", path=BLOB)

            body = await both.repository.open_blob(pushed.digest, spans=spans)
            again = await body.source.again(999_990)
            content = await samples.content_of(body)
            rest = await samples.content_of(body._replace(source=again))

        assert content == expected
        assert rest == expected[999_990:]


async def test_whole_blob_can_be_read_a_second_time() -> None:
    """From the middle on as well: it is hashed from its beginning all the same."""
    async with connected() as both:
        pushed = await samples.put_blob(both.real, CONTENT)
        body = await both.repository.open_blob(pushed.digest)

        again = await body.source.again(2_500_000)
        await body.aclose()

        assert await samples.content_of(body._replace(source=again)) == CONTENT[2_500_000:]


def _silent(response: Response) -> Response:
    """An answer that does not tell how long it is."""
    kept = [each for each in response.headers if each[0] != "Content-Length"]
    return replace(response, headers=kept)


async def test_length_is_asked_with_the_content_where_head_does_not_tell() -> None:
    """Some registries leave it out of answers that have no body."""
    async with connected() as both:
        pushed = await samples.put_blob(both.real, CONTENT)
        both.trouble.change(_silent, method="HEAD", path=BLOB)

        assert (await both.repository.stat_blob(pushed.digest)).size == len(CONTENT)


async def test_length_is_asked_of_head_where_the_content_does_not_tell() -> None:
    """What comes in chunks has none."""
    async with connected() as both:
        pushed = await samples.put_blob(both.real, CONTENT)
        both.trouble.change(_silent, method="GET", path=BLOB)

        body = await both.repository.open_blob(pushed.digest)
        content = await samples.content_of(body)

    assert body.total == len(CONTENT)
    assert content == CONTENT
    assert both.trouble.count("HEAD", BLOB) == 1


async def test_content_without_a_length_is_refused() -> None:
    """Where nothing tells it, HEAD included."""
    async with connected(without_fields("Content-Length")) as both:
        pushed = await samples.put_blob(both.real, CONTENT)

        with pytest.raises(UpstreamFailed, match="how long"):
            await both.repository.open_blob(pushed.digest)


async def test_blob_that_is_deleted_meanwhile_is_unknown() -> None:
    """The connection was lost, and there is nothing more to be had."""
    async with connected() as both:
        pushed = await samples.put_blob(both.real, CONTENT)
        both.trouble.truncate(1_000_000, path=BLOB)
        body = await both.repository.open_blob(pushed.digest)
        await both.there.repository(NAME).delete_blob(pushed.digest)

        _, error = await _until_error(body)

    assert isinstance(error, BlobUnknown)


async def test_registry_that_deletes_no_blobs_says_so() -> None:
    """The error is the same whichever of its statuses a registry chose."""
    async with connected(without("DELETE")) as both:
        pushed = await samples.put_blob(both.real, b"stays")

        with pytest.raises(LadingError, match="does not delete blobs"):
            await both.repository.delete_blob(pushed.digest)
