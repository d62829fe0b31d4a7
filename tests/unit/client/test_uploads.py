"""Uploads: in one request, in pieces, and gone on with after all kinds of trouble."""

from dataclasses import replace

import pytest

from lading.bodies import Bytes
from lading.client.pieces import Cut, Lent
from lading.content.steps import Event
from lading.errors import (
    BlobUnknown,
    BodyIncomplete,
    DigestInvalid,
    UploadOutOfOrder,
    UploadTooLarge,
    UploadUnknown,
    UpstreamFailed,
)
from lading.interfaces.blobs import UploadId
from lading.interfaces.repository import Upload, Vouching
from lading.oci.digest import Digest
from lading.oci.media_types import OCTETS
from lading.testing import samples
from lading.testing.personalities import absolute_locations, body_limit, without
from lading.testing.places import OTHER
from lading.wire import problems
from lading.wire.message import Handler, Headers, Request, Response
from lading.wire.routes import Route
from tests.unit.client.connected import URL, Connected, connected, without_fields

CONTENT = samples.blob(3_000_000)
DESCRIPTOR = samples.described(CONTENT, OCTETS)
SESSION = "*/blobs/uploads/?*"


async def _push(both: Connected) -> Upload:
    """Push the content, announced, in one write."""
    upload = await both.repository.start_upload(expected=DESCRIPTOR)
    await upload.write(Bytes(CONTENT))
    assert await upload.commit(DESCRIPTOR.digest) == DESCRIPTOR
    return upload


def _methods(both: Connected) -> list[str]:
    return [each.method for each in both.trouble.asked]


async def test_announced_content_takes_two_requests() -> None:
    """One to begin, and one with all of the bytes and the digest."""
    async with connected() as both:
        upload = await _push(both)

        assert _methods(both) == ["POST", "PUT"]
        assert isinstance(upload, Vouching)
        assert upload.vouched
        assert (await both.real.stat_blob(DESCRIPTOR.digest)).size == len(CONTENT)


async def test_registry_that_names_no_digest_does_not_vouch() -> None:
    """Then nobody knows whether it looked at the bytes."""
    async with connected(without_fields("Docker-Content-Digest")) as both:
        upload = await _push(both)

    assert isinstance(upload, Vouching)
    assert not upload.vouched


async def test_announced_content_that_comes_in_two_bodies_is_taken() -> None:
    """Only a body that is all of it can be sent with the digest."""
    async with connected() as both:
        upload = await both.repository.start_upload(expected=DESCRIPTOR)
        await upload.write(Bytes(CONTENT[:1000]))
        await upload.write(Bytes(CONTENT[1000:]))

        assert await upload.commit(DESCRIPTOR.digest) == DESCRIPTOR


async def test_other_content_than_was_announced_is_refused() -> None:
    """By the registry, with the last of the bytes; and the upload is over."""
    async with connected() as both:
        upload = await both.repository.start_upload(expected=DESCRIPTOR)

        with pytest.raises(DigestInvalid):
            await upload.write(Bytes(CONTENT[::-1]))

        with pytest.raises(UploadUnknown):
            await upload.commit(DESCRIPTOR.digest)
        with pytest.raises(BlobUnknown):
            await both.real.stat_blob(DESCRIPTOR.digest)


async def test_other_digest_than_was_announced_is_refused() -> None:
    """What is published already is not said to be something else."""
    async with connected() as both:
        upload = await both.repository.start_upload(expected=DESCRIPTOR)
        await upload.write(Bytes(CONTENT))

        with pytest.raises(DigestInvalid):
            await upload.commit(samples.described(b"other", OCTETS).digest)


async def test_content_goes_in_pieces_when_asked() -> None:
    """Each says where it lies, and the digest comes alone."""
    async with connected(chunk_size=1_000_000) as both:
        await _push(both)

    ranges = [each.headers.get("content-range") for each in both.trouble.asked]
    assert _methods(both) == ["POST", "PATCH", "PATCH", "PATCH", "PUT"]
    assert ranges == [None, "0-999999", "1000000-1999999", "2000000-2999999", None]


async def test_pieces_are_as_long_as_the_registry_wants_them() -> None:
    """Its shortest length counts more than what was asked for (R28)."""
    async with connected(chunk_size=100_000, chunk_min_length=2_000_000) as both:
        await _push(both)

    assert _methods(both) == ["POST", "PATCH", "PATCH", "PUT"]


@pytest.mark.parametrize("size", [0, 1, 1_000_000, 1_500_000])
async def test_content_of_unknown_length_goes_in_pieces(size: int) -> None:
    """As many as it takes, and none that is empty."""
    content = samples.blob(size)
    async with connected(chunk_size=500_000) as both:
        upload = await both.repository.start_upload()
        await upload.write(samples.inbound(content, chunk=70_000, said=False))
        pushed = await upload.commit(samples.described(content, OCTETS).digest)

    assert pushed.size == size
    assert both.trouble.count("PATCH") == -(-size // 500_000)


async def test_proxy_that_takes_only_little_gets_pieces() -> None:
    """After a 413 they become smaller until they get through, and stay so."""
    async with connected(body_limit(1 << 20)) as both:
        await _push(both)
        first = _methods(both)
        await both.real.delete_blob(DESCRIPTOR.digest)
        both.trouble.asked.clear()
        await _push(both)

    assert first.count("PATCH") == 3
    assert _methods(both) == ["POST", "PATCH", "PATCH", "PATCH", "PUT"]
    assert both.waits == []


async def test_proxy_that_takes_next_to_nothing_is_an_error() -> None:
    """Pieces are not made smaller for ever."""
    async with connected(body_limit(1000)) as both:
        with pytest.raises(UploadTooLarge, match="refused by"):
            await _push(both)


async def test_blob_that_is_too_large_for_the_registry_is_not_cut() -> None:
    """Smaller pieces would not make it smaller."""
    async with connected() as both:
        refusal = problems.encode(UploadTooLarge("the limit is 5"))
        both.trouble.answer(lambda: refusal, method="PUT")

        with pytest.raises(UploadTooLarge):
            await _push(both)

    assert _methods(both) == ["POST", "PUT"]


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("what", ["fail", "fail_afterwards", "hang_up", "hang_up_afterwards"])
async def test_push_in_one_request_survives(method: str, what: str) -> None:
    """Whether or not the registry had done its work before it failed."""
    async with connected() as both:
        getattr(both.trouble, what)(method=method, times=2)

        await _push(both)

        body = await both.real.open_blob(DESCRIPTOR.digest)
        assert await samples.content_of(body) == CONTENT


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("what", ["fail", "fail_afterwards", "hang_up", "hang_up_afterwards"])
async def test_push_in_pieces_survives(method: str, what: str) -> None:
    """The registry is asked what it has, and nothing is appended twice (trap T7)."""
    async with connected(chunk_size=1_000_000) as both:
        getattr(both.trouble, what)(method=method, skip=1 if method == "PATCH" else 0)

        await _push(both)

        body = await both.real.open_blob(DESCRIPTOR.digest)
        assert await samples.content_of(body) == CONTENT


async def test_bytes_that_came_before_the_loss_are_not_sent_again() -> None:
    """A registry that kept a part of a body gets the rest of it."""

    def halved(handler: Handler) -> Handler:
        async def breaking(request: Request) -> Response:
            if request.method == "PUT" and request.body.length == len(CONTENT):
                request.body = samples.inbound(CONTENT, chunk=500_000, breaks_after=1_000_000)
                await handler(request)
                return Response(502, [("Content-Length", "0")])
            return await handler(request)

        return breaking

    async with connected(halved) as both:
        await _push(both)

        body = await both.real.open_blob(DESCRIPTOR.digest)
        assert await samples.content_of(body) == CONTENT
    sent = [each.headers.get("content-range") for each in both.trouble.asked]
    assert "1000000-2999999" in sent
    assert [(each.event, each.moved) for each in both.steps] == [(Event.RETRIED, 1_000_000)]


async def test_body_that_cannot_be_read_again_is_not_made_up() -> None:
    """What was sent is gone, and the upload tells how much of it has come."""
    async with connected() as both:
        upload = await both.repository.start_upload()
        both.trouble.hang_up_afterwards(method="PATCH")

        with pytest.raises(UpstreamFailed):
            await upload.write(samples.inbound(CONTENT, chunk=1_000_000))

        assert upload.offset == len(CONTENT)
        assert await upload.commit(DESCRIPTOR.digest) == DESCRIPTOR


async def test_registry_that_keeps_failing_is_an_error() -> None:
    """After some tries, each of which asked what had come."""
    async with connected() as both:
        both.trouble.hang_up(method="PUT", times=100)

        with pytest.raises(UpstreamFailed):
            await _push(both)

    assert both.trouble.count("PUT") == 5


async def test_body_that_breaks_off_is_to_blame_itself() -> None:
    """The error is that of the body, whatever the registry made of it."""
    async with connected() as both:
        upload = await both.repository.start_upload()

        with pytest.raises(BodyIncomplete, match="the sender went away"):
            await upload.write(samples.inbound(CONTENT, chunk=1_000_000, breaks_after=2_000_000))


@pytest.mark.parametrize("where", [URL, "http://elsewhere.test"])
async def test_location_may_be_absolute_and_elsewhere(where: str) -> None:
    """It is gone to, and found again by its id, as long as this registry named it (R19)."""
    async with connected(absolute_locations(lambda: where)) as both:
        upload = await both.repository.start_upload()
        await upload.write(Bytes(CONTENT[:1000]))
        await upload.aclose()
        again = await both.repository.resume_upload(upload.id)
        await again.write(Bytes(CONTENT[1000:]))

        assert await again.commit(DESCRIPTOR.digest) == DESCRIPTOR
    assert both.elsewhere.count() == (0 if where == URL else 4)


async def test_id_is_no_way_to_ask_for_anything_else() -> None:
    """An id may come from a stranger, and what is asked is asked with our credentials."""
    made_up = (
        "http://elsewhere.test/v2/contract/first/blobs/uploads/x",
        f"{URL}/v2/{OTHER}/blobs/uploads/x",
        f"{URL}/v2/team/app/manifests/latest",
        "file:///etc/passwd",
        "http://[",
    )
    async with connected() as both:
        name = both.repository.name
        for url in made_up:
            with pytest.raises(UploadUnknown):
                await both.repository.resume_upload(UploadId(f"{url}%23{name}"))

    assert both.trouble.count() == both.elsewhere.count() == 0


async def test_refused_mount_leaves_no_upload_behind() -> None:
    """The registry began a session in place of it, which is ended (trap T49)."""
    async with connected() as both:
        mounted = await both.repository.mount_blob(DESCRIPTOR.digest, OTHER)

    assert not mounted
    assert _methods(both) == ["POST", "DELETE", "HEAD"]


async def test_pieces_of_a_body_are_the_body() -> None:
    """However its blocks and the pieces lie."""
    cut = Cut(samples.inbound(CONTENT[:1000], chunk=7))
    pieces = []
    while cut.rest:
        piece = cut.piece(10)
        taken = b""
        while await piece.ready():
            taken += b"".join(bytes(each) for each in piece.blocks())
        pieces.append(taken)

    assert b"".join(pieces) == CONTENT[:1000]
    assert {len(each) for each in pieces} == {10}


async def test_lent_body_is_not_sent_again_where_the_registry_has_kept_some() -> None:
    """A repeated request would append to what is there."""

    async def kept() -> int:
        return 3

    body = Lent(Bytes(b"0123456789"), kept)
    assert b"".join(bytes(each) for each in body.blocks()) == b"0123456789"

    with pytest.raises(UpstreamFailed):
        await body.again()


async def test_blob_that_was_published_after_all_is_not_sent_again() -> None:
    """The session is gone, and the blob is there: the answer alone was lost."""
    async with connected() as both:
        both.trouble.hang_up_afterwards(method="PUT")

        await _push(both)

    assert both.trouble.count("PUT") == 1


@pytest.mark.parametrize("said", ["chunk", "nothing", "bytes"])
async def test_offset_is_known_whatever_the_registry_says(said: str) -> None:
    """Some tell the range of the last chunk, some none, and some with a unit (trap T7)."""

    def otherwise(handler: Handler) -> Handler:
        async def telling(request: Request) -> Response:
            length = request.body.length or 0
            response = await handler(request)
            fields = [each for each in response.headers if each[0] != "Range"]
            found = dict(response.headers).get("Range", "")
            told = {"chunk": f"0-{length - 1}", "nothing": "", "bytes": f"bytes={found}"}[said]
            if request.method == "PATCH":
                response.headers = [*fields, *([("Range", told)] if told else [])]
            return response

        return telling

    async with connected(otherwise, chunk_size=1_000_000) as both:
        await _push(both)

    assert _methods(both) == ["POST", "PATCH", "PATCH", "PATCH", "PUT"]


async def test_single_byte_is_told_from_none() -> None:
    """Both are said in the same way (trap T6)."""
    async with connected() as both:
        upload = await both.repository.start_upload()

        assert await upload.write(Bytes(b"1")) == 1
        assert await upload.write(Bytes(b"2"), at=1) == 2


async def test_registry_that_keeps_less_than_it_was_sent_gets_the_rest() -> None:
    """Its word on where the upload stands is what counts."""

    def forgetful(handler: Handler) -> Handler:
        async def keeping_half(request: Request) -> Response:
            if request.method == "PATCH" and request.body.length == 10:
                half = Bytes(b"01234")
                kept = [each for each in request.headers.raw if each[0] != b"content-range"]
                return await handler(replace(request, body=half, headers=Headers(kept)))
            return await handler(request)

        return keeping_half

    async with connected(forgetful) as both:
        upload = await both.repository.start_upload()
        await upload.write(Bytes(b"0123456789"))
        pushed = await upload.commit(Digest.of(b"0123456789"))

    assert pushed.size == 10


async def test_location_that_has_grown_old_does_not_keep_an_upload_alive() -> None:
    """Where a location holds the offset, it is asked for anew before the upload is cancelled."""
    async with connected() as both:
        upload = await both.repository.start_upload()
        refusal = problems.encode(UploadOutOfOrder(upload.id, offset=0))
        both.trouble.answer(lambda: refusal, method="DELETE")

        await upload.cancel()

        with pytest.raises(UploadUnknown):
            await both.repository.resume_upload(upload.id)
    assert both.trouble.count("DELETE") == 2


async def test_registry_that_does_not_tell_where_an_upload_stands_gets_another() -> None:
    """The content is announced, so that it can be sent anew from its beginning."""
    async with connected(without("GET", routes=[Route.UPLOAD])) as both:
        both.trouble.fail(502, method="PUT")

        await _push(both)

    assert both.trouble.count("POST") == 2
