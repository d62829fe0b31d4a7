"""A registry at the other end of a connection, in the shape of those that are here.

What it cannot be asked is `Unsupported`, and the advice says what to do in place of it.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Sequence

from lading.client.asking.exchange import Call, Exchange
from lading.client.asking.retry import Retry
from lading.client.listing import listed
from lading.client.remote import Learned, Patience, Remote, deleting, pulling
from lading.client.repository import RemoteRepository
from lading.content.steps import Listener, silent
from lading.errors import NameUnknown, RequestInvalid, Unsupported, UpstreamFailed
from lading.interfaces.access import Occasion
from lading.interfaces.repository import Page
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName
from lading.wire import routes
from lading.wire.challenges import Scope
from lading.wire.routes import Route

_CATALOG = (Scope("registry", "catalog", ("*",)),)
_REMOVAL = "_lading"


class RemoteRegistry:
    """The registry that *exchange* asks.

    Args:
        exchange: requests to it.
        chunk_size: how many bytes of a blob are uploaded with one request; without it, all.
        listener: hears what was taken up again.
        retry: how often a body is taken up again that broke off.
        sleep: waits so many seconds.
        random: a number from 0 to 1.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        chunk_size: int | None = None,
        listener: Listener = silent,
        retry: Retry = Retry(),  # noqa: B008 - frozen
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = random.random,
    ) -> None:
        patience = Patience(retry, sleep, random)
        self._remote = Remote(exchange, chunk_size, patience, listener, Learned())

    @property
    def exchange(self) -> Exchange:
        """Requests to the registry, for what has no method here."""
        return self._remote.exchange

    @property
    def learned(self) -> Learned:
        """What was found out about the registry until now."""
        return self._remote.learned

    def repository(self, name: RepositoryName) -> RemoteRepository:
        """The repository *name*, whether or not it exists."""
        return RemoteRepository(self._remote, name)

    async def repositories(
        self, *, after: RepositoryName | None = None, limit: int = 100
    ) -> Page[RepositoryName]:
        """Repositories of the catalog, in the order of the registry.

        Raises:
            Unsupported: the registry does not list its repositories.
            Unauthorized, Denied: it does not list them to us.
        """
        path = routes.path(Route.CATALOG)
        try:
            found = await listed(
                self._remote, path, "repositories", _CATALOG, after=after, limit=limit
            )
        except (NameUnknown, Unsupported) as error:
            raise _unsupported(
                "this registry does not list its repositories",
                "Name the repository, as in HOST/NAME; its tags can be listed.",
            ) from error
        return Page([RepositoryName(each) for each in found.items], found.more)

    async def delete(self, name: RepositoryName) -> None:
        """End a repository, by an extension that only Lading has.

        Raises:
            NameUnknown: there is none of that name.
            Unsupported: the registry has no such extension.
        """
        if not await self._removes(name):
            raise _unsupported(
                f"this registry has no way to delete the repository {name} as a whole",
                "Delete its tags and manifests one by one, or ask the operator.",
            )
        path = routes.path(Route.REPOSITORY, name)
        call = Call(method="DELETE", path=path, scopes=deleting(name), expect=frozenset({202}))
        await (await self.exchange.send(call)).aclose()

    async def _removes(self, name: RepositoryName) -> bool:
        """Whether the extension is there: elsewhere, 404 would say nothing about the repository."""
        if self.learned.removal is None:
            path = routes.path(Route.REPOSITORY_EXTENSIONS, name)
            try:
                answer = await self.exchange.send(
                    Call(method="GET", path=path, scopes=pulling(name))
                )
                self.learned.removal = _names_removal(await answer.read())
            except (NameUnknown, Unsupported, RequestInvalid, UpstreamFailed):
                return False
        return self.learned.removal

    async def holders(self, digest: Digest, *, limit: int = 100) -> Sequence[RepositoryName]:  # noqa: ARG002 - the interface
        """Nothing in the protocol tells it.

        Raises:
            Unsupported: always.
        """
        raise _unsupported(
            "a registry does not tell in which repositories a blob is",
            "Ask each repository for the blob.",
        )

    def acting_for(self, occasion: Occasion) -> "RemoteRegistry":  # noqa: ARG002 - the interface
        """The same registry: whom it is for there, the keyring of the exchange decides."""
        return self


def _unsupported(subject: str, advice: str) -> Unsupported:
    error = Unsupported(subject)
    error.advice = advice
    return error


def _names_removal(body: bytes) -> bool:
    try:
        return any(each["name"] == _REMOVAL for each in json.loads(body)["extensions"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
