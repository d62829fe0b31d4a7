"""Content that is checked while it is read."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from lading.bodies import (
    BLOCK,
    BlobContent,
    Bytes,
    Elsewhere,
    FileSource,
    Inbound,
    Source,
    Span,
    Stream,
    places_of,
    source_of,
)
from lading.content.sides import Trace, Traced
from lading.content.verify import Measured, Verified, opened
from lading.errors import BodyIncomplete, DigestInvalid, SizeInvalid
from lading.interfaces.repository import Repository
from lading.oci.digest import Digest
from lading.registry.forwarding import ForwardingRepository
from lading.testing import samples

CONTENT = samples.blob(2 * BLOCK + 5)
DIGEST = Digest.of(CONTENT)


class _Unsized(Bytes):
    """A body that does not say how long it is."""

    def __init__(self, data: bytes | memoryview) -> None:
        super().__init__(data)
        self.length = None


async def _taken(body: Inbound, into: bytearray) -> None:
    while await body.ready():
        for block in body.blocks():
            into += block


async def _read(body: Source) -> bytes:
    into = bytearray()
    await _taken(body, into)
    await body.aclose()
    return bytes(into)


@pytest.mark.parametrize("make", [Bytes, _Unsized], ids=["sized", "unsized"])
@pytest.mark.parametrize("size", [None, len(CONTENT)])
async def test_right_content_comes_whole(make: type[Bytes], size: int | None) -> None:
    """Whether its length is known or not."""
    body = Verified(make(CONTENT), DIGEST, size)

    assert await _read(body) == CONTENT


@pytest.mark.parametrize("make", [Bytes, _Unsized], ids=["sized", "unsized"])
async def test_last_block_of_wrong_content_is_held_back(make: type[Bytes]) -> None:
    """So nobody ever has all of it."""
    wrong = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    got = bytearray()

    with pytest.raises(DigestInvalid):
        await _taken(Verified(make(wrong), DIGEST, None), got)

    assert got == wrong[: 2 * BLOCK]


async def test_content_that_ends_early_is_incomplete() -> None:
    """It may go on elsewhere, so that is told apart from content that is wrong."""
    with pytest.raises(BodyIncomplete, match=f"5 of {len(CONTENT)} bytes"):
        await _read(Verified(_Unsized(CONTENT[:5]), DIGEST, len(CONTENT)))
    with pytest.raises(BodyIncomplete, match=f"5 of {len(CONTENT)} bytes"):
        await _read(Measured(_Unsized(CONTENT[:5]), len(CONTENT)))


async def test_content_that_is_longer_is_refused() -> None:
    """Before the block that is too long is handed out."""
    got = bytearray()

    with pytest.raises(SizeInvalid):
        await _taken(Verified(_Unsized(CONTENT), DIGEST, len(CONTENT) - 1), got)
    with pytest.raises(SizeInvalid):
        await _taken(Measured(_Unsized(CONTENT), 3), bytearray())

    assert got == CONTENT[: 2 * BLOCK]


async def test_nothing_is_checked_as_well() -> None:
    """Empty content has a digest, and other content has another."""
    assert await _read(Verified(Bytes(b""), Digest.of(b""), 0)) == b""
    with pytest.raises(DigestInvalid):
        await _read(Verified(_Unsized(b""), DIGEST, None))


@pytest.mark.parametrize("size", [None, len(CONTENT)])
@pytest.mark.parametrize("start", [0, 7, BLOCK, BLOCK + 1, len(CONTENT)])
async def test_content_from_the_middle_on_is_verified(start: int, size: int | None) -> None:
    """What comes before is hashed without being handed out."""
    body = Verified(_Unsized(CONTENT), DIGEST, size)
    rest = await body.again(3)

    later = await rest.again(start - 3 if start else 0)

    assert later.length in (None, len(CONTENT) - max(start, 3))
    assert await _read(later) == CONTENT[max(start, 3) :]


async def test_relayed_content_is_measured_only() -> None:
    """Whoever takes it checks the digest."""
    wrong = b"x" * len(CONTENT)

    body = Verified(Bytes(wrong), DIGEST, len(CONTENT)).relayed()

    assert await _read(await body.again(2)) == wrong[2:]
    assert await _read(await (await body.again(2)).again(3)) == wrong[5:]
    assert await _read(body) == wrong
    assert await _read(Verified(_Unsized(wrong), DIGEST, None).relayed()) == wrong


async def test_digest_that_cannot_be_checked_is_refused_at_once() -> None:
    """Nobody is led to believe that content was verified."""
    with pytest.raises(DigestInvalid):
        Verified(Bytes(b""), Digest("blake3", "0" * 64), 0)


class _Remote(ForwardingRepository):
    """A repository whose blobs are verified on their way, as those of a registry are."""

    async def open_blob(
        self, digest: Digest, *, spans: Sequence[Span] = (), url_ok: bool = False
    ) -> BlobContent:
        content = await super().open_blob(digest, spans=spans, url_ok=url_ok)
        assert not isinstance(content, Elsewhere)
        body = Verified(source_of(content), digest, content.total)
        return Stream(body, ((0, content.total),), content.total)


@pytest.mark.parametrize("wrapped", [False, True], ids=["here", "remote"])
async def test_opened_blob_is_verified_once(source: Repository, wrapped: bool) -> None:
    """Hashing is what reading costs most."""
    await samples.put_blob(source, CONTENT)

    body = await opened(_Remote(source) if wrapped else source, DIGEST, len(CONTENT))

    assert not isinstance(body._inner, Verified)
    assert body.length == len(CONTENT)
    assert await _read(body) == CONTENT


async def test_blob_of_another_length_is_not_opened(source: Repository) -> None:
    """Nobody has to read it to know that it is not what was meant."""
    await samples.put_blob(source, CONTENT)

    with pytest.raises(SizeInvalid):
        await opened(source, DIGEST, 5)


def _file_of(folder: Path, *, part: int) -> FileSource:
    path = folder / "content"
    path.write_bytes(CONTENT)
    return FileSource(os.open(path, os.O_RDONLY), [(0, part)])


async def test_measured_content_in_a_file_is_where_it_was(tmp_path: Path) -> None:
    """Who has the kernel send it counts as well, and what is in memory is in no file."""
    body = Measured(_file_of(tmp_path, part=len(CONTENT)), len(CONTENT))

    places = list(places_of(body) or ())

    assert sum(length for _, _, length in places) == len(CONTENT)
    assert not await body.ready()
    assert places_of(Measured(Bytes(CONTENT), len(CONTENT))) is None
    await body.aclose()


async def test_measured_content_in_a_file_that_is_too_long_is_refused(tmp_path: Path) -> None:
    """Before any of it is sent beyond what was promised."""
    body = Measured(_file_of(tmp_path, part=len(CONTENT)), len(CONTENT) - 1)

    with pytest.raises(SizeInvalid):
        list(places_of(body) or ())

    await body.aclose()


async def test_who_follows_a_body_hears_of_what_the_kernel_sent(tmp_path: Path) -> None:
    """After each stretch, and of a file that is too short whose fault it is."""
    heard: list[int] = []
    trace = Trace(heard.append)
    body = Traced(_file_of(tmp_path, part=len(CONTENT)), trace)
    short = Traced(_file_of(tmp_path, part=len(CONTENT) + 1), trace)

    for _ in places_of(body) or ():
        pass
    with pytest.raises(BodyIncomplete) as caught:
        list(places_of(short) or ())

    assert heard == [len(CONTENT)]
    assert caught.value.where == "source"
    assert places_of(Traced(Bytes(b""), trace)) is None
    await body.aclose()
    await short.aclose()


async def test_who_asked_is_told_what_to_do_about_wrong_content() -> None:
    """The advice for a sender would make no sense to whoever only received it."""
    body = Verified(Bytes(b"other"), DIGEST, 5)

    with pytest.raises(DigestInvalid) as caught:
        await _taken(body, bytearray())

    assert caught.value.advice != DigestInvalid.advice
    assert "try again" in caught.value.advice
