"""Uploads that need not be made: the registry mounts what it has when they begin."""

import pytest

from lading.bodies import Bytes
from lading.errors import Denied, DigestInvalid, UploadUnknown
from lading.interfaces.repository import Spared, Upload, Vouching
from lading.oci.digest import Digest
from lading.oci.media_types import OCTETS
from lading.testing import samples
from lading.testing.personalities import Personality
from lading.testing.places import OTHER
from lading.testing.trouble import refusal
from lading.wire.message import Handler, Request, Response
from tests.unit.client.connected import Connected, connected

CONTENT = samples.blob(100_000)
DESCRIPTOR = samples.described(CONTENT, OCTETS)
ANOTHER = Digest.of(b"another")


def _answering(response: Response) -> Personality:
    """A registry that gives this answer to every mount."""

    def personality(handler: Handler) -> Handler:
        async def answer(request: Request) -> Response:
            if request.method == "POST" and request.param("mount") is not None:
                return Response(response.status, list(response.headers), response.body)
            return await handler(request)

        return answer

    return personality


def _methods(both: Connected) -> list[str]:
    return [each.method for each in both.trouble.asked]


async def _begun(both: Connected) -> Upload:
    return await both.repository.start_upload(expected=DESCRIPTOR)


def _is_mounted(upload: Upload) -> bool:
    return isinstance(upload, Spared) and upload.mounted


async def test_what_the_registry_has_elsewhere_is_not_sent() -> None:
    """One request, and it is readable here, whatever its caller knows of mounts."""
    async with connected() as both:
        await samples.put_blob(both.there.repository(OTHER), CONTENT)

        upload = await _begun(both)
        written = await upload.write(Bytes(CONTENT), at=0)

        assert _is_mounted(upload)
        assert isinstance(upload, Vouching)
        assert upload.vouched
        assert written == upload.offset == len(CONTENT)
        assert await upload.commit(DESCRIPTOR.digest) == DESCRIPTOR
        assert _methods(both) == ["POST"]
        assert (await both.real.stat_blob(DESCRIPTOR.digest)).size == len(CONTENT)


async def test_what_was_mounted_is_nothing_else() -> None:
    """It is refused under another digest, and over when it is committed or given up."""
    async with connected() as both:
        await samples.put_blob(both.real, CONTENT)
        committed, cancelled, closed = [await _begun(both) for _ in range(3)]

        with pytest.raises(DigestInvalid, match="was mounted"):
            await committed.commit(ANOTHER)
        await committed.commit(DESCRIPTOR.digest)
        await cancelled.cancel()
        await closed.aclose()

        for upload in (committed, cancelled, closed):
            with pytest.raises(UploadUnknown):
                await upload.write(Bytes(CONTENT))
            with pytest.raises(UploadUnknown):
                await upload.commit(DESCRIPTOR.digest)
        assert await both.real.stat_blob(DESCRIPTOR.digest)


@pytest.mark.parametrize(
    "field",
    [
        ("Docker-Content-Digest", str(DESCRIPTOR.digest)),
        ("Location", f"/v2/there/blobs/{DESCRIPTOR.digest}"),
        (
            "Location",
            f"https://there.test/v2/there/blobs/{DESCRIPTOR.digest}".replace("6:", "6%3A"),
        ),
    ],
)
async def test_registry_that_names_what_it_mounted_is_believed(field: tuple[str, str]) -> None:
    """By the digest, or by where it is now."""
    async with connected(_answering(Response(201, [field], b""))) as both:
        upload = await _begun(both)

    assert _is_mounted(upload)


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("Docker-Content-Digest", str(ANOTHER))],
        [("Docker-Content-Digest", "nonsense")],
        [("Location", f"/v2/there/blobs/{ANOTHER}")],
        [
            ("Docker-Content-Digest", str(ANOTHER)),
            ("Location", f"/v2/there/blobs/{DESCRIPTOR.digest}"),
        ],
    ],
)
async def test_registry_that_names_nothing_or_something_else_gets_the_bytes(
    fields: list[tuple[str, str]],
) -> None:
    """What it says was created may be anything; and it is not asked again."""
    async with connected(_answering(Response(201, fields, b""))) as both:
        for _ in range(2):
            upload = await _begun(both)
            await upload.write(Bytes(CONTENT))
            await upload.commit(DESCRIPTOR.digest)
            assert not _is_mounted(upload)

        assert (await both.real.stat_blob(DESCRIPTOR.digest)).size == len(CONTENT)

    assert _methods(both) == ["POST", "POST", "PUT", "POST", "PUT"]


@pytest.mark.parametrize("status", [400, 404, 405])
async def test_registry_that_takes_the_question_amiss_is_asked_without_it(status: int) -> None:
    """Once: the next upload begins without asking."""
    async with connected(_answering(refusal(status))) as both:
        for _ in range(2):
            upload = await _begun(both)
            await upload.write(Bytes(CONTENT))
            await upload.commit(DESCRIPTOR.digest)

    assert _methods(both) == ["POST", "POST", "PUT", "POST", "PUT"]


async def test_who_may_not_push_is_told_so_at_once() -> None:
    """Nothing is asked in another way."""
    async with connected(_answering(refusal(403))) as both:
        with pytest.raises(Denied):
            await _begun(both)

    assert _methods(both) == ["POST"]


async def test_unknown_content_is_not_asked_for() -> None:
    """Nor is the algorithm forgotten where it is known."""
    content = samples.blob(1000)
    digest = Digest.of(content, "sha512")
    async with connected() as both:
        await (await both.repository.start_upload()).cancel()
        upload = await both.repository.start_upload(
            expected=samples.described(content, OCTETS, algorithm="sha512")
        )
        await upload.write(Bytes(content))
        await upload.commit(digest)

        queries = [each.query for each in both.trouble.asked if each.method == "POST"]
        assert (await both.real.stat_blob(digest)).size == len(content)

    assert queries[0] == ""
    assert "digest-algorithm=sha512" in queries[1]
    assert "mount=sha512" in queries[1]
