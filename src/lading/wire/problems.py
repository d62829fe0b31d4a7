"""Errors on the wire, in one table: class, status, headers and the JSON envelope (R64).

The same table reads an answer back into the class it came from. Several classes share a code of
the spec; ours are told apart by their summary, which begins the message, and those of other
registries by code and status.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lading import errors
from lading.errors import LadingError, RegistryError
from lading.wire import headers, ranges, routes
from lading.wire.message import Fields, Headers, Response
from lading.wire.routes import Route

_LONGEST = 1024
_json: Callable[[str], str] = json.JSONEncoder().encode
_MOST_MISSING = 1000
"""How many missing digests are told one by one; clients read no more than a few megabytes."""


def _nothing(_error: Any) -> Fields:
    return []


def _soon(_error: Any) -> Fields:
    return [("Retry-After", "5")]


def _retry_after(error: errors.TooManyRequests) -> Fields:
    return [("Retry-After", str(error.retry_after))]


def _no_part(error: errors.RangeUnsatisfiable) -> Fields:
    return [("Content-Range", ranges.unsatisfiable(error.total))]


def _standing(error: errors.UploadOutOfOrder) -> Fields:
    return [
        ("Range", ranges.received(error.offset)),
        ("Docker-Upload-UUID", error.upload_id),
    ]


class Row(NamedTuple):
    """How one class of errors is answered.

    ``code`` is set only where the class has none of the spec; ``open`` says whether the subject
    may be told to a stranger.
    """

    status: int
    fields: Callable[[Any], Fields] = _nothing
    code: str = ""
    open: bool = True


TABLE: Mapping[type[LadingError], Row] = {
    LadingError: Row(500, code="UNKNOWN", open=False),
    RegistryError: Row(400),
    errors.NameInvalid: Row(400),
    errors.NameUnknown: Row(404),
    errors.ReferenceInvalid: Row(400),
    errors.TagInvalid: Row(400),
    errors.DigestInvalid: Row(400),
    errors.BlobUnknown: Row(404),
    errors.BlobInUse: Row(405),
    errors.ManifestUnknown: Row(404),
    errors.PlatformUnknown: Row(404),
    errors.ManifestInvalid: Row(400),
    errors.ManifestTooLarge: Row(413),
    errors.ManifestBlobUnknown: Row(400),
    errors.UploadUnknown: Row(404),
    errors.UploadOutOfOrder: Row(416, _standing),
    errors.UploadTooLarge: Row(413),
    errors.SizeInvalid: Row(400),
    errors.BodyIncomplete: Row(400),
    errors.RangeUnsatisfiable: Row(416, _no_part),
    errors.Unauthorized: Row(401),
    errors.Denied: Row(403),
    errors.Unsupported: Row(405),
    errors.RequestInvalid: Row(400),
    errors.PageInvalid: Row(400),
    errors.TooManyTags: Row(414),
    errors.TooManyRequests: Row(429, _retry_after),
    errors.StorageFailed: Row(503, _soon, "UNAVAILABLE", open=False),
    errors.StorageFull: Row(507, _soon, "UNAVAILABLE", open=False),
    errors.StorageReadOnly: Row(503, _soon, "UNAVAILABLE", open=False),
    errors.StorageBusy: Row(503, _soon, "UNAVAILABLE", open=False),
    errors.StorageDamaged: Row(500, code="UNKNOWN", open=False),
    errors.StorageUnfit: Row(503, _soon, "UNAVAILABLE", open=False),
    errors.BackupInvalid: Row(500, code="UNKNOWN", open=False),
    errors.LayoutInvalid: Row(500, code="UNKNOWN", open=False),
    errors.UpstreamFailed: Row(502, _soon, "UNAVAILABLE", open=False),
    errors.UpstreamUnreachable: Row(502, _soon, "UNAVAILABLE", open=False),
    errors.FileRefused: Row(500, code="UNKNOWN", open=False),
    errors.CredentialsFailed: Row(502, code="UNKNOWN", open=False),
    errors.PartlyDone: Row(500, code="UNKNOWN", open=False),
    errors.ConfigInvalid: Row(500, code="UNKNOWN", open=False),
    errors.AddressUnusable: Row(500, code="UNKNOWN", open=False),
}
"""Every class of the tree; one that is not here is answered as its nearest ancestor."""


def row(kind: type[LadingError]) -> Row:
    """The row of *kind* or of its nearest ancestor."""
    return TABLE.get(kind) or next(TABLE[each] for each in kind.__mro__ if each in TABLE)


def code(error: LadingError) -> str:
    """The code by which clients know *error*."""
    return row(type(error)).code or (error.code if isinstance(error, RegistryError) else "UNKNOWN")


def encode(error: LadingError, *, name: str = "") -> Response:
    """The answer to a request about the repository *name* that failed with *error*."""
    found = row(type(error))
    fields = found.fields(error)
    if isinstance(error, errors.UploadOutOfOrder) and name:
        fields.append(("Location", routes.path(Route.UPLOAD, name, error.upload_id)))
    return _response(found.status, _entries(error, found), fields)


def unrouted(path: str) -> Response:
    """The answer to a path that leads nowhere."""
    return _response(404, [_entry("UNSUPPORTED", f"no such path: {path[:_LONGEST]}", "")], [])


def not_allowed(method: str, allowed: Iterable[str]) -> Response:
    """The answer to a method that a path does not have."""
    entry = _entry("UNSUPPORTED", f"no such method here: {method[:16]}", "")
    return _response(405, [entry], [headers.allow(allowed)])


def broken(request_id: str) -> Response:
    """The answer to a request that met a programming error, which the log tells by *request_id*."""
    detail = f"The log of the server tells more about request {request_id}."
    return _response(500, [_entry("UNKNOWN", "something went wrong", detail)], [])


def unwell() -> Response:
    """The answer to any request while a check of the server's health fails."""
    detail = "health check failed: please see /debug/health"
    return _response(503, [_entry("UNAVAILABLE", "service unavailable", detail)], [])


def refused(status: int, reason: str) -> Response:
    """The answer to what is no request: a head that is broken, too long or too slow."""
    return _response(status, [_entry("UNSUPPORTED", reason, "")], [])


def _entries(error: LadingError, found: Row) -> list[str]:
    if isinstance(error, errors.ManifestBlobUnknown):
        missing = list(error.missing[:_MOST_MISSING]) or [""]
        if len(error.missing) > _MOST_MISSING:
            missing.append(f"and {len(error.missing) - _MOST_MISSING} more")
        return [_entry(error.code, f"{error.summary}: {each}", error.advice) for each in missing]
    subject = str(error.subject)[:_LONGEST] if found.open else ""
    message = f"{error.summary}: {subject}" if subject else error.summary
    return [_entry(code(error), message, error.advice)]


def _entry(code: str, message: str, detail: str) -> str:
    """One entry as JSON; put together here, since every push asks for blobs that are not there."""
    # Go clients read `detail` into a string and fail on anything else.
    told = f',"detail":{_json(detail)}' if detail else ""
    return f'{{"code":{_json(code)},"message":{_json(message)}{told}}}'


def _response(status: int, entries: list[str], fields: Fields) -> Response:
    body = f'{{"errors":[{",".join(entries)}]}}\n'.encode("ascii")
    return Response(status, [*headers.of_document(body), *fields], body)


def decode(status: int, fields: Headers, body: bytes) -> LadingError:
    """The error that an answer tells of; for answers of other registries the nearest there is."""
    entries = _read(body)
    first_code, first_message = entries[0][:2] if entries else ("", "")
    kind = _kind(status, first_code, first_message)
    subjects = [_subject(kind, message, detail) for _, message, detail in entries]
    return _rebuilt(kind, subjects, fields)


def _read(body: bytes) -> list[tuple[str, str, object]]:
    try:
        listed = json.loads(body)["errors"]
        return [
            (str(each.get("code", "")), str(each.get("message", "")), each.get("detail"))
            for each in listed
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


def _kind(status: int, code: str, message: str) -> type[LadingError]:
    said = [
        kind
        for kind, row in TABLE.items()
        if (row.code or getattr(kind, "code", "")) == code
        and (message == kind.summary or message.startswith(f"{kind.summary}: "))
    ]
    if said:
        return max(said, key=lambda kind: len(kind.summary))
    found = _BY_CODE.get((code, status)) or _BY_CODE.get((code, 0)) or _BY_STATUS.get(status)
    return found or (RegistryError if status < 500 else errors.StorageFailed)


# What other registries mean; 0 stands for every status.
_BY_CODE: Mapping[tuple[str, int], type[LadingError]] = {
    ("BLOB_UNKNOWN", 0): errors.BlobUnknown,
    ("BLOB_UPLOAD_INVALID", 0): errors.UploadUnknown,
    ("BLOB_UPLOAD_INVALID", 416): errors.UploadOutOfOrder,
    ("BLOB_UPLOAD_UNKNOWN", 0): errors.UploadUnknown,
    ("DENIED", 0): errors.Denied,
    ("DIGEST_INVALID", 0): errors.DigestInvalid,
    ("MANIFEST_BLOB_UNKNOWN", 0): errors.ManifestBlobUnknown,
    ("MANIFEST_INVALID", 0): errors.ManifestInvalid,
    ("MANIFEST_INVALID", 413): errors.ManifestTooLarge,
    ("MANIFEST_UNKNOWN", 0): errors.ManifestUnknown,
    ("NAME_INVALID", 0): errors.NameInvalid,
    ("NAME_UNKNOWN", 0): errors.NameUnknown,
    ("PAGINATION_NUMBER_INVALID", 0): errors.PageInvalid,
    ("RANGE_INVALID", 416): errors.UploadOutOfOrder,
    ("SIZE_INVALID", 0): errors.SizeInvalid,
    ("SIZE_INVALID", 413): errors.UploadTooLarge,
    ("TAG_INVALID", 0): errors.TagInvalid,
    ("TOOMANYREQUESTS", 0): errors.TooManyRequests,
    ("UNAUTHORIZED", 0): errors.Unauthorized,
    ("UNSUPPORTED", 0): errors.Unsupported,
}
_BY_STATUS: Mapping[int, type[LadingError]] = {
    400: errors.RequestInvalid,
    401: errors.Unauthorized,
    403: errors.Denied,
    404: errors.NameUnknown,
    405: errors.Unsupported,
    413: errors.ManifestTooLarge,
    414: errors.TooManyTags,
    429: errors.TooManyRequests,
    507: errors.StorageFull,
}


def _subject(kind: type[LadingError], message: str, detail: object) -> str:
    if kind is errors.ManifestBlobUnknown and not message.startswith(kind.summary):
        # Other registries name what is missing in the detail, alone or as a field of it.
        fields = detail.values() if isinstance(detail, dict) else [detail]
        named = [each for each in fields if isinstance(each, str) and ":" in each]
        return named[0] if named else message
    return message.removeprefix(kind.summary).removeprefix(": ")


def _rebuilt(kind: type[LadingError], subjects: Sequence[str], fields: Headers) -> LadingError:
    subject = subjects[0] if subjects else ""
    if kind is errors.ManifestBlobUnknown:
        return errors.ManifestBlobUnknown([each for each in subjects if each])
    if kind is errors.BlobInUse:
        blob, _, manifest = subject.partition(" is named by manifest ")
        return errors.BlobInUse(blob, manifest=manifest)
    if kind is errors.UploadOutOfOrder:
        _, _, last = (fields.get(b"range") or "").partition("-")
        offset = ranges.number(last)
        return errors.UploadOutOfOrder(
            fields.get(b"docker-upload-uuid") or "", offset=offset + 1 if offset else 0
        )
    if kind is errors.RangeUnsatisfiable:
        _, _, total = (fields.get(b"content-range") or "").partition("/")
        return errors.RangeUnsatisfiable(total=ranges.number(total) or 0)
    if kind is errors.TooManyRequests:
        seconds = ranges.number(fields.get(b"retry-after") or "")
        return errors.TooManyRequests(subject, retry_after=seconds or 1)
    return kind(subject)
