"""What proxies say of the requests they pass on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.wire import forwarded


@pytest.mark.parametrize(
    "text",
    ["r.example", "r.example:5000", "R", "10.0.0.1:443", "[::1]", "[2001:db8::1]:8443", "a_b.c."],
)
def test_host_with_or_without_a_port_is_taken(text: str) -> None:
    """It is said again as it came."""
    assert forwarded.host(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "user@r.example",
        "r.example/path",
        "r.example:port",
        "r.example:123456",
        "r example",
        "r.example\r\nSet-Cookie: a=b",
        "[r.example]",
        "-",
        "a" * 300,
        "r.ex\u00e4mple",
    ],
)
def test_what_could_lead_elsewhere_is_no_host(text: str) -> None:
    """It would end up in the locations that other clients are given."""
    assert forwarded.host(text) is None


@pytest.mark.parametrize(
    ("text", "expected"), [("HTTPS", "https"), ("http", "http"), ("ftp", None)]
)
def test_scheme_is_one_that_registries_are_reached_by(text: str, expected: str | None) -> None:
    """In whatever case it comes."""
    assert forwarded.scheme(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("", None),
        ("unknown", None),
        ("_hidden", None),
        ("r.example", None),
    ],
)
def test_address_is_read_without_its_port(text: str, expected: str | None) -> None:
    """Names and pseudonyms are no addresses."""
    assert forwarded.address(text) == expected


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("192.0.2.1", True),
        ("2001:DB8::1", True),
        ("192.0.2.1:4711", False),
        ("[2001:db8::1]", False),
        ("fe80::1%eth0", False),
        ("", False),
        ("r.example", False),
    ],
)
def test_bare_address_is_an_address_and_nothing_else(text: str, bare: bool) -> None:
    """It stays as it was written."""
    assert forwarded.bare_address(text) == (text if bare else None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", []),
        ("for=192.0.2.1", [{"for": "192.0.2.1"}]),
        (
            'For="[2001:db8::1]:47";proto=https; Host="r\\"x" , for=b',
            [{"for": "[2001:db8::1]:47", "proto": "https", "host": 'r"x'}, {"for": "b"}],
        ),
        ("host=first;host=second", [{"host": "first"}]),
        ("for", []),
        ("for=a,", []),
        ("for=a;", []),
        ('for="a', []),
        ("for=a b", []),
        ("for=a,,for=b", []),
    ],
)
def test_each_proxy_has_its_element(value: str, expected: list[dict[str, str]]) -> None:
    """What is not of the form says nothing at all (RFC 7239, 4)."""
    assert forwarded.elements(value) == expected


@given(st.text())
def test_whatever_is_said_can_be_read(value: str) -> None:
    """A client may write what it likes; what comes of it may stand in a URL, or is nothing."""
    values = [value, *(said for each in forwarded.elements(value) for said in each.values())]

    read = [
        found
        for each in values
        for found in (forwarded.address(each), forwarded.host(each), forwarded.scheme(each))
        if found is not None
    ]

    assert all(found.isascii() and found.isprintable() for found in read)
    assert not any(set(found) & set(' /?#@\\"<>') for found in read)
