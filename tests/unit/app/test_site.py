"""What the operator says of the registry's place, and of what it takes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lading.app.config.tree import built, settings
from lading.app.directory import prepare
from lading.app.wiring import running
from lading.bodies import Bytes
from lading.wire.message import Handler, Headers, Request, Response


@asynccontextmanager
async def serving(root: Path, **written: str) -> AsyncIterator[Handler]:
    """A whole registry; settings as they are written, with underscores twice for dots."""
    known = {setting.key: setting.reader for setting in settings()}
    values: dict[str, Any] = {"root": root, "log.access": False}
    for name, text in written.items():
        key = name.replace("__", ".")
        values[key] = known[key](text)
    prepare(root)
    async with running(built(values)) as handler:
        yield handler


def asked(method: str, target: str, body: bytes = b"", **fields: str) -> Request:
    """A request from a client on the same machine."""
    path, _, query = target.partition("?")
    raw = [
        (b"host", b"r.example"),
        *((k.replace("_", "-").encode(), v.encode()) for k, v in fields.items()),
    ]
    return Request(method, path, query, Headers(raw), Bytes(body), peer="127.0.0.1:1")


def field(response: Response, name: str) -> str:
    """The value of a field."""
    return dict(response.headers)[name]


@pytest.mark.parametrize(
    "encrypted",
    [
        {"tls__certificate": "c.pem", "tls__key": "k.pem"},
        {"tls__acme__hosts": "[r.example]"},
    ],
)
async def test_locations_are_encrypted_where_connections_are(
    tmp_path: Path, encrypted: dict[str, str]
) -> None:
    """A client that was asked by https is not sent to http, whoever made the certificate."""
    async with serving(tmp_path, http__relative_urls="false", **encrypted) as handler:
        begun = await handler(asked("POST", "/v2/a/blobs/uploads/"))

    assert field(begun, "Location").startswith("https://r.example/v2/a/blobs/uploads/")


async def test_registry_stands_where_the_operator_says(tmp_path: Path) -> None:
    """Under a prefix, with absolute locations, as a proxy was asked, and with fields of its own."""
    async with serving(
        tmp_path,
        http__prefix="reg/",
        http__relative_urls="false",
        http__headers="{X-A: [one, two]}",
        trusted_proxies="127.0.0.0/8",
    ) as handler:
        begun = await handler(asked("POST", "/reg/v2/a/blobs/uploads/", x_forwarded_proto="https"))
        elsewhere = await handler(asked("GET", "/v2/"))

    assert field(begun, "Location").startswith("https://r.example/reg/v2/a/blobs/uploads/")
    assert [value for name, value in begun.headers if name == "X-A"] == ["one", "two"]
    assert elsewhere.status == 404


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, ["nosniff"]),
        ({"http__headers": "{x-content-type-options: [nosniff]}"}, ["nosniff"]),
        ({"http__headers": "{X-Content-Type-Options: [other]}"}, ["other"]),
    ],
)
async def test_what_the_operator_says_of_sniffing_stands_alone(
    tmp_path: Path, written: dict[str, str], expected: list[str]
) -> None:
    """Files of Distribution's mostly say what is said here anyway; twice, some take it for wrong."""
    async with serving(tmp_path, **written) as handler:
        listed = await handler(asked("GET", "/v2/_catalog"))
        begun = await handler(asked("POST", "/v2/a/blobs/uploads/"))

    said = [value for name, value in listed.headers if name.lower() == "x-content-type-options"]
    assert said == expected
    assert begun.status == 202


async def test_fields_of_the_operator_go_out_in_utf8(tmp_path: Path) -> None:
    """As does the URL that locations begin with, whose path is written as in all URLs."""
    async with serving(
        tmp_path,
        http__headers="{X-A: ['caf\u00e9 \u6ce8\u518c', \"a\\tb\"]}",
        http__host="https://r.example/\u00e9/",
    ) as handler:
        begun = await handler(asked("POST", "/v2/a/blobs/uploads/"))

    fields = Headers.of(begun.headers)
    sent = [value for name, value in fields.raw if name == b"x-a"]
    assert sent == ["caf\u00e9 \u6ce8\u518c".encode(), b"a\tb"]
    assert field(begun, "Location").startswith("https://r.example/%C3%A9/v2/a/blobs/uploads/")


async def test_what_an_answer_says_is_not_said_again_by_the_operator(tmp_path: Path) -> None:
    """Two types of one content, or two rules for caches, would be taken for neither."""
    fields = "{content-type: [x/y], Cache-Control: [private], X-A: [b]}"
    async with serving(tmp_path, http__headers=fields) as handler:
        listed = await handler(asked("GET", "/v2/_catalog"))
        begun = await handler(asked("POST", "/v2/a/blobs/uploads/"))

    def said(response: Response, name: str) -> list[str]:
        return [value for each, value in response.headers if each.lower() == name]

    assert said(listed, "content-type") == ["application/json"]
    assert said(begun, "content-type") == ["x/y"]
    assert said(listed, "cache-control") == said(begun, "cache-control") == ["private"]
    assert said(listed, "x-a") == ["b"]


@pytest.mark.parametrize(
    ("written", "method", "target", "status"),
    [
        ({"deletes": "false"}, "DELETE", "/v2/a/manifests/v1", 405),
        ({"deletes": "true"}, "DELETE", "/v2/a/manifests/v1", 404),
        ({"read_only": "true"}, "POST", "/v2/a/blobs/uploads/", 405),
        ({"lists__strict": "true", "lists__catalog": "5"}, "GET", "/v2/_catalog?n=6", 400),
        ({"lists__catalog": "5"}, "GET", "/v2/_catalog?n=6", 200),
    ],
)
async def test_rules_of_the_operator_hold(
    tmp_path: Path, written: dict[str, str], method: str, target: str, status: int
) -> None:
    """Each by its own setting."""
    async with serving(tmp_path, **written) as handler:
        response = await handler(asked(method, target))

    assert response.status == status


@pytest.mark.parametrize(
    ("strict", "base", "scope"),
    [
        ("true", "https://r.example", "repository:a:pull repository:b:pull"),
        ("false", "http://proxy.example", "repository:a:pull"),
    ],
)
async def test_who_is_sent_for_a_token_is_told_where_and_what_for(
    tmp_path: Path, strict: str, base: str, scope: str
) -> None:
    """As the registry knows its place, or as Distribution would say it."""
    keys = tmp_path / "keys.json"
    keys.write_text('{"keys": [{"kid": "k", "kty": "oct", "k": "%s"}]}' % ("A" * 64))
    written = {
        "auth__method": "token",
        "auth__token__service": "S",
        "auth__token__issuer": "I",
        "auth__token__keys": str(keys),
        "auth__token__auto_redirect": "true",
        "auth__token__strict": strict,
        "trusted_proxies": "any",
    }
    async with serving(tmp_path, **written) as handler:
        refused = await handler(
            asked("GET", "/v2/a/tags/list?from=b", x_forwarded_host="proxy.example")
        )

    assert refused.status == 401
    assert field(refused, "WWW-Authenticate") == (
        f'Bearer realm="{base}/auth/token",service="S",scope="{scope}"'
    )


FOREIGN = (
    b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":'
    b'[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":2,"digest":'
    b'"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",'
    b'"platform":{"os":"linux","architecture":"arm64"}}]}'
)


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ({}, 400),
        ({"manifests__validation__platforms": "none"}, 201),
        (
            {
                "manifests__validation__platforms": "list",
                "manifests__validation__platform_list": "[{os: linux, architecture: amd64}]",
            },
            201,
        ),
        (
            {
                "manifests__validation__platforms": "list",
                "manifests__validation__platform_list": "[{os: linux, architecture: arm64}]",
            },
            400,
        ),
    ],
)
async def test_index_needs_what_the_operator_says(
    tmp_path: Path, written: dict[str, str], status: int
) -> None:
    """All its manifests unless told otherwise."""
    async with serving(tmp_path, **written) as handler:
        response = await handler(asked("PUT", "/v2/a/manifests/v1", FOREIGN))

    assert response.status == status


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("http.host", "r.example"),
        ("http.host", "ftp://r.example"),
        ("http.host", "https://user@r.example"),
        ("http.host", "https:///"),
        ("http.host", "https://r.example/\r\nX: y/"),
        ("http.prefix", "/a b"),
        ("http.headers", "{'X A': [b]}"),
        ("http.headers", '{X-A: ["b\\r\\nX-B: c"]}'),
        ("http.headers", "{Content-Length: [1]}"),
        ("trusted_proxies", "proxy.example"),
        ("manifests.validation.urls_allow", "'['"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_the_start(key: str, text: str) -> None:
    """Not when the first client comes."""
    readers = {setting.key: setting.reader for setting in settings()}

    with pytest.raises(ValueError, match="is not"):
        readers[key](text)
