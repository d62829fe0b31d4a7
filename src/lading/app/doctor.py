"""What a registry can and cannot do, found out by asking it.

Without ``write`` nothing is changed there. With it, something small is pushed to a repository, and
removed again as far as the registry lets us.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from lading.app.clients import Client
from lading.app.findings import Finding, Verdict
from lading.app.trial import Trial
from lading.client.asking.calls import Answer, Call
from lading.errors import (
    CredentialsFailed,
    Denied,
    LadingError,
    RegistryError,
    Unauthorized,
    Unsupported,
    UpstreamUnreachable,
)
from lading.oci import media_types
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName
from lading.wire import routes
from lading.wire.challenges import Scope, parse
from lading.wire.message import Headers, Request
from lading.wire.routes import Route

_NOBODY = Digest.of(b"no manifest has this digest")
_ANY = frozenset(range(200, 500)) - {401}


async def examine(
    client: Client, host: str, repository: str = "", *, write: bool = False
) -> AsyncIterator[Finding]:
    """What is found out about the registry *host*, and about *repository* if one is named.

    Raises:
        ConfigInvalid: what is configured for *host* cannot be used.
    """
    try:
        async for finding in _greeting(client, host):
            yield finding
        yield await _login(client, host, repository)
    except LadingError as error:
        yield Finding("connection", Verdict.FAILED, str(error), error.advice)
        return
    async for finding in _catalog(client, host):
        yield finding
    if not repository:
        for subject in ("tags", "referrers API"):
            detail = "name a repository to find out: HOST/REPOSITORY"
            yield Finding(subject, Verdict.UNKNOWN, detail)
        return
    name = RepositoryName.parse(repository)
    async for finding in _reading(client, host, name):
        yield finding
    if write:
        trial = Trial(client.registry(host, repository).repository(name))
        for subject, attempt in trial.attempts():
            yield await _tried(subject, attempt)


async def _greeting(client: Client, host: str) -> AsyncIterator[Finding]:
    """What the registry says to somebody who shows nothing."""
    endpoint = client.exchange(host).host.endpoints[-1]
    request = Request("GET", endpoint.path("/v2/"), headers=Headers.of([*endpoint.headers]))
    answered = await client.transport.to(endpoint.origin)(request)
    body = answered.body
    if not isinstance(body, bytes):
        await body.aclose()
    headers = Headers.of(answered.headers)
    known = answered.status in (200, 401)
    yield Finding(
        "connection",
        Verdict.YES if known else Verdict.FAILED,
        f"{endpoint.origin}, status {answered.status}",
        "" if known else "Check that it is a registry, and that nothing in front answers for it.",
    )
    server = headers.get(b"server")
    version = headers.get(b"docker-distribution-api-version")
    said = [f"API {version}" if version else "", f"server {server}" if server else ""]
    yield Finding("API version", Verdict.YES if version else Verdict.UNKNOWN, _listed(said))
    if answered.status != 401:
        yield Finding("authentication", Verdict.NO, "anybody may come in")
        return
    challenges = parse(headers.all(b"www-authenticate"))
    schemes = [
        _listed([each.scheme, each.parameters.get("realm", ""), each.parameters.get("service", "")])
        for each in challenges
    ]
    yield Finding("authentication", Verdict.YES, "; ".join(schemes) or "without a challenge")


async def _login(client: Client, host: str, repository: str) -> Finding:
    """Who we are there, and whether that is taken."""
    try:
        found = await client.keyring.find(host, repository)
    except CredentialsFailed as error:
        return Finding("login", Verdict.FAILED, str(error), error.advice)
    who = f"{found.username or 'a token'} ({found.came_from})" if found else "none is kept"
    try:
        answer = await client.exchange(host).send(Call(method="GET", path="/v2/"))
    except (Unauthorized, Denied) as error:
        verdict = Verdict.FAILED if found else Verdict.NO
        return Finding("login", verdict, f"{who}; {error}", error.advice)
    await answer.aclose()
    return Finding("login", Verdict.YES if found else Verdict.NO, who)


async def _catalog(client: Client, host: str) -> AsyncIterator[Finding]:
    try:
        page = await client.registry(host).repositories(limit=1)
    except Unsupported as error:
        yield Finding("catalog", Verdict.NO, error.subject, error.advice)
    except (Unauthorized, Denied) as error:
        yield Finding("catalog", Verdict.NO, "not for us", error.advice)
    except LadingError as error:
        yield Finding("catalog", Verdict.UNKNOWN, str(error))
    else:
        yield Finding("catalog", Verdict.YES, "" if page.items else "it is empty")


async def _reading(client: Client, host: str, name: RepositoryName) -> AsyncIterator[Finding]:
    repository = client.registry(host, name).repository(name)
    tag = None
    try:
        page = await repository.tags(limit=1)
        tag = page.items[0] if page.items else None
        yield Finding("tags", Verdict.YES, "" if tag else "there are none")
    except RegistryError as error:
        yield Finding("tags", Verdict.NO, str(error), error.advice)
    answer = await _asked(
        client, host, name, "GET", routes.path(Route.REFERRERS, name, str(_NOBODY))
    )
    listed = answer.status == 200
    yield Finding(
        "referrers API",
        Verdict.YES if listed else Verdict.NO,
        "" if listed else f"status {answer.status}",
        ""
        if listed
        else "Referrers are kept in indexes under tags such as sha256-…; that is done.",
    )
    if tag is None:
        return
    answer = await _asked(client, host, name, "HEAD", routes.path(Route.MANIFEST, name, tag))
    digest = answer.headers.get(b"docker-content-digest")
    yield Finding(
        "digest of tags",
        Verdict.YES if digest else Verdict.NO,
        "" if digest else "no Docker-Content-Digest on HEAD",
        "" if digest else "Manifests are fetched to know their digest; that is done.",
    )


async def _asked(client: Client, host: str, name: RepositoryName, method: str, path: str) -> Answer:
    """The head of an answer."""
    call = Call(
        method=method,
        path=path,
        headers=[("Accept", f"{media_types.OCI_INDEX}, */*")],
        scopes=(Scope("repository", name, ("pull",)),),
        expect=_ANY,
    )
    answer = await client.exchange(host, name).send(call)
    await answer.aclose()
    return answer


async def _tried(subject: str, attempt: Callable[[], Awaitable[str]]) -> Finding:
    try:
        return Finding(subject, Verdict.YES, await attempt())
    except UpstreamUnreachable as error:
        return Finding(subject, Verdict.FAILED, str(error), error.advice)
    except (Unauthorized, Denied) as error:
        return Finding(subject, Verdict.NO, f"not for us: {error}", error.advice)
    except LadingError as error:
        return Finding(subject, Verdict.NO, str(error), error.advice)


def _listed(said: Sequence[str]) -> str:
    return ", ".join(filter(None, said))
