"""Manifests: what is understood, and everything that is refused rather than guessed at."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import DigestInvalid, ManifestInvalid
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import ALGORITHMS, Digest
from lading.oci.manifest import Edge, Kind, Manifest
from lading.testing import samples

_DIGEST = str(Digest.of(b"{}"))
_ENTRY = {"mediaType": "application/vnd.example", "digest": _DIGEST, "size": 2}
_IMAGE = {
    "schemaVersion": 2,
    "mediaType": media_types.OCI_MANIFEST,
    "config": _ENTRY,
    "layers": [_ENTRY],
}
_INDEX = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": [_ENTRY]}
_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def _read(document: Any, media_type: str | None = None) -> Manifest:
    said = media_type or (document.get("mediaType") if isinstance(document, dict) else None)
    return Manifest.verified(json.dumps(document).encode(), said or media_types.OCI_MANIFEST)


def _refused(body: bytes | Mapping[str, Any], media_type: str = media_types.OCI_MANIFEST) -> str:
    """Why *body* is refused; fails if it is not."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(ManifestInvalid) as caught:
        Manifest.verified(data, media_type)
    str(caught.value).encode()
    return str(caught.value)


# ---- understood


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_manifest_goes_by_the_digest_it_was_sent_under(algorithm: str) -> None:
    """So that a push by sha512 keeps its name (trap T3)."""
    body = json.dumps(_IMAGE).encode()

    manifest = Manifest.verified(body, media_types.OCI_MANIFEST, Digest.of(body, algorithm))

    assert manifest.digest == Digest.of(body, algorithm)
    assert manifest.descriptor == Descriptor(
        media_types.OCI_MANIFEST, Digest.of(body, algorithm), len(body)
    )


def test_manifest_keeps_its_exact_bytes() -> None:
    """Spaces and order are part of what was pushed (R10)."""
    body = json.dumps(_IMAGE, indent=3).encode() + b"\n\n"

    manifest = Manifest.verified(body, media_types.OCI_MANIFEST)

    assert manifest.body == body
    assert manifest.digest == Digest.of(body)


def test_manifest_never_changes() -> None:
    """Its bytes, type and digest belong together, so none of them can be replaced or taken away."""
    manifest = samples.image().manifest

    for name in ("body", "media_type", "digest"):
        with pytest.raises(AttributeError, match=name):
            setattr(manifest, name, getattr(manifest, name))
        with pytest.raises(AttributeError, match=name):
            delattr(manifest, name)


@pytest.mark.parametrize("expected", [Digest.of(b"other"), Digest("blake3", "0" * 64)])
def test_manifest_of_another_digest_is_refused(expected: Digest) -> None:
    """As is one whose digest cannot be checked."""
    with pytest.raises(DigestInvalid):
        Manifest.verified(json.dumps(_IMAGE).encode(), media_types.OCI_MANIFEST, expected)


def test_media_type_may_stand_in_the_request_or_in_the_document() -> None:
    """Helm leaves it out of the document (trap T14)."""
    bare = {key: value for key, value in _IMAGE.items() if key != "mediaType"}

    outside = Manifest.verified(json.dumps(bare).encode(), media_types.OCI_MANIFEST)
    inside = Manifest.verified(json.dumps(_IMAGE).encode(), None)

    assert outside.media_type == inside.media_type == media_types.OCI_MANIFEST
    assert "no media type" in _no_type(bare)


def _no_type(document: Mapping[str, Any]) -> str:
    with pytest.raises(ManifestInvalid) as caught:
        Manifest.verified(json.dumps(document).encode(), None)
    return str(caught.value)


@pytest.mark.parametrize("docker", [False, True])
def test_image_names_its_config_and_its_layers(docker: bool) -> None:
    """Every blob of an image is an edge."""
    image = samples.image(docker=docker)

    edges = image.manifest.edges

    assert edges == tuple(Edge(Digest.of(content), Kind.BLOB) for content in image.blobs)


def test_digest_that_is_named_twice_is_one_edge() -> None:
    """Two layers may be the same."""
    assert _read(_IMAGE).edges == (Edge(Digest.of(b"{}"), Kind.BLOB),)


def test_index_names_manifests_and_maybe_blobs() -> None:
    """Entries of a type that is no manifest's may be either (trap T34)."""
    listed = samples.image().manifest
    layer = samples.described(b"layer", media_types.OCI_LAYER)

    edges = samples.index(listed, samples.index(listed), layer).edges

    assert edges == (
        Edge(listed.digest, Kind.MANIFEST),
        Edge(samples.index(listed).digest, Kind.MANIFEST),
        Edge(layer.digest, Kind.EITHER),
    )


@pytest.mark.parametrize("media_type", sorted(media_types.NON_DISTRIBUTABLE))
def test_layer_that_may_not_be_distributed_is_told_apart(media_type: str) -> None:
    """It need not be here (trap T15)."""
    layer = samples.described(b"licensed", media_type)

    assert Edge(layer.digest, Kind.ELSEWHERE) in samples.image_manifest(layers=[layer]).edges


def test_subject_is_no_edge() -> None:
    """What a manifest is about need not be here (R40)."""
    subject = samples.image().manifest

    about = samples.artifact(subject)

    assert about.subject == subject.digest
    assert subject.digest not in {edge.digest for edge in about.edges}
    assert subject.subject is None


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"artifactType": "a/b"}, "a/b"),
        ({}, "application/vnd.example"),
        ({"artifactType": ""}, "application/vnd.example"),
        ({"artifactType": None}, "application/vnd.example"),
        ({"manifests": None}, "application/vnd.example"),
    ],
)
def test_artifact_type_of_an_image_falls_back_to_its_config(
    changed: dict[str, Any], expected: str
) -> None:
    """R51; a field that is null is a field that is not there."""
    manifest = _read(_IMAGE | changed)

    assert manifest.artifact_type == expected
    assert manifest.as_referrer.artifact_type == expected


@pytest.mark.parametrize(("said", "expected"), [("a/b", "a/b"), ("", None), (None, None)])
def test_artifact_type_of_an_index_is_its_own_or_none(
    said: str | None, expected: str | None
) -> None:
    """An index has no config to fall back to (R51)."""
    assert _read(_INDEX | {"artifactType": said}).artifact_type == expected


def test_referrer_is_described_with_its_annotations() -> None:
    """Annotations are copied from the manifest (R51)."""
    manifest = _read(_IMAGE | {"annotations": {"a": "b"}})

    assert manifest.as_referrer == Descriptor(
        media_types.OCI_MANIFEST,
        manifest.digest,
        len(manifest.body),
        "application/vnd.example",
        {"a": "b"},
    )
    assert _read(_IMAGE | {"annotations": None}).as_referrer.annotations is None


@pytest.mark.parametrize(
    "changed",
    [
        {"layers": []},
        {"layers": None},
        {"subject": None},
        {"annotations": {}},
        {"unknown": {"Layers": 1, "deep": [[[]]]}},
        {"annotations": {"Layers": "an annotation may be called anything", "MANIFESTS": ""}},
        {"config": _ENTRY | {"size": 0}},
        {"config": _ENTRY | {"size": 2**63 - 1}},
        {"config": _ENTRY | {"digest": "unheard-of+hash:=_-Z"}},
        {"config": _ENTRY | {"data": base64.b64encode(b"{}").decode()}},
        {"config": _ENTRY | {"urls": ["https://example.com"], "platform": None}},
        {"config": _ENTRY | {"platform": {"os": "linux", "anything": 1}}},
    ],
)
def test_unusual_image_is_taken(changed: dict[str, Any]) -> None:
    """What the spec allows is not refused (trap T14)."""
    assert _read(_IMAGE | changed).digest


@pytest.mark.parametrize("changed", [{"manifests": []}, {"layers": None}, {"config": None}])
def test_unusual_index_is_taken(changed: dict[str, Any]) -> None:
    """An index may list nothing; null is nothing."""
    assert _read(_INDEX | changed).digest


def test_manifest_that_was_stored_reads_as_the_one_that_was_sent() -> None:
    """Its meaning follows from its bytes alone."""
    sent = samples.artifact(samples.image().manifest)

    stored = Manifest.stored(sent.body, sent.descriptor)

    assert stored == sent
    assert hash(stored) == hash(sent)
    assert stored.descriptor == sent.descriptor
    assert stored.edges == sent.edges
    assert stored.as_referrer == sent.as_referrer
    assert stored != samples.index()
    assert str(sent.digest) in repr(sent)


# ---- refused


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (_INDEX | {"layers": []}, "both"),
        (_INDEX | {"config": _ENTRY}, "both"),
        (_IMAGE | {"manifests": []}, "both"),
        (_IMAGE | {"manifests": [_ENTRY]}, "both"),
    ],
)
@pytest.mark.parametrize(
    "media_type",
    sorted(media_types.MANIFESTS | media_types.INDEXES | {"application/vnd.x+json"}),
)
def test_document_that_is_image_and_index_is_refused(
    document: dict[str, Any], reason: str, media_type: str
) -> None:
    """Two readers would take it for two things (CVE-2021-41190)."""
    assert reason in _refused(document | {"mediaType": media_type}, media_type)


@pytest.mark.parametrize(
    ("document", "said", "kept"),
    [
        (_IMAGE, media_types.OCI_MANIFEST.upper(), media_types.OCI_MANIFEST),
        (_IMAGE | {"mediaType": None}, media_types.OCI_MANIFEST.title(), media_types.OCI_MANIFEST),
        (_IMAGE | {"mediaType": None}, "application/vnd.X+json", "application/vnd.X+json"),
    ],
)
def test_type_is_said_in_any_case_and_kept_as_it_is_written(
    document: dict[str, Any], said: str, kept: str
) -> None:
    """Media types know no case (RFC 9110, 8.3.1); one that nobody knows is kept as it was said."""
    assert Manifest.verified(json.dumps(document).encode(), said).media_type == kept


def test_document_that_calls_itself_something_else_is_refused() -> None:
    """The type in the request and in the document have to agree (R38)."""
    assert "calls itself" in _refused(_IMAGE, media_types.DOCKER_MANIFEST)


@pytest.mark.parametrize(
    "body",
    [
        b'{"schemaVersion":2,"schemaVersion":2}',
        b'{"a":{"b":[{"x":1,"x":1}]}}',
        b'{"layers":[],"layers":[]}',
        rb'{"layers":[],"la\u0079ers":[]}',
    ],
)
def test_key_that_comes_twice_is_refused(body: bytes) -> None:
    """Readers disagree on which one counts, at any depth and however it is written."""
    assert "twice" in _refused(body)


@pytest.mark.parametrize(
    "key", ["Layers", "LAYERS", "layer\u017f", "\u017fubject", "Config", "mediatype", "Manifests"]
)
def test_key_that_differs_from_a_known_one_in_case_is_refused(key: str) -> None:
    """Go reads ``Layers`` as ``layers``, and the long s as an s; our edges would miss it."""
    assert "only in case" in _refused(_IMAGE | {key: []})


@pytest.mark.parametrize(
    "key", ["Digest", "\u017fize", "URLs", "Data", "mediatype", "arTifactType"]
)
def test_key_of_a_descriptor_that_differs_in_case_is_refused(key: str) -> None:
    """The same holds for descriptors, wherever they stand."""
    for document in (
        _IMAGE | {"config": _ENTRY | {key: 1}},
        _IMAGE | {"layers": [_ENTRY, _ENTRY | {key: 1}]},
        _IMAGE | {"subject": _ENTRY | {key: 1}},
    ):
        assert "only in case" in _refused(document)


def test_key_of_a_platform_that_differs_in_case_is_refused() -> None:
    """An index entry would be for one platform to some readers and for another to others."""
    entry = _ENTRY | {"platform": {"os": "linux", "O\u017f": "windows"}}

    assert "only in case" in _refused(_INDEX | {"manifests": [entry]}, media_types.OCI_INDEX)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"2",
        b"{",
        b'{"schemaVersion":2}{}',
        b'{"schemaVersion":2,}',
        b"{'schemaVersion':2}",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b'{"a":"\xff"}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":"\n"}',
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    """Nor is what only some readers accept: byte order marks, NaN, single quotes."""
    assert _refused(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"schemaVersion": %s}' % (b"2" * 100_000), "a number has 100000 digits"),
        (b'\xef\xbb\xbf{"schemaVersion": 2}', "begins with a byte order mark"),
    ],
)
def test_refusal_says_what_is_wrong_with_the_document(body: bytes, reason: str) -> None:
    """What the interpreter says of it would be advice to those who wrote this program."""
    said = _refused(body)

    assert reason in said
    assert "sys." not in said
    assert "utf-8-sig" not in said


@pytest.mark.parametrize("body", [rb'{"a":"\ud800"}', rb'{"\udfff":1}', rb'{"a":["\ude00\ud83d"]}'])
def test_lone_surrogate_is_refused(body: bytes) -> None:
    """It can be written in JSON, and nowhere else."""
    assert "UTF-8" in _refused(body)


def test_pair_of_surrogates_is_a_character() -> None:
    """Escaped characters beyond the first plane are no mistake."""
    body = json.dumps(_IMAGE | {"annotations": {"a": "\U0001f6a2"}}).encode()
    assert rb"\ud83d" in body

    assert Manifest.verified(body, media_types.OCI_MANIFEST).annotations == {"a": "\U0001f6a2"}


@pytest.mark.parametrize("depth", [65, 500, 100_000])
@pytest.mark.parametrize(("begin", "end"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_deep_document_is_refused(depth: int, begin: bytes, end: bytes) -> None:
    """However deep: it is an error of the sender, and never one of ours."""
    inner = begin * depth + b"1" + end * depth

    assert "deep" in _refused(b'{"schemaVersion":2,"x":' + inner + b"}")


@pytest.mark.parametrize(
    "changed",
    [
        {"schemaVersion": 3},
        {"schemaVersion": "2"},
        {"schemaVersion": 2.0},
        {"schemaVersion": True},
        {"schemaVersion": None},
        {"mediaType": 7},
        {"config": None},
        {"config": []},
        {"config": "x"},
        {"layers": {}},
        {"layers": "x"},
        {"layers": [None]},
        {"layers": [[]]},
        {"blobs": 5},
        {"subject": "x"},
        {"subject": {}},
        {"annotations": []},
        {"annotations": {"a": 1}},
        {"annotations": {"a": None}},
        {"artifactType": 1},
        {"artifactType": "no\ttype"},
        {"config": {"mediaType": "a/b", "digest": _DIGEST}},
        {"config": {"mediaType": "a/b", "size": 2}},
        {"config": {"digest": _DIGEST, "size": 2}},
        {"config": _ENTRY | {"mediaType": ""}},
        {"config": _ENTRY | {"mediaType": "a/b\n"}},
        {"config": _ENTRY | {"digest": "sha256:abc"}},
        {"config": _ENTRY | {"digest": 1}},
        {"config": _ENTRY | {"digest": "x" * 10_000}},
        {"config": _ENTRY | {"size": -1}},
        {"config": _ENTRY | {"size": 2**63}},
        {"config": _ENTRY | {"size": 2.0}},
        {"config": _ENTRY | {"size": "2"}},
        {"config": _ENTRY | {"size": True}},
        {"config": _ENTRY | {"size": 1e999}},
        {"config": _ENTRY | {"urls": "x"}},
        {"config": _ENTRY | {"urls": [1]}},
        {"config": _ENTRY | {"annotations": 1}},
        {"config": _ENTRY | {"artifactType": []}},
        {"config": _ENTRY | {"platform": "linux"}},
        {"config": _ENTRY | {"data": 1}},
        {"config": _ENTRY | {"data": "e3"}},
        {"config": _ENTRY | {"data": "e30=\n"}},
        {"config": _ENTRY | {"data": "\u00e9"}},
        {"config": _ENTRY | {"data": base64.b64encode(b"[]").decode()}},
        {"config": _ENTRY | {"data": base64.b64encode(b"{}"[:1]).decode()}},
        {"config": _ENTRY | {"size": 3, "data": base64.b64encode(b"{}").decode()}},
    ],
)
def test_value_of_the_wrong_kind_is_refused(changed: dict[str, Any]) -> None:
    """Wrong types, missing fields, sizes that no content has, embedded data that is other data."""
    assert _refused(_IMAGE | changed)


def test_index_without_a_list_is_refused() -> None:
    """And with a list of something else."""
    listed: list[Any] = [None, {}, [1]]
    for manifests in listed:
        assert _refused(_INDEX | {"manifests": manifests}, media_types.OCI_INDEX)


@pytest.mark.parametrize("media_type", sorted(media_types.DOCKER_SCHEMA_1))
def test_docker_schema_1_is_refused_with_advice(media_type: str) -> None:
    """By its type or by its version, the error says what it is."""
    assert "schema 1" in _refused({"schemaVersion": 1, "fsLayers": []}, media_type)
    assert "schema 1" in _refused({"schemaVersion": 1})


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/json",
        "application/octet-stream",
        "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
        "application/x\r\nInjected: yes+json",
        "x" * 100_000,
        "application/" + "x" * 100_000 + "+json",
    ],
)
def test_type_that_is_no_manifests_is_refused(media_type: str) -> None:
    """The type goes into headers later, so its grammar is checked; the refusal is short."""
    bare = {key: value for key, value in _IMAGE.items() if key != "mediaType"}

    assert len(_refused(bare, media_type)) < 1000


def test_refusal_of_a_huge_key_is_short() -> None:
    """What is quoted in an error is bounded."""
    key = "x" * 1_000_000

    assert len(_refused(f'{{"{key}":1,"{key}":1}}'.encode())) < 1000


@given(body=st.binary() | _ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_a_manifest_or_refused(body: bytes) -> None:
    """Nothing that anybody sends leads to an error of another kind."""
    for media_type in (media_types.OCI_MANIFEST, media_types.OCI_INDEX, None):
        try:
            manifest = Manifest.verified(body, media_type)
        except ManifestInvalid:
            continue
        assert (manifest.body, manifest.digest) == (body, Digest.of(body))


@given(
    key=st.sampled_from([*_IMAGE, "subject", "annotations", "manifests", "blobs", "artifactType"]),
    inner=st.sampled_from(["", *_ENTRY, "data", "urls", "annotations", "platform"]),
    value=_ANY_JSON,
)
def test_any_value_anywhere_is_understood_or_refused(key: str, inner: str, value: Any) -> None:
    """A document that is taken can be read in full: its edges, its subject, its description."""
    document: dict[str, Any] = _IMAGE | {key: _ENTRY | {inner: value} if inner else value}
    try:
        manifest = Manifest.verified(json.dumps(document).encode(), media_types.OCI_MANIFEST)
    except ManifestInvalid:
        return

    assert all(edge.digest for edge in manifest.edges)
    assert manifest.as_referrer.as_json()["digest"] == str(manifest.digest)
    assert manifest.subject is None or str(manifest.subject)


def test_manifest_tells_its_parts() -> None:
    """An image has a config and layers; an index has manifests, and neither of the two."""
    entry = Descriptor.from_json(_ENTRY)
    image = _manifest({"schemaVersion": 2, "config": _ENTRY, "layers": [_ENTRY, _ENTRY]})
    index = _manifest({"schemaVersion": 2, "manifests": [_ENTRY]})

    assert (image.config, image.layers, image.manifests) == (entry, (entry, entry), ())
    assert (index.config, index.layers, index.manifests) == (None, (), (entry,))
    assert not image.is_index
    assert index.is_index


def _manifest(document: dict[str, Any]) -> Manifest:
    body = json.dumps(document).encode()
    return Manifest(body, "application/json", Digest.of(body))
