"""Who may come in: what the configuration asks for, made of the parts that can do it."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from lading.app.beside import beside
from lading.app.config.access import AuthConfig, TokenConfig
from lading.app.config.options import unusable
from lading.app.surroundings import Surroundings
from lading.auth.anonymous import AllowAll, Anonymous
from lading.auth.granted import Granted
from lading.auth.guesses import Guesses
from lading.auth.htpasswd import Htpasswd, Users, checking, make
from lading.auth.keys import NO_KEYS, Keyring, read_certificates, read_keys
from lading.auth.silly import Silly
from lading.auth.token import Rules, Tokens
from lading.auth.trust import FetchedKeys, Trust
from lading.auth.watched import Unreadable, WatchedFile, content
from lading.bodies import Stream, read
from lading.client.connections.origin import Origin
from lading.client.connections.transport import Timeouts, open_transport
from lading.errors import ReferenceInvalid, UpstreamFailed
from lading.interfaces.access import Authenticator, Policy
from lading.wire.message import Headers, Request

Value = TypeVar("Value")

log = logging.getLogger(__name__)

_FETCH = Timeouts(connect=5.0, silence=5.0, answer=5.0)
_LONGEST_KEYS = 1 << 20


def prepare_access(auth: AuthConfig) -> None:
    """See that all is there which *auth* names, before anybody is served.

    A file of users that is missing is made, and the log tells once how to log in.

    Raises:
        ConfigInvalid: something is missing or broken.
    """
    if auth.method == "htpasswd":
        _prepare_users(_needed(auth.htpasswd.path, "auth.htpasswd.path"))
    else:
        check_access(auth)


def check_access(auth: AuthConfig) -> None:
    """See that what *auth* names can be used; a file of users that is missing can be made.

    Raises:
        ConfigInvalid: something is missing or broken.
    """
    if auth.method == "htpasswd":
        path = _needed(auth.htpasswd.path, "auth.htpasswd.path")
        if os.path.lexists(path):
            _checked(path, "auth.htpasswd.path", Users.parse)
    elif auth.method == "token":
        _check_keys(auth.token)


@asynccontextmanager
async def open_access(
    auth: AuthConfig, guesses: Guesses
) -> AsyncIterator[tuple[Authenticator, Policy]]:
    """What finds out who asks, and what decides what they may do; closed again at the end.

    *guesses* are those that all workers know of.
    """
    async with AsyncExitStack() as stack:
        match auth.method:
            case "htpasswd":
                assert auth.htpasswd.path is not None
                users = await stack.enter_async_context(
                    _watched(auth.htpasswd.path, Users.parse, Users())
                )
                threads = checking()
                stack.callback(threads.shutdown, wait=False, cancel_futures=True)
                yield Htpasswd(users, auth.htpasswd.realm, guesses, threads), AllowAll()
            case "token":
                trust = await stack.enter_async_context(_trust(auth.token))
                token = auth.token
                rules = Rules(token.issuer, token.service, frozenset(token.algorithms))
                realm = token.auto_redirect_path if token.auto_redirect else token.realm
                yield Tokens(trust, rules, realm), Granted()
            case "silly":
                yield Silly(auth.silly.realm, auth.silly.service), AllowAll()
            case _:
                yield Anonymous(), AllowAll()


def callers(auth: AuthConfig) -> str | None:
    """Who may come in, in words; ``None`` if that is anybody."""
    if auth.method == "htpasswd":
        return f"users in {auth.htpasswd.path}"
    if auth.method == "token":
        return f"those with a token of {auth.token.issuer}"
    return None


def _prepare_users(path: Path) -> None:
    if not os.path.lexists(path):
        try:
            name, password = make(path)
        except FileExistsError:
            pass
        except OSError as error:
            raise unusable("auth.htpasswd.path", f"{path}: {error.strerror}") from error
        else:
            log.warning(
                "made a file of users; the password stands nowhere else",
                extra={"file": str(path), "user": name, "password": password},
            )
    _checked(path, "auth.htpasswd.path", Users.parse)


def _check_keys(config: TokenConfig) -> None:
    _needed(config.issuer, "auth.token.issuer")
    _needed(config.service, "auth.token.service")
    if config.auto_redirect:
        if not config.auto_redirect_path.startswith("/"):
            raise unusable("auth.token.auto_redirect_path", "it does not begin with /")
    else:
        _needed(config.realm, "auth.token.realm")
    found = False
    if config.certificates is not None:
        _checked(config.certificates, "auth.token.certificates", read_certificates)
        found = True
    if config.keys is not None:
        found |= bool(_checked(config.keys, "auth.token.keys", read_keys).keys)
    if config.keys_url:
        try:
            Origin.parse(config.keys_url)
        except ReferenceInvalid as error:
            raise unusable("auth.token.keys_url", error.subject) from None
        found = True
    if not found:
        raise unusable("auth.token.keys", "no key can be trusted; name a file that has some")


def _needed(value: Value | None, key: str) -> Value:
    if not value:
        raise unusable(key, "it is not set")
    return value


def _checked(path: Path, key: str, parse: Callable[[bytes], Value]) -> Value:
    try:
        return parse(content(path))
    except (OSError, Unreadable) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise unusable(key, f"{path}: {why}") from None


@asynccontextmanager
async def _watched(
    path: Path, read: Callable[[bytes], Value], first: Value
) -> AsyncIterator[WatchedFile[Value]]:
    """The value of the file *path*, which follows its changes."""
    file = WatchedFile(path, read, first)
    await asyncio.to_thread(file.look)
    async with beside(file.run()):
        yield file


@asynccontextmanager
async def _trust(config: TokenConfig) -> AsyncIterator[Trust]:
    files = (config.certificates, read_certificates), (config.keys, read_keys)
    async with AsyncExitStack() as stack:
        sources: list[Callable[[], Keyring]] = [
            await stack.enter_async_context(_watched(path, read, NO_KEYS))
            for path, read in files
            if path is not None
        ]
        fetched = None
        if config.keys_url:
            fetch = await stack.enter_async_context(_fetching(config.keys_url))
            fetched = FetchedKeys(fetch, every=config.keys_every.total_seconds())
            await stack.enter_async_context(beside(fetched.run()))
        yield Trust(sources, fetched)


@asynccontextmanager
async def _fetching(url: str) -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
    """What fetches *url* when it is called."""
    parts = urlsplit(url)
    origin = Origin.parse(url)
    proxies = Surroundings.here().proxies
    async with open_transport(proxies=proxies, timeouts=_FETCH, threads=1) as transport:

        async def fetch() -> bytes:
            fields = Headers([(b"host", origin.netloc.encode()), (b"accept", b"application/json")])
            asked = Request("GET", parts.path or "/", parts.query, headers=fields)
            response = await transport.to(origin)(asked)
            assert isinstance(response.body, Stream)
            try:
                if response.status != 200:
                    raise UpstreamFailed(
                        f"{origin} answered {response.status}", status=response.status
                    )
                body = await read(response.body.source, limit=_LONGEST_KEYS)
            finally:
                await response.body.aclose()
            if body is None:
                raise UpstreamFailed(f"{origin} answered with more than any set of keys")
            return body

        yield fetch
