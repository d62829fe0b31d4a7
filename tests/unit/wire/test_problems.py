"""The one table of errors on the wire."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading import errors
from lading.errors import LadingError, RegistryError
from lading.wire import problems
from lading.wire.message import Headers, Response

SPEC_CODES = {
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
}


def every(kind: type[LadingError] = LadingError) -> Iterator[type[LadingError]]:
    """The whole tree below *kind*, without classes that tests made."""
    if kind.__module__ == "lading.errors":
        yield kind
        for each in kind.__subclasses__():
            yield from every(each)


def sample(kind: type[LadingError], subject: str = "the subject") -> LadingError:
    """An error of *kind*."""
    match kind:
        case errors.BlobInUse:
            return errors.BlobInUse(subject, manifest="sha256:m")
        case errors.ManifestBlobUnknown:
            return errors.ManifestBlobUnknown([subject, "another"])
        case errors.UploadOutOfOrder:
            return errors.UploadOutOfOrder("id", offset=10)
        case errors.RangeUnsatisfiable:
            return errors.RangeUnsatisfiable(total=10)
        case errors.TooManyRequests:
            return errors.TooManyRequests(subject, retry_after=7)
        case _:
            return kind(subject)


def received(response: Response) -> LadingError:
    """What a client makes of *response*."""
    fields = [(name.lower().encode(), value.encode()) for name, value in response.headers]
    assert isinstance(response.body, bytes)
    return problems.decode(response.status, Headers(fields), response.body)


@pytest.mark.parametrize("kind", list(every()))
def test_every_class_has_a_row(kind: type[LadingError]) -> None:
    """No error of ours is answered by accident."""
    assert kind in problems.TABLE


@pytest.mark.parametrize("kind", list(every()))
def test_every_class_survives_the_wire(kind: type[LadingError]) -> None:
    """A client raises the same class that the server did."""
    error = sample(kind)

    assert type(received(problems.encode(error))) is kind


@pytest.mark.parametrize("kind", [each for each in every() if issubclass(each, RegistryError)])
def test_every_fact_about_content_has_a_code_of_the_spec(kind: type[RegistryError]) -> None:
    """Clients know these codes and no others (R64), but for one of Distribution's about lists."""
    known = {*SPEC_CODES, "PAGINATION_NUMBER_INVALID"}
    response = problems.encode(sample(kind))

    assert isinstance(response.body, bytes)
    assert {each["code"] for each in json.loads(response.body)["errors"]} <= known
    assert 400 <= response.status < 500


@given(st.text())
def test_subject_survives_the_wire(subject: str) -> None:
    """Whatever a subject contains, the answer is JSON in ASCII and tells it."""
    found = received(problems.encode(errors.BlobUnknown(subject)))

    assert found.subject == subject[:1024]


@given(subject=st.text(max_size=1500), kind=st.sampled_from([*every()]))
def test_body_is_what_the_json_module_would_write(subject: str, kind: type[LadingError]) -> None:
    """The envelope is put together by hand; whatever the subject, it is the same compact JSON."""
    body = problems.encode(sample(kind, subject)).body

    assert isinstance(body, bytes)
    assert body == json.dumps(json.loads(body), separators=(",", ":")).encode("ascii") + b"\n"


@pytest.mark.parametrize(
    ("detail", "missing"),
    [
        ("sha256:ab", "sha256:ab"),
        ({"digest": "sha256:ab"}, "sha256:ab"),
        ({"count": 1}, "blob unknown to registry"),
        (None, "blob unknown to registry"),
    ],
)
def test_what_another_registry_misses_is_read_from_its_details(
    detail: object, missing: str
) -> None:
    """Distribution names it there, and says in the message only that something is missing."""
    entry = {"code": "MANIFEST_BLOB_UNKNOWN", "message": "blob unknown to registry"}
    body = json.dumps({"errors": [entry | {"detail": detail}]}).encode()

    error = problems.decode(404, Headers(), body)

    assert isinstance(error, errors.ManifestBlobUnknown)
    assert error.missing == (missing,)


def test_details_survive_the_wire() -> None:
    """What a caller can use is told by more than the class."""
    order = received(problems.encode(sample(errors.UploadOutOfOrder), name="a"))
    used = received(problems.encode(sample(errors.BlobInUse)))
    missing = received(problems.encode(sample(errors.ManifestBlobUnknown)))
    outside = received(problems.encode(sample(errors.RangeUnsatisfiable)))
    hurried = received(problems.encode(sample(errors.TooManyRequests)))

    assert isinstance(order, errors.UploadOutOfOrder)
    assert (order.upload_id, order.offset) == ("id", 10)
    assert isinstance(used, errors.BlobInUse)
    assert used.manifest == "sha256:m"
    assert isinstance(missing, errors.ManifestBlobUnknown)
    assert missing.missing == ("the subject", "another")
    assert isinstance(outside, errors.RangeUnsatisfiable)
    assert outside.total == 10
    assert isinstance(hurried, errors.TooManyRequests)
    assert hurried.retry_after == 7


def test_class_that_is_not_in_the_table_is_answered_as_its_ancestor() -> None:
    """A wrapper may raise errors of its own."""

    class QuotaReached(errors.Denied):
        summary = "quota reached"

    response = problems.encode(QuotaReached("team"))

    assert response.status == 403
    assert b"quota reached: team" in (response.body if isinstance(response.body, bytes) else b"")


def test_where_the_server_keeps_its_files_is_not_told() -> None:
    """The subject of a storage error is for the log."""
    response = problems.encode(errors.StorageFull("/srv/data/blobs"))

    assert isinstance(response.body, bytes)
    assert b"/srv" not in response.body
    assert response.status == 507


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}', errors.ManifestUnknown),
        (404, b'{"errors":[{"code":"BLOB_UNKNOWN","message":"x"}]}', errors.BlobUnknown),
        (400, b'{"errors":[{"code":"MANIFEST_INVALID"}]}', errors.ManifestInvalid),
        (413, b'{"errors":[{"code":"MANIFEST_INVALID"}]}', errors.ManifestTooLarge),
        (405, b'{"errors":[{"code":"UNSUPPORTED"}]}', errors.Unsupported),
        (401, b"", errors.Unauthorized),
        (403, b"<html>", errors.Denied),
        (404, b"404 page not found", errors.NameUnknown),
        (429, b"{}", errors.TooManyRequests),
        (418, b"[]", RegistryError),
        (502, b"", errors.StorageFailed),
        (503, b'{"errors":1}', errors.StorageFailed),
        (400, b'{"errors":[{"code":"TAG_STRANGE"}]}', errors.RequestInvalid),
    ],
)
def test_answers_of_other_registries_become_the_nearest_class(
    status: int, body: bytes, kind: type[LadingError]
) -> None:
    """Code and status say enough where the message is not ours."""
    assert type(problems.decode(status, Headers(), body)) is kind


@given(st.integers(400, 599), st.binary(max_size=200))
def test_any_answer_becomes_an_error_of_ours(status: int, body: bytes) -> None:
    """A client never fails at the failure of a server."""
    assert isinstance(problems.decode(status, Headers(), body), LadingError)


def test_detail_is_a_string() -> None:
    """Go clients read it into a string and fail on anything else."""
    for kind in every():
        response = problems.encode(sample(kind))
        assert isinstance(response.body, bytes)
        for entry in json.loads(response.body)["errors"]:
            assert isinstance(entry.get("detail", ""), str)


def test_broken_request_is_answered_with_its_id() -> None:
    """Whoever reports it can name the line of the log."""
    response = problems.broken("abc-1")

    assert response.status == 500
    assert isinstance(response.body, bytes)
    assert "abc-1" in json.loads(response.body)["errors"][0]["detail"]


def test_what_is_no_request_is_answered_like_other_errors() -> None:
    """A client that sent a broken head can still be told why."""
    response = problems.refused(431, "the head of the request is too long")

    assert response.status == 431
    assert isinstance(response.body, bytes)
    assert json.loads(response.body)["errors"] == [
        {"code": "UNSUPPORTED", "message": "the head of the request is too long"}
    ]


def test_thousands_of_missing_digests_are_told_in_part() -> None:
    """An answer stays short enough to be read, and says how many it leaves out."""
    error = errors.ManifestBlobUnknown([f"sha256:{number:064x}" for number in range(5000)])

    response = problems.encode(error)

    assert isinstance(response.body, bytes)
    told = json.loads(response.body)["errors"]
    assert len(told) == 1001
    assert {each["code"] for each in told} == {"MANIFEST_BLOB_UNKNOWN"}
    assert "and 4000 more" in told[-1]["message"]


def test_registry_that_is_unwell_says_where_to_look() -> None:
    """Whatever was asked, since the client is not the one who is wrong."""
    response = problems.unwell()

    assert response.status == 503
    assert isinstance(response.body, bytes)
    (entry,) = json.loads(response.body)["errors"]
    assert entry["code"] == "UNAVAILABLE"
    assert "/debug/health" in entry["detail"]
