"""The plug-in for pytest: a registry for each test that wants one, and nothing of it afterwards."""

import asyncio
import gc
import http.client
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lading import Digest, RepositoryName, StandIn, Tag
from lading.app.stand_in import stand_in
from lading.bodies import Bytes
from lading.errors import BodyIncomplete, LadingError
from lading.interfaces.repository import Registry
from lading.testing import personalities, samples
from lading.testing.personalities import Redirects, TokenRealm
from lading.wire.message import Request

pytest_plugins = ["lading.fixtures"]

LATEST = Tag("latest")

Answered = tuple[int, dict[str, str], bytes]


def ask(address: str, method: str, path: str, body: bytes | None = None, **fields: str) -> Answered:
    """One request over a connection of its own."""
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request(method, path, body, fields)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


async def test_an_asynchronous_test_needs_no_socket(oci_registry: StandIn) -> None:
    """What is pushed in the loop of the test is there to be pulled."""
    repository = oci_registry.repository("team/app")

    await samples.put_image(repository, tags=["v1"])
    manifest = await repository.get_manifest(Tag("v1"))

    assert manifest == samples.image().manifest
    assert oci_registry.tags("team/app") == ["v1"]
    assert oci_registry.trouble.count("PUT") == 4


@pytest.mark.enable_socket
def test_a_program_can_be_pointed_at_it(oci_registry: StandIn) -> None:
    """On a port of its own, on this machine alone."""
    receipt = oci_registry.put_image("team/app")
    address = oci_registry.listen()

    status, fields, _ = ask(address, "HEAD", "/v2/team/app/manifests/latest")

    assert status == 200
    assert fields["Docker-Content-Digest"] == str(receipt.descriptor.digest)
    assert address.startswith("127.0.0.1:")
    assert oci_registry.listen() == oci_registry.host == address


async def test_the_registry_can_be_looked_at_unheard(oci_registry: StandIn) -> None:
    """What a test does for itself is in nobody's way."""
    oci_registry.trouble.fail(times=9)

    oci_registry.put_image("team/app", tags=("a", "b"))

    async def delete(inside: Registry) -> None:
        await inside.repository(RepositoryName("team/app")).delete_tag(Tag("a"))

    oci_registry.run(delete)
    assert oci_registry.tags("team/app") == ["b"]
    assert oci_registry.trouble.asked == []


async def test_a_test_may_have_several(new_oci_registry: Callable[[], StandIn]) -> None:
    """Each with content and trouble of its own."""
    first, second = new_oci_registry(), new_oci_registry()
    first.put_image("team/app")
    first.trouble.fail(404)

    with pytest.raises(LadingError):
        await first.repository("team/app").resolve(LATEST)
    with pytest.raises(LadingError):
        await second.repository("team/app").resolve(LATEST)

    assert first.trouble.pending == second.trouble.pending == 0


@pytest.mark.enable_socket
@pytest.mark.parametrize("trouble", ["hang_up", "hang_up_afterwards", "truncate", "interrupt"])
def test_connections_are_lost_over_sockets_too(oci_registry: StandIn, trouble: str) -> None:
    """A program sees what it would see on a bad line."""
    content = samples.blob(1_000_000)
    oci_registry.put_image("team/app", image=samples.image(size=len(content)))
    layer = samples.image(size=len(content)).manifest.layers[0]
    address = oci_registry.listen()
    _, fields, _ = ask(address, "POST", "/v2/team/app/blobs/uploads/")
    place = fields["Location"]
    planned = {"truncate": (1000,), "interrupt": (1000,)}.get(trouble, ())
    getattr(oci_registry.trouble, trouble)(*planned)

    path = f"/v2/team/app/blobs/{layer.digest}" if trouble == "truncate" else place
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(address, "GET" if trouble == "truncate" else "PATCH", path, content)

    if trouble == "truncate":
        return
    status, fields, _ = ask(address, "GET", place)
    ends = {"hang_up": "0-0", "hang_up_afterwards": "0-999999", "interrupt": "0-999"}
    assert (status, fields["Range"]) == (204, ends[trouble])


@pytest.mark.enable_socket
def test_flipped_bits_and_failures_go_over_sockets_too(oci_registry: StandIn) -> None:
    """With the length that was promised."""
    image = samples.image()
    oci_registry.put_image("team/app", image=image)
    address = oci_registry.listen()
    path = f"/v2/team/app/blobs/{image.manifest.layers[0].digest}"
    oci_registry.trouble.flip(99)
    oci_registry.trouble.slow_down(3)

    _, fields, flipped = ask(address, "GET", path)
    status, refused, _ = ask(address, "GET", path)
    _, _, right = ask(address, "GET", path)

    assert flipped[:99] == right[:99]
    assert flipped[99] == right[99] ^ 1
    assert fields["Content-Length"] == str(len(right))
    assert (status, refused["Retry-After"]) == (429, "3")


@pytest.mark.enable_socket
def test_realm_and_storage_are_other_origins(oci_registry: StandIn) -> None:
    """Also over sockets, so that a client that leaks credentials is caught."""
    oci_registry.put_image("team/app")
    oci_registry.become("docker-hub", "s3")
    address = oci_registry.listen()
    digest = samples.image().manifest.layers[0].digest

    _, fields, _ = ask(address, "GET", "/v2/team/app/manifests/latest")
    realm = urlsplit(fields["WWW-Authenticate"].split('"')[1])
    _, _, given = ask(address, "GET", f"{realm.path}?scope=repository:team/app:pull")
    token = given.decode().split('"')[3]
    _, fields, _ = ask(
        address, "GET", f"/v2/team/app/blobs/{digest}", Authorization=f"Bearer {token}"
    )
    storage = urlsplit(fields["Location"])
    status, _, content = ask(address, "GET", f"{storage.path}?{storage.query}")

    assert realm.netloc == storage.netloc == f"localhost:{oci_registry.host.split(':')[1]}"
    assert status == 200
    assert Digest.of(content) == digest


async def test_what_it_became_before_is_forgotten(oci_registry: StandIn) -> None:
    """One registry behaves like one other at a time, unless both are named."""
    oci_registry.put_image("team/app")
    oci_registry.become("docker-hub")
    oci_registry.become("old")

    await oci_registry.repository("team/app").resolve(LATEST)

    assert oci_registry.realm is None


def test_personalities_of_ones_own_are_known_by_what_they_are(oci_registry: StandIn) -> None:
    """So that a test finds them where those with names are."""
    realm = TokenRealm(lambda: f"{oci_registry.url}/token")
    storage = Redirects(lambda: "https://cdn.test")

    oci_registry.become(realm, storage, personalities.without_digests)

    assert oci_registry.realm is realm
    assert oci_registry.storage is storage


def test_a_registry_that_nobody_knows_is_refused(oci_registry: StandIn) -> None:
    """A wrong name would otherwise pass for a good registry."""
    with pytest.raises(ValueError, match="acr"):
        oci_registry.become("acr")


async def test_bodies_come_from_the_loop_that_they_belong_to(oci_registry: StandIn) -> None:
    """A body may wait for something in the test."""
    repository = oci_registry.repository("team/app")
    content = samples.blob(1000)
    upload = await repository.start_upload()

    await upload.write(samples.inbound(content, chunk=100))
    committed = await upload.commit(Digest.of(content))

    assert committed.size == 1000


async def test_a_request_that_is_given_up_ends(oci_registry: StandIn) -> None:
    """Nothing goes on for somebody who went away."""
    oci_registry.trouble.delay(3600)
    asking = asyncio.create_task(oci_registry.handle(Request("GET", "/v2/")))
    while not oci_registry.trouble.asked:
        await asyncio.sleep(0)

    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_lost_connection_is_an_error_of_bodies(oci_registry: StandIn) -> None:
    """Whoever calls the handler itself gets to know it in this way."""
    oci_registry.trouble.hang_up()

    with pytest.raises(BodyIncomplete):
        await oci_registry.handle(Request("PUT", "/v2/", body=Bytes(b"x")))


def test_nothing_is_left_of_it() -> None:
    """No thread, and no socket or other file."""
    threads, files = set(threading.enumerate()), _files()

    with stand_in() as registry:
        registry.put_image("team/app")
        during = set(threading.enumerate())

    gc.collect()
    assert during > threads
    assert set(threading.enumerate()) == threads
    assert _files() == files


@pytest.mark.enable_socket
def test_nothing_is_left_of_one_that_listened(tmp_path: Path) -> None:
    """Not even where a client still has a connection open, and a request on its way."""
    threads, files = set(threading.enumerate()), _files()

    with stand_in() as registry:
        connection = http.client.HTTPConnection(registry.listen(), timeout=10)
        registry.trouble.delay(3600, skip=1)
        connection.request("GET", "/v2/")
        connection.getresponse().read()
        connection.request("GET", "/v2/")
        while registry.trouble.count() < 2:
            pass

    connection.close()
    gc.collect()
    assert set(threading.enumerate()) == threads
    assert _files() == files


def test_the_plug_in_is_loaded_by_who_asks_for_it_alone(tmp_path: Path) -> None:
    """Whoever has Lading installed has no slower tests for it."""
    (tmp_path / "test_none.py").write_text(
        "import sys\n\ndef test_none():\n"
        "    assert not [each for each in sys.modules if each.split('.')[0] == 'lading']\n"
    )
    (tmp_path / "test_one.py").write_text(
        "pytest_plugins = ['lading.fixtures']\n\n"
        "def test_one(oci_registry):\n"
        "    oci_registry.put_image('a')\n"
        "    assert oci_registry.tags('a') == ['latest']\n"
    )
    none, one = (_pytest(tmp_path, name) for name in ("test_none.py", "test_one.py"))

    assert none.returncode == 0, none.stdout
    assert one.returncode == 0, one.stdout


def _files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _pytest(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
