"""Names of repositories and tags: the grammars of the distribution spec."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import DigestInvalid, NameInvalid, TagInvalid
from lading.oci.digest import Digest
from lading.oci.names import NAME_LIMIT, TAG_LIMIT, RepositoryName, Tag, parse_reference

_COMPONENT = st.from_regex(r"[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}", fullmatch=True)


@given(st.lists(_COMPONENT, min_size=1, max_size=6).map("/".join))
def test_names_of_the_grammar_are_read_as_they_are(text: str) -> None:
    """Any depth of components (R1)."""
    if len(text) > NAME_LIMIT:
        return

    assert RepositoryName.parse(text) == text


@given(st.text())
def test_whatever_is_no_name_is_refused_as_one(text: str) -> None:
    """No text leads to another error, and none is changed by being read."""
    try:
        assert RepositoryName.parse(text) == text
    except NameInvalid:
        return


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        "A",
        "a.",
        ".a",
        "a..b",
        "a___b",
        "-a",
        "a-",
        "a._b",
        "a b",
        "a\n",
        "a%2fb",
        "a:b",
        "..",
        "a/../b",
        "_a",
        "a/_b",
        "ä",
        "a\u0661",
        "a" * (NAME_LIMIT + 1),
        "a/" * 127 + "ab",
    ],
)
def test_name_outside_of_the_grammar_is_refused(text: str) -> None:
    """Paths, cases, encodings and lengths that no name has."""
    with pytest.raises(NameInvalid):
        RepositoryName.parse(text)


@pytest.mark.parametrize("text", ["a" * NAME_LIMIT, "blobs/uploads", "a__b", "a---b", "0", "a.b_c"])
def test_unusual_name_is_a_name(text: str) -> None:
    """Components may be called as parts of paths are."""
    assert RepositoryName.parse(text) == text


@given(st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", fullmatch=True))
def test_tags_of_the_grammar_are_read_as_they_are(text: str) -> None:
    """Up to 128 characters (R3)."""
    assert Tag.parse(text) == text
    assert parse_reference(text) == Tag(text)


@pytest.mark.parametrize(
    "text",
    ["", ".a", "-a", "a/b", "a b", "a\n", "a+b", "ä", "\u0661", "a\0", "a" * (TAG_LIMIT + 1), "@"],
)
def test_tag_outside_of_the_grammar_is_refused(text: str) -> None:
    """Also one that is a character too long."""
    with pytest.raises(TagInvalid):
        Tag.parse(text)


def test_reference_with_a_colon_is_a_digest() -> None:
    """A tag never has a colon."""
    digest = Digest.of(b"")

    assert parse_reference(str(digest)) == digest


@pytest.mark.parametrize("text", ["sha256:abc", ":", "V1:v2", "sha256:" + "G" * 64])
def test_malformed_digest_is_never_taken_for_a_tag(text: str) -> None:
    """It is an error of its own kind (R4, trap T4)."""
    with pytest.raises(DigestInvalid):
        parse_reference(text)


@pytest.mark.parametrize("parse", [RepositoryName.parse, Tag.parse])
def test_refusal_of_a_huge_name_is_short(parse: type[str]) -> None:
    """What is quoted in an error is bounded, and found out in no time."""
    with pytest.raises((NameInvalid, TagInvalid)) as caught:
        parse("a" * 10_000_000)

    assert len(str(caught.value)) < 1000
