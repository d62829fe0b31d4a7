"""The client on bad days: registries that fail, lie, hang up, or are like others that people meet.

Everything is real except the network and the waiting: the client speaks to a whole registry in
this process, and what goes wrong was planned by the test.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import formatdate
from fnmatch import fnmatchcase
from time import time

import pytest

from lading.app.stand_in import StandIn
from lading.bodies import Bytes, Source, source_of
from lading.client.asking.exchange import Exchange
from lading.client.connections.origin import Origin
from lading.client.connections.transport import FaceTransport, Transport, open_transport
from lading.client.hosts.host import Endpoint, Host
from lading.client.logins.credentials import Keyring, Login, NoKeyring, StaticKeyring
from lading.client.registry import RemoteRegistry
from lading.client.repository import RemoteRepository
from lading.errors import (
    BlobUnknown,
    DigestInvalid,
    ManifestUnknown,
    TooManyRequests,
    Unauthorized,
    Unsupported,
    UpstreamFailed,
)
from lading.interfaces.repository import Registry
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName, Tag
from lading.testing import personalities, samples
from lading.testing.personalities import Personality, TokenRealm
from lading.wire.message import Request, Response

pytest_plugins = ["lading.fixtures"]

NAME = "team/app"
LATEST = Tag("latest")
LAYER = samples.layer((0, 0), 3_000_000)
IMAGE = samples.image(size=len(LAYER))
DIGEST = Digest.of(LAYER)
ADA = StaticKeyring(Login(username="ada", password="lovelace"))

BLOBS = "*/blobs/sha256:*"
UPLOADS = "*/blobs/uploads/*"
MANIFESTS = "*/manifests/*"


class Naps:
    """Waits for nothing, and remembers for how long it should have."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        """Sleep, as the client believes."""
        self.seconds.append(seconds)


@pytest.fixture
def naps() -> Naps:
    """Nobody has slept yet."""
    return Naps()


Open = Callable[..., RemoteRepository]


@pytest.fixture(params=["in process", pytest.param("socket", marks=pytest.mark.enable_socket)])
async def way(oci_registry: StandIn, request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    """The way to the registry: all of this holds without a connection and with one."""
    if request.param == "in process":
        yield oci_registry.transport()
        return
    oci_registry.listen()
    async with open_transport() as transport:
        yield transport


@pytest.fixture
def opened(oci_registry: StandIn, naps: Naps, way: Transport) -> Open:
    """Opens a repository of the registry, as a client that sleeps without waiting."""

    def open_repository(name: str = NAME, *, keyring: Keyring | None = None) -> RemoteRepository:
        exchange = exchange_with(oci_registry, naps, keyring=keyring, transport=way)
        return RemoteRegistry(exchange, sleep=naps).repository(RepositoryName.parse(name))

    return open_repository


@pytest.fixture
def pushed(oci_registry: StandIn) -> StandIn:
    """The registry, with an image of three megabytes in it."""
    oci_registry.put_image(NAME, image=IMAGE)
    return oci_registry


async def taken(repository: RemoteRepository, digest: Digest = DIGEST) -> bytes:
    """The blob *digest*."""
    return await samples.content_of(await repository.open_blob(digest))


async def upload(repository: RemoteRepository, content: bytes = LAYER) -> None:
    """Push *content* as those do who know what it is."""
    expected = samples.described(content, "application/octet-stream")
    writer = await repository.start_upload(expected=expected)
    await writer.write(Bytes(content), at=0)
    await writer.commit(expected.digest)


def stored(registry: StandIn, content: bytes = LAYER, name: str = NAME) -> bool:
    """Whether the registry has *content* now, looked at past the client."""

    async def look(inside: Registry) -> bool:
        repository = inside.repository(RepositoryName.parse(name))
        found = await repository.open_blob(Digest.of(content))
        return await samples.content_of(found) == content

    return registry.run(look)


def shown(registry: StandIn, path: str = "*") -> set[str]:
    """The schemes of credentials that requests for *path* showed; empty for none."""
    return {
        each.headers.get("authorization", "").partition(" ")[0]
        for each in registry.trouble.asked
        if fnmatchcase(each.path, path)
    }


# Trouble that passes.


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 522])
async def test_what_fails_for_a_moment_is_asked_again(
    pushed: StandIn, opened: Open, naps: Naps, status: int
) -> None:
    """With a pause before each try that nobody can foresee, so that a crowd spreads out."""
    pushed.trouble.fail(status, times=4)

    manifest = await opened().get_manifest(LATEST)

    assert manifest.digest == IMAGE.manifest.digest
    assert pushed.trouble.count() == 5
    assert len(naps.seconds) == 4
    assert all(nap <= most for nap, most in zip(naps.seconds, [0.25, 0.5, 1, 2], strict=True))


async def test_after_five_tries_the_trouble_is_told(pushed: StandIn, opened: Open) -> None:
    """With the status that the registry had in the end, and where it was."""
    pushed.trouble.fail(503, times=99)

    with pytest.raises(UpstreamFailed) as caught:
        await opened().get_manifest(LATEST)

    assert caught.value.status == 503
    assert caught.value.where == pushed.host
    assert pushed.trouble.count() == 5


@pytest.mark.parametrize("status", [400, 403, 404, 405, 410, 501])
async def test_what_will_not_pass_is_asked_once(
    pushed: StandIn, opened: Open, naps: Naps, status: int
) -> None:
    """A registry that says no is not asked five times."""
    pushed.trouble.fail(status, path=MANIFESTS)

    with pytest.raises(Exception):  # noqa: B017 - whatever it is, it comes at once
        await opened().get_manifest(LATEST)

    assert pushed.trouble.count(path=MANIFESTS) == 1
    assert naps.seconds == []


async def test_the_registry_says_when_to_come_back(
    pushed: StandIn, opened: Open, naps: Naps
) -> None:
    """In seconds, or by a date (RFC 9110, 10.2.3)."""
    pushed.trouble.slow_down(7)
    pushed.trouble.slow_down(formatdate(time() + 30, usegmt=True))

    await opened().get_manifest(LATEST)

    seconds, until = naps.seconds
    assert seconds == 7.0
    assert 20 < until <= 30


async def test_nobody_waits_for_an_hour(pushed: StandIn, opened: Open, naps: Naps) -> None:
    """Then the caller is told, who may have a mirror or other work."""
    pushed.trouble.slow_down(3600)

    with pytest.raises(TooManyRequests) as caught:
        await opened().get_manifest(LATEST)

    assert caught.value.retry_after == 3600
    assert naps.seconds == []


async def test_a_page_of_a_proxy_that_is_starting_is_no_answer(
    pushed: StandIn, opened: Open
) -> None:
    """502 in HTML is tried again like any other."""
    pushed.trouble.page(502, times=2)

    manifest = await opened().get_manifest(LATEST)

    assert manifest.digest == IMAGE.manifest.digest


async def test_a_lost_connection_is_made_again(pushed: StandIn, opened: Open) -> None:
    """What is read can be read again."""
    pushed.trouble.hang_up(times=2)

    manifest = await opened().get_manifest(LATEST)

    assert manifest.digest == IMAGE.manifest.digest
    assert pushed.trouble.count() == 3


async def test_a_registry_that_is_slow_is_waited_for(pushed: StandIn, opened: Open) -> None:
    """Within the limits of the transport."""
    pushed.trouble.delay(0.01)

    manifest = await opened().get_manifest(LATEST)

    assert manifest.digest == IMAGE.manifest.digest
    assert pushed.trouble.count() == 1


@pytest.mark.parametrize("lost", ["fail_afterwards", "hang_up_afterwards"])
async def test_a_manifest_whose_receipt_is_lost_is_put_again(
    oci_registry: StandIn, opened: Open, lost: str
) -> None:
    """Putting twice is as good as once."""
    oci_registry.put_image(NAME, image=IMAGE)
    getattr(oci_registry.trouble, lost)(method="PUT")

    receipt = await opened().put_manifest(IMAGE.manifest, tags=[Tag("v2")])

    assert receipt.tags == ("v2",)
    assert oci_registry.trouble.count("PUT") == 2
    assert oci_registry.tags(NAME) == ["latest", "v2"]


# Downloads.


async def test_a_download_that_broke_off_goes_on_where_it_ended(
    pushed: StandIn, opened: Open
) -> None:
    """Only what is missing is asked for, and only if the blob is still the same."""
    pushed.trouble.truncate(2_000_000, path=BLOBS)
    pushed.trouble.truncate(600_000, path=BLOBS)

    content = await taken(opened())

    assert content == LAYER
    first, second, third = [each.headers for each in pushed.trouble.asked if each.method == "GET"]
    assert "range" not in first
    assert second["range"] == "bytes=2000000-2999999"
    assert third["range"] == "bytes=2600000-2999999"
    assert second["if-range"] == third["if-range"] == f'"{DIGEST}"'


async def test_a_registry_without_ranges_sends_it_all_again(pushed: StandIn, opened: Open) -> None:
    """What was had already is passed over, and still counts for the digest."""
    pushed.become(personalities.without_ranges)
    pushed.trouble.truncate(2_000_000, path=BLOBS)

    content = await taken(opened())

    assert content == LAYER
    assert pushed.trouble.count("GET", BLOBS) == 2


async def test_a_download_that_never_gets_further_ends(
    pushed: StandIn, opened: Open, naps: Naps
) -> None:
    """After as many tries as any request has."""
    pushed.trouble.truncate(2_000_000, path=BLOBS)
    pushed.trouble.truncate(0, path=BLOBS, times=99)

    with pytest.raises(UpstreamFailed):
        await taken(opened())

    assert 2 < pushed.trouble.count("GET", BLOBS) <= 6
    assert naps.seconds


@pytest.mark.parametrize("at", [0, 1_500_000, len(LAYER) - 1])
async def test_a_wrong_bit_is_seen_before_the_last_byte_is_given(
    pushed: StandIn, opened: Open, at: int
) -> None:
    """Whoever wrote down everything that came does not have the blob."""
    pushed.trouble.flip(at, path=BLOBS)
    content = await opened().open_blob(DIGEST)
    body = source_of(content)

    came: list[int] = []
    with pytest.raises(DigestInvalid):
        await drain(body, came)

    assert sum(came) < len(LAYER)
    assert pushed.trouble.count("GET", BLOBS) == 1


async def test_a_wrong_bit_in_a_manifest_is_seen(pushed: StandIn, opened: Open) -> None:
    """By the digest that was asked for, or that the registry named itself."""
    pushed.trouble.flip(30, path=MANIFESTS, times=2)

    with pytest.raises(DigestInvalid):
        await opened().get_manifest(IMAGE.manifest.digest)
    with pytest.raises(DigestInvalid):
        await opened().get_manifest(LATEST)


# Uploads.


async def test_a_blob_that_is_known_takes_two_requests(oci_registry: StandIn, opened: Open) -> None:
    """POST and PUT; that is what all the rest is measured by."""
    await upload(opened())

    assert stored(oci_registry)
    assert [each.method for each in oci_registry.trouble.asked] == ["POST", "PUT"]


@pytest.mark.parametrize("after", [1, 1_000_000])
async def test_an_upload_that_broke_off_goes_on_where_the_registry_stands(
    oci_registry: StandIn, opened: Open, after: int
) -> None:
    """The session is asked how much came, and gets the rest."""
    oci_registry.trouble.interrupt(after, method="PUT")

    await upload(opened())

    assert stored(oci_registry)
    assert oci_registry.trouble.count("GET", UPLOADS) >= 1


async def test_an_upload_whose_receipt_is_lost_is_not_sent_again(
    oci_registry: StandIn, opened: Open
) -> None:
    """The session is gone, and the blob is there: that is what was wanted."""
    oci_registry.trouble.hang_up_afterwards(method="PUT")

    await upload(opened())

    assert stored(oci_registry)
    assert oci_registry.trouble.count("PUT") == 1


async def test_an_upload_survives_a_token_that_ends(oci_registry: StandIn, opened: Open) -> None:
    """The body is read again from its beginning, with a new token."""
    realm = TokenRealm(lambda: f"{oci_registry.url}/token")
    oci_registry.become(realm)

    def expire(response: Response) -> Response:
        realm.expire()
        return response

    # The first POST is the one that is challenged.
    oci_registry.trouble.change(expire, method="POST", path=UPLOADS, skip=1)

    await upload(opened(keyring=ADA))

    assert stored(oci_registry)
    assert oci_registry.trouble.count("PUT") == 2
    assert realm.given == 2


@pytest.mark.parametrize("status", [307, 308])
async def test_an_upload_survives_being_sent_on(
    oci_registry: StandIn, opened: Open, status: int
) -> None:
    """The body goes to the other address whole."""

    def moved() -> Response:
        last = oci_registry.trouble.asked[-1]
        fields = [("Location", f"{last.path}?{last.query}&moved=1"), ("Content-Length", "0")]
        return Response(status, fields)

    oci_registry.trouble.answer(moved, method="PUT")

    await upload(opened())

    assert stored(oci_registry)
    assert "moved=1" in oci_registry.trouble.asked[-1].query


async def test_pieces_go_on_where_they_ended(oci_registry: StandIn, naps: Naps) -> None:
    """A PATCH is never repeated blindly."""
    registry = RemoteRegistry(exchange_with(oci_registry, naps), chunk_size=1_000_000, sleep=naps)
    oci_registry.trouble.interrupt(500_000, method="PATCH", skip=1)

    await upload(registry.repository(RepositoryName(NAME)))

    assert stored(oci_registry)
    assert oci_registry.trouble.count("PATCH") >= 3


@pytest.mark.parametrize("limit", [1 << 20, 600_000])
async def test_a_proxy_that_takes_no_long_bodies_gets_short_ones(
    oci_registry: StandIn, opened: Open, limit: int
) -> None:
    """413 from a proxy in front: the client finds out what goes through, and remembers it."""
    oci_registry.become(personalities.body_limit(limit))
    repository = opened()

    await upload(repository)
    before = oci_registry.trouble.count()
    await upload(repository, LAYER[::-1])

    assert stored(oci_registry)
    assert stored(oci_registry, LAYER[::-1])
    assert oci_registry.trouble.count() - before < before


async def test_content_that_is_not_what_was_said_is_not_published(
    oci_registry: StandIn, opened: Open
) -> None:
    """The registry refuses it, and so the caller knows."""
    repository = opened()
    expected = samples.described(LAYER, "application/octet-stream")
    writer = await repository.start_upload(expected=expected)

    async def publish() -> None:
        await writer.write(Bytes(LAYER[::-1]), at=0)
        await writer.commit(expected.digest)

    with pytest.raises(DigestInvalid):
        await publish()

    with pytest.raises(BlobUnknown):
        await repository.stat_blob(expected.digest)


# Who we are, and to whom that is said.


async def test_one_token_serves_as_long_as_it_lives(pushed: StandIn, opened: Open) -> None:
    """The realm is asked once for each set of rights, and once more when a token ended."""
    pushed.become("docker-hub")
    repository = opened()
    assert pushed.realm is not None

    await repository.get_manifest(LATEST)
    await taken(repository)
    first = pushed.realm.given
    pushed.clock.advance(pushed.realm.lifetime)
    await repository.get_manifest(LATEST)

    assert first == 1
    assert pushed.realm.given == 2


async def test_docker_hub_gives_official_images_under_library(
    oci_registry: StandIn, opened: Open
) -> None:
    """The short name is refused, as there."""
    oci_registry.put_image("library/alpine")
    oci_registry.become("docker-hub")

    found = await opened("library/alpine").resolve(LATEST)

    assert found.digest == samples.image().manifest.digest
    with pytest.raises(Unauthorized):
        await opened("alpine").resolve(LATEST)


async def test_a_password_goes_to_the_realm_and_not_to_the_registry(
    pushed: StandIn, opened: Open
) -> None:
    """The realm is elsewhere; the registry sees tokens alone."""
    pushed.become("docker-hub")

    await upload(opened(keyring=ADA), b"new")

    assert shown(pushed, "/token") == {"Basic"}
    assert shown(pushed, "/v2/*") == {"", "Bearer"}


async def test_an_identity_token_is_traded_for_access(pushed: StandIn, opened: Open) -> None:
    """By a form (OAuth2), and never as a password."""
    pushed.become("ghcr")
    assert pushed.realm is not None
    login = Login(identity_token=pushed.realm.refresh_token("ada"))

    await upload(opened(keyring=StaticKeyring(login)), b"new")

    assert pushed.trouble.count("POST", "/token") == 1
    assert shown(pushed, "/token") == {""}


async def test_a_realm_without_forms_is_asked_the_old_way(pushed: StandIn, opened: Open) -> None:
    """405 there is not the end."""
    pushed.become(TokenRealm(lambda: f"{pushed.url}/token", oauth2=False))

    await upload(opened(keyring=ADA), b"new")

    assert stored(pushed, b"new")


async def test_a_realm_that_fails_for_a_moment_is_asked_again(
    pushed: StandIn, opened: Open
) -> None:
    """Like the registry itself."""
    pushed.become("docker-hub")
    pushed.trouble.fail(503, path="/token", times=2)

    await opened().get_manifest(LATEST)

    assert pushed.trouble.count(path="/token") == 3


async def test_a_wrong_password_is_said_once(pushed: StandIn, opened: Open) -> None:
    """Whoever repeats it gets locked out."""
    pushed.become(personalities.basic_login("ada", "lovelace"))
    wrong = StaticKeyring(Login(username="ada", password="byron"))

    with pytest.raises(Unauthorized) as caught:
        await opened(keyring=wrong).get_manifest(LATEST)

    assert "lading login" in caught.value.advice
    assert [each.headers.get("authorization") is None for each in pushed.trouble.asked] == [
        True,
        False,
    ]


@pytest.mark.parametrize("guard", ["basic", "token"])
async def test_credentials_do_not_go_along_to_the_storage(
    pushed: StandIn, opened: Open, guard: str
) -> None:
    """Which would refuse the request, as S3 does, or read them."""
    guards: dict[str, Personality] = {
        "basic": personalities.basic_login("ada", "lovelace"),
        "token": TokenRealm(lambda: f"{pushed.url}/token"),
    }
    pushed.become(guards[guard], "s3")

    content = await taken(opened(keyring=ADA))

    assert content == LAYER
    assert shown(pushed, "/bucket/*") == {""}
    assert shown(pushed, f"/v2/{BLOBS}") != {""}


async def test_what_broke_off_is_asked_of_the_registry_and_not_of_a_signed_url(
    pushed: StandIn, opened: Open
) -> None:
    """The old one may have ended since."""
    pushed.become("s3")
    assert pushed.storage is not None
    pushed.trouble.truncate(2_000_000, path="/bucket/*")
    content = await opened().open_blob(DIGEST)
    pushed.storage.expire()

    came = await samples.content_of(content)

    assert came == LAYER
    assert pushed.trouble.count("GET", f"/v2/{BLOBS}") == 2
    first, second = [each.query for each in pushed.trouble.asked if each.path.startswith("/bucket")]
    assert first != second


class Elsewhere:
    """Somebody at another address, who remembers what came and has nothing."""

    URL = "https://evil.test/x"

    def __init__(self) -> None:
        self.asked: list[Request] = []

    async def __call__(self, request: Request) -> Response:
        """Remember *request*."""
        self.asked.append(request)
        return Response(404, [("Content-Length", "0")])


def beside(registry: StandIn, elsewhere: Elsewhere, naps: Naps) -> RemoteRepository:
    """The repository, opened by a client with a password for whom *elsewhere* is there as well."""
    registry.become(personalities.basic_login("ada", "lovelace"))
    transport = FaceTransport({registry.url: registry.handle, Elsewhere.URL: elsewhere})
    exchange = exchange_with(registry, naps, keyring=ADA, transport=transport)
    return RemoteRegistry(exchange, sleep=naps).repository(RepositoryName(NAME))


def pointing(field: str, value: str) -> Callable[[Response], Response]:
    """Puts *value* in the place of what an answer says in *field*."""

    def changed(response: Response) -> Response:
        kept = [each for each in response.headers if each[0] != field]
        return Response(response.status, [*kept, (field, value)], response.body)

    return changed


async def test_credentials_do_not_go_along_to_another_location(
    oci_registry: StandIn, naps: Naps
) -> None:
    """An upload may go on elsewhere, but not in our name."""
    elsewhere = Elsewhere()
    repository = beside(oci_registry, elsewhere, naps)
    # The first POST is the one that is challenged.
    oci_registry.trouble.change(pointing("Location", Elsewhere.URL), path=UPLOADS, skip=1)

    await upload(repository)

    assert elsewhere.asked
    assert not any(each.headers.get(b"authorization") for each in elsewhere.asked)
    # Nobody there took it, and so it began again, with a session of the registry itself.
    assert stored(oci_registry)


async def test_a_list_does_not_go_on_elsewhere(oci_registry: StandIn, naps: Naps) -> None:
    """The registry is asked for what comes after the last entry, as if it had said nothing."""
    oci_registry.put_image(NAME, tags=("a", "b", "c"))
    elsewhere = Elsewhere()
    repository = beside(oci_registry, elsewhere, naps)
    link = pointing("Link", f'<{Elsewhere.URL}>; rel="next"')
    oci_registry.trouble.change(link, path="*/tags/list", skip=1)

    first = await repository.tags(limit=2)
    second = await repository.tags(after=first.items[-1], limit=2)

    assert (list(first.items), first.more) == (["a", "b"], True)
    assert (list(second.items), second.more) == (["c"], False)
    assert elsewhere.asked == []


# Registries that are not like others.


async def test_a_circle_of_redirects_is_left(pushed: StandIn, opened: Open) -> None:
    """Whether it is small or wide."""
    here = f"{pushed.url}/v2/{NAME}/manifests/latest"
    pushed.trouble.send_to(here, times=99)

    with pytest.raises(UpstreamFailed) as caught:
        await opened().get_manifest(LATEST)

    assert "circles" in str(caught.value)
    assert pushed.trouble.count() == 1


async def test_an_endless_chain_of_redirects_is_left(pushed: StandIn, opened: Open) -> None:
    """Five are followed."""
    count = iter(range(1000))

    def onwards() -> Response:
        return Response(302, [("Location", f"/v2/{next(count)}/manifests/latest")])

    pushed.trouble.answer(onwards, times=999)

    with pytest.raises(UpstreamFailed):
        await opened().get_manifest(LATEST)

    assert pushed.trouble.count() == 6


@pytest.mark.parametrize("what", ["manifest", "tags", "blob"])
async def test_a_page_of_html_is_no_content(pushed: StandIn, opened: Open, what: str) -> None:
    """A login portal says 200; taking its page for an image would be worse than failing."""
    pushed.trouble.page(times=99)
    repository = opened()

    asking: dict[str, Callable[[], Awaitable[object]]] = {
        "manifest": lambda: repository.get_manifest(LATEST),
        "tags": repository.tags,
        "blob": lambda: taken(repository),
    }

    # A blob may well be a page; but not this one.
    with pytest.raises(DigestInvalid if what == "blob" else UpstreamFailed):
        await asking[what]()

    assert pushed.trouble.count() == 1


async def test_ecr_is_asked_for_pages_as_short_as_it_likes(
    oci_registry: StandIn, opened: Open
) -> None:
    """It refuses more than a thousand; after that the client knows."""
    oci_registry.put_image(NAME, tags=("a", "b", "c"))
    oci_registry.become("ecr")
    repository = opened()

    page = await repository.tags(limit=5000)
    again = await repository.tags(limit=5000)

    assert list(page.items) == list(again.items) == ["a", "b", "c"]
    assert oci_registry.trouble.count() == 3


async def test_ghcr_deletes_nothing(pushed: StandIn, opened: Open) -> None:
    """And the client does not try to reach the same in ways that cost more."""
    pushed.become("ghcr")
    repository = opened(keyring=ADA)

    with pytest.raises(Unsupported):
        await repository.delete_tag(LATEST)
    with pytest.raises(Unsupported):
        await repository.delete_manifest(IMAGE.manifest.digest)
    with pytest.raises(Unsupported):
        await repository.delete_blob(DIGEST)

    assert pushed.tags(NAME) == ["latest"]


async def test_artifactory_says_whole_urls(oci_registry: StandIn, opened: Open) -> None:
    """They are as good as paths."""
    oci_registry.become("artifactory")
    repository = opened()

    await samples.put_image(repository, IMAGE, tags=["v1"])

    assert oci_registry.tags(NAME) == ["v1"]


async def test_an_old_registry_gets_a_tag_that_lists_referrers(
    pushed: StandIn, opened: Open
) -> None:
    """Read back as if there had been an API; two at once do not overwrite each other."""
    pushed.become("old")
    repository = opened()
    artifacts = [samples.artifact(IMAGE.manifest, seed=seed) for seed in range(2)]

    for each in artifacts:
        await samples.put_artifact(repository, each)
    page = await repository.referrers(IMAGE.manifest.digest)

    assert {each.digest for each in page.items} == {each.digest for each in artifacts}
    assert f"sha256-{IMAGE.manifest.digest.value}" in pushed.tags(NAME)


async def test_a_registry_that_names_no_digests_is_hashed(pushed: StandIn, opened: Open) -> None:
    """What a tag names is then found out by reading it."""
    pushed.become(personalities.without_digests)
    repository = opened()

    found = await repository.resolve(LATEST)
    receipt = await repository.put_manifest(IMAGE.manifest, tags=[Tag("v2")])
    content = await taken(repository)

    assert found == IMAGE.manifest.descriptor
    assert receipt.descriptor.digest == IMAGE.manifest.digest
    assert content == LAYER


async def test_a_digest_that_is_not_that_of_the_content_is_a_lie(
    pushed: StandIn, opened: Open
) -> None:
    """The header is checked, and not believed (R16)."""

    def lying(response: Response) -> Response:
        kept = [each for each in response.headers if each[0] != "Docker-Content-Digest"]
        lie = ("Docker-Content-Digest", str(Digest.of(b"another")))
        return Response(response.status, [*kept, lie], response.body)

    pushed.trouble.change(lying, method="GET", path=MANIFESTS)

    with pytest.raises(DigestInvalid):
        await opened().get_manifest(LATEST)


async def test_what_is_not_there_has_the_same_error_as_at_home(
    pushed: StandIn, opened: Open
) -> None:
    """Over the wire and back."""
    repository = opened()

    with pytest.raises(ManifestUnknown):
        await repository.get_manifest(Tag("never"))
    with pytest.raises(BlobUnknown):
        await repository.stat_blob(Digest.of(b"never"))
    with pytest.raises(BlobUnknown):
        await taken(repository, Digest.of(b"never"))


def exchange_with(
    registry: StandIn,
    naps: Naps,
    *,
    keyring: Keyring | None = None,
    transport: Transport | None = None,
) -> Exchange:
    """Requests to *registry*."""
    endpoint = Endpoint(origin=Origin.parse(registry.url), known_as=registry.host)
    host = Host(registry.host, (endpoint,))
    return Exchange(host, transport or registry.transport(), keyring or NoKeyring(), sleep=naps)


async def drain(body: Source, came: list[int]) -> None:
    """Write down the lengths of what *body* gives."""
    try:
        while await body.ready():
            came.extend(len(block) for block in body.blocks())
    finally:
        await body.aclose()
