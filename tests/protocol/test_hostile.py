"""Requests that nobody means well: always an answer, never a 500 (the client checks that)."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lading.oci.digest import Digest
from tests.protocol.exchange import Exchange

PER_TEST = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300
)

WIRE = st.characters(max_codepoint=255)
DIGEST = str(Digest.of(b"x"))
SEGMENTS = st.one_of(
    st.sampled_from(
        [
            "v2",
            "a",
            "blobs",
            "manifests",
            "uploads",
            "tags",
            "list",
            "referrers",
            "_catalog",
            "_lading",
            "_oci",
            "ext",
            "discover",
            "",
            ".",
            "..",
            "%2e%2e",
            "%2F",
            "%00",
            "%",
            "%zz",
            "%FF",
            "~",
            "A",
            "a" * 300,
            DIGEST,
            "sha256:",
            "sha512:" + "0" * 128,
            "latest",
        ]
    ),
    st.text(WIRE, max_size=10),
)
PATHS = st.lists(SEGMENTS, max_size=8).map(lambda found: "/" + "/".join(found))
LIKELY = st.lists(SEGMENTS, max_size=6).map(lambda found: "/v2/a/" + "/".join(found))
PARAMETERS = st.tuples(
    st.sampled_from(
        ["n", "last", "digest", "mount", "from", "tag", "artifactType", "digest-algorithm", "ns"]
    ),
    st.one_of(
        st.sampled_from(["", "0", "-1", "9" * 5000, DIGEST, "a", "sha512", "%00", "%FF", "%C3%28"]),
        st.text(WIRE, max_size=10),
    ),
)
QUERIES = st.lists(PARAMETERS, max_size=4).map(
    lambda found: "&".join(f"{name}={value}" for name, value in found)
)
FIELDS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "Range",
                "Content-Range",
                "If-None-Match",
                "If-Range",
                "Content-Type",
                "Authorization",
                "Accept",
                "X-Request-Id",
                "Host",
                "User-Agent",
            ]
        ),
        st.one_of(
            st.sampled_from(
                [
                    "",
                    "bytes=0-0,0-0",
                    "bytes=--",
                    "bytes=-" + "9" * 5000,
                    "0-" + "9" * 5000,
                    "0-0",
                    "*",
                    ",,,",
                    "Basic",
                    "Bearer \u00ff",
                    f'"{DIGEST}"',
                    "application/vnd.oci.image.index.v1+json",
                ]
            ),
            st.text(WIRE, max_size=20),
        ),
    ),
    max_size=4,
)
METHODS = st.sampled_from(
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "\u00e9"]
)
BODIES = st.one_of(
    st.binary(max_size=50),
    st.just(b'{"schemaVersion":2,"manifests":[]}'),
    st.just(b"["),
)


@PER_TEST
@given(METHODS, st.one_of(PATHS, LIKELY), QUERIES, FIELDS, BODIES)
async def test_any_request_has_an_answer(
    ask: Exchange,
    method: str,
    path: str,
    query: str,
    fields: list[tuple[str, str]],
    body: bytes,
) -> None:
    """Whatever the path, the query, the headers and the body are."""
    answer = await ask(method, f"{path}?{query}".replace("?", "", path.count("?")), body, fields)

    assert answer.status < 500


@PER_TEST
@given(FIELDS, QUERIES, BODIES, st.booleans())
async def test_any_request_to_a_session_has_an_answer(
    ask: Exchange,
    fields: list[tuple[str, str]],
    query: str,
    body: bytes,
    chunked: bool,
) -> None:
    """And the session says where it stands, or that it is over."""
    begun = await ask("POST", "/v2/a/blobs/uploads/")
    if begun.status == 429:
        return
    location = begun["Location"]

    await ask("PATCH", location, body, fields, chunked=chunked)
    await ask("PUT", f"{location}?{query}", body, fields, chunked=chunked)
    await ask("GET", location, fields=fields)

    assert (await ask("DELETE", location)).status in {204, 404}


@PER_TEST
@given(FIELDS, st.sampled_from(["manifests/v1", "blobs/{blob}", "manifests/{manifest}"]))
async def test_any_headers_are_read_with_content(
    ask: Exchange, fields: list[tuple[str, str]], what: str
) -> None:
    """Ranges and conditions that make no sense give all, a part, 304 or 416."""
    blob = await ask.push_blob("a", b"content")
    manifest = await ask.push_image("a", "v1")

    target = what.format(blob=blob, manifest=manifest.digest)
    answer = await ask("GET", f"/v2/a/{target}", fields=fields)

    assert answer.status in {200, 206, 304, 416}


@pytest.mark.parametrize(
    "name",
    [
        "",
        "A",
        "a//b",
        "/a",
        "a/",
        "..",
        "a/..",
        "a/../b",
        ".",
        "%61",
        "a%2Fb",
        "a b",
        "a\u00e9",
        "a\0",
        "-a",
        "a--",
        "_a",
        "a" * 256,
        "a/" * 200 + "a",
    ],
)
async def test_name_that_is_none_is_refused(ask: Exchange, name: str) -> None:
    """Everywhere where one is read, and before anything else is done (R1)."""
    digest = Digest.of(b"x")
    found = [
        await ask("GET", f"/v2/{name}/manifests/v1"),
        await ask("PUT", f"/v2/{name}/manifests/v1", b"{}"),
        await ask("DELETE", f"/v2/{name}/manifests/v1"),
        await ask("GET", f"/v2/{name}/blobs/{digest}"),
        await ask("POST", f"/v2/{name}/blobs/uploads/"),
        await ask("GET", f"/v2/{name}/tags/list"),
        await ask("GET", f"/v2/{name}/referrers/{digest}"),
        await ask("GET", f"/v2/{name}/_oci/ext/discover"),
        await ask("DELETE", f"/v2/{name}/_lading/"),
    ]

    assert [(answer.status, answer.codes) for answer in found] == [(400, ["NAME_INVALID"])] * 9


@pytest.mark.parametrize(
    "name", ["blobs", "a/blobs/uploads", "manifests/manifests", "tags/list", "referrers/uploads"]
)
async def test_names_may_contain_words_of_routes(ask: Exchange, name: str) -> None:
    """Paths are read from the right."""
    manifest = await ask.push_image(name, "list", "uploads")

    assert (await ask("GET", f"/v2/{name}/manifests/uploads")).body == manifest.body
    assert (await ask("GET", f"/v2/{name}/tags/list")).json["name"] == name


@pytest.mark.parametrize(
    "upload",
    ["..", ".", "%2e%2e%2fetc", "..%2F..%2Fetc%2Fpasswd", "\0", "\u00e9", "a" * 5000, "0001"],
)
async def test_id_of_an_upload_that_is_none_leads_nowhere(ask: Exchange, upload: str) -> None:
    """Ids are what was given, and never parts of a file's name."""
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        assert (await ask(method, f"/v2/a/blobs/uploads/{upload}", b"x")).status == 404


@pytest.mark.parametrize("tag", [".", "-a", "a%00", "a%2Fb", "%2e%2e", "a" * 129, "\u00e9", "a+b"])
async def test_tag_that_is_none_is_refused(ask: Exchange, tag: str) -> None:
    """For reading as for writing (R3)."""
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        assert (await ask(method, f"/v2/a/manifests/{tag}", b"{}")).status == 400
