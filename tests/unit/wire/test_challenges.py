"""What a client shows, and what it is asked for."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import RequestInvalid
from lading.wire import challenges
from lading.wire.challenges import Scope
from lading.wire.headers import utf8

PRINTABLE = st.text(
    st.characters(exclude_categories=("C", "Zl", "Zp", "Zs"), include_characters=" "), max_size=30
)


@pytest.mark.parametrize(
    ("field", "found"),
    [
        (None, None),
        ("", None),
        ("Basic", None),
        ("Basic ", None),
        ("Basic eDp5", ("basic", "eDp5")),
        ("  BEARER   abc.def  ", ("bearer", "abc.def")),
    ],
)
def test_credentials_are_a_scheme_and_a_word(
    field: str | None, found: tuple[str, str] | None
) -> None:
    """Schemes are the same in capitals; a scheme alone shows nothing."""
    assert challenges.shown(field) == found


@given(st.text(max_size=100))
def test_any_field_can_be_read(field: str) -> None:
    """Nobody can break a server by what they show."""
    found = challenges.shown(field)

    assert found is None or (found[0] == found[0].lower() and all(found))


@pytest.mark.parametrize(
    ("realm", "sent"),
    [
        ("Joe\u2019s registry", b"Joe\xe2\x80\x99s registry"),
        ("\u6ce8\u518c \U0001f600", b"\xe6\xb3\xa8\xe5\x86\x8c \xf0\x9f\x98\x80"),
        ("caf\u00e9", b"caf\xc3\xa9"),
        ("two\nlines\r\t", rb"two\nlines\r\t"),
        ("\a\b\f\v\0\x7f", rb"\a\b\f\v\x00\x7f"),
        ("\u0085\u00ad\u2028\udcff", rb"\u0085\u00ad\u2028\udcff"),
        ("\U000e0001", rb"\U000e0001"),
    ],
)
def test_a_realm_goes_out_in_utf8(realm: str, sent: bytes) -> None:
    """Operators write any language; what cannot be printed is named as Distribution names it."""
    assert challenges.basic(realm).encode("latin-1") == b'Basic realm="' + sent + b'"'


@given(st.text(), st.text(), st.text())
def test_a_challenge_can_always_be_sent(realm: str, name: str, error: str) -> None:
    """Whatever was configured, and whatever name somebody asked for."""
    said = challenges.bearer(realm, "s", Scope("repository", name, ("pull",)), error)

    assert not any(character < " " for character in said)
    assert said.encode("latin-1")


def test_a_realm_cannot_end_its_quotes() -> None:
    """A realm is text, not part of the challenge."""
    assert challenges.basic('a "b" \\') == 'Basic realm="a \\"b\\" \\\\"'


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ([], []),
        ([""], []),
        (["Basic"], [("basic", {})]),
        (
            ['Bearer realm="https://a/t",service="s",scope="repository:a:pull,push"'],
            [
                (
                    "bearer",
                    {"realm": "https://a/t", "service": "s", "scope": "repository:a:pull,push"},
                )
            ],
        ),
        (
            ['BEARER Realm = "a" , , x=y, Basic realm="b, c=\\"d\\""'],
            [("bearer", {"realm": "a", "x": "y"}), ("basic", {"realm": 'b, c="d"'})],
        ),
        (
            ["Negotiate, Basic realm=plain", 'Bearer realm="z"'],
            [("negotiate", {}), ("basic", {"realm": "plain"}), ("bearer", {"realm": "z"})],
        ),
        (
            ["Bearer realm=https://a/t,service=s"],
            [("bearer", {"realm": "https://a/t", "service": "s"})],
        ),
        (['Bearer realm="never ends'], [("bearer", {})]),
        (['Bearer realm="a",realm="b"'], [("bearer", {"realm": "a"})]),
    ],
)
def test_challenges_stand_in_fields_one_after_the_other(
    fields: list[str], found: list[tuple[str, dict[str, str]]]
) -> None:
    """Several in a field, several fields, quotes with commas in them (RFC 9110, 11.6.1)."""
    assert [(each.scheme, dict(each.parameters)) for each in challenges.parse(fields)] == found


def test_a_challenge_may_be_one_word_with_a_token() -> None:
    """As Negotiate and NTLM have it."""
    (challenge,) = challenges.parse(["Negotiate YIIJvwYGKwYBBQUC=="])

    assert (challenge.scheme, challenge.token) == ("negotiate", "YIIJvwYGKwYBBQUC==")
    assert challenge.parameters == {}


@given(st.lists(st.text(alphabet='abc,= "\\\t/:', max_size=60), max_size=4))
def test_any_challenge_can_be_read(fields: list[str]) -> None:
    """Nobody can break a client by what they want to be shown."""
    for challenge in challenges.parse(fields):
        assert challenge.scheme == challenge.scheme.lower()


@given(PRINTABLE, PRINTABLE)
def test_a_bearer_challenge_is_read_as_it_was_meant(realm: str, service: str) -> None:
    """Whatever stands between the quotes, which is UTF-8."""
    scope = challenges.Scope("repository", "a/b", ("pull",))

    (found,) = challenges.parse([challenges.bearer(f"x{realm}", service, scope, "e")])

    assert found.parameters["realm"] == utf8(f"x{realm}")
    assert found.parameters.get("service", "") == utf8(service)
    assert found.parameters["scope"] == "repository:a/b:pull"
    assert found.parameters["error"] == "e"


@pytest.mark.parametrize(
    ("text", "kind", "name", "actions"),
    [
        ("repository:a/b:pull,push", "repository", "a/b", ("pull", "push")),
        ("repository:host:5000/a:pull", "repository", "host:5000/a", ("pull",)),
        ("registry:catalog:*", "registry", "catalog", ("*",)),
        ("repository(plugin):a:pull,,pull", "repository(plugin)", "a", ("pull",)),
        ("repository:a:", "repository", "a", ()),
    ],
)
def test_a_scope_is_split_from_both_ends(
    text: str, kind: str, name: str, actions: tuple[str, ...]
) -> None:
    """A name may hold a host with its port."""
    scope = challenges.Scope.parse(text)

    assert scope == challenges.Scope(kind, name, actions)


@pytest.mark.parametrize("text", ["", "pull", "repository:", "repository:a", ":a:pull", "r:a b:p"])
def test_what_is_no_scope_is_refused(text: str) -> None:
    """A scope has three parts and no spaces."""
    with pytest.raises(RequestInvalid):
        challenges.Scope.parse(text)


def test_several_scopes_stand_in_one_parameter() -> None:
    """Trap T51; what cannot be read is left out."""
    found = challenges.Scope.parse_all(" repository:a:pull,push  nonsense repository:b:pull ")

    assert [str(each) for each in found] == ["repository:a:pull,push", "repository:b:pull"]


def test_scopes_are_merged_by_what_they_are_for() -> None:
    """The same rights give the same scopes, in whichever order they were named."""
    found = challenges.merged(
        [
            challenges.Scope("repository", "b", ("push",)),
            challenges.Scope("repository", "a", ("pull",)),
            challenges.Scope("repository", "b", ("pull",)),
        ]
    )

    assert [str(each) for each in found] == ["repository:a:pull", "repository:b:pull,push"]


def test_a_name_and_a_password_go_both_ways() -> None:
    """A password may hold colons and letters of any language."""
    _, _, value = challenges.basic_credentials("ada", "pä:ss").partition(" ")

    assert challenges.name_and_password(value) == ("ada", "pä:ss")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (base64.b64encode(b"ada:lovelace").decode(), ("ada", "lovelace")),
        (base64.b64encode(b"ada:a:b").decode(), ("ada", "a:b")),
        (base64.b64encode(b":").decode(), ("", "")),
        (base64.b64encode("zoë:über".encode()).decode(), ("zoë", "über")),
        (base64.b64encode(b"nobody").decode(), None),
        (base64.b64encode(b"\xff:\xff").decode(), None),
        ("no base64!", None),
    ],
)
def test_a_name_and_a_password_are_parted_by_the_first_colon(
    value: str, expected: tuple[str, str] | None
) -> None:
    """A password may hold colons, a name may not; what is broken says nothing (RFC 7617, 2)."""
    assert challenges.name_and_password(value) == expected


def test_challenge_says_only_what_there_is_to_say() -> None:
    """Without a scope it is about everything, and without an error it is the first."""
    assert challenges.bearer("https://a.b/token", "a.b") == (
        'Bearer realm="https://a.b/token",service="a.b"'
    )
