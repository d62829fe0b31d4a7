"""Tokens: what is asked of a realm, what it gives, and how long that is used."""

from urllib.parse import parse_qs, parse_qsl

import pytest

from lading.client.asking.tokens import Realm, Token, Tokens, ways
from lading.client.logins.credentials import Login
from lading.errors import UpstreamFailed
from lading.wire.challenges import Scope

REALM = Realm("https://auth.example/token?tenant=1", "registry.example")
PULL = Scope("repository", "a", ("pull",))
PUSH = Scope("repository", "a", ("pull", "push"))
OTHER = Scope("repository", "host:5000/b", ("pull",))
ADA = Login(username="ada", password="love lace")


def test_nobody_asks_without_credentials() -> None:
    """One parameter for each scope; what the realm's own URL says stays."""
    (asking,) = ways(REALM, [PULL, OTHER], None)

    assert (asking.method, asking.path, asking.secret) == ("GET", "/token", False)
    assert parse_qsl(asking.query) == [
        ("tenant", "1"),
        ("service", "registry.example"),
        ("scope", "repository:a:pull"),
        ("scope", "repository:host:5000/b:pull"),
    ]
    assert asking.headers == []


def test_a_password_goes_by_basic_authentication() -> None:
    """The name also stands in the query, as docker has it."""
    (asking,) = ways(REALM, [PULL], ADA)

    assert asking.secret
    assert asking.headers == [("Authorization", "Basic YWRhOmxvdmUgbGFjZQ==")]
    assert parse_qs(asking.query)["account"] == ["ada"]
    assert "love" not in repr(asking)


def test_an_identity_token_goes_by_the_oauth_form() -> None:
    """All scopes in one parameter, and no other way beside it: there is no password."""
    (asking,) = ways(REALM, [PULL, OTHER], Login(identity_token="refresh-me"))

    assert (asking.method, asking.query, asking.secret) == ("POST", "tenant=1", True)
    assert parse_qs(asking.form.decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["refresh-me"],
        "client_id": ["lading"],
        "service": ["registry.example"],
        "scope": ["repository:a:pull repository:host:5000/b:pull"],
    }
    assert "refresh-me" not in repr(asking)


def test_a_password_stands_by_where_the_form_is_not_known() -> None:
    """Older realms know GET alone."""
    login = Login(username="ada", password="x", identity_token="refresh-me")

    assert [each.method for each in ways(REALM, [PULL], login)] == ["POST", "GET"]


@pytest.mark.parametrize(
    ("body", "value", "ends"),
    [
        (b'{"token":"t"}', "t", 148.0),
        (b'{"access_token":"a","expires_in":300}', "a", 340.0),
        (b'{"token":"t","access_token":"a","expires_in":100}', "t", 180.0),
        (b'{"token":"t","expires_in":"soon"}', "t", 148.0),
        (b'{"token":"t","expires_in":-1}', "t", 148.0),
        (b'{"token":"t","expires_in":null}', "t", 148.0),
    ],
)
def test_a_token_is_renewed_after_four_fifths_of_its_life(
    body: bytes, value: str, ends: float
) -> None:
    """A life that is not told is a minute."""
    token = Token.read(body, "https://auth.example", 100.0)

    assert (token.value, token.ends) == (value, ends)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"token":7}', b'{"token":"a\\nEvil: 1"}', b"[" * 100_000],
)
def test_what_is_no_token_is_an_error_of_the_registry(body: bytes) -> None:
    """A token that holds a line break would become another field."""
    with pytest.raises(UpstreamFailed):
        Token.read(body, "https://auth.example", 0.0)


def test_a_token_serves_for_less_than_was_asked_for() -> None:
    """Who may push may pull; somebody else's token serves nobody."""
    tokens = Tokens()
    token = Token("t", 100.0)

    tokens.keep((REALM, ADA, (PUSH, OTHER)), token, 0.0)

    assert tokens.find((REALM, ADA, (PULL,)), 50.0) is token
    assert tokens.find((REALM, ADA, (PUSH, OTHER)), 50.0) is token
    assert tokens.find((REALM, ADA, (Scope("repository", "c", ("pull",)),)), 50.0) is None
    assert tokens.find((REALM, None, (PULL,)), 50.0) is None
    assert tokens.find((Realm("https://evil.example"), ADA, (PULL,)), 50.0) is None
    assert tokens.find((REALM, ADA, ()), 50.0) is None


def test_a_token_that_ended_or_was_refused_is_not_found() -> None:
    """It has to be asked for anew."""
    tokens = Tokens()
    tokens.keep((REALM, ADA, (PULL,)), Token("t", 100.0), 0.0)

    assert tokens.find((REALM, ADA, (PULL,)), 100.0) is None

    tokens.forget("t")

    assert tokens.find((REALM, ADA, (PULL,)), 0.0) is None


def test_tokens_are_not_kept_without_end() -> None:
    """Copying a whole registry takes a token for each repository."""
    tokens = Tokens()

    for number in range(300):
        scope = Scope("repository", f"r{number}", ("pull",))
        tokens.keep((REALM, ADA, (scope,)), Token(f"t{number}", 100.0 + number), 0.0)

    assert tokens.find((REALM, ADA, (Scope("repository", "r0", ("pull",)),)), 0.0) is None
    assert tokens.find((REALM, ADA, (Scope("repository", "r299", ("pull",)),)), 0.0) is not None
