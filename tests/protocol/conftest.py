"""A registry in memory behind the real face."""

import itertools
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from lading.auth.anonymous import AllowAll, Anonymous
from lading.http.face import Face
from lading.http.middleware import RequestIds
from lading.interfaces.access import Authenticator, Policy
from lading.metadata.sqlite import open_sqlite
from lading.registry.guard import GuardedRegistry
from lading.registry.registry import LocalRegistry
from lading.storage.memory import open_memory
from tests.protocol.exchange import Exchange

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

Serve = Callable[..., Exchange]


@pytest.fixture
async def registry() -> AsyncIterator[LocalRegistry]:
    """A registry that is empty, with upload ids that count."""
    ids = (f"{number:04}" for number in itertools.count(1))
    async with (
        open_sqlite(None, grace=timedelta(hours=1), undo=timedelta(0), now=lambda: NOW) as rows,
        open_memory(now=lambda: NOW) as blobs,
    ):
        yield LocalRegistry(blobs, rows, open_uploads=100, new_id=lambda: next(ids))


@pytest.fixture
def serve(registry: LocalRegistry) -> Serve:
    """Serves the registry on terms that a test chooses."""

    def build(
        *,
        policy: Policy | None = None,
        authenticator: Authenticator | None = None,
        **terms: object,
    ) -> Exchange:
        face = Face(
            authenticator or Anonymous(),
            lambda occasion: GuardedRegistry(registry, policy or AllowAll(), occasion),
            **terms,  # type: ignore[arg-type]  # whatever the test asks for
        )
        return Exchange(RequestIds(face))

    return build


@pytest.fixture
def ask(serve: Serve) -> Exchange:
    """A client of the registry on its usual terms."""
    return serve()
