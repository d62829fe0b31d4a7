"""What is configured about registries, put together: by which way each is reached.

For a name, the rule of ``registries.conf`` with the longest prefix counts; where there is none, its
``hosts.toml``; where there is none either, the name itself. Folders of certificates count for every
host. What somebody said for this one time counts for the registry itself, not for its mirrors.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from lading.client.connections.origin import Origin
from lading.client.connections.transport import Connection
from lading.client.hosts.certificate_folders import find_folder, read_folder
from lading.client.hosts.host import EVERYTHING, Capability, Endpoint, Host
from lading.client.hosts.hosts_toml import find_hosts, read_hosts
from lading.client.hosts.registries_conf import RegistriesConf, Rule
from lading.errors import Denied
from lading.oci.locator import DOCKER_HUB

HUB_API = "registry-1.docker.io"
"""Where the API of Docker Hub is served (distribution/reference)."""


class Overrides(NamedTuple):
    """What somebody said for this one time.

    Attributes:
        plain_http: the registry is spoken to without encryption.
        insecure: any certificate of the registry is taken.
        ca_files: trusted beside what is trusted anyway, at every host.
        client_cert: shown to the registry, and to no other host.
        client_key: its key, if that is in a file of its own.
        resolve: where to connect to in place of a host and port.
    """

    plain_http: bool = False
    insecure: bool = False
    ca_files: tuple[str, ...] = ()
    client_cert: str | None = None
    client_key: str | None = None
    resolve: Mapping[tuple[str, int], str] = MappingProxyType({})

    @property
    def encrypted(self) -> bool:
        """Whether something was said that has a meaning with encryption only."""
        return self.insecure or bool(self.ca_files) or self.client_cert is not None


class HostRules:
    """The ways to registries.

    Args:
        registries: what ``registries.conf`` says.
        hosts_folders: where ``HOST/hosts.toml`` is looked for.
        certificate_folders: where ``HOST:PORT/*.crt`` is looked for.
        overrides: what goes before all of it.
    """

    def __init__(
        self,
        *,
        registries: RegistriesConf | None = None,
        hosts_folders: Sequence[Path] = (),
        certificate_folders: Sequence[Path] = (),
        overrides: Overrides | None = None,
    ) -> None:
        self._registries = registries or RegistriesConf()
        self._hosts_folders = tuple(hosts_folders)
        self._certificate_folders = tuple(certificate_folders)
        self._overrides = overrides or Overrides()

    def host(self, name: str, repository: str = "") -> Host:
        """How *name* (a host, perhaps with a port) is reached, for all of it or one *repository*.

        Raises:
            ConfigInvalid: what is configured for it cannot be used.
            Denied: it is blocked.
            ReferenceInvalid: *name* is not the name of a host.
        """
        rule = self._registries.rule(f"{name}/{repository}" if repository else name)
        if rule is not None:
            if rule.blocked:
                raise _blocked(rule, name)
            *mirrors, own = self._by_rule(rule, name)
        elif (path := find_hosts(self._hosts_folders, name)) is not None:
            *mirrors, own = read_hosts(path, name, self._origin(name))
        else:
            mirrors, own = [], self._at(name)
        own = self._overridden(own)
        return Host(name, (*map(self._resolved, mirrors), self._resolved(own)))

    def elsewhere(self, origin: Origin) -> Connection:
        """How an origin is connected to that a registry leads to: its realm, its storage."""
        return self._somewhere(origin, self._certificates(origin.netloc) or Connection())

    def qualified(self, text: str) -> str:
        """See `RegistriesConf.qualified`."""
        return self._registries.qualified(text)

    def _by_rule(self, rule: Rule, name: str) -> list[Endpoint]:
        below = rule.prefix.partition("/")[2]
        found = [
            self._renamed(each.location, below, each.insecure, each.capabilities)
            for each in rule.mirrors
        ]
        own = rule.location or "/".join(filter(None, (name, below)))
        return [*found, self._renamed(own, below, rule.insecure, EVERYTHING)]

    def _renamed(
        self, location: str, below: str, insecure: bool, capabilities: frozenset[Capability]
    ) -> Endpoint:
        host, _, path = location.partition("/")
        found = self._at(host, insecure=insecure)
        return found._replace(capabilities=capabilities, renamed=(below, path))

    def _at(self, host: str, *, insecure: bool = False) -> Endpoint:
        """The place that a host has by its name, with what its certificates say."""
        origin = self._origin(host)
        connection = self._certificates(host) or Connection()
        plain = None
        if insecure and origin.scheme == "https":
            connection = connection._replace(verify=False)
            plain = Origin.parse(f"http://{_api(host)}")
        return Endpoint(origin=origin, connection=connection, known_as=host, plain=plain)

    def _origin(self, host: str) -> Origin:
        """Loopback is not encrypted, unless certificates are kept for it; all else is."""
        secure = Origin.parse(f"https://{_api(host)}")
        if secure.is_loopback and self._certificates(host) is None:
            return Origin.parse(f"http://{_api(host)}")
        return secure

    def _certificates(self, host: str) -> Connection | None:
        folder = find_folder(self._certificate_folders, host)
        return None if folder is None else read_folder(folder)

    def _overridden(self, own: Endpoint) -> Endpoint:
        said, origin, plain = self._overrides, own.origin, own.plain
        if said.plain_http:
            origin, plain = Origin.parse(f"http://{_api(own.known_as)}"), None
        elif said.encrypted and origin.scheme == "http" and origin.is_loopback:
            # What was asked for has no meaning otherwise; on this machine nobody listens in.
            plain = origin if said.insecure else None
            origin = Origin.parse(f"https://{_api(own.known_as)}")
        connection = own.connection
        if said.insecure:
            connection = connection._replace(verify=False)
        if said.client_cert is not None:
            connection = connection._replace(
                client_cert=said.client_cert, client_key=said.client_key
            )
        return own._replace(origin=origin, plain=plain, connection=connection)

    def _resolved(self, endpoint: Endpoint) -> Endpoint:
        connection = self._somewhere(endpoint.origin, endpoint.connection)
        return endpoint._replace(connection=connection)

    def _somewhere(self, origin: Origin, connection: Connection) -> Connection:
        """*connection* with what counts at every host."""
        said = self._overrides
        return connection._replace(
            ca_files=(*connection.ca_files, *said.ca_files),
            resolve_to=said.resolve.get((origin.host, origin.port), connection.resolve_to),
        )


def _api(host: str) -> str:
    return HUB_API if host == DOCKER_HUB else host


def _blocked(rule: Rule, name: str) -> Denied:
    failure = Denied(f"{name}: {rule.prefix} is blocked by {rule.file}")
    failure.advice = "Use another registry, or remove `blocked` from that file."
    return failure
