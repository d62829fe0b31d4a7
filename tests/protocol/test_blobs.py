"""Blobs: whole, in parts, conditionally, elsewhere (end-2, end-10)."""

from collections.abc import Sequence

import pytest

from lading.auth.anonymous import Anonymous
from lading.bodies import BlobContent, Elsewhere, Span
from lading.http.face import Face
from lading.http.middleware import RequestIds
from lading.interfaces.access import Occasion
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName
from lading.registry.forwarding import ForwardingRegistry, ForwardingRepository
from lading.registry.registry import LocalRegistry
from lading.testing import samples
from lading.wire.message import Request
from tests.protocol.exchange import Exchange

CONTENT = samples.blob(2048)


@pytest.fixture
async def blob(ask: Exchange) -> str:
    """The path of a blob of 2,048 bytes."""
    return f"/v2/a/blobs/{await ask.push_blob('a', CONTENT)}"


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=500-1499", 500, 1499),
        ("bytes=500-", 500, 2047),
        ("bytes=-500", 1548, 2047),
        ("bytes=2000-5000", 2000, 2047),
        ("bytes=-5000", 0, 2047),
        ("bytes=0-0", 0, 0),
        ("Bytes = 0-0 ", 0, 0),
        ("bytes=0-99999999999999999999999999", 0, 2047),
        ("bytes=0-1,5000-6000", 0, 1),
    ],
)
async def test_one_part_is_served_exactly(
    ask: Exchange, blob: str, asked: str, first: int, last: int
) -> None:
    """Bytes, length and Content-Range (R15)."""
    answer = await ask("GET", blob, fields={"Range": asked})

    assert answer.status == 206
    assert answer.body == CONTENT[first : last + 1]
    assert answer["Content-Range"] == f"bytes {first}-{last}/2048"


@pytest.mark.parametrize(
    "asked",
    ["bytes=5000-10000", "bytes=2048-", "bytes=-0", "bytes=3-2,9000-", "bytes=" + "9" * 5000 + "-"],
)
async def test_part_outside_of_the_blob_is_416(ask: Exchange, blob: str, asked: str) -> None:
    """The answer tells how long the blob is."""
    answer = await ask("GET", blob, fields={"Range": asked})

    assert (answer.status, answer["Content-Range"]) == (416, "bytes */2048")


@pytest.mark.parametrize(
    "asked", ["lines=0-1", "bytes", "bytes=", "bytes=x-y", "bytes=0-1;", "", "bytes=\u00b2-\u00b3"]
)
async def test_range_that_is_not_understood_is_ignored(
    ask: Exchange, blob: str, asked: str
) -> None:
    """All of it is a right answer to any range."""
    answer = await ask("GET", blob, fields={"Range": asked})

    assert (answer.status, answer.body) == (200, CONTENT)


async def test_parts_that_overlap_are_merged(ask: Exchange, blob: str) -> None:
    """Asking for the same thousand times costs no more than all of it."""
    asked = "bytes=" + ",".join(["0-", "1-", "2-"] * 300)

    answer = await ask("GET", blob, fields={"Range": asked})

    assert (answer.status, answer["Content-Range"]) == (206, "bytes 0-2047/2048")


async def test_hundreds_of_parts_are_served(ask: Exchange, blob: str) -> None:
    """As many as podman asks for (trap T48)."""
    asked = "bytes=" + ",".join(f"{at}-{at}" for at in range(0, 2048, 2))

    answer = await ask("GET", blob, fields={"Range": asked})

    boundary = answer["Content-Type"].removeprefix("multipart/byteranges; boundary=").encode()
    assert answer.status == 206
    assert answer.body.count(b"--" + boundary + b"\r\n") == 1024
    assert answer.body.endswith(b"\r\n--" + boundary + b"--\r\n")


async def test_more_parts_than_anybody_needs_are_answered_whole(ask: Exchange, blob: str) -> None:
    """Neither 416 nor 501, which would fail a pull."""
    answer = await ask("GET", blob, fields={"Range": "bytes=" + ",".join(["0-0"] * 1025)})

    assert (answer.status, answer.body) == (200, CONTENT)


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ('"{digest}"', 206),
        ('W/"{digest}"', 200),
        ('"other"', 200),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 200),
    ],
)
async def test_part_is_served_if_the_blob_is_the_one_that_was_meant(
    ask: Exchange, blob: str, condition: str, status: int
) -> None:
    """If-Range by a strong entity tag; blobs have no date (RFC 9110, 13.1.5)."""
    digest = blob.rpartition("/")[2]

    answer = await ask(
        "GET", blob, fields={"Range": "bytes=0-1", "If-Range": condition.format(digest=digest)}
    )

    assert answer.status == status


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_condition_does_not_make_a_missing_blob_appear(ask: Exchange, method: str) -> None:
    """304 says that it is here."""
    digest = Digest.of(b"nowhere")

    answer = await ask(method, f"/v2/a/blobs/{digest}", fields={"If-None-Match": f'"{digest}"'})

    assert answer.status == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_blob_that_the_client_has_is_not_sent_again(
    ask: Exchange, blob: str, method: str
) -> None:
    """Content that goes by its digest never changes."""
    digest = blob.rpartition("/")[2]

    answer = await ask(method, blob, fields={"If-None-Match": f'"{digest}"'})

    assert answer.status == 304


async def test_empty_blob_is_a_blob(ask: Exchange) -> None:
    """Of length zero, which HEAD says."""
    digest = await ask.push_blob("a", b"")

    head = await ask("HEAD", f"/v2/a/blobs/{digest}")
    got = await ask("GET", f"/v2/a/blobs/{digest}")
    ranged = await ask("GET", f"/v2/a/blobs/{digest}", fields={"Range": "bytes=0-"})

    assert head["Content-Length"] == "0"
    assert (got.status, got.body) == (200, b"")
    assert ranged.status == 416


async def test_deleted_blob_can_be_pushed_again(ask: Exchange, blob: str) -> None:
    """Deleting is per repository, at once, and not for ever (R59)."""
    assert (await ask("DELETE", blob)).status == 202
    assert (await ask("HEAD", blob)).status == 404

    await ask.push_blob("a", CONTENT)

    assert (await ask("GET", blob)).body == CONTENT


async def test_digest_of_an_unknown_algorithm_is_of_an_unknown_blob(ask: Exchange) -> None:
    """It may be read, since descriptors may have it, but nothing is kept under it."""
    answer = await ask("GET", "/v2/a/blobs/md5:d41d8cd98f00b204e9800998ecf8427e")

    assert answer.status == 404


class Away(ForwardingRepository):
    """A repository whose blobs are in an object store that hands out URLs."""

    async def open_blob(
        self, digest: Digest, *, spans: Sequence[Span] = (), url_ok: bool = False
    ) -> BlobContent:
        """Where the blob is, if that will do."""
        assert url_ok
        return Elsewhere("https://bucket.example/x", 5)


class AllAway(ForwardingRegistry):
    """A registry of such repositories."""

    def repository(self, name: RepositoryName) -> Away:
        """The repository *name*."""
        return Away(self._inner.repository(name))


async def test_blob_that_is_elsewhere_is_a_redirect(registry: LocalRegistry) -> None:
    """307 keeps the method and the range (R7)."""

    def admit(occasion: Occasion) -> AllAway:
        return AllAway(registry.acting_for(occasion))

    handler = RequestIds(Face(Anonymous(), admit))

    response = await handler(Request("GET", f"/v2/a/blobs/{Digest.of(b'hello')}"))

    assert response.status == 307
    assert dict(response.headers)["Location"] == "https://bucket.example/x"
    assert dict(response.headers)["Content-Length"] == "0"
