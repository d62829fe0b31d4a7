"""Registries in directories: how tests fill them, and what they then find there."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from lading.app.maintenance import audit, configured
from lading.app.stores import open_stores
from lading.oci.names import RepositoryName
from lading.registry.registry import LocalRegistry
from lading.testing import samples
from tests.unprivileged import unprivileged

NAME = RepositoryName("team/app")


async def put(root: Path, seed: str, *tags: str) -> None:
    """Push an image, as a server does."""
    async with open_stores(root) as stores:
        registry = LocalRegistry(stores.blobs, stores.metadata)
        await samples.put_image(registry.repository(NAME), samples.image(seed), tags=tags)


async def tags(root: Path) -> list[str]:
    """What the registry in *root* has, after all of it was read back without a finding."""
    found: list[object] = []
    loaded = configured(root=str(root))
    verdict = await audit(loaded, fast=False, repair=False, listener=found.append)
    assert (found, verdict.damage, verdict.waste) == ([], 0, 0)
    async with open_stores(root) as stores:
        repository = LocalRegistry(stores.blobs, stores.metadata).repository(NAME)
        return [str(tag) for tag in (await repository.tags()).items]


def make_newer(database: Path) -> None:
    """Let *database* be as a later version would leave it."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO migrations SELECT 999, name, checksum, applied_at FROM migrations LIMIT 1"
        )


@contextmanager
def closed(directory: Path) -> Iterator[None]:
    """Within this, nothing in *directory* is open to us, who are not root."""
    for each in directory.parents[:-2]:
        each.chmod(0o755)
    directory.chmod(0)
    try:
        with unprivileged():
            yield
    finally:
        directory.chmod(0o755)
