"""A description of the HTTP API (OpenAPI 3.1), made from routes, endpoints and the error table.

Written down here is only what the code does not say of itself: what an endpoint reads, how it
answers, and which errors it can meet. `tools.reference` writes ``docs/reference/openapi.json``.
"""

import hashlib
import inspect
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from lading import errors
from lading.errors import LadingError, RegistryError
from lading.http.call import Endpoint
from lading.http.face import ENDPOINTS
from lading.oci.digest import ALGORITHMS, Digest
from lading.oci.media_types import OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, OCTETS
from lading.oci.names import NAME_GRAMMAR, NAME_LIMIT, TAG_GRAMMAR
from lading.wire import problems
from lading.wire.headers import JSON
from lading.wire.routes import Route
from lading.wire.statuses import PHRASES

Part = dict[str, Any]
"""An object of the description."""

_ABOUT = """\
The OCI distribution spec as this server answers it.

`{name}` has slashes in it, which stand in the path as they are: `/v2/team/app/tags/list`. OpenAPI
has no word for that, and programs that are made from this description have to leave the slashes
unescaped. An escaped slash is a character that no name has.

Every answer has an `X-Request-Id`. What is no request of HTTP at all is answered before any
endpoint sees it: 400, 408 or 431 with the same document for the error, and the connection ends.

Manifests of docker have the same shape as those of OCI, and types of their own.
"""

_DIGESTS = "|".join(
    f"{name}:[a-f0-9]{{{hashlib.new(name).digest_size * 2}}}" for name in ALGORITHMS
)
_NAME: Part = {"type": "string", "pattern": f"^{NAME_GRAMMAR.pattern}$", "maxLength": NAME_LIMIT}
_TAG: Part = {"type": "string", "pattern": f"^{TAG_GRAMMAR.pattern}$"}
_DIGEST: Part = {"type": "string", "pattern": f"^(?:{_DIGESTS})$"}
_TEXT: Part = {"type": "string"}
_COUNT: Part = {"type": "integer", "minimum": 0}
_BYTES: Part = {OCTETS: {"schema": {"type": "string", "format": "binary"}}}
_CONTENT: Part = {OCTETS: {**_BYTES[OCTETS], "example": "{}"}}
_PLAIN: Part = {"text/plain": {"schema": _TEXT}}

SAMPLE = Digest.of(b"{}")
"""The digest in the examples, which is that of ``{}``."""

SAMPLE_MANIFEST: Part = {
    "schemaVersion": 2,
    "mediaType": OCI_MANIFEST,
    "config": {"mediaType": OCI_EMPTY, "digest": str(SAMPLE), "size": 2},
    "layers": [],
}
"""The manifest in the examples, of which `SAMPLE` is all the content."""

_PATH: Mapping[str, Part] = {
    "name": {"schema": {"$ref": "#/components/schemas/Name"}, "example": "team/app"},
    "reference": {
        "schema": {
            "anyOf": [{"$ref": f"#/components/schemas/{each}"} for each in ("Tag", "Digest")]
        },
        "example": "v1",
    },
    "digest": {"schema": {"$ref": "#/components/schemas/Digest"}, "example": str(SAMPLE)},
    "session": {"schema": {**_TEXT, "minLength": 1}},
}
_LAST = {
    Route.MANIFEST: "reference",
    Route.BLOB: "digest",
    Route.UPLOAD: "session",
    Route.REFERRERS: "digest",
}

_INPUT: Mapping[str, tuple[str, Part, str]] = {
    "n": ("query", _COUNT, "How many entries are wanted."),
    "last": ("query", _TEXT, "Begin after this entry."),
    "last digest": ("query", _DIGEST, "Begin after this entry."),
    "artifactType": ("query", _TEXT, "Only referrers of this type."),
    "tag": (
        "query",
        {"type": "array", "items": _TAG},
        "Tags to set; only with a digest in the path.",
    ),
    "mount": ("query", _DIGEST, "A blob to mount."),
    "from": ("query", _NAME, "The repository to mount it from."),
    "digest": ("query", _DIGEST, "The digest of the body, which is the whole blob."),
    "digest!": ("query", _DIGEST, "The digest of everything that was sent."),
    "digest-algorithm": ("query", {"enum": list(ALGORITHMS)}, "What the digest will be made by."),
    "Range": ("header", _TEXT, "Which parts are wanted: `bytes=0-1023`."),
    "If-Range": ("header", _TEXT, "Parts only if this entity tag still holds."),
    "If-None-Match": ("header", _TEXT, "Nothing, if this entity tag still holds."),
    "Content-Range": ("header", {**_TEXT, "pattern": "^[0-9]+-[0-9]+$"}, "Where the chunk lies."),
}

_EXAMPLES: Mapping[str, str] = {
    "mount": str(SAMPLE),
    "from": "team/app",
    "digest": str(SAMPLE),
    "digest!": str(SAMPLE),
    "Range": "bytes=0-0",
}

_OUTPUT: Mapping[str, str] = {
    "Docker-Content-Digest": "The digest of the content.",
    "Docker-Upload-UUID": "The id of the session.",
    "ETag": "The digest, between quotes.",
    "Link": "Where the list goes on, if it does; a relative URL.",
    "Location": "Where it is; a relative URL.",
    "Location!": "Where the content is.",
    "OCI-Chunk-Min-Length": "The shortest chunk that is wanted, if it is configured.",
    "OCI-Filters-Applied": "`artifactType`, if it was asked for.",
    "OCI-Subject": "The digest of the subject, if there is one.",
    "OCI-Tag": "The tags that were set by `tag`, if there were any.",
    "Range": "Which bytes have come: `0-<last>`.",
    "Content-Range": "Which part this is, if it is one.",
}
_NOT_ALWAYS = {"Link", *(each for each in _OUTPUT if each.startswith("OCI-")), "Content-Range"}


@dataclass(frozen=True, slots=True)
class _Answer:
    what: str
    content: Part | None = None
    fields: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Told:
    """What is told about an endpoint: how it answers, what it reads, what can go wrong."""

    answers: Mapping[int, _Answer]
    errors: Sequence[type[LadingError]] = ()
    reads: Sequence[str] = ()
    body: Part | None = None


def _schema(name: str) -> Part:
    return {"schema": {"$ref": f"#/components/schemas/{name}"}}


_TAG_OR_DIGEST = (errors.NameInvalid, errors.TagInvalid, errors.DigestInvalid)
_NO_CHANGE = (errors.Unsupported, errors.StorageReadOnly)
_FOUND = ("Docker-Content-Digest", "ETag")
_UNCHANGED = _Answer("It is as it was.", fields=_FOUND)
_STANDING = ("Location", "Range", "Docker-Upload-UUID")
_PAGE = ("n", "last")
_SESSION = (errors.NameInvalid, errors.UploadUnknown)
_RECEIVING = (
    *(errors.UploadOutOfOrder, errors.UploadTooLarge, errors.SizeInvalid, errors.BodyIncomplete),
    *(errors.StorageFull, *_NO_CHANGE),
)
_MANIFEST_BODY: Part = {
    OCI_MANIFEST: {**_schema("Manifest"), "example": SAMPLE_MANIFEST},
    OCI_INDEX: _schema("Manifest"),
}
_DESCRIBED = _Told({200: _Answer("The extensions.", {JSON: _schema("Extensions")})})
_FINE = _Told({200: _Answer("It is well.", _PLAIN)})

_TOLD: Mapping[tuple[Route, str], _Told] = {
    (Route.SUPPORT, "GET"): _Told({200: _Answer("This is a registry.", {JSON: {"schema": {}}})}),
    (Route.CATALOG, "GET"): _Told(
        {200: _Answer("A page of names.", {JSON: _schema("Repositories")}, ("Link",))},
        (errors.RequestInvalid,),
        _PAGE,
    ),
    (Route.EXTENSIONS, "GET"): _DESCRIBED,
    (Route.MANIFEST, "GET"): _Told(
        {
            200: _Answer("The manifest, as it was pushed.", {"*/*": _schema("Manifest")}, _FOUND),
            304: _UNCHANGED,
        },
        (*_TAG_OR_DIGEST, errors.ManifestUnknown, errors.NameUnknown),
        ("If-None-Match",),
    ),
    (Route.MANIFEST, "PUT"): _Told(
        {
            201: _Answer(
                "It is stored.",
                fields=("Location", "Docker-Content-Digest", "OCI-Subject", "OCI-Tag"),
            )
        },
        (
            *(*_TAG_OR_DIGEST, errors.ManifestInvalid, errors.ManifestBlobUnknown),
            *(errors.ManifestTooLarge, errors.TooManyTags, errors.BodyIncomplete),
            *(errors.StorageFull, *_NO_CHANGE),
        ),
        ("tag",),
        _MANIFEST_BODY,
    ),
    (Route.MANIFEST, "DELETE"): _Told(
        {202: _Answer("It is gone.")},
        (*_TAG_OR_DIGEST, errors.ManifestUnknown, errors.NameUnknown, *_NO_CHANGE),
    ),
    (Route.BLOB, "GET"): _Told(
        {
            200: _Answer("The blob.", _BYTES, _FOUND),
            206: _Answer(
                "Parts of the blob.",
                {**_BYTES, "multipart/byteranges": {"schema": _TEXT}},
                (*_FOUND, "Content-Range"),
            ),
            304: _UNCHANGED,
            307: _Answer("The blob is elsewhere.", fields=("Location!",)),
        },
        (*_TAG_OR_DIGEST, errors.BlobUnknown, errors.NameUnknown, errors.RangeUnsatisfiable),
        ("Range", "If-Range", "If-None-Match"),
    ),
    (Route.BLOB, "DELETE"): _Told(
        {202: _Answer("It is gone from this repository.")},
        (*_TAG_OR_DIGEST, errors.BlobUnknown, errors.NameUnknown, errors.BlobInUse, *_NO_CHANGE),
    ),
    (Route.UPLOADS, "POST"): _Told(
        {
            201: _Answer("The blob is here.", fields=("Location", "Docker-Content-Digest")),
            202: _Answer("A session begins.", fields=(*_STANDING, "OCI-Chunk-Min-Length")),
        },
        (errors.NameInvalid, errors.DigestInvalid, errors.TooManyRequests, *_RECEIVING),
        ("mount", "from", "digest", "digest-algorithm", "Content-Range"),
        _CONTENT,
    ),
    (Route.UPLOAD, "GET"): _Told(
        {204: _Answer("How far it has come.", fields=_STANDING)}, _SESSION
    ),
    (Route.UPLOAD, "PATCH"): _Told(
        {202: _Answer("The chunk is here.", fields=_STANDING)},
        (*_SESSION, *_RECEIVING),
        ("Content-Range",),
        _CONTENT,
    ),
    (Route.UPLOAD, "PUT"): _Told(
        {201: _Answer("The blob is here.", fields=("Location", "Docker-Content-Digest"))},
        (*_SESSION, errors.DigestInvalid, *_RECEIVING),
        ("digest!", "Content-Range"),
        _CONTENT,
    ),
    (Route.UPLOAD, "DELETE"): _Told({204: _Answer("It is forgotten.")}, (*_SESSION, *_NO_CHANGE)),
    (Route.TAGS, "GET"): _Told(
        {200: _Answer("A page of tags.", {JSON: _schema("Tags")}, ("Link",))},
        (errors.NameInvalid, errors.NameUnknown, errors.RequestInvalid),
        _PAGE,
    ),
    (Route.REFERRERS, "GET"): _Told(
        {
            200: _Answer(
                "A page of referrers.",
                {OCI_INDEX: _schema("Referrers")},
                ("Link", "OCI-Filters-Applied"),
            )
        },
        (errors.NameInvalid, errors.DigestInvalid),
        ("artifactType", "last digest"),
    ),
    (Route.REPOSITORY_EXTENSIONS, "GET"): _Told(_DESCRIBED.answers, (errors.NameInvalid,)),
    (Route.REPOSITORY, "DELETE"): _Told(
        {202: _Answer("It is gone.")}, (errors.NameInvalid, errors.NameUnknown, *_NO_CHANGE)
    ),
    (Route.ROOT, "GET"): _FINE,
    (Route.HEALTH, "GET"): _FINE,
    (Route.READY, "GET"): _Told(_FINE.answers, (errors.StorageFull,)),
}

_ANYWHERE = (errors.Unauthorized, errors.Denied, errors.StorageFailed, errors.StorageDamaged)


def openapi_page() -> str:
    """The description as JSON."""
    paths: dict[str, Part] = {}
    for route, methods in ENDPOINTS.items():
        last = _LAST.get(route, "")
        path = route.value.replace("{last}", f"{{{last}}}")
        names = re.findall(r"{(\w+)}", path)
        item: Part = {}
        if names:
            item["parameters"] = [
                {"name": name, "in": "path", "required": True, **_PATH[name]} for name in names
            ]
        for method, endpoint in methods.items():
            item[method.lower()] = _operation(route, method, endpoint)
        paths[path] = item
    found = {
        "openapi": "3.1.0",
        "info": {"title": "Lading", "version": version("lading"), "description": _ABOUT},
        "paths": paths,
        "components": {"schemas": _SCHEMAS},
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _operation(route: Route, method: str, endpoint: Endpoint) -> Part:
    told = _TOLD[route, "GET" if method == "HEAD" else method]
    found: Part = {
        "operationId": f"{route.name.lower()}_{method.lower()}",
        "summary": " ".join((inspect.getdoc(endpoint) or "").split("\n\n")[0].split()),
    }
    if told.reads:
        found["parameters"] = [_parameter(each) for each in told.reads]
    if told.body is not None:
        found["requestBody"] = {"content": told.body}
    head = method == "HEAD"
    responses = {str(status): _response(each, head=head) for status, each in told.answers.items()}
    met = told.errors if _is_open(route) else (*told.errors, *_ANYWHERE)
    found["responses"] = {**responses, **_problems(met, head=head)}
    return found


def _is_open(route: Route) -> bool:
    return not route.value.startswith("/v2")


def _parameter(key: str) -> Part:
    place, schema, what = _INPUT[key]
    name, required = key.partition(" ")[0].rstrip("!"), key.endswith("!")
    found = {"name": name, "in": place, "required": required, "description": what, "schema": schema}
    return {**found, "example": _EXAMPLES[key]} if key in _EXAMPLES else found


def _response(answer: _Answer, *, head: bool) -> Part:
    found: Part = {"description": answer.what}
    if answer.fields:
        found["headers"] = {
            each.rstrip("!"): {
                "description": _OUTPUT[each],
                "required": each not in _NOT_ALWAYS,
                "schema": _TEXT,
            }
            for each in answer.fields
        }
    if answer.content is not None and not head:
        found["content"] = answer.content
    return found


def _problems(met: Iterable[type[LadingError]], *, head: bool) -> Part:
    codes: dict[int, set[str]] = {}
    for kind in met:
        row = problems.row(kind)
        own = kind.code if issubclass(kind, RegistryError) else "UNKNOWN"
        codes.setdefault(row.status, set()).add(row.code or own)
    content = {} if head else {"content": {JSON: _schema("Errors")}}
    return {
        str(status): {
            "description": f"{PHRASES[status]}: {', '.join(sorted(codes[status]))}.",
            **content,
        }
        for status in sorted(codes)
    }


def _record(required: Sequence[str], **properties: Part) -> Part:
    return {"type": "object", "required": list(required), "properties": properties}


def _list(name: str) -> Part:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


_SCHEMAS: Part = {
    "Name": _NAME,
    "Tag": _TAG,
    "Digest": _DIGEST,
    "Errors": _record(["errors"], errors={**_list("Error"), "minItems": 1}),
    "Error": {
        **_record(["code", "message"], code=_TEXT, message=_TEXT, detail=_TEXT),
        "additionalProperties": False,
    },
    "Descriptor": _record(
        ["mediaType", "digest", "size"],
        mediaType=_TEXT,
        digest=_TEXT,
        size=_COUNT,
        artifactType=_TEXT,
        annotations={"type": "object", "additionalProperties": _TEXT},
    ),
    "Manifest": _record(
        ["schemaVersion"],
        schemaVersion={"const": 2},
        mediaType=_TEXT,
        artifactType=_TEXT,
        config={"$ref": "#/components/schemas/Descriptor"},
        layers=_list("Descriptor"),
        manifests=_list("Descriptor"),
        subject={"$ref": "#/components/schemas/Descriptor"},
        annotations={"type": "object", "additionalProperties": _TEXT},
    ),
    "Referrers": _record(
        ["schemaVersion", "mediaType", "manifests"],
        schemaVersion={"const": 2},
        mediaType={"const": OCI_INDEX},
        manifests=_list("Descriptor"),
    ),
    "Tags": _record(["name", "tags"], name=_NAME, tags=_list("Tag")),
    "Repositories": _record(["repositories"], repositories=_list("Name")),
    "Extensions": _record(["extensions"], extensions=_list("Extension")),
    "Extension": _record(
        ["name", "url", "endpoints"],
        name=_TEXT,
        url={"type": "string", "format": "uri"},
        description=_TEXT,
        endpoints={"type": "array", "items": _TEXT},
    ),
}
