"""Origins: two ways to write one are equal, and only an origin is compared."""

import pytest

from lading.client.connections.origin import Origin, resolved
from lading.errors import ReferenceInvalid


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://r.example", "https://R.example:443/v2/x?y"),
        ("http://r.example/", "http://r.example:80"),
        ("http://[::1]:5000", "http://[::1]:5000/x"),
    ],
)
def test_a_default_port_and_capitals_make_no_difference(one: str, other: str) -> None:
    """Trap T46: an explicit 443 is no other origin."""
    assert Origin.parse(one) == Origin.parse(other)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "r.example",
        "ftp://r.example",
        "https://",
        "https://:443",
        "http://r:port",
        "http://r:99999",
        "http://r/a b",
        "http://r/\r\nEvil: 1",
        "http://[::1",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_url_of_http_is_refused(url: str) -> None:
    """Nothing else is ever asked."""
    with pytest.raises(ReferenceInvalid):
        Origin.parse(url)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://r.example:443", "https://r.example"),
        ("https://r.example:80", "https://r.example:80"),
        ("http://[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_an_origin_prints_without_its_default_port(url: str, text: str) -> None:
    """As a ``Host`` field has it."""
    assert str(Origin.parse(url)) == text


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("a.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("128.0.0.1", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("[::2]", False),
    ],
)
def test_loopback_is_this_machine_alone(host: str, loopback: bool) -> None:
    """Only there may a password go without encryption."""
    origin = Origin.parse(f"http://{host}:5000")

    assert origin.is_loopback is loopback
    assert origin.is_safe is loopback


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("/v2/x?_state=a%2Fb", "https://r.example/v2/x?_state=a%2Fb"),
        ("next?n=1", "https://r.example/v2/a/tags/next?n=1"),
        ("https://s3.example", "https://s3.example/"),
        ("//cdn.example/x#part", "https://cdn.example/x"),
    ],
)
def test_a_reference_is_resolved_against_where_it_was_found(reference: str, url: str) -> None:
    """Its query stays as it is (RFC 3986, 5)."""
    assert resolved("https://r.example/v2/a/tags/list", reference) == url


@pytest.mark.parametrize(
    "reference", ["ftp://x/", "https://user:secret@x/", "https://[", "/a\nb", "http://"]
)
def test_a_reference_to_something_else_is_refused(reference: str) -> None:
    """A URL that says a password is no place to go to."""
    with pytest.raises(ReferenceInvalid):
        resolved("https://r.example/", reference)
