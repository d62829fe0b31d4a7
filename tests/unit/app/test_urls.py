"""URLs are shown to anybody, and what opens them to nobody."""

import pytest

from lading.app.urls import parted, shown
from lading.wire.challenges import basic_credentials


@pytest.mark.parametrize(
    ("login", "name", "password"),
    [
        ("me:s3cret", "me", "s3cret"),
        ("me", "me", ""),
        ("me:a%3Ab%40c", "me", "a:b@c"),
        ("me:a:b@c", "me", "a:b@c"),
    ],
)
def test_a_login_is_what_it_would_be_as_a_header(login: str, name: str, password: str) -> None:
    """As browsers and Go programs read it."""
    url, authorization = parted(f"https://{login}@hooks.example:8443/a@b?c=d@e")

    assert url == "https://hooks.example:8443/a@b?c=d@e"
    assert authorization == basic_credentials(name, password)


def test_a_url_without_a_login_stays_as_it_is() -> None:
    """An @ means nothing after the host."""
    assert parted("https://hooks.example/a@b?c=d@e") == ("https://hooks.example/a@b?c=d@e", None)


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("https://me:s3cret@hooks.example/up?token=s3cret", "https://hooks.example/up"),
        ("/run/down", "/run/down"),
        ("", ""),
    ],
)
def test_what_opens_a_url_is_not_seen(url: str, seen: str) -> None:
    """A webhook is often opened by what its query says; what is no URL is shown all the same."""
    assert shown(url) == seen
