"""Media types: their grammar, and which one is what."""

import pytest

from lading.errors import ManifestInvalid
from lading.oci import media_types


@pytest.mark.parametrize(
    "text",
    ["application/json", "a/b", "application/vnd.oci.image.layer.v1.tar+gzip", "x-a/b.c!#$&^_+-"],
)
def test_type_with_a_subtype_is_well_formed(text: str) -> None:
    """RFC 6838, 4.2."""
    assert media_types.well_formed(text)


@pytest.mark.parametrize(
    "text", ["", "a", "a/", "/b", "a/b/c", "a/b; c=d", "a b/c", ".a/b", "ä/b", "a/b\n", "a/" * 200]
)
def test_anything_else_is_not_well_formed(text: str) -> None:
    """Parameters included, since they are not part of a type."""
    assert not media_types.well_formed(text)


def test_artifact_is_of_a_well_formed_type() -> None:
    """Whoever makes one is told before it is anywhere."""
    media_types.require_artifact_type("a/b")

    with pytest.raises(ManifestInvalid, match="'a b' is not a media type") as refused:
        media_types.require_artifact_type("a b")
    assert "TYPE/SUBTYPE" in refused.value.advice


@pytest.mark.parametrize("text", ["a/b", "a/b;c=d", "a/b ; c=d", " a/b", "a/b;", "a/b;c;d"])
def test_parameters_are_left_off(text: str) -> None:
    """Types are compared without them (R12, R38)."""
    assert media_types.without_parameters(text) == "a/b"


def test_every_kind_of_document_is_told_apart() -> None:
    """No type is of two kinds, and all of them are well-formed."""
    kinds = [
        media_types.MANIFESTS,
        media_types.INDEXES,
        media_types.NON_DISTRIBUTABLE,
        media_types.DOCKER_SCHEMA_1,
    ]

    assert sum(map(len, kinds)) == len(frozenset().union(*kinds))
    assert all(media_types.well_formed(each) for kind in kinds for each in kind)


def test_writers_may_put_parameters_into_descriptors() -> None:
    """Files are pushed as ``text/plain; charset=utf-8``, and that is kept as it is."""
    assert media_types.tolerable("text/plain; charset=utf-8")
    assert not media_types.tolerable("")
    assert not media_types.tolerable("text/plain\r\nX: y")
