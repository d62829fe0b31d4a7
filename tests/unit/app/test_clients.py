"""Clients: what of a machine and of options becomes of requests."""

import base64
import json
from pathlib import Path

import pytest

from lading.app.clients import Client, ClientOptions, open_client
from lading.app.surroundings import Surroundings
from lading.client.connections.transport import FaceTransport, Proxies
from lading.client.logins.credentials import Login
from lading.errors import ConfigInvalid, Denied, ReferenceInvalid, Unauthorized, UpstreamFailed
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName, Tag
from lading.registry.registry import LocalRegistry
from lading.testing import personalities, samples
from lading.wire.message import Handler, Request, Response
from tests.unit.app.conftest import Machine

_NAME = RepositoryName("library/app")
_LATEST = Tag("latest")


def _auths(**logins: str) -> dict[str, object]:
    return {
        "auths": {
            host.replace("_", "."): {"auth": base64.b64encode(f"ada:{word}".encode()).decode()}
            for host, word in logins.items()
        }
    }


@pytest.fixture
async def pushed(local: LocalRegistry) -> Digest:
    """An image that the registry has."""
    image = samples.image()
    await samples.put_image(local.repository(_NAME), image, tags=[_LATEST])
    return image.manifest.digest


async def _resolved(machine: Machine, text: str, options: ClientOptions | None = None) -> Digest:
    async with machine.client(options) as client:
        return (await client.repository(text).resolve(_LATEST)).digest


async def test_repository_is_reached_by_its_name(
    machine: Machine, face: Handler, pushed: Digest
) -> None:
    """Docker Hub at the place of its API, this machine without encryption."""
    machine.serve("https://registry-1.docker.io", face)
    machine.serve("http://localhost:5000", face)

    assert await _resolved(machine, "app") == pushed
    assert await _resolved(machine, "localhost:5000/library/app") == pushed


async def test_registry_is_the_same_one_each_time(machine: Machine, face: Handler) -> None:
    """So that what is learned about it is learned once; a rule for some names parts them."""
    machine.file(
        "etc/containers/registries.conf.d/1.conf", '[[registry]]\nprefix="a.b/x"\nlocation="c.d/y"'
    )

    async with machine.client() as client:
        assert client.registry("a.b") is client.registry("a.b", "other")
        assert client.registry("a.b") is not client.registry("a.b", "x/y")
        assert client.exchange("a.b") is client.registry("a.b").exchange
        assert client.host("a.b").name == "a.b"


async def test_mirror_is_asked_first_and_the_registry_after_it(
    machine: Machine, local: LocalRegistry, face: Handler, pushed: Digest
) -> None:
    """A mirror that does not have it, or is not there, costs nothing but time."""
    mirror = RepositoryName("hub/library/app")
    machine.file(
        "home/.config/containers/registries.conf",
        '[[registry]]\nlocation="docker.io"\n[[registry.mirror]]\nlocation="localhost:5000/hub"',
    )
    machine.serve("https://registry-1.docker.io", face)
    machine.serve("http://localhost:5000", face)

    assert await _resolved(machine, "app") == pushed
    other = samples.image(seed="other")
    await samples.put_image(local.repository(mirror), other, tags=[_LATEST])
    assert await _resolved(machine, "app") == other.manifest.digest


async def test_user_has_the_last_word_on_registries(machine: Machine) -> None:
    """A file of their own replaces that of the system; single settings add up."""
    machine.file("etc/containers/registries.conf", '[[registry]]\nlocation="a.b"\nblocked=true')
    machine.file(
        "etc/containers/registries.conf.d/1.conf", '[[registry]]\nlocation="c.d"\nblocked=true'
    )

    async with machine.client() as client:
        with pytest.raises(Denied):
            client.host("a.b")

    machine.file("home/.config/containers/registries.conf", "")
    machine.file(
        "home/.config/containers/registries.conf.d/1.conf", '[aliases]\n"short"="e.f/long"'
    )
    async with machine.client() as client:
        client.host("a.b")
        assert client.qualified("short:v1") == "e.f/long:v1"
        with pytest.raises(Denied):
            client.repository("c.d/app")

    machine.environment["CONTAINERS_REGISTRIES_CONF"] = str(
        machine.file("mine.conf", '[[registry]]\nlocation="g.h"\nblocked=true')
    )
    async with machine.client() as client:
        with pytest.raises(Denied):
            client.host("g.h")


async def test_hosts_of_containerd_and_certificates_of_docker_count(machine: Machine) -> None:
    """Those of the user before those of the system."""
    machine.file("etc/containerd/certs.d/a.b/hosts.toml", '[host."https://system"]')
    machine.file("etc/docker/certs.d/c.d/ca.crt", "")

    async with machine.client() as client:
        assert client.host("a.b").endpoints[0].origin.host == "system"
        assert client.host("c.d").endpoints[0].connection.ca_files

    machine.file("home/.config/containerd/certs.d/a.b/hosts.toml", '[host."https://own"]')
    async with machine.client() as client:
        assert client.host("a.b").endpoints[0].origin.host == "own"


@pytest.mark.parametrize("text", ["https://a.b/c", "docker://a.b/c"])
async def test_url_is_no_name_of_an_image(machine: Machine, text: str) -> None:
    """It is copied from a browser or a script; the advice says what to leave out."""
    async with machine.client() as client:
        with pytest.raises(ReferenceInvalid) as caught:
            client.repository(text)

    assert "Leave out" in caught.value.advice


@pytest.mark.parametrize("text", ["a.b/c:v1", f"a.b/c@{Digest.of(b'')}", "alpine:3"])
async def test_name_of_an_image_is_no_name_of_a_repository(machine: Machine, text: str) -> None:
    """Its tag would be left out without a word, and another image be meant later."""
    async with machine.client() as client:
        with pytest.raises(ReferenceInvalid, match="more than a repository") as caught:
            client.repository(text)

    assert "Leave out the tag" in caught.value.advice


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("http://a.b", "Leave out http://, and write HOST:PORT."),
        ("a b", "is not the name of a registry"),
        ("a.b/c", "is not the name of a registry"),
        ("", "is not the name of a registry"),
    ],
)
async def test_what_is_no_name_of_a_registry_is_refused(
    machine: Machine, text: str, told: str
) -> None:
    """Nobody is asked, under whatever name could be read in it."""
    async with machine.client() as client:
        with pytest.raises(ReferenceInvalid) as caught:
            client.registry(text)

    assert told in f"{caught.value} {caught.value.advice}"
    assert machine.asked == []


async def test_logins_are_looked_for_in_a_fixed_order(machine: Machine) -> None:
    """Variables first, then the files of podman, then those of docker."""
    machine.file("home/.dockercfg", _auths(a_b="7")["auths"])
    words = []

    async def look() -> None:
        async with machine.client() as client:
            login = await client.keyring.find("a.b", "c")
            words.append(login.password if login else "")

    await look()
    machine.file("home/.docker/config.json", _auths(a_b="6"))
    await look()
    machine.file("elsewhere/config.json", _auths(a_b="5"))
    machine.environment["DOCKER_CONFIG"] = str(machine.folder / "elsewhere")
    await look()
    machine.file("home/.config/containers/auth.json", _auths(a_b="4"))
    await look()
    machine.file("runtime/containers/auth.json", _auths(a_b="3"))
    machine.environment["XDG_RUNTIME_DIR"] = str(machine.folder / "runtime")
    await look()
    machine.environment["REGISTRY_AUTH_FILE"] = str(machine.file("auth.json", _auths(a_b="2")))
    await look()
    machine.environment["DOCKER_AUTH_CONFIG"] = json.dumps(_auths(a_b="1"))
    await look()

    assert words == list("7654321")


async def test_login_is_tried_and_kept(machine: Machine, face: Handler) -> None:
    """A wrong one is not kept; the right one is used from then on, until it is removed."""
    machine.serve("http://localhost:5000", personalities.basic_login("ada", "lovelace")(face))
    kept = machine.home / ".docker/config.json"

    async with machine.client() as client:
        with pytest.raises(Unauthorized):
            await client.log_in("localhost:5000", Login(username="ada", password="wrong"))
        assert not kept.exists()

        where = await client.log_in("localhost:5000", Login(username="ada", password="lovelace"))
        page = await client.registry("localhost:5000").repositories()
        removed = await client.log_out("localhost:5000")

    assert where == str(kept)
    assert page.items == []
    assert removed == (f"{kept} (localhost:5000)",)
    async with machine.client() as client:
        with pytest.raises(Unauthorized):
            await client.registry("localhost:5000").repositories()


async def test_login_goes_to_the_file_of_a_variable(machine: Machine, face: Handler) -> None:
    """REGISTRY_AUTH_FILE says where podman keeps them, and so do we."""
    machine.serve("http://localhost:5000", face)
    machine.environment["REGISTRY_AUTH_FILE"] = str(machine.folder / "auth.json")

    async with machine.client() as client:
        where = await client.log_in("localhost:5000", Login(username="ada", password="p"))

    assert where == str(machine.folder / "auth.json")


@pytest.mark.parametrize(
    ("options", "login"),
    [
        (ClientOptions(username="ada", password="p"), Login(username="ada", password="p")),
        (ClientOptions(username="<token>", password="t"), Login(identity_token="t")),
        (ClientOptions(password="t"), Login(registry_token="t")),
    ],
)
async def test_login_may_be_said_for_one_time(
    machine: Machine, options: ClientOptions, login: Login
) -> None:
    """It goes before all that are kept."""
    machine.file("home/.docker/config.json", _auths(a_b="kept"))

    async with machine.client(options) as client:
        assert await client.keyring.find("a.b", "c") == login


async def test_login_that_was_said_does_not_go_to_a_mirror(
    machine: Machine, face: Handler, pushed: Digest
) -> None:
    """The mirror is another registry, which nobody meant."""
    locked = personalities.basic_login("ada", "lovelace")(face)
    machine.serve("https://mirror.example", locked)
    machine.serve("https://a.b", locked)
    machine.file(
        "etc/containers/registries.conf",
        '[[registry]]\nlocation="a.b"\n[[registry.mirror]]\nlocation="mirror.example"',
    )

    async with machine.client(ClientOptions(username="ada", password="lovelace")) as client:
        repository = client.repository("a.b/library/app")
        assert (await repository.resolve(_LATEST)).digest == pushed

    assert {url for url, _ in machine.asked} == {"https://mirror.example", "https://a.b"}
    shown = {
        url for url, request in machine.asked if request.headers.get(b"authorization") is not None
    }
    assert shown == {"https://a.b"}


async def test_file_of_logins_may_be_said_for_one_time(machine: Machine, face: Handler) -> None:
    """Nothing else is looked at then; a new login makes the file."""
    machine.serve("http://localhost:5000", face)
    machine.file("home/.docker/config.json", _auths(a_b="kept"))
    path = machine.folder / "mine.json"

    async with machine.client(ClientOptions(authfile=path)) as client:
        where = await client.log_in("localhost:5000", Login(username="ada", password="p"))
        login = await client.keyring.find("a.b", "c")

    assert where == str(path)
    assert login is None


async def test_token_is_had_for_a_repository(machine: Machine, face: Handler) -> None:
    """For use elsewhere; where there are none, there is none."""
    realm = personalities.TokenRealm(lambda: "http://localhost:5000/token")
    machine.serve("http://localhost:5000", realm(face))
    machine.serve("http://localhost:5001", face)

    async with machine.client() as client:
        assert await client.token("localhost:5000/app", ["pull"])
        assert await client.token("localhost:5001/app", ["pull"]) is None


async def test_layer_is_fetched_from_its_url_without_a_login(machine: Machine) -> None:
    """Whoever keeps it is no registry, and gets to know nobody."""

    async def handler(request: Request) -> Response:
        if request.path != "/layer":
            return Response(401, [("WWW-Authenticate", 'Basic realm="x"'), ("Content-Length", "0")])
        return Response(200, [("Content-Length", "5")], b"layer")

    machine.serve("https://files.example", handler)
    options = ClientOptions(username="ada", password="p")

    async with machine.client(options) as client:
        source = await client.fetch("https://files.example/layer")
        content = b""
        while await source.ready():
            content += b"".join(bytes(block) for block in source.blocks())
        await source.aclose()
        with pytest.raises(UpstreamFailed):
            await client.fetch("https://files.example/locked")

    assert content == b"layer"
    assert not any(request.headers.get(b"authorization") for _, request in machine.asked)


async def test_options_become_a_way_to_the_registry(machine: Machine) -> None:
    """Each has its place in how the registry is connected to."""
    options = ClientOptions(
        insecure=True,
        ca_file=Path("/ca.pem"),
        cert=Path("/c.pem"),
        key=Path("/k.pem"),
        resolve=("A.b:5000:10.0.0.1", "[::1]:5000:[fe80::1]"),
    )

    async with machine.client(options) as client:
        [far], [near] = (client.host(each).endpoints for each in ("a.b:5000", "[::1]:5000"))

    assert far.connection.ca_files == ("/ca.pem",)
    assert (far.connection.client_cert, far.connection.client_key) == ("/c.pem", "/k.pem")
    assert not far.connection.verify
    assert far.connection.resolve_to == "10.0.0.1"
    assert near.connection.resolve_to == "fe80::1"


async def test_plain_http_is_spoken_when_asked_for(
    machine: Machine, face: Handler, pushed: Digest
) -> None:
    """To a registry somewhere else."""
    machine.serve("http://a.b:5000", face)

    assert (
        await _resolved(machine, "a.b:5000/library/app", ClientOptions(plain_http=True)) == pushed
    )


@pytest.mark.parametrize("text", ["a.b", "a.b:1", "a.b:x:c", "::"])
async def test_broken_option_is_refused(machine: Machine, text: str) -> None:
    """With how it is written."""
    with pytest.raises(ConfigInvalid, match="HOST:PORT:ADDRESS"):
        async with machine.client(ClientOptions(resolve=(text,))):
            pass


@pytest.mark.parametrize(
    ("environment", "proxies"),
    [
        ({}, Proxies()),
        (
            {
                "HTTP_PROXY": "a",
                "https_proxy": "b",
                "HTTPS_PROXY": "c",
                "NO_PROXY": "d, 10.0.0.0/8,",
            },
            Proxies("a", "b", ("d", "10.0.0.0/8")),
        ),
        ({"all_proxy": "a", "http_proxy": ""}, Proxies("a", "a")),
    ],
)
def test_proxies_are_those_of_the_usual_variables(
    machine: Machine, environment: dict[str, str], proxies: Proxies
) -> None:
    """In small letters or capitals; the small ones go first, as with curl."""
    machine.environment.update(environment)

    assert machine.surroundings.proxies == proxies


def test_surroundings_are_those_of_the_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Unless others are given."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))

    here = Surroundings.here()

    assert here.home == tmp_path
    assert here.login_file == tmp_path / "docker/config.json"
    assert here.certificate_folders[0] == tmp_path / "config/containers/certs.d"


async def test_client_has_connections_of_its_own(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a transport, one over TCP is opened for it, and closed with it."""
    monkeypatch.setenv("HOME", str(machine.home))

    async with open_client(surroundings=machine.surroundings) as client:
        assert isinstance(client, Client)
        assert not isinstance(client.transport, FaceTransport)
