"""A data directory with a past, for commands that look at one."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lading.app.directory import prepare
from lading.app.stores import Stores, open_stores
from lading.interfaces.repository import Repository
from lading.oci.names import RepositoryName
from lading.registry.registry import LocalRegistry
from lading.testing import samples

Work = Callable[[Stores, Repository], Awaitable[None]]
APP = RepositoryName("team/app")


def within(root: Path, work: Work) -> None:
    """Do *work* to the registry in *root*, as a server does, and close it again."""

    async def run() -> None:
        async with open_stores(root) as stores:
            await work(stores, LocalRegistry(stores.blobs, stores.metadata).repository(APP))

    asyncio.run(run())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data directory with one tagged image, one untagged image and one abandoned blob."""
    path = tmp_path / "data"
    prepare(path)

    async def fill(_: Stores, repository: Repository) -> None:
        await samples.put_image(repository, samples.image("tagged"), tags=["v1"])
        await samples.put_image(repository, samples.image("untagged"))
        await samples.put_blob(repository, samples.blob(seed="abandoned"))

    within(path, fill)
    return path
