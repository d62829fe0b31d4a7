"""The requests that both registries are sent: each route, method, field and error, and edges.

They happen one after the other, on the content that `filling` gave both registries before.
"""

from collections.abc import Iterator
from dataclasses import replace

from lading.oci import media_types
from tests.interop.differential import content
from tests.interop.differential.content import digest
from tests.interop.differential.exchanging import Case

OCI, INDEX = media_types.OCI_MANIFEST, media_types.OCI_INDEX
DOCKER, LIST = media_types.DOCKER_MANIFEST, media_types.DOCKER_LIST
APP = "/v2/team/app"
OCTETS = "application/octet-stream"
ACCEPTING = {"Accept": content.MANIFESTS}
SHORT = "sha256:short"
ABSENT = digest(content.ABSENT)
_LARGE = 1 << 20


def filling() -> list[Case]:
    """Requests that push the content; nobody looks at what is answered."""
    cases: list[Case] = []
    for name, blobs in (
        ("team/app", (content.CONFIG, content.LAYER, content.OTHER, content.LOOSE, content.LARGE)),
        ("team/app", (content.EMPTY, b"{}")),
        ("team/other", (content.OTHER,)),
        ("a/b", (content.CONFIG, content.LAYER)),
        ("a", (content.CONFIG, content.LAYER)),
        ("zeta", (content.CONFIG, content.LAYER)),
        ("team/doomed", (content.CONFIG, content.LAYER)),
    ):
        for blob in blobs:
            cases.append(_begin("filling", target=f"/v2/{name}/blobs/uploads/"))
            cases.append(_finish("filling", blob))
    for name, reference, body, kind in (
        ("team/app", "oci", content.OCI_IMAGE, OCI),
        ("team/app", "docker", content.DOCKER_IMAGE, DOCKER),
        ("team/app", "untyped", content.UNTYPED, OCI),
        ("team/app", "index", content.OCI_INDEX, INDEX),
        ("team/app", "list", content.DOCKER_LIST, LIST),
        ("team/app", "artifact", content.ARTIFACT, OCI),
        ("a/b", "v1", content.OCI_IMAGE, OCI),
        ("a", "v1", content.OCI_IMAGE, OCI),
        ("zeta", "v1", content.OCI_IMAGE, OCI),
        ("team/doomed", "v1", content.OCI_IMAGE, OCI),
        ("team/doomed", "v2", content.OCI_IMAGE, OCI),
        ("team/doomed", "v3", content.DOCKER_IMAGE, DOCKER),
    ):
        cases.append(_put("filling", reference, body, kind, name=name))
    return cases


def script(prefix: str = "", *, readonly: bool = False) -> list[Case]:
    """All requests, to a registry whose paths begin with *prefix*.

    One that is *readonly* hangs up while it is sent a large body: what its client then sees is a
    matter of luck, so none is sent.
    """
    groups = (_base(), _paths(), _lists(), _pulled(), _pushed(), _blobs(), _uploads(), _gone())
    cases = [case for group in groups for case in group if not readonly or len(case.body) < _LARGE]
    return [*(_under(prefix, case) for case in cases), *_hostile(prefix)]


def last(prefix: str = "", *, readonly: bool = False) -> list[Case]:
    """Requests after which there is nothing more to tell: a pull, and a change if there can be."""
    pull = _manifest("GET", "the last pull", f"{prefix}{APP}/manifests/oci", ACCEPTING)
    change = _put("the last change", "last", content.OCI_IMAGE, OCI)
    return [pull] if readonly else [_under(prefix, change), pull]


def unauthorized() -> list[Case]:
    """Requests of people who are not let in, for registries that ask."""
    nobody, wrong = {"Authorization": ""}, {"Authorization": "Basic b3duZXI6d3Jvbmc="}
    cases: list[Case] = []
    for told, shown in (
        ("nothing is shown", nobody),
        ("a wrong password", wrong),
        ("no base64", {"Authorization": "Basic !!"}),
        ("no token", {"Authorization": "Bearer x"}),
        ("a scheme nobody knows", {"Authorization": "Digest x"}),
        ("a scheme alone", {"Authorization": "Basic"}),
    ):
        cases += [
            Case(
                route=route,
                method=method,
                condition=told,
                target=target,
                headers={**ACCEPTING, **shown},
            )
            for route, method, target in (
                ("base", "GET", "/v2/"),
                ("catalog", "GET", "/v2/_catalog"),
                ("tags", "GET", f"{APP}/tags/list"),
                ("manifest", "GET", f"{APP}/manifests/oci"),
                ("manifest", "HEAD", f"{APP}/manifests/oci"),
                ("manifest", "PUT", f"{APP}/manifests/oci"),
                ("manifest", "DELETE", f"{APP}/manifests/oci"),
                ("blob", "GET", f"{APP}/blobs/{digest(content.LAYER)}"),
                ("blob-upload", "POST", f"{APP}/blobs/uploads/"),
                (
                    "blob-upload",
                    "POST",
                    f"{APP}/blobs/uploads/?mount={digest(content.LAYER)}&from=a/b",
                ),
                ("blob-upload-chunk", "DELETE", f"{APP}/blobs/uploads/nowhere"),
            )
        ]
    secret = "/v2/team/secret"
    cases += [
        Case(route="tags", method="GET", condition="no right to", target=f"{secret}/tags/list"),
        Case(
            route="manifest", method="PUT", condition="no right to", target=f"{secret}/manifests/a"
        ),
    ]
    return cases


def _under(prefix: str, case: Case) -> Case:
    if case.target.startswith("/v2"):
        return replace(case, target=prefix + case.target)
    return case


def _base() -> Iterator[Case]:
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        yield Case(route="base", method=method, condition="as it is", target="/v2/")
    yield Case(route="base", method="GET", condition="with a query", target="/v2/?n=1")
    yield Case(route="root", method="GET", condition="as it is", target="/")


def _paths() -> Iterator[Case]:
    for told, target in (
        ("unknown", "/v2/team/app/nothing/here"),
        ("unknown", "/favicon.ico"),
        ("unknown", "/v1/"),
        ("unknown", "/v2/_unknown"),
        ("no slash at the end of the base", "/v2"),
        ("a slash at the end", "/v2/_catalog/"),
        ("a slash at the end", f"{APP}/tags/list/"),
        ("a slash at the end", f"{APP}/manifests/oci/"),
        ("slashes doubled", "/v2//team/app/tags/list"),
        ("dots", "/v2/team/./app/tags/list"),
        ("dots", "/v2/team/app/../app/tags/list"),
        ("escaped", "/v2/team%2Fapp/tags/list"),
        ("a name in capitals", "/v2/Team/tags/list"),
        ("a name with a sign", "/v2/te$am/tags/list"),
        ("a name with bad separators", "/v2/team..app/tags/list"),
        ("a long name", f"/v2/{'a' * 256}/tags/list"),
        ("a name with a domain", "/v2/Host.Example/app/tags/list"),
        ("a name with a port", "/v2/host:5000/app/tags/list"),
        ("referrers", f"{APP}/referrers/{digest(content.OCI_IMAGE)}"),
    ):
        yield Case(route="path", method="GET", condition=told, target=target)
    yield Case(
        route="path", method="POST", condition="no slash at the end", target=f"{APP}/blobs/uploads"
    )


def _lists() -> Iterator[Case]:
    for query in (
        "",
        "?n=2",
        "?n=2&last=a/b",
        "?n=0",
        "?n=1000",
        "?last=zeta",
        "?last=nothing",
        "?n=-1",
        "?n=ten",
        "?n=",
        "?n=1001",
        "?n=99999999999999999999",
        "?last=",
        "?n=2&other=x",
    ):
        yield Case(
            route="catalog",
            method="GET",
            condition=query or "as it is",
            target=f"/v2/_catalog{query}",
        )
    for query in (
        "",
        "?n=2",
        "?n=2&last=docker",
        "?n=0",
        "?n=1000",
        "?last=untyped",
        "?last=b",
        "?n=-1",
        "?n=ten",
        "?n=",
        "?n=1001",
        "?last=",
        "?n=1&last=%22",
    ):
        yield Case(
            route="tags",
            method="GET",
            condition=query or "as it is",
            target=f"{APP}/tags/list{query}",
        )
    yield Case(
        route="tags", method="GET", condition="unknown repository", target="/v2/none/tags/list"
    )
    yield Case(
        route="tags",
        method="GET",
        condition="unknown repository, with last",
        target="/v2/none/tags/list?last=a",
    )
    yield Case(
        route="tags",
        method="GET",
        condition="a repository with blobs alone",
        target="/v2/team/other/tags/list",
    )
    for route, target in (("catalog", "/v2/_catalog"), ("tags", f"{APP}/tags/list")):
        for method in ("HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            yield Case(route=route, method=method, condition="as it is", target=target)


def _pulled() -> Iterator[Case]:
    named = {
        "oci": content.OCI_IMAGE,
        "docker": content.DOCKER_IMAGE,
        "untyped": content.UNTYPED,
        "index": content.OCI_INDEX,
        "list": content.DOCKER_LIST,
        "artifact": content.ARTIFACT,
    }
    for method in ("GET", "HEAD"):
        for name, body in named.items():
            for reference in (name, digest(body)):
                by = "by tag" if reference == name else "by digest"
                target = f"{APP}/manifests/{reference}"
                yield _manifest(method, f"{name} {by}, all accepted", target, ACCEPTING)
                yield _manifest(method, f"{name} {by}, nothing accepted", target, {})
                yield _manifest(
                    method, f"{name} {by}, anything accepted", target, {"Accept": "*/*"}
                )
        for told, value in (
            ("its tag", f'"{digest(content.OCI_IMAGE)}"'),
            ("its bare tag", digest(content.OCI_IMAGE)),
            ("its weak tag", f'W/"{digest(content.OCI_IMAGE)}"'),
            ("a list of tags", f'"x", "{digest(content.OCI_IMAGE)}"'),
            ("any tag", "*"),
            ("another tag", '"x"'),
        ):
            yield _manifest(
                method,
                f"If-None-Match with {told}",
                f"{APP}/manifests/oci",
                {**ACCEPTING, "If-None-Match": value},
            )
        yield _manifest(
            method,
            "If-None-Match of what is not there",
            f"{APP}/manifests/{ABSENT}",
            {**ACCEPTING, "If-None-Match": f'"{ABSENT}"'},
        )
        for told, reference in (
            ("unknown tag", "none"),
            ("unknown digest", ABSENT),
            ("short digest", SHORT),
            ("unknown algorithm", "md5:d41d8cd98f00b204e9800998ecf8427e"),
            ("unknown sha512", digest(content.ABSENT, "sha512")),
            ("a tag that cannot be", ".dot"),
            ("a tag that is too long", "a" * 129),
        ):
            yield _manifest(method, told, f"{APP}/manifests/{reference}", ACCEPTING)
        yield _manifest(method, "unknown repository", "/v2/none/manifests/v1", ACCEPTING)
    yield _manifest("GET", "a range", f"{APP}/manifests/oci", {**ACCEPTING, "Range": "bytes=0-3"})
    for told, fields in (
        ("with a name of one's own", {"Authorization": "Basic Ym9iOnB3"}),
        ("from a forwarded client", {"X-Forwarded-For": "192.0.2.1"}),
    ):
        yield _manifest("GET", told, f"{APP}/manifests/oci", {**ACCEPTING, **fields})
    for method in ("POST", "PATCH", "OPTIONS"):
        yield _manifest(method, "as it is", f"{APP}/manifests/oci", {})


def _pushed() -> Iterator[Case]:
    layer = content.described(content.LAYER, media_types.OCI_LAYER_GZIP)
    missing = content.described(content.ABSENT, media_types.OCI_LAYER_GZIP)
    also_missing = content.described(b"neither", media_types.OCI_LAYER_GZIP)
    url = {"urls": ["https://mirror.example/1"]}
    foreign = content.described(content.ABSENT, content.FOREIGN_LAYER)
    nondistributable = content.described(content.ABSENT, content.OCI_FOREIGN)
    child = content.described(content.OCI_IMAGE, OCI)
    orphan = content.described(content.ABSENT, OCI)
    images = (
        ("again", content.OCI_IMAGE, OCI),
        ("a new OCI image", content.image(annotations={"a": "new"}), OCI),
        ("a new Docker image", content.image(docker=True, new=1), DOCKER),
        ("a new index", content.index(child, annotations={"a": "new"}), INDEX),
        ("an empty index", content.index(), INDEX),
        (
            "a new list",
            content.index(content.described(content.DOCKER_IMAGE, DOCKER), docker=True, new=1),
            LIST,
        ),
        ("an artifact", content.ARTIFACT, OCI),
        ("a plugin", content.PLUGIN, DOCKER),
        ("no type in the document", content.UNTYPED, OCI),
        ("a type with parameters", content.OCI_IMAGE, f"{OCI}; charset=utf-8"),
        ("a missing layer", content.image(missing), OCI),
        ("two missing layers", content.image(missing, layer, also_missing), OCI),
        (
            "a missing layer of Docker's",
            content.image(content.described(content.ABSENT, content.DOCKER_LAYER), docker=True),
            DOCKER,
        ),
        (
            "a missing config",
            content.image(config=content.described(content.ABSENT, media_types.OCI_CONFIG)),
            OCI,
        ),
        ("a missing child", content.index(orphan), INDEX),
        ("a layer kept elsewhere", content.image(foreign | url, docker=True), DOCKER),
        ("a layer kept nowhere", content.image(foreign, docker=True), DOCKER),
        ("an OCI layer kept elsewhere", content.image(nondistributable | url), OCI),
        ("an OCI layer kept nowhere", content.image(nondistributable), OCI),
        (
            "a missing subject",
            content.image(subject=content.described(content.ABSENT, OCI), annotations={"s": "1"}),
            OCI,
        ),
        ("no JSON", b"not json", OCI),
        ("no object", b"[]", OCI),
        ("nothing", b"", OCI),
        ("an empty object", b"{}", OCI),
        ("no type said", content.OCI_IMAGE, ""),
        ("a type nobody knows", content.OCI_IMAGE, "application/json"),
        ("another type said", content.OCI_IMAGE, DOCKER),
        ("an index as image", content.OCI_INDEX, OCI),
        ("an image as index", content.OCI_IMAGE, INDEX),
        (
            "schema 1",
            b'{"schemaVersion":1,"name":"a","tag":"b"}',
            "application/vnd.docker.distribution.manifest.v1+json",
        ),
        ("another schema version", content.OCI_IMAGE.replace(b": 2", b": 3", 1), OCI),
        ("a bad digest inside", content.OCI_IMAGE.replace(b"sha256:", b"sha256:x", 1), OCI),
        ("an unknown algorithm inside", content.OCI_IMAGE.replace(b"sha256:", b"md5:", 1), OCI),
        ("image and index at once", content.image(manifests=[]), OCI),
        ("duplicate keys", b'{"schemaVersion":2,' + content.OCI_IMAGE[1:], OCI),
        ("too large", content.OCI_IMAGE + b" " * (4 << 20), OCI),
    )
    for told, body, kind in images:
        yield _put(told, "pushed", body, kind)
    new = content.image(annotations={"by": "digest"})
    yield _put("by digest", digest(new), new, OCI)
    yield _put("by another digest", ABSENT, new, OCI)
    yield _put("by sha512", digest(new, "sha512"), new, OCI)
    yield _put("by a short digest", SHORT, new, OCI)
    yield _put("with a tag that cannot be", ".dot", new, OCI)
    yield _put("with more tags", f"{digest(new)}?tag=t1&tag=t2", new, OCI)
    yield _put("to a new repository", "v1", content.index(), INDEX, name="brand/new")


def _blobs() -> Iterator[Case]:
    layer, large = digest(content.LAYER), digest(content.LARGE)
    for method in ("GET", "HEAD"):
        for told, name in (
            ("small", layer),
            ("large", large),
            ("empty", digest(content.EMPTY)),
            ("unknown", ABSENT),
            ("short digest", SHORT),
            ("unknown algorithm", "md5:d41d8cd98f00b204e9800998ecf8427e"),
            ("no digest", "latest"),
            ("capitals", layer.upper()),
            ("by sha512", digest(content.LAYER, "sha512")),
        ):
            yield _blob(method, told, name)
        yield _blob(method, "of another repository", digest(content.LOOSE), name="zeta")
        yield _blob(method, "unknown repository", layer, name="none")
        for told, value in (
            ("its tag", f'"{layer}"'),
            ("its bare tag", layer),
            ("its weak tag", f'W/"{layer}"'),
            ("any tag", "*"),
            ("another tag", '"x"'),
        ):
            yield _blob(method, f"If-None-Match with {told}", layer, {"If-None-Match": value})
        yield _blob(method, "If-Match with another tag", layer, {"If-Match": '"x"'})
        for told, value in (
            ("its beginning", "bytes=0-9"),
            ("its end", "bytes=-10"),
            ("from the middle", "bytes=100-"),
            ("beyond its end", "bytes=110-1000"),
            ("outside", "bytes=1000-"),
            ("backwards", "bytes=9-0"),
            ("no numbers", "bytes=a-b"),
            ("another unit", "lines=0-9"),
            ("two parts", "bytes=0-9,20-29"),
            ("nothing", "bytes=-0"),
            ("all", "bytes=0-"),
        ):
            yield _blob(method, f"range: {told}", layer, {"Range": value})
    same, other = f'"{layer}"', '"x"'
    for told, tag in (("its tag", same), ("another tag", other)):
        yield _blob("GET", f"If-Range with {told}", layer, {"Range": "bytes=0-9", "If-Range": tag})
    for method in ("POST", "PUT", "PATCH", "OPTIONS"):
        yield _blob(method, "as it is", layer)


def _uploads() -> Iterator[Case]:
    blob = b"0123456789" * 10
    for number, algorithm in enumerate(("sha256", "sha384", "sha512")):
        yield _begin(f"for {algorithm}")
        yield _finish(f"whole, {algorithm}", blob + bytes([number]), algorithm=algorithm)
    yield _begin("for a stream")
    yield _chunk("PATCH", "a stream", blob, chunked=True)
    yield _chunk("GET", "after a stream")
    yield _chunk("HEAD", "after a stream")
    yield _chunk("PATCH", "a stream of a type", b"x", {"Content-Type": OCTETS})
    yield _chunk("PUT", "without a digest")
    yield _chunk("PUT", "with a bad digest", also=f"digest={SHORT}")
    yield _chunk("PUT", "with an unknown algorithm", also="digest=md5:x")
    yield _finish("the end of a stream", blob + b"x", sent=b"")
    yield _finish("finished already", blob + b"x", sent=b"")
    yield _begin("for chunks")
    yield _chunk("GET", "before anything came")
    yield _chunk("PATCH", "a first chunk", blob[:50], {"Content-Range": "0-49"})
    yield _chunk("PATCH", "out of order", blob[60:], {"Content-Range": "60-99"})
    yield _chunk("PATCH", "another length", blob[50:], {"Content-Range": "50-98"})
    yield _chunk("PATCH", "backwards", blob[50:], {"Content-Range": "50-49"})
    yield _chunk("PATCH", "no numbers", blob[50:], {"Content-Range": "a-b"})
    yield _chunk("GET", "after a chunk")
    yield _chunk("PATCH", "a second chunk", blob[50:], {"Content-Range": "50-99"})
    yield _finish("the last chunk", blob, sent=b"")
    yield _begin("for another type")
    yield _chunk("PATCH", "a stream of another type", b"y", {"Content-Type": "text/plain"})
    yield _begin("for a unit")
    yield _chunk("PATCH", "a unit", b"0123456789", {"Content-Range": "bytes 0-9"})
    yield _begin("for another digest")
    yield _finish("another digest", blob, sent=b"something else")
    yield _chunk("GET", "after another digest")
    yield _begin("to be given up")
    yield _chunk("DELETE", "given up")
    yield _chunk("GET", "after it was given up")
    yield _chunk("DELETE", "given up again")
    yield _begin("for nothing")
    yield _finish("nothing at all", b"")
    yield _begin("for what is there")
    yield _finish("what is there", content.LAYER)
    yield _begin("for a made-up state")
    uploads = f"{APP}/blobs/uploads"
    for method in ("GET", "HEAD", "PATCH", "PUT", "DELETE", "POST"):
        yield Case(
            route="blob-upload-chunk",
            method=method,
            condition="unknown session",
            target=f"{uploads}/unknown?_state=x",
        )
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"):
        yield Case(route="blob-upload", method=method, condition="as it is", target=f"{uploads}/")
    yield Case(
        route="blob-upload-chunk",
        method="OPTIONS",
        condition="unknown session",
        target=f"{uploads}/unknown",
    )
    loose, other = digest(content.LOOSE), digest(content.OTHER)
    for told, query in (
        ("mounting", f"mount={other}&from=team/other"),
        ("mounting what is here", f"mount={loose}&from=team/app"),
        ("mounting what is not there", f"mount={ABSENT}&from=team/other"),
        ("mounting from nowhere", f"mount={loose}&from=none"),
        ("mounting from a bad name", f"mount={loose}&from=NONE"),
        ("mounting a bad digest", f"mount={SHORT}&from=team/other"),
        ("mounting without from", f"mount={digest(b'not anywhere')}"),
        ("from without mount", "from=team/other"),
        ("in one request", f"digest={digest(b'whole')}"),
        ("in one request, a bad digest", f"digest={SHORT}"),
    ):
        yield Case(
            route="blob-upload",
            method="POST",
            condition=told,
            target=f"{uploads}/?{query}",
            body=b"whole" if told.startswith("in one") else b"",
            headers={"Content-Type": OCTETS},
        )
    yield Case(
        route="blob-upload", method="POST", condition="bad name", target="/v2/Team/blobs/uploads/"
    )


def _gone() -> Iterator[Case]:
    doomed = "/v2/team/doomed"
    loose = digest(content.LOOSE)
    yield _manifest("DELETE", "a tag", f"{doomed}/manifests/v1", {})
    yield _manifest("DELETE", "a tag that is gone", f"{doomed}/manifests/v1", {})
    yield _manifest("GET", "a tag that is gone", f"{doomed}/manifests/v1", ACCEPTING)
    yield _manifest("GET", "another tag of the same", f"{doomed}/manifests/v2", ACCEPTING)
    target = f"{doomed}/manifests/{digest(content.OCI_IMAGE)}"
    yield _manifest("DELETE", "a digest", target, {})
    yield _manifest("DELETE", "a digest that is gone", target, {})
    yield _manifest("GET", "a tag of a digest that is gone", f"{doomed}/manifests/v2", ACCEPTING)
    yield _manifest("DELETE", "unknown tag", f"{APP}/manifests/none", {})
    yield _manifest("DELETE", "unknown digest", f"{APP}/manifests/{ABSENT}", {})
    yield _manifest("DELETE", "short digest", f"{APP}/manifests/{SHORT}", {})
    yield _manifest("DELETE", "unknown repository", "/v2/none/manifests/v1", {})
    yield Case(route="tags", method="GET", condition="after deleting", target=f"{doomed}/tags/list")
    yield _manifest("DELETE", "the last tag", f"{doomed}/manifests/v3", {})
    yield Case(
        route="tags", method="GET", condition="after deleting all", target=f"{doomed}/tags/list"
    )
    yield _blob("DELETE", "that nothing names", loose)
    yield _blob("DELETE", "that is gone", loose)
    yield _blob("GET", "that is gone", loose)
    yield _blob("DELETE", "unknown", ABSENT)
    yield _blob("DELETE", "short digest", SHORT)
    yield _blob("DELETE", "that an image names", digest(content.LAYER), name="a/b")
    yield Case(route="catalog", method="GET", condition="after deleting", target="/v2/_catalog?n=3")


def _hostile(prefix: str) -> Iterator[Case]:
    for told, data in (
        (
            "two lengths",
            b"GET {p}/v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        ),
        (
            "length and coding",
            (
                b"GET {p}/v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "an unknown coding",
            b"GET {p}/v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        ),
        ("no host", b"GET {p}/v2/ HTTP/1.1\r\n\r\n"),
        ("HTTP/1.0", b"GET {p}/v2/ HTTP/1.0\r\n\r\n"),
        ("HTTP/3.0", b"GET {p}/v2/ HTTP/3.0\r\nHost: x\r\n\r\n"),
        ("no version", b"GET {p}/v2/\r\n\r\n"),
        ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
        ("a space in a field", b"GET {p}/v2/ HTTP/1.1\r\nHost: x\r\nBad Name: x\r\n\r\n"),
        ("a folded field", b"GET {p}/v2/ HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n"),
        ("a NUL in a field", b"GET {p}/v2/ HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n"),
        ("an absolute target", b"GET http://x{p}/v2/ HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("a bad host", b"GET {p}/v2/ HTTP/1.1\r\nHost: a b\r\n\r\n"),
    ):
        raw = data.replace(b"{p}", prefix.encode())
        yield Case(route="hostile", method="GET", condition=told, raw=raw)
    for told, fields in (
        ("a forwarded host", {"X-Forwarded-Host": "out.example"}),
        ("forwarded hosts", {"X-Forwarded-Host": "out.example, in.example"}),
        ("a forwarded scheme", {"X-Forwarded-Proto": "https"}),
        ("a forwarded scheme nobody knows", {"X-Forwarded-Proto": "gopher"}),
        ("a forwarded host with a user", {"X-Forwarded-Host": "user@out.example"}),
        ("a forwarded host with a path", {"X-Forwarded-Host": "out.example/path"}),
        ("Forwarded", {"Forwarded": "for=192.0.2.1;proto=https;host=out.example"}),
        ("Forwarded, quoted", {"Forwarded": 'host="out.example:8443";proto=https'}),
        ("Forwarded, two", {"Forwarded": "host=one.example, host=two.example"}),
        ("Forwarded, broken", {"Forwarded": "((", "X-Forwarded-Host": "out.example"}),
        ("a forwarded port", {"X-Forwarded-Port": "8443"}),
        ("a host of its own", {"Host": "named.example:5000"}),
        ("a forwarded client", {"X-Forwarded-For": "192.0.2.1, 192.0.2.2"}),
        ("a forwarded client with a port", {"X-Forwarded-For": "192.0.2.1:4711"}),
        ("a forwarded client in brackets", {"X-Forwarded-For": "[2001:db8::1]"}),
        ("a real client", {"X-Forwarded-For": "nobody", "X-Real-Ip": "2001:DB8::1"}),
        ("a real client with a port", {"X-Real-Ip": "192.0.2.1:4711"}),
    ):
        yield Case(
            route="blob-upload",
            method="POST",
            condition=told,
            target=f"{prefix}{APP}/blobs/uploads/",
            headers=fields,
        )


def _manifest(method: str, told: str, target: str, headers: dict[str, str]) -> Case:
    return Case(route="manifest", method=method, condition=told, target=target, headers=headers)


def _put(told: str, reference: str, body: bytes, kind: str, *, name: str = "team/app") -> Case:
    return Case(
        route="manifest",
        method="PUT",
        condition=told,
        target=f"/v2/{name}/manifests/{reference}",
        headers={"Content-Type": kind},
        body=body,
    )


def _blob(
    method: str,
    told: str,
    wanted: str,
    headers: dict[str, str] | None = None,
    *,
    name: str = "team/app",
) -> Case:
    target = f"/v2/{name}/blobs/{wanted}"
    return Case(route="blob", method=method, condition=told, target=target, headers=headers or {})


def _begin(told: str, target: str = f"{APP}/blobs/uploads/") -> Case:
    return Case(route="blob-upload", method="POST", condition=told, target=target, saves="upload")


def _chunk(
    method: str,
    told: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    **more: object,
) -> Case:
    return Case(
        route="blob-upload-chunk",
        method=method,
        condition=told,
        target="{upload}",
        body=body,
        headers=headers or {},
        saves="upload" if method == "PATCH" and not told.startswith(_FAILING) else "",
        **more,  # type: ignore[arg-type]  # as the caller says
    )


_FAILING = ("out of", "another", "backwards", "no numbers", "a unit", "a stream of another")
"""After these the session is where it was."""


def _finish(
    told: str, blob: bytes, *, sent: bytes | None = None, algorithm: str = "sha256"
) -> Case:
    return Case(
        route="blob-upload-chunk",
        method="PUT",
        condition=told,
        target="{upload}",
        body=blob if sent is None else sent,
        also=f"digest={digest(blob, algorithm)}",
        headers={"Content-Type": OCTETS},
    )
