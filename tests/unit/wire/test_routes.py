"""The route table, read both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.wire.routes import UNMOVED, Place, Route, match, path, under

RESERVED = ("blobs", "manifests", "tags", "uploads", "referrers", "list", "ext", "v2")
NAMES = st.lists(
    st.one_of(
        st.sampled_from(RESERVED), st.from_regex(r"[a-z0-9]{1,8}([._-][a-z0-9]+)?", fullmatch=True)
    ),
    min_size=1,
    max_size=5,
).map("/".join)
DIGESTS = st.from_regex(r"sha256:[a-f0-9]{64}", fullmatch=True)
TAGS = st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}", fullmatch=True)
UPLOADS = st.from_regex(r"[a-z0-9]{1,20}-[a-f0-9]{16}", fullmatch=True)


@given(NAMES, st.one_of(DIGESTS, TAGS, st.sampled_from(RESERVED)))
def test_manifest_paths_lead_back_to_what_they_were_built_from(name: str, reference: str) -> None:
    """Names may contain the words that routes are made of; only the right end decides."""
    assert match(path(Route.MANIFEST, name, reference)) == Place(Route.MANIFEST, name, reference)


@given(NAMES, DIGESTS)
def test_digest_paths_lead_back_to_what_they_were_built_from(name: str, digest: str) -> None:
    """The same for blobs and referrers, which are always asked for by digest."""
    for route in (Route.BLOB, Route.REFERRERS):
        assert match(path(route, name, digest)) == Place(route, name, digest)


@given(NAMES, UPLOADS)
def test_upload_paths_lead_back_to_what_they_were_built_from(name: str, upload: str) -> None:
    """The location of a session names its repository and its id."""
    assert match(path(Route.UPLOAD, name, upload)) == Place(Route.UPLOAD, name, upload)


@given(NAMES)
def test_paths_of_a_repository_lead_back_to_its_name(name: str) -> None:
    """Routes that have nothing but a name."""
    for route in (Route.UPLOADS, Route.TAGS, Route.REPOSITORY_EXTENSIONS, Route.REPOSITORY):
        assert match(path(route, name)) == Place(route, name)


@pytest.mark.parametrize(
    "route",
    [
        Route.SUPPORT,
        Route.CATALOG,
        Route.EXTENSIONS,
        Route.ROOT,
        Route.HEALTH,
        Route.READY,
    ],
)
def test_fixed_paths_lead_to_their_route(route: Route) -> None:
    """Routes of the registry as a whole have one path each."""
    assert match(path(route)) == Place(route)


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        ("/v2", Place(Route.SUPPORT)),
        ("/v2/a/blobs/uploads", Place(Route.UPLOADS, "a")),
        ("/v2/a/_lading", Place(Route.REPOSITORY, "a")),
        ("/v2/a/blobs/sha256%3Aabc", Place(Route.BLOB, "a", "sha256:abc")),
        ("/v2/a%2Fb/manifests/v1", Place(Route.MANIFEST, "a%2Fb", "v1")),
        ("/v2/a/manifests/b%2Fc", Place(Route.MANIFEST, "a", "b/c")),
        ("/v2/a/manifests/x%253A", Place(Route.MANIFEST, "a", "x%3A")),
        ("/v2//manifests/v1", Place(Route.MANIFEST, "", "v1")),
        ("/v2/a/blobs/uploads/x%2F..", Place(Route.UPLOAD, "a", "x%2F..")),
        ("/v2/uploads/blobs/uploads/", Place(Route.UPLOADS, "uploads")),
        ("/v2/a/blobs/uploads/manifests/v1", Place(Route.MANIFEST, "a/blobs/uploads", "v1")),
        ("/v2/a/manifests/uploads", Place(Route.MANIFEST, "a", "uploads")),
        ("/v2/a/tags/list/tags/list", Place(Route.TAGS, "a/tags/list")),
    ],
)
def test_raw_path_is_matched_from_the_right(raw: str, place: Place) -> None:
    """An escaped slash is no slash, the last segment is decoded once, a name never."""
    assert match(raw) == place


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "v2",
        "//",
        "/v1/a/manifests/b",
        "/v2x",
        "/v2/x",
        "/v2/manifests/x",
        "/v2/blobs/uploads/",
        "/v2/blobs/uploads/x",
        "/v2/tags/list",
        "/v2/a/uploads/x",
        "/v2/a/tags/other",
        "/v2/a/tags/list/",
        "/v2/_lading/",
        "/healthz/",
        "/v2/a/ext/discover",
        "*",
        "\x00",
    ],
)
def test_other_paths_lead_nowhere(raw: str) -> None:
    """What is not in the table is not guessed at."""
    assert match(raw) is None


@pytest.mark.parametrize("route", list(Route))
def test_paths_of_the_api_move_under_a_prefix(route: Route) -> None:
    """And are nowhere else; those that are for load balancers stay."""
    matched = under("/reg")
    target = path(route, "a", "x")
    there, here = matched(f"/reg{target}"), matched(target)

    assert (here or there) == match(target)
    assert (here is None) is (route not in UNMOVED)
    assert (there is None) is (route in UNMOVED)


@pytest.mark.parametrize("target", ["/reg", "/regv2/", "/reg/", "/other/v2/", "", "/reg/x", "/x"])
def test_what_only_looks_like_a_prefix_leads_nowhere(target: str) -> None:
    """A prefix ends where a segment ends."""
    assert under("/reg")(target) is None


def test_no_prefix_changes_nothing() -> None:
    """It costs nothing either."""
    assert under("") is match


def test_what_a_path_cannot_hold_is_quoted_and_read_back() -> None:
    """References are decoded once; the colon of a digest stays as it is (RFC 3986, 3.3)."""
    built = path(Route.MANIFEST, "team/app", "a b/ü")

    assert built == "/v2/team/app/manifests/a%20b%2F%C3%BC"
    assert match(built) == Place(Route.MANIFEST, "team/app", "a b/ü")
    assert path(Route.BLOB, "team/app", "sha256:0a") == "/v2/team/app/blobs/sha256:0a"
