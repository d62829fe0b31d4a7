"""Locators: how people write where an image is."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import ReferenceInvalid
from lading.oci.digest import Digest
from lading.oci.locator import LATEST, Locator, is_short, parse_host, split_host
from lading.oci.names import NAME_GRAMMAR, TAG_GRAMMAR, RepositoryName, Tag

_DIGEST = Digest.of(b"x")
_HOSTS = st.sampled_from(
    ["docker.io", "localhost", "localhost:5000", "a.b", "[::1]:5000", "[::1]", "HOST", "h:65535"]
)
_NAMES = st.from_regex(NAME_GRAMMAR, fullmatch=True).filter(lambda name: len(name) < 256)
_LOCATORS = st.builds(
    Locator,
    _HOSTS,
    _NAMES.filter(lambda name: "/" in name).map(RepositoryName),
    st.none() | st.from_regex(TAG_GRAMMAR, fullmatch=True).map(Tag),
    st.none() | st.just(_DIGEST),
)


@given(_LOCATORS)
def test_locator_survives_being_written_and_read(locator: Locator) -> None:
    """What is printed means the same."""
    assert Locator.parse(str(locator)) == locator


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("alpine", "docker.io/library/alpine"),
        ("alpine:3", "docker.io/library/alpine:3"),
        ("docker.io/alpine", "docker.io/library/alpine"),
        ("index.docker.io/alpine", "docker.io/library/alpine"),
        ("team/app", "docker.io/team/app"),
        ("localhost:5000", "docker.io/library/localhost:5000"),
        ("localhost/app", "localhost/app"),
        ("localhost:5000/app:v1", "localhost:5000/app:v1"),
        ("host.example/app", "host.example/app"),
        ("Host/app", "Host/app"),
        ("[::1]:5000/app", "[::1]:5000/app"),
        ("[fe80::1]/app:x", "[fe80::1]/app:x"),
        (f"a.b/c:d@{_DIGEST}", f"a.b/c:d@{_DIGEST}"),
        (f"a.b/c@{_DIGEST}", f"a.b/c@{_DIGEST}"),
    ],
)
def test_short_names_mean_docker_hub(text: str, whole: str) -> None:
    """The rules are docker's (distribution/reference)."""
    assert str(Locator.parse(text)) == whole


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "invalid"),
        ("alpine:", "colon"),
        ("alpine@", "digest"),
        ("a.b/", "name"),
        ("a.b/Upper", "lower case"),
        ("a.b/c:-x", "tag"),
        ("a.b/c@sha256:12", "digest"),
        ("a" * 2000, "too long"),
        ("a.b/" + "a" * 256, "name"),
        ("f" * 64, "id of an image"),
        ("f" * 64 + ":tag", "id of an image"),
        ("-a.b/c", "host"),
        ("a.b:99999/c", "host"),
        ("a..b/c", "host"),
        ("a.b/c d", "name"),
    ],
)
def test_text_that_is_no_locator_is_refused_and_told_why(text: str, why: str) -> None:
    """One class of error, whatever is wrong; its subject says what."""
    with pytest.raises(ReferenceInvalid, match=why):
        Locator.parse(text)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (Locator.parse, "ada:s3cret@a.b/c"),
        (Locator.parse, "ada:s3cret@a.b/c:d@sha256:12"),
        (Locator.parse, "ada:s3cret@x/@a.b/c"),
        (Locator.parse, "https://ada:s3cret@a.b/c"),
        (Locator.parse, "ada:s3cret@a.b/" + "c" * 2000),
        (split_host, "ada:s3cret@a.b/c"),
        (parse_host, "ada:s3cret@a.b"),
    ],
)
def test_password_in_a_locator_is_not_repeated(read: Callable[[str], object], text: str) -> None:
    """People write it as in a URL, and what goes wrong ends in logs."""
    with pytest.raises(ReferenceInvalid, match=r"\*\*\*@a\.b") as found:
        read(text)

    assert "s3cret" not in str(found.value)
    assert "lading login" in found.value.advice


def test_digest_is_asked_for_before_tag_and_latest_without_either() -> None:
    """With both, the tag is for people to read."""
    plain, tagged = Locator.parse("a.b/c"), Locator.parse("a.b/c:d")

    assert plain.reference == LATEST
    assert tagged.reference == Tag("d")
    assert Locator.parse(f"a.b/c:d@{_DIGEST}").reference == _DIGEST
    assert str(tagged.at(_DIGEST)) == f"a.b/c@{_DIGEST}"


@pytest.mark.parametrize(
    ("text", "host"), [("localhost:5000", "localhost:5000"), ("index.docker.io", "docker.io")]
)
def test_registry_is_named_by_its_host(text: str, host: str) -> None:
    """Both names of Docker Hub are one."""
    assert parse_host(text) == host


@pytest.mark.parametrize("text", ["", "a/b", "a b", "https://a.b", "a:", "a:65536", "-"])
def test_text_that_is_no_host_is_refused(text: str) -> None:
    """A registry is a host, perhaps with a port, and nothing else."""
    with pytest.raises(ReferenceInvalid):
        parse_host(text)


def test_host_and_path_are_told_apart() -> None:
    """The path of a registry as a whole is empty."""
    assert split_host("a.b/") == ("a.b", "")
    assert split_host("docker.io/") == ("docker.io", "")
    assert is_short("team/app")
    assert is_short("a.b")
    assert not is_short("a.b/app")
