"""Codecs of header fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import RequestInvalid
from lading.wire import challenges, headers, paging
from lading.wire.message import Headers

WORDS = st.text(st.characters(codec="ascii", exclude_characters=", \t\r\n", min_codepoint=33))


@given(st.lists(WORDS.filter(bool)))
def test_joined_values_split_again(values: list[str]) -> None:
    """Tags come back as a list, in one field or in several."""
    assert headers.split([headers.joined(values)]) == values
    assert headers.split(values) == values


@given(st.dictionaries(st.sampled_from(["n", "last", "artifactType"]), st.text(), min_size=1))
def test_link_reads_back_as_the_page_it_leads_to(params: dict[str, str]) -> None:
    """Whatever is in a parameter, the link stays one URL between angle brackets."""
    target = paging.following("/v2/a/tags/list", **params)

    name, field = headers.next_link(target)

    assert name == "Link"
    assert headers.link_target(field) == target
    assert field.isascii()


@pytest.mark.parametrize("field", ["", "<x", "x; rel=next", "<x>", '<x>; rel="prev"'])
def test_link_that_leads_to_no_next_page_leads_nowhere(field: str) -> None:
    """Only ``rel="next"`` goes on."""
    assert headers.link_target(field) is None


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (['"sha256:a"'], True),
        (["sha256:a"], True),
        (['W/"sha256:a"'], True),
        (['"x", "sha256:a"'], True),
        (['"x"', '"sha256:a"'], True),
        (["*"], True),
        (['"sha256:b"'], False),
        ([""], False),
        ([], False),
    ],
)
def test_if_none_match_names_a_tag(values: list[str], named: bool) -> None:
    """Lists, repeats, weak tags and the star, as RFC 9110 has them; bare tags as clients do."""
    assert headers.names_tag(values, "sha256:a") is named


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"application/json", "application/json"),
        (b"application/json; charset=utf-8", "application/json"),
        (b" ; x", None),
        (b"", None),
    ],
)
def test_media_type_has_no_parameters(value: bytes, found: str | None) -> None:
    """Parameters of the request's type are ignored (R38)."""
    assert headers.media_type(Headers([(b"content-type", value)])) == found


def test_message_without_content_type_has_no_media_type() -> None:
    """Nothing is made up."""
    assert headers.media_type(Headers()) is None


@given(st.integers(min_value=0, max_value=10**30))
def test_page_is_as_long_as_was_asked_but_bounded(wanted: int) -> None:
    """More than the limit is a page of the limit (R47, R48)."""
    assert paging.page_size(str(wanted), limit=1000) == min(wanted, 1000)


def test_page_without_a_number_has_the_limit() -> None:
    """Nobody gets a list without bound."""
    assert paging.page_size(None, limit=7) == 7


@pytest.mark.parametrize("value", ["", "-1", "x", "1.5", "+1", " 1", "\u0661", "1e3"])
def test_page_of_no_number_is_refused(value: str) -> None:
    """A number is ASCII digits."""
    with pytest.raises(RequestInvalid):
        paging.page_size(value, limit=1000)


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (None, None),
        ("", None),
        ("Basic", None),
        ("Basic dTpw", ("basic", "dTpw")),
        ("  BEARER   x.y  ", ("bearer", "x.y")),
    ],
)
def test_authorization_is_a_scheme_and_a_word(
    field: str | None, shown: tuple[str, str] | None
) -> None:
    """Schemes are compared without regard to case."""
    assert challenges.shown(field) == shown


def test_realm_stays_between_its_quotes() -> None:
    """Quotes and backslashes are escaped."""
    assert challenges.basic('a"b\\') == 'Basic realm="a\\"b\\\\"'
