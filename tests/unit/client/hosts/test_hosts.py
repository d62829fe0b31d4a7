"""Hosts: how a registry is reached, by what several programs have for configuration."""

from pathlib import Path

import pytest

from lading.client.connections.origin import Origin
from lading.client.connections.transport import Connection
from lading.client.hosts.certificate_folders import read_folder
from lading.client.hosts.host import EVERYTHING, READING, Capability, Endpoint, Host
from lading.client.hosts.registries_conf import RegistriesConf, read_registries
from lading.client.hosts.rules import HostRules, Overrides
from lading.errors import ConfigInvalid, Denied, ReferenceInvalid

_MIRROR = '[[registry]]\nlocation="a.b"\n[[registry.mirror]]\nlocation="m"\n'


class Machine:
    """Files of one machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, name: str, text: str = "") -> Path:
        """A file, with the folders above it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def registries(self, *texts: str) -> RegistriesConf:
        """What several files of ``registries.conf`` say."""
        return read_registries([self.file(f"{n}.conf", each) for n, each in enumerate(texts)])

    def rules(self, *texts: str, overrides: Overrides | None = None) -> HostRules:
        """The rules of these files, and of the folders ``hosts`` and ``certs``."""
        return HostRules(
            registries=self.registries(*texts),
            hosts_folders=[self.folder / "hosts", self.folder / "more-hosts"],
            certificate_folders=[self.folder / "certs", self.folder / "more-certs"],
            overrides=overrides,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine on which nothing is configured."""
    return Machine(tmp_path)


def urls(host: Host) -> list[str]:
    """Where a host is found, in order."""
    return [f"{each.origin}{each.prefix}" for each in host.endpoints]


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("registry.example.com", "https://registry.example.com/v2"),
        ("registry.example.com:5000", "https://registry.example.com:5000/v2"),
        ("docker.io", "https://registry-1.docker.io/v2"),
        ("localhost:5000", "http://localhost:5000/v2"),
        ("127.0.0.7", "http://127.0.0.7/v2"),
        ("[::1]:5000", "http://[::1]:5000/v2"),
        ("10.0.0.1:5000", "https://10.0.0.1:5000/v2"),
    ],
)
def test_registry_is_found_by_its_name(machine: Machine, name: str, url: str) -> None:
    """Encrypted, except on this machine; the API of Docker Hub is served elsewhere."""
    host = machine.rules().host(name)

    assert host.name == name
    assert urls(host) == [url]
    assert host.endpoints[0].known_as == name
    assert host.endpoints[0].capabilities == EVERYTHING
    assert host.endpoints[0].connection == Connection()


def test_registry_may_be_given_by_its_url() -> None:
    """For what is reached without any configuration."""
    host = Host.at("http://localhost:5000/x", capabilities=READING)

    assert host.name == "localhost:5000"
    assert urls(host) == ["http://localhost:5000/v2"]
    assert host.able(Capability.PULL) == host.endpoints
    assert host.able(Capability.PUSH) == ()


@pytest.mark.parametrize(
    ("renamed", "path", "there"),
    [
        (("", ""), "/v2/a/b/tags/list", "/v2/a/b/tags/list"),
        (("", "mirror"), "/v2/a/tags/list", "/v2/mirror/a/tags/list"),
        (("a", "x/y"), "/v2/a/b/tags/list", "/v2/x/y/b/tags/list"),
        (("a", "x"), "/v2/ab/tags/list", "/v2/ab/tags/list"),
        (("a", ""), "/v2/a/b/tags/list", "/v2/b/tags/list"),
        (("", "mirror"), "/v2/", "/v2/"),
        (("", "mirror"), "/v2/_catalog", "/v2/_catalog"),
    ],
)
def test_names_are_other_names_at_a_mirror(renamed: tuple[str, str], path: str, there: str) -> None:
    """Whole components are replaced; what is of the registry itself stays."""
    endpoint = Endpoint(origin=Origin.parse("https://m"), renamed=renamed)

    assert endpoint.path(path) == there


def test_mirror_may_have_a_path_before_its_api() -> None:
    """``override_path`` puts it in place of ``/v2``."""
    endpoint = Endpoint(origin=Origin.parse("https://m"), prefix="/api/docker")

    assert endpoint.path("/v2/a/tags/list") == "/api/docker/a/tags/list"
    assert endpoint.path("/v2/") == "/api/docker/"
    assert endpoint.name("a") == "a"


def test_mirrors_of_registries_conf_are_asked_before_the_registry(machine: Machine) -> None:
    """In their order, each for what it may be asked for; pushes go to the registry alone."""
    rules = machine.rules(
        """
        [[registry]]
        location = "docker.io"
        [[registry.mirror]]
        location = "m1.example/hub"
        [[registry.mirror]]
        location = "m2.example:5000"
        pull-from-mirror = "digest-only"
        [[registry.mirror]]
        location = "m3.example"
        pull-from-mirror = "tag-only"
        insecure = true
        """
    )

    host = rules.host("docker.io", "library/alpine")

    assert urls(host) == [
        "https://m1.example/v2",
        "https://m2.example:5000/v2",
        "https://m3.example/v2",
        "https://registry-1.docker.io/v2",
    ]
    assert [each.capabilities for each in host.endpoints] == [
        READING,
        {Capability.PULL},
        {Capability.RESOLVE},
        EVERYTHING,
    ]
    assert [each.known_as for each in host.endpoints] == [
        "m1.example", "m2.example:5000", "m3.example", "docker.io",
    ]  # fmt: skip
    assert host.endpoints[0].name("library/alpine") == "hub/library/alpine"
    assert not host.endpoints[2].connection.verify
    assert str(host.endpoints[2].plain) == "http://m3.example"
    assert [each.origin.host for each in host.able(Capability.PUSH)] == ["registry-1.docker.io"]


def test_mirrors_may_be_for_digests_only(machine: Machine) -> None:
    """``mirror-by-digest-only`` is said once for all mirrors."""
    rules = machine.rules(
        '[[registry]]\nlocation="a.b"\nmirror-by-digest-only=true\n[[registry.mirror]]\nlocation="m"'
    )

    assert rules.host("a.b").endpoints[0].capabilities == {Capability.PULL}


@pytest.mark.parametrize(
    ("name", "repository", "origin", "there"),
    [
        ("a.b", "team/app", "https://long", "y/app"),
        ("a.b", "team", "https://long", "y"),
        ("a.b", "teamwork/app", "https://short", "x/teamwork/app"),
        ("a.b", "", "https://short", ""),
        ("a.b:5000", "team/app", "https://a.b:5000", "team/app"),
        ("x.wild.example", "app", "https://wild", "app"),
        ("x.y.wild.example", "app", "https://wild", "app"),
        ("wild.example", "app", "https://wild.example", "app"),
        ("x.star.example", "deep/app", "https://x.star.example", "deep/app"),
    ],
)
def test_rule_with_the_longest_prefix_counts(
    machine: Machine, name: str, repository: str, origin: str, there: str
) -> None:
    """The location stands in place of the prefix; a star stands for any names before."""
    rules = machine.rules(
        """
        [[registry]]
        prefix = "a.b"
        location = "short/x"
        [[registry]]
        prefix = "a.b/team"
        location = "long/y"
        [[registry]]
        prefix = "*.wild.example"
        location = "wild"
        [[registry]]
        prefix = "*.star.example/deep"
        insecure = false
        """
    )

    endpoint = rules.host(name, repository).endpoints[-1]

    assert str(endpoint.origin) == origin
    assert not repository or endpoint.name(repository) == there


def test_later_files_go_before_earlier_ones(machine: Machine) -> None:
    """A rule is replaced as a whole, by its prefix; other keys one by one."""
    conf = machine.registries(
        '[[registry]]\nlocation="a.b"\nblocked=true\n[[registry]]\nlocation="c.d"\nblocked=true',
        'unqualified-search-registries=["x.y"]\n[aliases]\n"one"="a.b/one"\n"two"="a.b/two"',
        '[[registry]]\nlocation="a.b"\n[aliases]\n"one"=""\n"two"="c.d/two"',
    )

    assert [(each.prefix, each.blocked) for each in conf.rules] == [("a.b", False), ("c.d", True)]
    assert conf.qualified("one:v1") == "x.y/one:v1"
    assert conf.qualified("two:v1") == "c.d/two:v1"


def test_missing_files_say_nothing(machine: Machine) -> None:
    """Most machines have none of them."""
    assert read_registries([machine.folder / "missing"]) == RegistriesConf()


def test_insecure_registry_is_tried_without_trust_and_without_encryption(machine: Machine) -> None:
    """That is what ``insecure`` means to podman; this machine is spoken to in plain anyway."""
    rules = machine.rules(
        '[[registry]]\nlocation="a.b:5000"\ninsecure=true\n'
        '[[registry]]\nlocation="localhost:5000"\ninsecure=true'
    )

    far, near = rules.host("a.b:5000").endpoints[0], rules.host("localhost:5000").endpoints[0]

    assert (str(far.origin), str(far.plain)) == ("https://a.b:5000", "http://a.b:5000")
    assert not far.connection.verify
    assert (str(near.origin), near.plain) == ("http://localhost:5000", None)


def test_blocked_registry_is_denied_by_the_file_that_says_so(machine: Machine) -> None:
    """Nothing is sent there, and people learn where to look."""
    rules = machine.rules('[[registry]]\nprefix="a.b/bad"\nlocation="a.b/bad"\nblocked=true')

    with pytest.raises(Denied, match=r"a\.b/bad is blocked by .*0\.conf"):
        rules.host("a.b", "bad/app")
    assert urls(rules.host("a.b", "good")) == ["https://a.b/v2"]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("app", "docker.io/app"),
        ("app:v1", "docker.io/app:v1"),
        ("app@sha256:00", "docker.io/app@sha256:00"),
        ("team/app", "docker.io/team/app"),
        ("short", "a.b/long"),
        ("short:v1@sha256:00", "a.b/long:v1@sha256:00"),
        ("a.b/app:v1", "a.b/app:v1"),
        ("localhost/app", "localhost/app"),
    ],
)
def test_short_name_gets_the_host_that_is_configured(
    machine: Machine, text: str, whole: str
) -> None:
    """By its alias, else by the first registry to search."""
    rules = machine.rules(
        'unqualified-search-registries=["docker.io","a.b"]\n[aliases]\n"short"="a.b/long"'
    )

    assert rules.qualified(text) == whole


def test_short_name_that_may_mean_several_is_refused_where_nobody_may_guess(
    machine: Machine,
) -> None:
    """The message lists what could be meant."""
    rules = machine.rules(
        'short-name-mode="enforcing"\nunqualified-search-registries=["docker.io","a.b"]'
    )

    with pytest.raises(ReferenceInvalid, match=r"docker\.io/app, a\.b/app"):
        rules.qualified("app")


def test_short_name_stays_short_without_configuration(machine: Machine) -> None:
    """It then means Docker Hub, as ever."""
    assert machine.rules().qualified("app:v1") == "app:v1"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[registries.search]\nregistries=["a"]', "version 1"),
        ("x = ?\n", "line 1"),
        ("[[registry]]\ninsecure=true", "neither"),
        ('[[registry]]\nprefix="a.b"', "no location"),
        ('[[registry]]\nlocation="*.a.b"', r"\*\."),
        ('[[registry]]\nprefix="a.*.b"\nlocation="c"', r"\*\."),
        ('[[registry]]\nlocation="https://a.b"', "URL"),
        ('[[registry]]\nlocation="a.b"\ninsecure="yes"', "insecure"),
        ('[[registry]]\nlocation="a.b"\nmirror=["m"]', "mirror"),
        ('[[registry]]\nlocation="a.b"\n[[registry.mirror]]\ninsecure=true', "no location"),
        (
            f'{_MIRROR}pull-from-mirror="some"',
            "pull-from-mirror",
        ),
        (
            f'{_MIRROR}pull-from-mirror="all"'.replace("\n", "\nmirror-by-digest-only=true\n", 1),
            "exclude",
        ),
        ('registry="a"', "registry"),
        ("unqualified-search-registries=[1]", "strings"),
        ('short-name-mode="odd"', "short-name-mode"),
        ("[aliases]\na=1", "strings"),
    ],
)
def test_broken_registries_conf_is_named(machine: Machine, text: str, why: str) -> None:
    """A mistake is told with its file, and is not passed over."""
    with pytest.raises(ConfigInvalid, match=why) as caught:
        machine.registries(text)

    assert "0.conf" in caught.value.subject


def test_configuration_that_cannot_be_read_is_named(machine: Machine) -> None:
    """A folder in place of a file, and bytes that are no text."""
    (machine.folder / "x.conf").mkdir()
    (machine.folder / "y.conf").write_bytes(b"\xff")

    with pytest.raises(ConfigInvalid, match=r"x\.conf"):
        read_registries([machine.folder / "x.conf"])
    with pytest.raises(ConfigInvalid, match=r"y\.conf"):
        read_registries([machine.folder / "y.conf"])


def test_hosts_of_containerd_are_asked_in_the_order_of_the_file(machine: Machine) -> None:
    """With all that they say about each; the server goes last."""
    path = machine.file(
        "hosts/docker.io/hosts.toml",
        """
        server = "https://registry-1.docker.io"
        capabilities = ["pull", "resolve"]
        [host."https://m1.example:8443"]
          capabilities = ["pull"]
          ca = ["a.crt", "/b.crt"]
          client = [["c.cert", "c.key"], ["d.cert", "d.key"]]
          skip_verify = true
          dial_timeout = "3s"
          [host."https://m1.example:8443".header]
            x-one = "1"
            x-two = ["2", "3"]
        [host."http://m2.example/api/docker"]
          override_path = true
          ca = "c.crt"
          client = "both.pem"
        [host."m3.example/x"]
          client = ["one.pem", "two.pem"]
        """,
    )

    first, second, third, server = machine.rules().host("docker.io", "library/x").endpoints

    assert first == Endpoint(
        origin=Origin.parse("https://m1.example:8443"),
        capabilities=frozenset({Capability.PULL}),
        connection=Connection(
            ca_files=(str(path.parent / "a.crt"), "/b.crt"),
            client_cert=str(path.parent / "c.cert"),
            client_key=str(path.parent / "c.key"),
            verify=False,
        ),
        headers=(("x-one", "1"), ("x-two", "2"), ("x-two", "3")),
        known_as="m1.example:8443",
        namespace="docker.io",
    )
    assert (str(second.origin), second.prefix) == ("http://m2.example", "/api/docker")
    assert second.capabilities == EVERYTHING
    assert second.connection.client_cert == str(path.parent / "both.pem")
    assert second.connection.client_key is None
    assert (str(third.origin), third.prefix) == ("https://m3.example", "/x/v2")
    assert third.connection.client_cert == str(path.parent / "one.pem")
    assert third.connection.client_key is None
    assert str(server.origin) == "https://registry-1.docker.io"
    assert (server.known_as, server.namespace) == ("docker.io", "")
    assert server.capabilities == READING


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("hosts/a.b:5000", "a.b:5000"),
        ("hosts/a.b_5000_", "a.b:5000"),
        ("more-hosts/a.b:5000", "a.b:5000"),
        ("hosts/_default", "a.b:5000"),
        ("hosts/[::1]:5000", "[::1]:5000"),
        ("hosts/[::1]", "[::1]"),
    ],
)
def test_hosts_are_found_by_the_names_that_containerd_gives_them(
    machine: Machine, folder: str, name: str
) -> None:
    """Without a server in it, the registry itself is asked last."""
    machine.file(f"{folder}/hosts.toml", '[host."https://m"]')

    own = urls(HostRules().host(name))
    assert urls(machine.rules().host(name)) == ["https://m/v2", *own]


def test_registries_conf_goes_before_hosts_toml(machine: Machine) -> None:
    """Where it has a rule for the name."""
    machine.file("hosts/a.b/hosts.toml", '[host."https://m"]')

    assert urls(machine.rules('[[registry]]\nlocation="a.b"').host("a.b")) == ["https://a.b/v2"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = ?\n", "line 1"),
        ("host = 1", "host"),
        ('[host]\n"https://m" = 1', "https://m"),
        ('[host."ftp://m"]', "ftp"),
        ('[host."https://m"]\ncapabilities=["fly"]', "fly"),
        ('[host."https://m"]\ncapabilities="pull"', "capabilities"),
        ('[host."https://m"]\nca=[1]', "ca"),
        ('[host."https://m"]\nclient=[[1]]', "client"),
        ('[host."https://m"]\nskip_verify="no"', "skip_verify"),
        ('[host."https://m"]\nheader=1', "header"),
        ('[host."https://m".header]\na=[1]', "header a"),
        ("server = 1", "server"),
    ],
)
def test_broken_hosts_toml_is_named(machine: Machine, text: str, why: str) -> None:
    """A mistake is told with its file."""
    machine.file("hosts/a.b/hosts.toml", text)

    with pytest.raises(ConfigInvalid, match=why) as caught:
        machine.rules().host("a.b")

    assert "hosts.toml" in caught.value.subject


def test_certificates_are_taken_from_the_folder_of_the_host(machine: Machine) -> None:
    """For the registry, for its mirrors, and for where they lead; the first folder counts."""
    machine.file("certs/a.b:5000/ca.crt")
    machine.file("certs/a.b:5000/one.cert")
    machine.file("certs/a.b:5000/one.key")
    machine.file("certs/a.b:5000/two.cert")
    machine.file("certs/a.b:5000/two.key")
    machine.file("certs/a.b:5000/readme.txt")
    machine.file("more-certs/a.b:5000/other.crt")
    folder = machine.folder / "certs/a.b:5000"
    rules = machine.rules()

    connection = rules.host("a.b:5000").endpoints[0].connection

    assert connection == Connection(
        ca_files=(str(folder / "ca.crt"),),
        client_cert=str(folder / "one.cert"),
        client_key=str(folder / "one.key"),
    )
    assert rules.elsewhere(Origin.parse("https://a.b:5000/token")) == connection
    assert rules.elsewhere(Origin.parse("https://a.b/token")) == Connection()


def test_certificates_for_this_machine_mean_encryption(machine: Machine) -> None:
    """Who keeps them for loopback does not speak plainly to it."""
    machine.file("certs/localhost:5000/ca.crt")
    machine.file("certs/localhost:5001/readme.txt")

    assert urls(machine.rules().host("localhost:5000")) == ["https://localhost:5000/v2"]
    assert urls(machine.rules().host("localhost:5001")) == ["http://localhost:5001/v2"]


@pytest.mark.parametrize(
    ("name", "other"), [("client.cert", "client.key"), ("client.key", "client.cert")]
)
def test_half_of_a_client_certificate_is_named(machine: Machine, name: str, other: str) -> None:
    """A certificate without its key is a mistake, and so is a key alone."""
    machine.file(f"certs/a.b/{name}")

    with pytest.raises(ConfigInvalid, match=rf"{name} needs {other} beside it"):
        machine.rules().host("a.b")


def test_folder_of_certificates_that_cannot_be_read_is_named(machine: Machine) -> None:
    """It went, or is somebody else's."""
    with pytest.raises(ConfigInvalid, match="missing"):
        read_folder(machine.folder / "missing")


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("a.b", "http://a.b/v2"),
        ("a.b:443", "http://a.b:443/v2"),
        ("docker.io", "http://registry-1.docker.io/v2"),
        ("localhost:5000", "http://localhost:5000/v2"),
    ],
)
def test_plain_http_is_spoken_when_asked_for(machine: Machine, name: str, url: str) -> None:
    """To the registry that was named."""
    assert urls(machine.rules(overrides=Overrides(plain_http=True)).host(name)) == [url]


def test_what_was_said_for_a_registry_is_not_for_its_mirrors(machine: Machine) -> None:
    """Certificates and trust in spite of everything stay with the one that was meant."""
    rules = machine.rules(
        '[[registry]]\nlocation="a.b"\n[[registry.mirror]]\nlocation="m.example"',
        overrides=Overrides(
            insecure=True, ca_files=("/ca.pem",), client_cert="/c.pem", client_key="/k.pem"
        ),
    )

    mirror, own = rules.host("a.b").endpoints

    assert mirror.connection == Connection(ca_files=("/ca.pem",))
    assert own.connection == Connection(
        ca_files=("/ca.pem",), client_cert="/c.pem", client_key="/k.pem", verify=False
    )
    assert own.plain is None
    assert rules.elsewhere(Origin.parse("https://realm")) == Connection(ca_files=("/ca.pem",))


@pytest.mark.parametrize(
    ("overrides", "plain"),
    [
        (Overrides(insecure=True), "http://localhost:5000"),
        (Overrides(ca_files=("/ca.pem",)), "None"),
        (Overrides(client_cert="/c.pem"), "None"),
    ],
)
def test_encryption_is_used_on_this_machine_when_asked_for(
    machine: Machine, overrides: Overrides, plain: str
) -> None:
    """Options about certificates have no meaning otherwise."""
    [endpoint] = machine.rules(overrides=overrides).host("localhost:5000").endpoints

    assert str(endpoint.origin) == "https://localhost:5000"
    assert str(endpoint.plain) == plain


def test_address_may_be_given_for_a_host_and_port(machine: Machine) -> None:
    """For the registry and for wherever it leads, by exactly that port."""
    rules = machine.rules(overrides=Overrides(resolve={("a.b", 443): "10.0.0.1"}))

    assert rules.host("a.b").endpoints[0].connection.resolve_to == "10.0.0.1"
    assert rules.host("a.b:5000").endpoints[0].connection.resolve_to is None
    assert rules.elsewhere(Origin.parse("https://a.b/x")).resolve_to == "10.0.0.1"


def test_text_that_is_no_host_is_refused(machine: Machine) -> None:
    """Whatever else is configured."""
    with pytest.raises(ReferenceInvalid):
        machine.rules().host("a b")


def test_hosts_compare_by_value(machine: Machine) -> None:
    """So that two ways to the same registry share what they learn."""
    rules = machine.rules()

    assert len({rules.host("a.b", "x"), rules.host("a.b", "y"), rules.host("a.b")}) == 1
