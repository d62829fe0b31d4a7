"""Clients: registries at the other end, as this machine and its user are set up to reach them."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lading.app.surroundings import Surroundings
from lading.bodies import Source
from lading.client.asking.exchange import Call, Exchange
from lading.client.connections.origin import Origin
from lading.client.connections.transport import Connection, Transport, open_transport
from lading.client.hosts.host import Host
from lading.client.hosts.registries_conf import read_registries
from lading.client.hosts.rules import HostRules, Overrides
from lading.client.logins.credentials import Keyring, Login, NoKeyring, StaticKeyring
from lading.client.logins.keyring import FileKeyring, Place
from lading.client.logins.programs import TOKEN_USER, Programs
from lading.client.registry import RemoteRegistry
from lading.client.repository import RemoteRepository
from lading.content.steps import Listener, silent
from lading.errors import ConfigInvalid, ReferenceInvalid, RegistryError, UpstreamFailed
from lading.oci.locator import Locator, parse_host
from lading.wire.challenges import Scope

_RESOLVE = re.compile(r"(\[[^]]+\]|[^:]+):([0-9]{1,5}):(.+)", re.ASCII)
_SCHEMES = ("https://", "http://", "docker://")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """What somebody says about one side of a command, in place of what is configured.

    Attributes:
        plain_http: speak plain HTTP to the registry; to this machine that is done anyway.
        insecure: take any certificate of the registry.
        ca_file: certificate authorities (PEM) to trust beside those of the system.
        cert: a client certificate (PEM) for the registry.
        key: its key, if that is in a file of its own.
        authfile: logins are looked for here and nowhere else.
        username: with ``password``, a login in place of all that are kept; ``<token>`` makes the
            password an identity token.
        password: see ``username``; without one, a bearer token.
        resolve: ``HOST:PORT:ADDRESS`` each: where to connect to in place of that host and port.
    """

    plain_http: bool = False
    insecure: bool = False
    ca_file: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    authfile: Path | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    resolve: tuple[str, ...] = ()


class Client:
    """Registries by name, all of them over one transport.

    Attributes:
        keyring: who we are, where nobody said otherwise for this one time.
        stored: the logins that are kept, to be added to and removed from.
    """

    def __init__(
        self,
        transport: Transport,
        rules: HostRules,
        stored: FileKeyring,
        *,
        login: Login | None = None,
        connections: dict[Origin, Connection] | None = None,
        chunk_size: int | None = None,
        listener: Listener = silent,
        on_warning: Callable[[str], None] | None = None,
        on_retry: Callable[[str, float], None] | None = None,
    ) -> None:
        self._transport = transport
        self._rules = rules
        self._login = login
        self._connections = {} if connections is None else connections
        self._chunk_size = chunk_size
        self._listener = listener
        self._on_warning = on_warning
        self._on_retry = on_retry
        self._registries: dict[Host, RemoteRegistry] = {}
        self.stored = stored
        self.keyring: Keyring = stored if login is None else StaticKeyring(login)

    @property
    def transport(self) -> Transport:
        """The way to registries, for what is asked by nobody in particular."""
        return self._transport

    def qualified(self, text: str) -> str:
        """*text* with a host, if ``registries.conf`` says which is meant by a short name.

        Raises:
            ReferenceInvalid: it is a URL, or several hosts could be meant.
        """
        _refuse_url(text, "HOST/NAME:TAG")
        return self._rules.qualified(text)

    def host(self, name: str, repository: str = "") -> Host:
        """Where *name* is found, for all of it or for one *repository*.

        Raises:
            ReferenceInvalid: *name* is not the name of a host.
            ConfigInvalid: what is configured for it cannot be used.
            Denied: it is blocked.
        """
        _refuse_url(name, "HOST:PORT")
        return self._rules.host(parse_host(name), repository)

    def registry(self, host: str, repository: str = "") -> RemoteRegistry:
        """The registry *host*, as it is reached for all of it or for one *repository*.

        The same one each time, so that it asks for each token once.

        Raises:
            ReferenceInvalid, ConfigInvalid, Denied: as `host` does.
        """
        found = self.host(host, repository)
        if found not in self._registries:
            exchange = self._exchange(found, self._keyring(found))
            self._registries[found] = RemoteRegistry(
                exchange, chunk_size=self._chunk_size, listener=self._listener
            )
        return self._registries[found]

    def repository(self, text: str) -> RemoteRepository:
        """The repository that *text*, ``[host/]name``, means.

        Raises:
            ReferenceInvalid: it cannot be understood, or names a tag or a digest as well.
        """
        locator = Locator.parse(self.qualified(text))
        if locator.tag is not None or locator.digest is not None:
            failure = ReferenceInvalid(f"{text!r} names more than a repository")
            failure.advice = (
                "Leave out the tag or digest: what is asked of the repository names it."
            )
            raise failure
        return self.registry(locator.host, locator.repository).repository(locator.repository)

    def exchange(self, host: str, repository: str = "") -> Exchange:
        """Requests to the registry *host*, for what has no method."""
        return self.registry(host, repository).exchange

    async def fetch(self, url: str) -> Source:
        """What is at *url*, asked for by nobody in particular; whoever gets it closes it.

        Raises:
            ReferenceInvalid: it is no URL of HTTP.
            UpstreamFailed: it cannot be had.
        """
        exchange = self._exchange(Host.at(url), NoKeyring())
        try:
            answer = await exchange.send(Call(method="GET", url=url))
        except RegistryError as error:
            # What is there is no registry, and its answers are not about repositories.
            raise UpstreamFailed(f"{url} is not to be had ({error.subject})") from error
        return answer.body.source

    async def log_in(self, host: str, login: Login) -> str:
        """Try *login* at *host*, keep it, and say where it is kept.

        Raises:
            Unauthorized: the registry does not take it.
            CredentialsFailed: it cannot be kept.
        """
        exchange = self._exchange(self.host(host), StaticKeyring(login))
        await (await exchange.send(Call(method="GET", path="/v2/"))).aclose()
        return await self.stored.store(login, host)

    async def log_out(self, host: str) -> Sequence[str]:
        """Forget every login for *host*, and say where there were any.

        Raises:
            CredentialsFailed: something is kept where it cannot be removed.
        """
        return await self.stored.erase(host)

    async def token(self, text: str, actions: Sequence[str]) -> str | None:
        """A bearer token for what may be done with a repository, ``None`` where none are given.

        Raises:
            Unauthorized: the registry does not take our credentials.
        """
        locator = Locator.parse(self.qualified(text))
        exchange = self.exchange(locator.host, locator.repository)
        return await exchange.token((Scope("repository", locator.repository, tuple(actions)),))

    def _keyring(self, host: Host) -> Keyring:
        if self._login is None:
            return self.keyring
        # What was said for a registry is not for its mirrors.
        return StaticKeyring(self._login, frozenset({host.endpoints[-1].known_as}))

    def _exchange(self, host: Host, keyring: Keyring) -> Exchange:
        for endpoint in host.endpoints:
            self._connections[endpoint.origin] = endpoint.connection
        return Exchange(
            host,
            self._transport,
            keyring,
            on_warning=self._on_warning,
            on_retry=self._on_retry,
        )


def _refuse_url(text: str, form: str) -> None:
    if text.startswith(_SCHEMES):
        failure = ReferenceInvalid(f"{text!r} is a URL")
        failure.advice = f"Leave out {text.partition('://')[0]}://, and write {form}."
        raise failure


@asynccontextmanager
async def open_client(
    *,
    options: ClientOptions = ClientOptions(),
    surroundings: Surroundings | None = None,
    transport: Transport | None = None,
    chunk_size: int | None = None,
    listener: Listener = silent,
    on_warning: Callable[[str], None] | None = None,
    on_retry: Callable[[str, float], None] | None = None,
) -> AsyncIterator[Client]:
    """A client for this machine and its user, or for other *surroundings*.

    *transport* is used in place of connections. Blobs are uploaded in pieces of *chunk_size*
    bytes, if that is given. *listener* hears what was taken up again in the middle, *on_retry*
    what failed each time before a request is sent again, and in how many seconds; *on_warning* what
    registries warn about.

    Raises:
        ConfigInvalid: ``registries.conf`` or an option cannot be used.
    """
    here = surroundings or Surroundings.here()
    rules = HostRules(
        registries=read_registries(here.registries_files),
        hosts_folders=here.hosts_folders,
        certificate_folders=here.certificate_folders,
        overrides=_overrides(options),
    )
    connections: dict[Origin, Connection] = {}

    def settings(origin: Origin) -> Connection:
        known = connections.get(origin)
        return rules.elsewhere(origin) if known is None else known

    def client(way: Transport) -> Client:
        return Client(
            way,
            rules,
            _stored(options, here),
            login=_login(options),
            connections=connections,
            chunk_size=chunk_size,
            listener=listener,
            on_warning=on_warning,
            on_retry=on_retry,
        )

    if transport is not None:
        yield client(transport)
        return
    async with open_transport(settings=settings, proxies=here.proxies) as way:
        yield client(way)


def _stored(options: ClientOptions, here: Surroundings) -> FileKeyring:
    programs = Programs(search=here.environment.get("PATH", ""), environment=here.environment)
    if options.authfile is None:
        return FileKeyring(here.places, programs, home=here.login_file)
    place = Place(options.authfile, said_by="--authfile", required=True)
    return FileKeyring([place], programs, home=options.authfile)


def _login(options: ClientOptions) -> Login | None:
    said_by, password = "the command line", options.password
    if password is None:
        return None
    if options.username is None:
        return Login(registry_token=password, came_from=said_by)
    if options.username == TOKEN_USER:
        return Login(identity_token=password, came_from=said_by)
    return Login(username=options.username, password=password, came_from=said_by)


def login_of(username: str, password: str, identity_token: str = "") -> Login:
    """A login that somebody typed."""
    return Login(username=username, password=password, identity_token=identity_token)


def _overrides(options: ClientOptions) -> Overrides:
    return Overrides(
        plain_http=options.plain_http,
        insecure=options.insecure,
        ca_files=(str(options.ca_file),) if options.ca_file else (),
        client_cert=str(options.cert) if options.cert else None,
        client_key=str(options.key) if options.key else None,
        resolve=dict(map(_resolve, options.resolve)),
    )


def _resolve(text: str) -> tuple[tuple[str, int], str]:
    """Read ``HOST:PORT:ADDRESS``; an address of IPv6 may stand in brackets."""
    parts = _RESOLVE.fullmatch(text)
    if parts is None:
        mistake = ConfigInvalid(f"--resolve {text!r} is not HOST:PORT:ADDRESS")
        mistake.exit_code = 2
        raise mistake
    host, port, address = parts.groups()
    return (host.strip("[]").lower(), int(port)), address.strip("[]")
