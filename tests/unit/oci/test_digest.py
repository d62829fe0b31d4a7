"""Digests: the grammar of the image spec, and what can be stored under one."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import DigestInvalid
from lading.oci.digest import ALGORITHMS, Digest, Hasher

_HEX = {"sha256": 64, "sha384": 96, "sha512": 128}


@given(content=st.binary(), algorithm=st.sampled_from(ALGORITHMS))
def test_digest_of_content_survives_being_written_and_read(content: bytes, algorithm: str) -> None:
    """What `str` writes, `parse` reads."""
    digest = Digest.of(content, algorithm)

    assert Digest.parse(str(digest)) == digest
    assert digest.storable
    assert digest.value == hashlib.new(algorithm, content).hexdigest()


@given(
    algorithm=st.from_regex(r"[a-z0-9]+([.+_-][a-z0-9]+)*", fullmatch=True),
    value=st.from_regex(r"[a-zA-Z0-9=_-]{1,100}", fullmatch=True),
)
def test_algorithms_of_others_can_be_read(algorithm: str, value: str) -> None:
    """The grammar is wider than what is kept here; such digests are not storable."""
    if algorithm in {*ALGORITHMS, "blake3"} or len(algorithm) > 400:
        return

    digest = Digest.parse(f"{algorithm}:{value}")

    assert str(digest) == f"{algorithm}:{value}"
    assert not digest.storable


@given(st.text())
def test_whatever_is_parsed_is_a_digest_or_refused(text: str) -> None:
    """No text leads to another error, and none is changed by being read."""
    try:
        digest = Digest.parse(text)
    except DigestInvalid:
        return

    assert str(digest) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "sha256",
        "sha256:",
        ":" + "0" * 64,
        "sha256:" + "0" * 63,
        "sha256:" + "0" * 65,
        "sha256:" + "A" * 64,
        "sha256:" + "g" * 64,
        "SHA256:" + "0" * 64,
        "sha512:" + "0" * 64,
        "sha384:" + "0" * 64,
        "blake3:" + "0" * 63,
        "sha256:" + "0" * 64 + "\n",
        " sha256:" + "0" * 64,
        "sha256:../../" + "0" * 58,
        "sha256:" + "\u0660" * 64,
        "a..b:x",
        "-a:x",
        "a:" + "x" * 511,
    ],
)
def test_text_that_is_no_digest_is_refused(text: str) -> None:
    """Wrong lengths, cases, alphabets, newlines at the end, and anything too long."""
    with pytest.raises(DigestInvalid):
        Digest.parse(text)


def test_refusal_of_a_huge_text_is_short() -> None:
    """What is quoted in an error is bounded."""
    with pytest.raises(DigestInvalid) as caught:
        Digest.parse("x" * 1_000_000)

    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_registered_algorithms_have_their_lengths(algorithm: str) -> None:
    """The value is in lower-case hexadecimal and as long as the algorithm says."""
    assert len(Digest.of(b"", algorithm).value) == _HEX[algorithm]


@pytest.mark.parametrize("algorithm", ["md5", "blake3", "", "SHA256", "sha1"])
def test_content_is_hashed_only_with_what_is_kept_here(algorithm: str) -> None:
    """Weak and unknown algorithms give no digest of ours."""
    with pytest.raises(DigestInvalid):
        Digest.of(b"", algorithm)
    with pytest.raises(DigestInvalid):
        Hasher(algorithm)


@given(st.lists(st.binary()), st.sampled_from(ALGORITHMS))
def test_hashing_in_pieces_gives_the_digest_of_the_whole(
    pieces: list[bytes], algorithm: str
) -> None:
    """It does not matter how content was cut."""
    hasher = Hasher(algorithm)

    for piece in pieces:
        hasher.update(memoryview(piece))

    assert hasher.digest() == Digest.of(b"".join(pieces), algorithm)
    assert hasher.value() == hasher.digest().value
