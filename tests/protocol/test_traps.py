"""What has broken other registries, one test for each trap; docs/reference/traps.md lists them."""

import json
import logging
from collections.abc import Callable, Sequence
from email.parser import BytesParser

import pytest

from lading.auth.anonymous import Anonymous
from lading.errors import Unauthorized
from lading.interfaces.access import ANONYMOUS, Access, Action, Credentials, Occasion, Principal
from lading.oci.digest import Digest
from lading.oci.media_types import OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST, OCTETS
from lading.oci.names import RepositoryName
from lading.registry.guard import GuardedRegistry
from lading.registry.registry import LocalRegistry
from lading.testing import samples
from tests.protocol.exchange import Answer, Exchange

Serve = Callable[..., Exchange]

NAME = RepositoryName("a")
NOTHING = Digest.of(b"never pushed")


class May:
    """Lets everybody do some things in some repositories, and everything in the others."""

    def __init__(self, name: str, *actions: Action) -> None:
        self._name = name
        self._actions = actions

    def allows(
        self, principal: Principal, action: Action, repository: RepositoryName | None
    ) -> bool:
        """Whether it is another repository, or one of the actions."""
        return repository != self._name or action in self._actions


def json_bytes(document: object) -> bytes:
    """*document* as some client writes it."""
    return json.dumps(document, indent=3).encode()


async def put(ask: Exchange, reference: object, body: bytes, media_type: str) -> Answer:
    """Push a manifest that no sample has."""
    return await ask("PUT", f"/v2/a/manifests/{reference}", body, {"Content-Type": media_type})


async def test_t1_bodies_need_no_length(ask: Exchange) -> None:
    """Manifests and empty blobs come in chunked encoding, without Content-Length."""
    empty = samples.index()
    location = await ask.begin("a")

    blob = await ask("PUT", f"{location}?digest={Digest.of(b'')}", chunked=True)
    manifest = await ask(
        "PUT", "/v2/a/manifests/v1", empty.body, {"Content-Type": OCI_INDEX}, chunked=True
    )

    assert (blob.status, manifest.status) == (201, 201)


async def test_t2_answers_are_never_compressed(ask: Exchange) -> None:
    """Compression would change lengths and bytes; what was pushed is what is served."""
    manifest = await ask.push_image("a", "v1")

    answer = await ask("GET", "/v2/a/manifests/v1", fields={"Accept-Encoding": "gzip"})

    assert answer.body == manifest.body
    assert "Content-Encoding" not in answer


async def test_t3_digest_that_was_asked_for_is_answered(ask: Exchange) -> None:
    """Content pushed by sha512 goes by sha512, whether asked by digest or by tag."""
    content = samples.layer("t3")
    digest = Digest.of(content, "sha512")
    location = await ask.begin("a")
    index = samples.index(algorithm="sha512")

    await ask("PUT", f"{location}?digest={digest}", content)
    await put(ask, f"{index.digest}?tag=v1", index.body, OCI_INDEX)

    blob = await ask("HEAD", f"/v2/a/blobs/{digest}")
    tagged = await ask("GET", "/v2/a/manifests/v1")
    assert blob["Docker-Content-Digest"] == str(digest)
    assert tagged["Docker-Content-Digest"] == str(index.digest)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_t4_malformed_digest_is_no_tag(ask: Exchange, method: str) -> None:
    """Whatever has a colon is a digest, and a bad one is the caller's fault."""
    answer = await ask(method, "/v2/a/manifests/sha256:baddigeststring")

    assert answer.status == 400


async def test_t5_closing_put_honours_its_content_range(ask: Exchange) -> None:
    """A last chunk out of order is refused, and the session lives on."""
    location = await ask.begin("a")
    await ask("PATCH", location, b"0123", {"Content-Range": "0-3"})
    target = f"{location}?digest={Digest.of(b'01234567')}"

    wrong = await ask("PUT", target, b"4567", {"Content-Range": "8-11"})
    right = await ask("PUT", target, b"4567", {"Content-Range": "4-7"})

    assert (wrong.status, wrong["Range"], wrong["Location"]) == (416, "0-3", location)
    assert right.status == 201


async def test_t5_content_range_is_told_as_it_was_sent(ask: Exchange) -> None:
    """Whoever looks for a number that is too large finds it in the refusal."""
    location = await ask.begin("a")
    said = f"{'9' * 23}-{'9' * 23}"

    answer = await ask("PATCH", location, b"0123", {"Content-Range": said})

    assert answer.status == 400
    assert f"Content-Range {said} with 4 bytes" in answer.body.decode()


async def test_t6_empty_session_tells_a_range_that_docker_reads(ask: Exchange) -> None:
    """``0-0`` by custom; ``0--1`` breaks docker."""
    answer = await ask("GET", await ask.begin("a"))

    assert (answer.status, answer["Range"]) == (204, "0-0")


async def test_t7_range_is_that_of_the_whole_upload(ask: Exchange) -> None:
    """The end that is told counts from the beginning of the upload, not of the chunk."""
    location = await ask.begin("a")
    await ask("PATCH", location, b"0123", {"Content-Range": "0-3"})

    answer = await ask("PATCH", location, b"4567", {"Content-Range": "4-7"})

    assert (answer.status, answer["Range"]) == (202, "0-7")


async def test_t8_deletion_that_cannot_be_is_405(ask: Exchange) -> None:
    """A blob that a manifest names stays, and 400 would fail the conformance suite."""
    await ask.push_image("a", "v1")
    layer = Digest.of(samples.image().blobs[0])

    answer = await ask("DELETE", f"/v2/a/blobs/{layer}")

    assert (answer.status, answer.codes) == (405, ["UNSUPPORTED"])


async def test_t9_referrers_are_never_404_and_bad_manifests_are_400(ask: Exchange) -> None:
    """A client that sees 404 would believe that there is no such API."""
    referrers = await ask("GET", f"/v2/nowhere/referrers/{NOTHING}")
    invalid = await put(ask, "v1", b"no manifest", OCI_MANIFEST)
    missing = await put(ask, "v1", samples.image().manifest.body, OCI_MANIFEST)

    assert (referrers.status, referrers.json["manifests"]) == (200, [])
    assert (invalid.status, invalid.codes) == (400, ["MANIFEST_INVALID"])
    assert (missing.status, missing.codes) == (400, ["MANIFEST_BLOB_UNKNOWN"] * 3)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_t10_reading_never_mounts(ask: Exchange, method: str) -> None:
    """A deleted blob stays deleted, though another repository has it."""
    digest = await ask.push_blob("a", b"shared")
    await ask.push_blob("b", b"shared")
    await ask("DELETE", f"/v2/a/blobs/{digest}")

    answers = [await ask(method, f"/v2/a/blobs/{digest}") for _ in range(2)]

    assert [answer.status for answer in answers] == [404, 404]


async def test_t11_deleting_a_blob_leaves_other_repositories_alone(ask: Exchange) -> None:
    """Bytes are shared, permissions to read them are not."""
    digest = await ask.push_blob("a", b"shared")
    await ask.push_blob("b", b"shared")

    deleted = await ask("DELETE", f"/v2/a/blobs/{digest}")
    other = await ask("GET", f"/v2/b/blobs/{digest}")

    assert deleted.status == 202
    assert (other.status, other.body) == (200, b"shared")


async def test_t12_range_that_ends_before_it_begins_is_416(ask: Exchange) -> None:
    """HTTP would let it be ignored; the conformance suite and Go do not."""
    digest = await ask.push_blob("a", samples.blob(2048))

    answer = await ask("GET", f"/v2/a/blobs/{digest}", fields={"Range": "bytes=500-0"})

    assert (answer.status, answer["Content-Range"]) == (416, "bytes */2048")


@pytest.mark.parametrize(
    "query",
    [
        f"mount={NOTHING}&from=b",
        f"mount={NOTHING}",
        "from=b",
        "mount=nonsense&from=b",
        f"mount={NOTHING}&from=NOT%20A%20NAME",
        "mount=&from=",
    ],
)
async def test_t13_mount_that_cannot_be_is_a_session(ask: Exchange, query: str) -> None:
    """Clients go on with an upload after 202, and fail after anything else."""
    location = await ask.begin("a", f"?{query}")

    answer = await ask("PUT", f"{location}?digest={Digest.of(b'x')}", b"x")

    assert answer.status == 201


@pytest.mark.parametrize(
    ("document", "media_type"),
    [
        ({"schemaVersion": 2, "manifests": []}, OCI_INDEX),
        ({"schemaVersion": 2, "config": "config", "layers": []}, OCI_MANIFEST),
    ],
)
async def test_t14_manifests_may_be_as_bare_as_the_spec_lets_them(
    ask: Exchange, document: dict[str, object], media_type: str
) -> None:
    """No layers, no children, a config of an unknown type, no mediaType: kept to the byte."""
    digest = await ask.push_blob("a", b"who knows")
    if "config" in document:
        document["config"] = {
            "mediaType": "application/vnd.unheard.of+json",
            "digest": str(digest),
            "size": 9,
        }
    body = json_bytes(document)

    pushed = await put(ask, "v1", body, media_type)
    pulled = await ask("GET", "/v2/a/manifests/v1")

    assert pushed.status == 201
    assert (pulled.body, pulled["Content-Type"]) == (body, media_type)


async def test_t15_what_need_not_be_here_is_not_asked_for(ask: Exchange, serve: Serve) -> None:
    """Non-distributable layers and subjects may be missing; with sparse, everything may."""
    await ask.push_blob("a", samples.EMPTY)
    foreign = samples.described(
        b"elsewhere", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    )
    subject = samples.image().manifest.descriptor
    sparse = serve(sparse=True)

    away = await ask.push_manifest("a", samples.image_manifest(layers=[foreign], subject=subject))
    missing = await sparse.push_manifest("a", samples.image().manifest)

    assert (away.status, missing.status) == (201, 201)


async def test_t16_manifest_needs_no_tag(ask: Exchange) -> None:
    """What was pushed by digest is pulled by digest."""
    manifest = await ask.push_image("a")

    answer = await ask("GET", f"/v2/a/manifests/{manifest.digest}")

    assert answer.body == manifest.body


async def test_t17_locations_stay_within_the_repository(ask: Exchange) -> None:
    """The conformance suite finds its credentials by the location's path."""
    location = await ask.begin("team/app")
    patched = await ask("PATCH", location, b"x")
    pushed = await ask("PUT", f"{location}?digest={Digest.of(b'x')}")

    for found in (location, patched["Location"], pushed["Location"]):
        assert found.startswith("/v2/team/app/blobs/")


async def test_t18_refused_deletion_asks_for_the_right_to_delete(
    serve: Serve, registry: LocalRegistry
) -> None:
    """The right to push, which a client may have, would not help; the error names the other one."""
    policy = May("a", Action.PULL, Action.PUSH)
    ask = serve(policy=policy)
    manifest = await ask.push_image("a", "v1")
    guarded = GuardedRegistry(registry, policy, Occasion(ANONYMOUS)).repository(NAME)

    answer = await ask("DELETE", "/v2/a/manifests/v1")
    with pytest.raises(Unauthorized) as caught:
        await guarded.delete_manifest(manifest.digest)

    assert (answer.status, answer.codes) == (401, ["UNAUTHORIZED"])
    assert "delete a" in answer.json["errors"][0]["message"]
    assert caught.value.scope == "repository:a:delete"


async def test_t19_tags_are_in_byte_order_and_last_is_compared_alike(ask: Exchange) -> None:
    """Capital letters come before small ones, digits before both."""
    names = ["b", "B", "a-1", "a.1", "a_1", "A", "1", "10", "2", "_"]
    await ask.push_image("a", *names)

    everything = await ask("GET", "/v2/a/tags/list")
    after = await ask("GET", "/v2/a/tags/list?last=B")

    assert everything.json["tags"] == sorted(names)
    assert after.json["tags"] == [name for name in sorted(names) if name > "B"]


async def test_t20_old_locations_stay_valid(ask: Exchange) -> None:
    """Clients that retry go back to an earlier location of the session."""
    first = await ask.begin("a")
    await ask("PATCH", first, b"0123", {"Content-Range": "0-3"})

    status = await ask("GET", f"{first}?_state=stale")
    repeated = await ask("PATCH", first, b"0123", {"Content-Range": "0-3"})

    assert (status.status, status["Range"]) == (204, "0-3")
    assert repeated.status == 416


async def test_t21_docker_pushes_a_layer(ask: Exchange) -> None:
    """HEAD, POST, PATCH without a length, PUT, HEAD."""
    content = samples.layer("t21", 5000)
    digest = Digest.of(content)

    before = await ask("HEAD", f"/v2/a/blobs/{digest}")
    begun = await ask("POST", "/v2/a/blobs/uploads/")
    sent = await ask("PATCH", begun["Location"], content, chunked=True)
    done = await ask("PUT", f"{sent['Location']}?digest={digest}")
    after = await ask("HEAD", f"/v2/a/blobs/{digest}")

    assert [each.status for each in (before, begun, sent, done, after)] == [404, 202, 202, 201, 200]
    assert begun["Docker-Upload-UUID"]
    assert sent["Range"] == "0-4999"
    assert after["Content-Length"] == "5000"


async def test_t22_docker_finds_what_it_reads_in_answers(ask: Exchange) -> None:
    """Digest, type and length of a manifest; the length of a blob after its mount."""
    manifest = await ask.push_image("a")
    pushed = await ask.push_manifest("a", manifest, "v1")
    layer = Digest.of(samples.image().blobs[1])

    head = await ask("HEAD", "/v2/a/manifests/v1")
    mounted = await ask("POST", f"/v2/b/blobs/uploads/?mount={layer}&from=a")
    there = await ask("HEAD", f"/v2/b/blobs/{layer}")

    assert Digest.parse(pushed["Docker-Content-Digest"]) == manifest.digest
    assert head["Docker-Content-Digest"] == str(manifest.digest)
    assert head["Content-Type"] == manifest.media_type
    assert head["Content-Length"] == str(len(manifest.body))
    assert mounted.status == 201
    assert there["Content-Length"] == "100"


async def test_t23_locations_name_no_host(ask: Exchange) -> None:
    """Behind a proxy nobody knows scheme and host for sure."""
    answer = await ask(
        "POST", "/v2/a/blobs/uploads/", fields={"Host": "x", "X-Forwarded-Proto": "https"}
    )

    assert answer["Location"].startswith("/v2/a/blobs/uploads/")


async def test_t24_codes_say_what_docker_tells_its_user(
    serve: Serve, registry: LocalRegistry
) -> None:
    """Who may not is told so, and who has to wait is told that."""

    class Known(Anonymous):
        async def authenticate(
            self, credentials: Credentials | None, *, wanted: Sequence[Access], peer: str
        ) -> Principal:
            return Principal("somebody")

    ask = serve(policy=May("a", Action.PUSH), authenticator=Known())
    for _ in range(100):
        await registry.repository(RepositoryName("a")).start_upload()

    denied = await ask("GET", "/v2/a/manifests/v1")
    busy = await ask("POST", "/v2/a/blobs/uploads/")

    assert (denied.status, denied.codes) == (403, ["DENIED"])
    assert (busy.status, busy.codes) == (429, ["TOOMANYREQUESTS"])


async def test_t25_repeated_fields_are_read(ask: Exchange) -> None:
    """After a redirect docker sends Accept and Range twice."""
    digest = await ask.push_blob("a", b"0123456789")
    await ask.push_image("a", "v1")
    twice = [("Range", "bytes=2-3"), ("Range", "bytes=2-3")]

    blob = await ask("GET", f"/v2/a/blobs/{digest}", fields=twice)
    manifest = await ask(
        "GET", "/v2/a/manifests/v1", fields=[("Accept", OCI_INDEX), ("Accept", OCI_MANIFEST)]
    )

    assert (blob.status, blob.body) == (206, b"23")
    assert manifest.status == 200


async def test_t26_every_201_tells_the_digest(ask: Exchange) -> None:
    """Released versions of containerd fail without it."""
    digest = Digest.of(b"x")
    single = await ask("POST", f"/v2/a/blobs/uploads/?digest={digest}", b"x")
    closed = await ask("PUT", f"{await ask.begin('a')}?digest={digest}", b"x")
    mounted = await ask("POST", f"/v2/b/blobs/uploads/?mount={digest}&from=a")
    manifest = await put(ask, "v1", samples.index().body, OCI_INDEX)

    for answer in (single, closed, mounted):
        assert (answer.status, answer["Docker-Content-Digest"]) == (201, str(digest))
    assert manifest["Docker-Content-Digest"] == str(samples.index().digest)


async def test_t27_containerd_pushes_a_layer_in_one_put(ask: Exchange) -> None:
    """HEAD, POST, and one PUT with all of it, however long it is."""
    content = samples.layer("t27", 3 << 20)
    digest = Digest.of(content)

    before = await ask("HEAD", f"/v2/a/blobs/{digest}")
    location = await ask.begin("a")
    done = await ask("PUT", f"{location}?digest={digest}", content)

    assert (before.status, done.status) == (404, 201)


async def test_t28_containerd_resolves_by_head_and_finds_blobs_after_manifests(
    ask: Exchange,
) -> None:
    """``name@digest`` is tried as a manifest first and as a blob after a 404."""
    digest = await ask.push_blob("a", b"a blob")

    manifest = await ask("HEAD", f"/v2/a/manifests/{digest}")
    blob = await ask("HEAD", f"/v2/a/blobs/{digest}")

    assert (manifest.status, blob.status) == (404, 200)
    assert blob["Docker-Content-Digest"] == str(digest)


async def test_t29_containerd_accepts_encodings_that_it_does_not_get(ask: Exchange) -> None:
    """It offers zstd and gzip with every GET, and takes everything by ``*/*``."""
    digest = await ask.push_blob("a", b"plain")
    fields = {
        "Accept": f"{OCI_LAYER_GZIP}, */*",
        "Accept-Encoding": "zstd;q=1.0, gzip;q=0.8, deflate;q=0.5",
    }

    answer = await ask("GET", f"/v2/a/blobs/{digest}", fields=fields)

    assert (answer.body, answer["Content-Type"]) == (b"plain", OCTETS)


async def test_t30_containerd_resumes_blobs_and_ranges_manifests(ask: Exchange) -> None:
    """``bytes=N-`` on blobs is exact; ``bytes=0-`` on a manifest gives all of it."""
    manifest = await ask.push_image("a", "v1")
    digest = await ask.push_blob("a", b"0123456789")

    blob = await ask("GET", f"/v2/a/blobs/{digest}", fields={"Range": "bytes=4-"})
    whole = await ask("GET", "/v2/a/manifests/v1", fields={"Range": "bytes=0-"})

    assert (blob.status, blob.body, blob["Content-Range"]) == (206, b"456789", "bytes 4-9/10")
    assert (whole.status, whole.body) == (200, manifest.body)


async def test_t31_mount_from_where_one_may_not_read_is_a_session(serve: Serve) -> None:
    """403 would fail the push; and whether the blob is there is not told."""
    ask = serve(policy=May("secret", Action.PUSH))
    digest = await ask.push_blob("secret", b"x")

    named = await ask("POST", f"/v2/a/blobs/uploads/?mount={digest}&from=secret")
    anonymous = await ask("POST", f"/v2/a/blobs/uploads/?mount={digest}")

    assert (named.status, anonymous.status) == (202, 202)


async def test_t32_unknown_parameters_are_ignored(ask: Exchange) -> None:
    """Mirrors add ``ns`` to everything, other clients add what they like."""
    await ask.push_image("a", "v1")
    digest = await ask.push_blob("a", b"x")
    more = "ns=docker.io&_state=%00&x"

    found = [
        await ask("GET", f"/v2/?{more}"),
        await ask("GET", f"/v2/a/manifests/v1?{more}"),
        await ask("GET", f"/v2/a/blobs/{digest}?{more}"),
        await ask("GET", f"/v2/a/tags/list?{more}"),
        await ask("GET", f"/v2/a/referrers/{NOTHING}?{more}"),
        await ask("GET", f"/v2/_catalog?{more}"),
    ]

    assert {answer.status for answer in found} == {200}


async def test_t33_waiting_is_told_in_seconds(serve: Serve, registry: LocalRegistry) -> None:
    """Newer clients honour Retry-After up to a minute."""
    for _ in range(100):
        await registry.repository(RepositoryName("a")).start_upload()

    answer = await serve()("POST", "/v2/a/blobs/uploads/")

    assert answer.status == 429
    assert 1 <= int(answer["Retry-After"]) <= 60


async def test_t34_build_cache_is_an_index_of_blobs(ask: Exchange) -> None:
    """BuildKit lists layers in an index: they are looked for as blobs, and kept as such."""
    layer = await ask.push_blob("a", samples.layer("cache"))
    config = await ask.push_blob("a", samples.config("cache"))
    body = json_bytes(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [
                {"mediaType": OCI_LAYER_GZIP, "digest": str(layer), "size": 100},
                {
                    "mediaType": "application/vnd.buildkit.cacheconfig.v0",
                    "digest": str(config),
                    "size": len(samples.config("cache")),
                },
            ],
        }
    )

    pushed = await put(ask, "cache", body, OCI_INDEX)
    kept = await ask("DELETE", f"/v2/a/blobs/{layer}")

    assert (pushed.status, kept.status) == (201, 405)


async def test_t35_attestations_are_children_like_others(ask: Exchange) -> None:
    """Entries for ``unknown/unknown`` whose manifests were pushed by digest only."""
    child = await ask.push_image("a")
    entry = child.descriptor.as_json() | {
        "platform": {"architecture": "unknown", "os": "unknown"},
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
    }
    body = json_bytes({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]})

    pushed = await put(ask, "v1", body, OCI_INDEX)

    assert pushed.status == 201


async def test_t36_refusals_are_logged_here(
    ask: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    """Many clients swallow what they are told."""
    with caplog.at_level(logging.INFO, "lading.http"):
        await put(ask, "v1", b"{}", OCI_MANIFEST)

    (record,) = caplog.records
    assert record.__dict__["code"] == "MANIFEST_INVALID"
    assert "schemaVersion" in record.__dict__["reason"]


async def test_t37_crane_pushes_a_layer(ask: Exchange) -> None:
    """POST says it has JSON and has nothing, names an origin, and PATCH has a length, no range."""
    digest = Digest.of(b"layer")
    begun = await ask(
        "POST",
        f"/v2/a/blobs/uploads/?mount={digest}&from=b&origin=elsewhere.example",
        fields={"Content-Type": "application/json"},
    )

    sent = await ask("PATCH", begun["Location"], b"layer")
    done = await ask("PUT", f"{sent['Location']}?digest={digest}")

    assert (begun.status, sent.status, done.status) == (202, 202, 201)


async def test_t38_locations_lead_to_the_same_host(ask: Exchange) -> None:
    """A relative location cannot lead to an address that a client must not follow."""
    pushed = await put(ask, "v1", samples.index().body, OCI_INDEX)

    assert pushed["Location"] == f"/v2/a/manifests/{samples.index().digest}"


async def test_t39_referrers_have_exactly_the_type_of_an_index(ask: Exchange) -> None:
    """Crane compares it with nothing more and nothing less, and follows no links."""
    image = await ask.push_image("a")
    for seed in range(50):
        await ask.push_artifact("a", samples.artifact(image, seed=seed))

    answer = await ask("GET", f"/v2/a/referrers/{image.digest}")

    assert answer["Content-Type"] == OCI_INDEX
    assert len(answer.json["manifests"]) == 50
    assert "Link" not in answer


async def test_t40_head_is_complete_and_links_stay_here(ask: Exchange) -> None:
    """Type, length and digest of a manifest; links without scheme and host."""
    await ask.push_image("a", "v1", "v2")

    head = await ask("HEAD", "/v2/a/manifests/v1")
    page = await ask("GET", "/v2/a/tags/list?n=1")

    assert all(name in head for name in ("Content-Type", "Content-Length", "Docker-Content-Digest"))
    assert page["Link"] == '</v2/a/tags/list?last=v1&n=1>; rel="next"'


async def test_t41_deleting_needs_the_right_to_delete_and_no_other(serve: Serve) -> None:
    """The action is called delete; the right to push is not enough and not needed."""
    image = await serve().push_image("a", "v1")
    ask = serve(policy=May("a", Action.DELETE))

    answer = await ask("DELETE", f"/v2/a/manifests/{image.digest}")

    assert answer.status == 202


async def test_t42_signatures_have_plain_tags(ask: Exchange) -> None:
    """Cosign's tags and the fallback tag of referrers are tags like all others."""
    image = await ask.push_image("a", "v1")
    stem = f"sha256-{image.digest.value}"
    names = [stem, f"{stem}.att", f"{stem}.sbom", f"{stem}.sig"]

    await ask.push_manifest("a", samples.index(), *names)

    listed = await ask("GET", "/v2/a/tags/list")
    assert listed.json["tags"] == [*names, "v1"]


async def test_t43_oras_finds_out_about_referrers(ask: Exchange) -> None:
    """It asks for those of a digest of zeros, in a repository that may not exist."""
    probe = await ask("GET", f"/v2/nowhere/referrers/sha256:{'0' * 64}")
    image = await ask.push_image("a")
    await ask.push_blob("a", samples.EMPTY)
    pushed = await ask.push_manifest("a", samples.artifact(image))

    assert (probe.status, probe["Content-Type"]) == (200, OCI_INDEX)
    assert pushed["OCI-Subject"] == str(image.digest)


async def test_t44_tag_that_looks_like_a_digest_is_a_tag(ask: Exchange) -> None:
    """Otherwise an image would look like its own referrers."""
    image = await ask.push_image("a", "v1")

    answer = await ask("GET", f"/v2/a/manifests/sha256-{image.digest.value}")

    assert (answer.status, answer.codes) == (404, ["MANIFEST_UNKNOWN"])


async def test_t45_oras_finds_what_it_relies_on(ask: Exchange) -> None:
    """``n`` on referrers is harmless, blobs can be sought in, deletions name no other digest."""
    image = await ask.push_image("a")
    digest = await ask.push_blob("a", b"x")

    referrers = await ask("GET", f"/v2/a/referrers/{image.digest}?n=5")
    blob = await ask("GET", f"/v2/a/blobs/{digest}")
    deleted = await ask("DELETE", f"/v2/a/blobs/{digest}")

    assert referrers.status == 200
    assert blob["Accept-Ranges"] == "bytes"
    assert deleted.all("Docker-Content-Digest") in ([], [str(digest)])


async def test_t46_pushing_a_manifest_again_changes_nothing(ask: Exchange) -> None:
    """Tagging is the same PUT under another name, and may be repeated."""
    image = await ask.push_image("a", "v1")

    again = [await ask.push_manifest("a", image, "v1") for _ in range(2)]

    assert {answer["Docker-Content-Digest"] for answer in again} == {str(image.digest)}
    assert (await ask("GET", "/v2/a/tags/list")).json["tags"] == ["v1"]


async def test_t47_helm_charts_are_kept(ask: Exchange) -> None:
    """A config of helm's type, no mediaType, and versions with ``_`` for ``+``."""
    config = await ask.push_blob("a", b'{"name":"chart"}')
    body = json_bytes(
        {
            "schemaVersion": 2,
            "config": {
                "mediaType": "application/vnd.cncf.helm.config.v1+json",
                "digest": str(config),
                "size": 16,
            },
            "layers": [],
        }
    )

    pushed = await put(ask, "1.2.3_build.4", body, OCI_MANIFEST)
    listed = await ask("GET", "/v2/a/tags/list")

    assert pushed.status == 201
    assert listed.json["tags"] == ["1.2.3_build.4"]


async def test_t48_podman_reads_many_parts_at_once(ask: Exchange) -> None:
    """Parts of zstd:chunked layers come as multipart/byteranges, in the order asked for."""
    content = samples.blob(2000)
    digest = await ask.push_blob("a", content)

    answer = await ask(
        "GET", f"/v2/a/blobs/{digest}", fields={"Range": "bytes=500-509,0-9,-5,1990-5000"}
    )

    assert answer.status == 206
    message = BytesParser().parsebytes(
        b"Content-Type: " + answer["Content-Type"].encode() + b"\r\n\r\n" + answer.body
    )
    parts = message.get_payload()
    assert isinstance(parts, list)
    told = [part["Content-Range"] for part in parts]  # type: ignore[index]  # messages
    assert told == [
        "bytes 500-509/2000",
        "bytes 0-9/2000",
        "bytes 1995-1999/2000",
        "bytes 1990-1999/2000",
    ]
    for piece in (content[500:510], content[:10], content[-5:], content[1990:]):
        assert piece in answer.body


async def test_t49_podman_gives_up_a_session_with_the_right_to_push(serve: Serve) -> None:
    """After a mount that came to nothing it deletes the session and expects 204."""
    ask = serve(policy=May("a", Action.PUSH, Action.PULL))
    location = await ask.begin("a", f"?mount={NOTHING}&from=b")

    answer = await ask("DELETE", location)
    after = await ask("GET", location)

    assert (answer.status, after.status) == (204, 404)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b'{"schemaVersion":1}', "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        (b'{"schemaVersion":2,"manifests":[]}', "application/vnd.oci.image.manifest.v1+json"),
        (b"{}", "text/plain"),
    ],
)
async def test_t50_format_that_is_not_taken_has_the_code_that_podman_expects(
    ask: Exchange, body: bytes, media_type: str
) -> None:
    """It tries another format after MANIFEST_INVALID, and gives up after anything else."""
    answer = await put(ask, "v1", body, media_type)

    assert (answer.status, answer.codes) == (400, ["MANIFEST_INVALID"])


async def test_t51_one_challenge_is_enough(serve: Serve, registry: LocalRegistry) -> None:
    """A mount needs rights in two repositories; it asks for the first one that is missing."""
    policy = May("a", Action.PULL)
    ask = serve(policy=policy)
    guarded = GuardedRegistry(registry, policy, Occasion(ANONYMOUS)).repository(NAME)

    answer = await ask("POST", f"/v2/a/blobs/uploads/?mount={NOTHING}&from=b")
    with pytest.raises(Unauthorized) as caught:
        await guarded.mount_blob(NOTHING, RepositoryName("b"))

    assert answer.status == 401
    assert answer.all("WWW-Authenticate") == ['Basic realm="lading"']
    assert caught.value.scope == "repository:a:push"


async def test_t52_long_tag_lists_are_read_page_by_page(ask: Exchange) -> None:
    """Following links gives every tag once."""
    names = [f"v{number:03}" for number in range(25)]
    await ask.push_image("a", *names)
    target: str | None = "/v2/a/tags/list?n=10"
    found: list[str] = []
    pages = 0

    while target is not None:
        answer = await ask("GET", target)
        found += answer.json["tags"]
        pages += 1
        links = answer.all("Link")
        target = links[0].partition(">")[0].removeprefix("<") if links else None

    assert found == names
    assert pages == 3
