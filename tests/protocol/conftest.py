"""A registry in memory behind the real face."""

import itertools
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from lading.auth.anonymous import AllowAll, Anonymous
from lading.http.call import Terms
from lading.http.face import Face
from lading.http.middleware import RequestIds
from lading.interfaces.access import Authenticator, Policy
from lading.metadata.sqlite import open_sqlite
from lading.registry.guard import guarded
from lading.registry.registry import LocalRegistry
from lading.storage.memory import open_memory
from tests.protocol.exchange import Exchange

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

Serve = Callable[..., Exchange]


@pytest.fixture
async def build_registry() -> AsyncIterator[Callable[..., LocalRegistry]]:
    """Builds registries on one pair of stores that are empty, with upload ids that count."""
    ids = (f"{number:04}" for number in itertools.count(1))
    async with (
        open_sqlite(None, grace=timedelta(hours=1), undo=timedelta(0), now=lambda: NOW) as rows,
        open_memory(now=lambda: NOW) as blobs,
    ):
        yield partial(LocalRegistry, blobs, rows, open_uploads=100, new_id=lambda: next(ids))


@pytest.fixture
def registry(build_registry: Callable[..., LocalRegistry]) -> LocalRegistry:
    """A registry that is empty."""
    return build_registry()


@pytest.fixture
def serve(build_registry: Callable[..., LocalRegistry]) -> Serve:
    """Serves the registry on terms that a test chooses."""

    def build(
        *,
        policy: Policy | None = None,
        authenticator: Authenticator | None = None,
        sparse: bool = False,
        **terms: object,
    ) -> Exchange:
        registry = build_registry(sparse=sparse)
        face = Face(
            authenticator or Anonymous(),
            guarded(registry, policy or AllowAll()),
            Terms(**terms),  # type: ignore[arg-type]  # whatever the test asks for
        )
        return Exchange(RequestIds(face))

    return build


@pytest.fixture
def ask(serve: Serve) -> Exchange:
    """A client of the registry on its usual terms."""
    return serve()
